"""The house: who may import whom, and what stands in one place alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "kraken_doctor"

# Top first; parts on one line do not import each other. Client stands above nonce: it makes the
# generator of the key that its API object carries, which `load_key` may change at any time.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"examination", "botlog"},
    {"checks", "renderers", "sandbox"},
    {"diagnosis"},
    {"client"},
    {"accounts", "network", "nonce", "timesource"},
    {"model"},
    {"errors", "clock", "redact", "parallel", "child", "descriptors"},
    {"spellings"},
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

# Third-party packages that one part alone may know.
OWNERS = {"krakenex": "client", "ntplib": "timesource", "dotenv": "accounts", "sqlite3": "nonce"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_point_downward() -> None:
    """A part imports itself and parts on lower lines, nothing else of this package."""
    for path in modules():
        if part_of(path) == "__init__":
            continue  # the public names, loaded when asked for
        own = [name.split(".")[1] for name in imports(path) if name.startswith("kraken_doctor.")]
        for used in set(own) - {part_of(path), "__version__"}:
            assert RANK[part_of(path)] < RANK[used], f"{path} imports {used}"


def test_every_part_has_its_place() -> None:
    """A new part is put on a line before it is used."""
    assert {part_of(path) for path in modules()} - {"__init__"} == set(RANK)


def test_foreign_packages_have_one_owner() -> None:
    """krakenex, ntplib and the like are known to one part, so that replacing one touches one."""
    for path in modules():
        for name in imports(path):
            owner = OWNERS.get(name.split(".")[0])
            commands = part_of(path) == "cli"  # the commands build the real objects
            assert owner is None or commands or part_of(path) == owner, f"{path} imports {name}"


def test_the_wall_clock_is_read_in_one_place() -> None:
    """Time comes in as an argument; whoever reads the clock by itself can't be tested."""
    for path in modules():
        if path.name != "clock.py" or path.parent != PACKAGE:
            text = path.read_text(encoding="utf-8")
            assert "time.time(" not in text, path
            assert "time_ns(" not in text, path


def test_nothing_prints_but_the_output() -> None:
    """Every text leaves through the redactor; the sandbox's own demo keys are the one exception."""
    for path in modules():
        text = path.read_text(encoding="utf-8")
        names = {node.func.id for node in ast.walk(ast.parse(text)) if _is_named_call(node)}  # type: ignore[attr-defined]
        assert "print" not in names, path
        if path.name not in ("output.py", "main.py", "__main__.py", "selftest.py"):
            assert "sys.stdout" not in text, path
            assert "sys.stderr" not in text, path


def _is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_no_module_is_a_hall() -> None:
    """Modules stay near a hundred lines."""
    for path in modules():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 320, path
