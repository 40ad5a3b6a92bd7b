"""What is published: the package and nothing else, the same bytes from the same source, with metadata in order."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
_FOLDERS = ("kraken_doctor/", "tests/", "docs/", "benchmarks/", ".ci/", ".github/")
_OUTSIDE = {
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "Makefile", "action.yml",
    "pyproject.toml", ".editorconfig", ".env.example", ".gitignore",
    ".pre-commit-config.yaml", ".pre-commit-hooks.yaml", "PKG-INFO",
}  # fmt: skip


def tracked() -> list[str]:
    """The files of the project: those that git knows, or, outside a repository, those that are there."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    ignored = {"__pycache__", ".git", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(path) for path in files if not ignored & set(path.parts)]


def build(folder: Path, when: int) -> dict[str, bytes]:
    """Wheel and sdist from a fresh copy of the source, whose files are of another age."""
    source = folder / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
        os.utime(source / name, (when, when))
    (source / ".env").write_text("KRAKEN_API_SECRET=not for publication\n")
    (source / "kraken_doctor" / "__pycache__").mkdir(exist_ok=True)
    (source / "kraken_doctor" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build"], cwd=source, check=True, capture_output=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1795392000"},
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in (source / "dist").iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build(tmp_path_factory.mktemp("first"), 1_700_000_000)


def test_the_same_source_gives_the_same_bytes(built: dict[str, bytes], tmp_path: Path) -> None:
    """In another folder, from files of another age: who doubts the published files can build them."""
    again = build(tmp_path, 1_795_000_000)
    assert {name: hashlib.sha256(data).hexdigest() for name, data in built.items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in again.items()
    }


def test_the_wheel_holds_the_package_and_nothing_else(built: dict[str, bytes], tmp_path: Path) -> None:
    """All of it: data files too, which an import does not miss."""
    (name,) = [name for name in built if name.endswith(".whl")]
    (tmp_path / name).write_bytes(built[name])
    with zipfile.ZipFile(tmp_path / name) as wheel:
        names = wheel.namelist()
    package = {name for name in names if name.startswith("kraken_doctor/")}
    assert package == {name for name in tracked() if name.startswith("kraken_doctor/")}
    rest = {re.sub(r"^kraken_doctor-[\d.]+\.(?:dist-info|data)/", "", name) for name in set(names) - package}
    assert rest == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "data/share/man/man1/kraken-doctor.1",
    }  # fmt: skip
    assert "kraken_doctor/py.typed" in package


def test_the_sdist_holds_all_that_its_tests_read_and_no_secret(built: dict[str, bytes], tmp_path: Path) -> None:
    """Source, tests, docs and the files that tests are about; no .env, nothing compiled, nothing of the tools."""
    names = unpacked(built, tmp_path)
    assert {name for name in names if not name.startswith(_FOLDERS)} == _OUTSIDE
    assert not [name for name in names if name.endswith((".pyc", ".env")) or "__pycache__" in name]
    assert set(tracked()) <= {*names, ".gitattributes"}


def unpacked(built: dict[str, bytes], folder: Path) -> list[str]:
    """Unpack the sdist into *folder*, and return the names in it."""
    (name,) = [name for name in built if name.endswith(".tar.gz")]
    (folder / name).write_bytes(built[name])
    with tarfile.open(folder / name) as sdist:
        sdist.extraction_filter = getattr(tarfile, "data_filter", None)  # since 3.11.4
        sdist.extractall(folder)
        return [member.name.partition("/")[2] for member in sdist if member.isfile()]


def test_the_sdist_can_run_its_own_tests(built: dict[str, bytes], tmp_path: Path) -> None:
    """Unpacked elsewhere, without git: those about the project's own files, and a few of each kind."""
    (tmp_path / "sdist").mkdir()
    unpacked(built, tmp_path / "sdist")
    (source,) = [path for path in (tmp_path / "sdist").iterdir() if path.is_dir()]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-m", "not slow",
               "tests/test_project.py", "tests/test_docs.py", "tests/diagnosis", "tests/test_layers.py",
               "tests/test_redact.py", "tests/nonce/test_generator.py"]  # fmt: skip
    environ = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, env=environ)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr
    assert re.search(r"\d{3} passed", ended.stdout)


def test_twine_finds_nothing_wrong(built: dict[str, bytes], tmp_path: Path) -> None:
    """The README is what the registry can show, the metadata what it accepts."""
    for name, data in built.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-W", "ignore", "-m", "twine", "check", "--strict", *map(str, tmp_path.glob("kraken*"))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("PASSED") == 2


def test_every_dependency_has_its_reason() -> None:
    """In docs/dependencies.md; and a lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = {word for row in re.findall(r"^\| ([\w, *-]+) \|", reasons, re.M) for word in row.split(", ")}
    named = [*project["dependencies"], *(item for extra in project["optional-dependencies"].values() for item in extra)]
    for item in named:
        name = re.match(r"[A-Za-z0-9-]+", item)
        assert name is not None
        if name[0] == "kraken-doctor":
            continue
        assert re.search(r">=\d", item), item
        plain = "types-*" if name[0].startswith("types-") else name[0]
        assert plain in listed or f"`{plain}`" in reasons, item


def test_the_lock_names_all_that_ci_installs() -> None:
    """Each with one version."""
    lock = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lock if "==" in line}
    assert all("==" in line for line in lock if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for item in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[\[><=]", item)[0].lower()
        assert name == "kraken-doctor" or name in pinned, name
