"""
Whether the tests notice small errors where mutmut makes none: in decorated functions, and in what a module says itself.

    python -m benchmarks.mutation redact|diagnosis|client|nonce

mutmut does the rest, see docs/mutation.md. Each error is made in a copy of the repository, alone, and the tests of that
part are run until the first that fails. An error that none notices is a survivor: its place and its form are printed.
"""

from __future__ import annotations

import ast
import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
_TIMEOUT_S = 180.0
"""An error may make the tests hang, and is noticed by that as well."""

PARTS = {
    "redact": ["tests/test_redact.py"],
    "diagnosis": ["tests/diagnosis"],
    "client": ["tests/client", "--ignore=tests/client/test_krakenex_versions.py"],
    "nonce": ["tests/nonce", "--ignore=tests/nonce/test_kill.py", "--ignore=tests/nonce/test_hosts.py"],
}
"""The parts of the package that are changed, and which tests are to notice."""

_PROSE = "causes"

_SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


class Mutant(NamedTuple):
    """One error."""

    path: str
    line: int
    what: str
    text: str
    """The whole module with the error in it."""


def mutants(path: Path) -> Iterator[Mutant]:
    """Every error of the kinds below that can be made in *path*, outside of what mutmut changes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reached = set(_reached_by_mutmut(tree.body))
    for index, node in enumerate(_code(tree)):
        line = getattr(node, "lineno", 0)
        if line in reached:
            continue
        changed_tree = copy.deepcopy(tree)
        changed = list(_code(changed_tree))[index]
        before = ast.unparse(changed)
        if _change(changed):
            what = f"{before[:70]}  ->  {ast.unparse(changed)[:70]}"
            yield Mutant(str(path.relative_to(ROOT)), line, " ".join(what.split()), ast.unparse(changed_tree))


def _reached_by_mutmut(body: list[ast.stmt]) -> Iterator[int]:
    """The lines of the functions and methods without decorators, but for the two that it knows."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _reached_by_mutmut(node.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not _is_decorated(node):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return bool({ast.unparse(decorator) for decorator in node.decorator_list} - {"staticmethod", "classmethod"})


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations, docstrings, and what only type checkers read."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_text(child) or _is_for_checkers(child):
                continue
            yield child
            yield from _code(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _change(node: ast.AST) -> bool:
    """Put an error into *node*; False if there is none of that kind."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        node.ops[0] = _SWAPPED[type(node.ops[0])]()
    elif isinstance(node, (ast.BoolOp, ast.BinOp)) and type(node.op) in _SWAPPED:
        node.op = _SWAPPED[type(node.op)]()
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Constant):
        return _change_constant(node)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Call) and node.keywords and node.args:
        node.keywords = node.keywords[1:]
    else:
        return False
    return True


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _change_constant(node: ast.Constant) -> bool:
    if isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node.value, (int, float)):
        node.value = node.value + 1
    elif isinstance(node.value, str) and node.value and " " not in node.value:  # with blanks it is prose
        node.value = f"X{node.value}"
    else:
        return False
    return True


def survives(folder: Path, mutant: Mutant, tests: list[str]) -> bool:
    """Whether all *tests* pass with the error in the copy at *folder*."""
    place = folder / mutant.path
    before = place.read_text(encoding="utf-8")
    place.write_text(mutant.text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-xq", "-n0", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests]
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(before, encoding="utf-8")
    return ended.returncode == 0


def main(part: str) -> int:
    """Try all, and print; the status is 1 where there are survivors."""
    place = ROOT / "kraken_doctor" / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    everything = [mutant for file in files if file.parent.name != _PROSE for mutant in mutants(file)]
    killed, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "copy"
        _git("worktree", "add", "--detach", str(folder))
        try:
            if not survives(folder, everything[0]._replace(text=(ROOT / everything[0].path).read_text()), PARTS[part]):
                raise SystemExit("the tests fail without any error: commit, and mend them first")
            for mutant in everything:
                if survives(folder, mutant, PARTS[part]):
                    print(f"survived  {mutant.path}:{mutant.line}  {mutant.what}", flush=True)
                else:
                    killed += 1
        finally:
            _git("worktree", "remove", "--force", str(folder))
    share = 100 * killed / len(everything)
    print(f"{part}: {killed} of {len(everything)} noticed ({share:.0f} %); {(time.monotonic() - began) / 60:.0f} min")
    return int(killed < len(everything))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
