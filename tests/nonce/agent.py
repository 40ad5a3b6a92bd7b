"""A process that does what it is told, line by line: a test decides which of several acts, and when."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import Any, Self

_AGENT = """
import os, sys, threading
from kraken_doctor import open_store
for line in sys.stdin:
    try:
        code = compile(line, "<told>", "eval")
    except SyntaxError:
        exec(line)
        print("done", flush=True)
        continue
    try:
        said = eval(code)
    except Exception as exc:
        said = type(exc).__name__ + ": " + str(exc)
    print(said, flush=True)
"""


class Agent:
    """One process; *options* are those of `subprocess.Popen`."""

    def __init__(self, **options: Any) -> None:
        command = [sys.executable, "-W", "ignore", "-c", _AGENT]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **options
        )

    def __call__(self, line: str) -> str:
        """What the process says to an expression; a statement is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        return str(self._process.stdout.readline()).rstrip("\n")

    def end(self) -> None:
        """Let it end as processes do."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
