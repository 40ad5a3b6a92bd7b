"""
How many small errors the tests notice: a random sample of each part of the package.

    git clone . /tmp/mutants && cd /tmp/mutants && python -m venv .venv && . .venv/bin/activate
    python -m pip install -e '.[dev,mutation]'
    python -m benchmarks.mutation [--sample 50] [--seed 11] [PART ...]

The errors are mutmut's (a comparison, an operator, a constant, a word, a lost argument), in decorated functions and at
the level of modules too, which mutmut leaves alone. One at a time is written into the file itself, so that child
processes have it as well: hence the clone. An error is tried with the tests that reach its statement, the part's own
and the fastest first, then with those that may reach it unseen (`UNMEASURED`). At the end the tests that noticed
something run once more, on the code as it is.

As root each trial has its own processes, network and mounts (unshare): an error may kill, mount and listen as it likes.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import libcst as cst
from coverage import Coverage, CoverageData
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import get_ignored_lines

ROOT = Path(__file__).parents[1]

PARTS = {
    "nonce": ["nonce/**/*.py"],
    "client": ["client/**/*.py"],
    "diagnosis": ["diagnosis/**/*.py"],
    "redact, secret": ["redact.py", "secret.py"],
    "botlog": ["botlog/**/*.py"],
    "inject": ["inject/**/*.py"],
    "checks": ["checks/**/*.py"],
    "model": ["model/**/*.py"],
}
TESTS = [
    "tests/test_redact.py", "tests/test_secret.py", "tests/diagnosis", "tests/model", "tests/accounts", "tests/botlog",
    "tests/checks", "tests/client", "tests/nonce", "tests/inject", "tests/doctor",
]  # fmt: skip
"""In these it is looked which tests reach a statement; the others are slow, or are about something else."""

PAGES = ["tests/test_docs.py", "tests/test_tables.py"]
"""What is written from the code is as it would be written now."""

UNMEASURED = {
    "nonce": ["tests/nonce/test_processes.py", "tests/nonce/test_shared_file.py", "tests/nonce/test_kill.py"],
    "inject": [
        "tests/inject", "tests/cli/test_nonce_target.py", "tests/cli/test_live.py", "tests/cli/test_sandbox_command.py",
        "tests/cli/test_sandbox_confined.py", "tests/sandbox/test_isolation.py", "tests/test_startup.py",
    ],
    "client": ["tests/cli/test_live.py"],
    "checks": ["tests/cli/test_clock.py"],
    "diagnosis": ["tests/diagnosis/test_said.py"],
    "model": ["tests/render/test_json_load.py"],
}  # fmt: skip
"""Tests that do their work in processes that they start, or as they are loaded; and those that lie elsewhere."""

PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-n",
    "0",
    "-p",
    "no:cacheprovider",
    "--hypothesis-seed=0",
    "--timeout=60",
]
FIRST = 80
"""So many tests are tried before all others: most errors end there."""

LIMIT_S = 900
"""Of one trial; an error that makes the tests hang is noticed by that."""


class Mutant(NamedTuple):
    """One error in one file."""

    path: Path
    number: int
    line: int
    module: cst.Module
    original: cst.CSTNode
    changed: cst.CSTNode

    @property
    def name(self) -> str:
        """Its file, and its number in it."""
        return f"{self.path.relative_to(ROOT)}:{self.number}"

    def code(self) -> str:
        """All of the file, with the error."""
        return str(self.module.deep_replace(self.original, self.changed).code)

    def difference(self) -> list[str]:
        """What is changed, without what is around it."""
        before = self.path.read_text(encoding="utf-8").splitlines()
        lines = list(difflib.unified_diff(before, self.code().splitlines(), lineterm="", n=0))[2:]
        return [line for line in lines if not line.startswith("@@")]


class _Everywhere(MutationVisitor):  # type: ignore[misc]
    """mutmut's errors, with the lines they are in."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return False
        return bool(super()._skip_node_and_children(node))

    def _create_mutations(self, node: cst.CSTNode) -> None:
        before = len(self.mutations)
        super()._create_mutations(node)
        line = self.get_metadata(PositionProvider, node).start.line
        self.found += [(line, one.original_node, one.mutated_node) for one in self.mutations[before:]]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every error of one file, in the order of its text."""
    text = path.read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(text))
    visitor = _Everywhere(mutation_operators, get_ignored_lines(str(path), text, wrapper, None), None)
    module = wrapper.visit(visitor)
    for number, (line, original, changed) in enumerate(visitor.found):
        if not original.deep_equals(changed):
            yield Mutant(path, number, line, module, original, changed)


def statement(text: str, line: int) -> tuple[range, bool]:
    """Return the lines of the innermost statement at *line* (or of its head), and whether it is a call that runs it."""
    lines, in_function = range(line, line + 1), False

    def descend(nodes: Iterable[ast.AST], inside: bool) -> None:
        nonlocal lines, in_function
        for node in nodes:
            if not isinstance(node, ast.stmt | ast.excepthandler):
                if isinstance(node, ast.match_case):
                    descend(node.body, inside)
                continue
            decorators: list[ast.expr] = getattr(node, "decorator_list", [])
            first, last = min([node.lineno, *(one.lineno for one in decorators)]), node.end_lineno or node.lineno
            if not first <= line <= last:
                continue
            body: list[ast.stmt] = getattr(node, "body", [])
            lines, in_function = range(first, body[0].lineno if body else last + 1), inside
            within = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and line >= body[0].lineno
            descend(ast.iter_child_nodes(node), inside or within)

    descend(ast.parse(text).body, False)
    return lines or range(line, line + 1), in_function


def _function(name: str) -> str:
    return name.partition("[")[0]


def pytest_runtest_logstart(nodeid: str) -> None:
    """As a plugin of pytest: tell coverage whose the next lines are."""
    if coverage := Coverage.current():
        coverage.switch_context(_function(nodeid))


class Reached:
    """Which tests reach what, and how long each takes."""

    def __init__(self, folder: Path) -> None:
        self._data = CoverageData(str(folder / "coverage"))
        self._data.read()
        self.seconds: dict[str, float] = {}
        failed = set()
        for report in folder.glob("*.xml"):
            for case in ET.parse(report).iter("testcase"):
                name = f"{case.get('classname', '').replace('.', '/')}.py::{_function(case.get('name', ''))}"
                self.seconds[name] = self.seconds.get(name, 0.0) + float(case.get("time", 0))
                if case.find("failure") is not None or case.find("error") is not None:
                    failed.add(name)
        for name in failed:
            del self.seconds[name]

    @classmethod
    def measured(cls, folder: Path) -> Reached:
        """Run all tests once; what *folder* has already is not measured again."""
        if not (folder / "coverage").exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "coverage", "run", "--source=kraken_doctor", *PYTEST[1:], *TESTS]
            command += ["-p", "benchmarks.mutation", f"--junitxml={folder}/tests.xml"]
            environment = os.environ | {"COVERAGE_FILE": str(folder / "coverage")}
            subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        return cls(folder)

    def by(self, mutant: Mutant, part: str) -> list[str]:
        """Return the tests that reach its statement; where it runs as its module is loaded, any line of the file."""
        found = self._data.contexts_by_lineno(str(mutant.path))
        lines, in_function = statement(mutant.path.read_text(encoding="utf-8"), mutant.line)
        here = {context for line in lines for context in found.get(line, ())}
        names = here if in_function and "" not in here else {name for contexts in found.values() for name in contexts}
        own = tuple(
            f"tests/{word}" if (ROOT / "tests" / word).exists() else f"tests/test_{word}" for word in part.split(", ")
        )
        return sorted(names & set(self.seconds), key=lambda name: (not name.startswith(own), self.seconds[name], name))


def _contained(command: list[str]) -> list[str]:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")):
        return command
    inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    return ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *inside, *command]


def noticed_by(tests: list[str]) -> str | None:
    """Return the first test that fails, or what else shows; None where all pass."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as names:
        names.write("\n".join(tests))
        names.flush()
        try:
            ended = subprocess.run(
                _contained([*PYTEST, "-x", "-rfE", f"@{names.name}"]),
                cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "hangs"
    if ended.returncode == 0:
        return None
    summary = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return summary[0].split(" - ")[0].partition(" ")[2] if summary else f"status {ended.returncode}"


def tried(mutant: Mutant, part: str, reached: Reached) -> str | None:
    """Write the error, run the tests, and write the file as it was."""
    tests = reached.by(mutant, part)
    before, modified_ns = mutant.path.read_bytes(), mutant.path.stat().st_mtime_ns
    try:
        mutant.path.write_text(mutant.code(), encoding="utf-8")
        # What is compiled is kept by the text's length and time, to the second: it must be no other text's.
        os.utime(mutant.path, (10**9 + mutant.number,) * 2)
        for some in (tests[:FIRST], [*PAGES, *tests[FIRST:]], UNMEASURED.get(part, [])):
            if some and (found := noticed_by(some)):
                return found
    finally:
        mutant.path.write_bytes(before)
        os.utime(mutant.path, ns=(modified_ns, modified_ns))
    return None


def wilson(noticed: int, of: int) -> tuple[float, float]:
    """Between what the share lies with 95 % (Wilson's interval)."""
    z, share = 1.96, noticed / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def sample(part: str, size: int, seed: int) -> tuple[int, list[Mutant]]:
    """Return how many errors there are, and *size* of them."""
    paths = sorted(path for pattern in PARTS[part] for path in (ROOT / "kraken_doctor").glob(pattern))
    every = [mutant for path in paths for mutant in mutants(path)]
    errors = len(every)
    random.Random(f"{seed} {part}").shuffle(every)  # so that a larger sample has the smaller one in it
    return errors, every[:size]


def main() -> None:
    """Print each error as it is tried, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {'; '.join(PARTS)}")
    parser.add_argument("--sample", type=int, default=50, help="of each part")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only", help="FILE:NUMBER of one error, to try it again")
    parser.add_argument("--reached", type=Path, default=ROOT / ".mutation", help="Where it is kept what reaches what.")
    chosen = parser.parse_args()
    if subprocess.run(["git", "diff", "--quiet", "kraken_doctor"], cwd=ROOT, check=False).returncode:
        parser.error("there are changes in kraken_doctor/: this is for a clean clone")
    reached = Reached.measured(chosen.reached)
    rows = []
    for part in chosen.parts or PARTS:
        errors, some = sample(part, 10**9 if chosen.only else chosen.sample, chosen.seed)
        some = [one for one in some if chosen.only in (None, one.name)]
        witnesses = []
        for mutant in some:
            found = tried(mutant, part, reached)
            witnesses += [found] if found else []
            print(f"{'noticed' if found else 'survives'}\t{mutant.name}\t{found or ''}", flush=True)
            if not found:
                print("\n".join(f"    {line}" for line in mutant.difference()), flush=True)
        noticed = len(witnesses)
        low, high = wilson(noticed, len(some))
        share = noticed / len(some)
        rows.append(f"| {part} | {errors} | {len(some)} | {noticed} | {share:.1%} | {low:.0%} to {high:.0%} |")
        again = sorted({_function(name) for name in witnesses if "::" in name})
        false = noticed_by(again) if again else None  # without a name pytest would run all there are
        print(f"without an error: {false or 'all pass'}", flush=True)
    print("\n| part | errors | tried | noticed | share | 95 % |\n|---|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
