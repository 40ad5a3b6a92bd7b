"""The house: who may import whom, and what stands in one place alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "kraken_doctor"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_imports_keep_to_the_contracts() -> None:
    """Downward only, and what else pyproject.toml says under ``tool.importlinter``."""
    root = str(PACKAGE.parent)
    environ = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-logo"]
    asked = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout[-4000:] + asked.stderr[-1000:]


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
        in_a_bot = "inject" in path.parts  # the hook, in a process that has no output of ours
        if not in_a_bot and path.name not in ("output.py", "main.py", "__main__.py", "selftest.py"):
            assert "sys.stdout" not in text, path
            assert "sys.stderr" not in text, path


def _is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_no_module_is_a_hall() -> None:
    """Modules stay near a hundred lines."""
    for path in modules():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 320, path


# With `mypy --platform win32` and `darwin`, which .ci/run runs: a name that a system lacks stands behind a check there.
ON_EACH_SYSTEM = {
    "child.py", "cli/commands/sandbox.py", "descriptors.py", "doctor/service.py", "network/dial.py",
    "network/route.py", "inject/hook.py", "nonce/stores/auditfile.py",
    "nonce/stores/fileturn.py", "nonce/stores/folder.py", "nonce/stores/sqlite.py",
    "nonce/turn.py", "sandbox/http.py", "sandbox/isolation.py",
    "terminal/files.py",
}  # fmt: skip


def test_what_differs_between_systems_is_in_few_modules() -> None:
    """And is asked as mypy understands it: `os.name` says nothing to it."""
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in modules()}
    assert {name for name, text in texts.items() if "sys.platform" in text} == ON_EACH_SYSTEM
    assert not [name for name, text in texts.items() if "os.name" in text]
