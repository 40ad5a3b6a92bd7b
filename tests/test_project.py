"""The project's own files say what is true."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import kraken_doctor
from kraken_doctor.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    """One for the main job, one for the tests, each on a line of its own."""
    assert len(re.findall(r"^.*kraken-doctor check --sandbox$", README, re.M)) == 1
    assert len(re.findall(r"^.*python -m pytest$", README, re.M)) == 1


def test_the_readme_lists_every_command() -> None:
    """And none that is not there."""
    listed = re.findall(r"^\| `([a-z]+)` \|", README, re.M)
    assert listed == list(COMMANDS)


def test_the_readmes_links_lead_somewhere() -> None:
    """Those into the repository."""
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_the_example_environment_names_only_what_is_read() -> None:
    """Every variable of .env.example occurs in the documentation of its command or in the code."""
    names = re.findall(r"^#?(KRAKEN_[A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M)
    assert "KRAKEN_USER_DAIVON_API_KEY" in names
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "kraken_doctor").rglob("*.py"))
    for name in names:
        known = name in source or name.rpartition("_")[2] in ("KEY", "SECRET", "OTP", "UNIT")
        assert known, name


def test_the_version_is_said_once() -> None:
    """The build takes it from the package; the changelog begins with it, unless something is not released yet."""
    assert PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", kraken_doctor.__version__)
    places = [*(ROOT / "kraken_doctor").rglob("*.py"), ROOT / "pyproject.toml"]
    wanted = re.compile(r'^(__)?version(__)? = "', re.M)
    said = [path.name for path in places if wanted.search(path.read_text(encoding="utf-8"))]
    assert said == ["__init__.py"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0].partition(" ")[0] == kraken_doctor.__version__


def test_every_release_has_its_date() -> None:
    """As the release workflow wants it, newest first."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    found = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \((\d{4}-\d\d-\d\d)\)", heading) for heading in headings]
    released = [match for match in found if match is not None]
    assert len(released) >= 2
    assert len(released) + ("Unreleased" in headings) == len(headings)
    order = [(tuple(map(int, match.groups()[:3])), match[4]) for match in released]
    assert order == sorted(order, reverse=True)


DEVELOPMENT = ("tests", "docs", "benchmarks")
OF_THE_USERS_CLIENT = {"ccxt", "kraken", "aiohttp", "prometheus_client", "re2", "redis", "sitecustomize"}
"""Imported only where the user's own program, client or an extra brings them; none is installed with the package."""


def imported(folder: str) -> Iterator[tuple[Path, str]]:
    """The packages from elsewhere that the modules of *folder* import, at their head or inside a function."""
    own = {*sys.stdlib_module_names, "kraken_doctor", "msvcrt", *DEVELOPMENT}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            yield from ((path, name.partition(".")[0]) for name in names if name.partition(".")[0] not in own)


@functools.cache
def providers() -> dict[str, set[str]]:
    """Which distributions an import name comes from, in lower case with hyphens."""
    found = importlib.metadata.packages_distributions()
    return {name: {plain(distribution) for distribution in by} for name, by in found.items()}


def plain(requirement: str) -> str:
    return re.split(r"[\[><=;! ]", requirement)[0].lower().replace("_", "-")


def undeclared(folder: str, requirements: list[str], allowed: set[str]) -> list[str]:
    """Imports of *folder* that no requirement brings by name: there by chance, as somebody else's dependency."""
    declared = {plain(item) for item in requirements}
    return sorted(
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in imported(folder)
        if name not in allowed and not declared & providers().get(name, {name})
    )


def test_the_package_imports_only_what_it_declares() -> None:
    """A dependency of a dependency may leave with its next version."""
    assert undeclared("kraken_doctor", PROJECT["dependencies"], OF_THE_USERS_CLIENT) == []


@pytest.mark.parametrize("folder", DEVELOPMENT)
def test_development_imports_only_what_dev_declares(folder: str) -> None:
    """Whoever installs the extra `dev` can run the tests, the generators and the benchmarks."""
    extras = PROJECT["optional-dependencies"]
    every = [*PROJECT["dependencies"], *(item for extra in extras.values() for item in extra)]
    assert undeclared(folder, every, {"aiohttp"}) == []


def test_an_undeclared_import_is_seen() -> None:
    """The test above can fail."""
    without = [item for item in PROJECT["dependencies"] if not item.startswith("urllib3")]
    assert any(": urllib3" in line for line in undeclared("kraken_doctor", without, OF_THE_USERS_CLIENT))


def test_types_and_licence_are_part_of_the_package() -> None:
    """A type checker reads the annotations only where py.typed stands."""
    assert (ROOT / "kraken_doctor" / "py.typed").read_bytes() == b""
    assert PROJECT["license"] == "MIT"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "kraken-doctor contributors" in text
    assert PROJECT["authors"] == [{"name": "kraken-doctor contributors"}]
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(PROJECT["urls"])


def test_mutation_tests_change_code_that_is_there() -> None:
    """A part or a test that was moved would silently be left out. What it imports is not installed here."""
    tree = ast.parse((ROOT / "benchmarks" / "mutation.py").read_text(encoding="utf-8"))
    given = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in MUTATION
    }
    assert set(given) == MUTATION
    for pattern in (pattern for patterns in given["PARTS"].values() for pattern in patterns):
        assert list((ROOT / "kraken_doctor").glob(pattern)), pattern
    assert set(given["UNMEASURED"]) <= set(given["PARTS"])
    for name in (
        *given["TESTS"],
        *given["PAGES"],
        *(name for names in given["UNMEASURED"].values() for name in names),
    ):
        assert (ROOT / name).exists(), name


MUTATION = {"PARTS", "TESTS", "PAGES", "UNMEASURED"}
"""The lists of `benchmarks.mutation`."""

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_architecture_names_modules_that_there_are() -> None:
    """Each step of each way; a page about a house that was rebuilt leads astray."""
    steps = re.findall(r"^\| \d+ \| (.+?) \|", ARCHITECTURE, re.M)
    assert len(steps) > 20
    for name in (name for step in steps for name in re.findall(r"`([\w/.]+)`", step)):
        assert (ROOT / "kraken_doctor" / name).exists(), name


def test_the_architecture_has_a_line_for_each_part() -> None:
    """In the table of the floors; a new part has its place there."""
    table = ARCHITECTURE.partition("## The floors")[2].partition("## ")[0]
    parts = {path.parent.name for path in (ROOT / "kraken_doctor").glob("*/__init__.py")}
    assert set(re.findall(r"`(\w+)/`", table)) - {"formats", "pages"} == parts


def test_contributing_says_how_in_one_line() -> None:
    """To set up, and to run the fast tests."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for section, command in (("Set up", "make install"), ("Test", "make fast")):
        block = re.search(rf"## {section}\n\n```\n(.+)\n```", text)
        assert block is not None, section
        assert "\n" not in block[1]
        assert block[1].endswith(command)
