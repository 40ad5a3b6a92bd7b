"""
How many small errors in the code the tests notice: a sample of them, drawn with a fixed seed.

    python -m benchmarks.mutation redact|diagnosis|client|nonce [HOW MANY [SEED]]

Each is made in a copy of the repository, alone, and the tests of that part are run until the first that fails. An error
that none notices is a survivor: its place and its form are printed. The known ones are in docs/mutation.md.
"""

from __future__ import annotations

import ast
import copy
import random
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
    "redact": (["kraken_doctor/redact.py"], ["tests/test_redact.py"]),
    "diagnosis": (["kraken_doctor/diagnosis"], ["tests/diagnosis", "tests/test_examination.py"]),
    "client": (["kraken_doctor/client"], ["tests/client", "tests/test_fuzz.py", "tests/checks/test_session.py"]),
    "nonce": (["kraken_doctor/nonce"], ["tests/nonce", "-m", "not slow", "--ignore=tests/nonce/test_kill.py"]),
}
"""What is changed, and which tests are to notice."""

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
    """Every error of the kinds below that can be made in *path*."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(_code(tree))
    for index, node in enumerate(nodes):
        for variant in range(2):
            changed_tree = copy.deepcopy(tree)
            changed = list(_code(changed_tree))[index]
            before = ast.unparse(changed)
            if not _change(changed, variant):
                break
            what = f"{before[:70]}  ->  {ast.unparse(changed)[:70]}"
            name = str(path.relative_to(ROOT))
            yield Mutant(name, getattr(node, "lineno", 0), " ".join(what.split()), ast.unparse(changed_tree))


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


def _change(node: ast.AST, variant: int) -> bool:
    """Put an error into *node*; False if there is none of that kind."""
    if isinstance(node, ast.Compare) and variant == 0 and type(node.ops[0]) in _SWAPPED:
        node.ops[0] = _SWAPPED[type(node.ops[0])]()
    elif isinstance(node, (ast.BoolOp, ast.BinOp)) and variant == 0 and type(node.op) in _SWAPPED:
        node.op = _SWAPPED[type(node.op)]()
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)) and variant == 0:
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Constant) and variant == 0:
        return _change_constant(node)
    elif isinstance(node, ast.Return) and variant == 0 and node.value is not None and not _is_none(node.value):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Call) and node.keywords and node.args and variant == 0:
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
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests]
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(before, encoding="utf-8")
    return ended.returncode == 0


def main(part: str, wanted: int = 40, seed: int = 1) -> int:
    """Draw, try, and print; the status is the number of survivors."""
    places, tests = PARTS[part]
    files = [
        file for place in places for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    everything = [mutant for file in sorted(files) for mutant in mutants(file)]
    chosen = random.Random(seed).sample(everything, min(wanted, len(everything)))
    killed, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["git", "worktree", "add", "--detach", f"{folder}/copy"], cwd=ROOT, check=True, capture_output=True
        )
        try:
            if not survives(Path(folder) / "copy", chosen[0]._replace(text=(ROOT / chosen[0].path).read_text()), tests):
                raise SystemExit("the tests fail without any error: commit, and mend them first")
            for mutant in chosen:
                if survives(Path(folder) / "copy", mutant, tests):
                    print(f"survived  {mutant.path}:{mutant.line}  {mutant.what}", flush=True)
                else:
                    killed += 1
        finally:
            command = ["git", "worktree", "remove", "--force", f"{folder}/copy"]
            subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    share = 100 * killed / len(chosen)
    drawn = f"drawn from {len(everything)} with seed {seed}; {(time.monotonic() - began) / 60:.0f} min"
    print(f"{part}: {killed} of {len(chosen)} noticed ({share:.0f} %), {drawn}")
    return len(chosen) - killed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
