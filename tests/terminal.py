"""A real terminal for a real process: what a person would see on it, at any moment."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyte
import pytest

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

PATIENCE_S = 60.0
"""Bounds how long a slow machine may take to show something, not how fast it must be."""


class Terminal:
    """A process with a terminal for its three streams; *stdout* may be a file instead."""

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], columns: int, lines: int, stdout: int | None
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        if sys.platform == "win32":
            pytest.skip("needs posix: a pseudo-terminal")
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            arguments, env=environ, stdin=terminal, stdout=terminal if stdout is None else stdout, stderr=terminal,
            start_new_session=True,
        )  # fmt: skip
        os.close(terminal)

    @property
    def shown(self) -> str:
        """The screen as it is now, without trailing blanks."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def until(self, wanted: Callable[[str], bool]) -> str:
        """Read until the screen is as *wanted*; the screen."""
        end = time.monotonic() + PATIENCE_S
        while not wanted(self.shown):
            assert time.monotonic() < end, f"not seen:\n{self.shown}"
            assert self._read(end), f"ended before it was seen:\n{self.shown}"
        return self.shown

    def type(self, text: str) -> None:
        """What a person types."""
        os.write(self._controller, text.encode())

    def end(self) -> int:
        """Read to the end of the process; its status."""
        end = time.monotonic() + PATIENCE_S
        while self._read(end):
            pass
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._controller)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._controller], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return True
        try:
            data = os.read(self._controller, 1 << 16)
        except OSError:  # the other end is closed: on Linux that is how a terminal ends
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)


@contextmanager
def terminal(
    *arguments: str, environ: Mapping[str, str], columns: int = 80, lines: int = 24, stdout: int | None = None
) -> Iterator[Terminal]:
    """``kraken-doctor`` with *arguments* on a terminal of its own."""
    made = Terminal([sys.executable, "-m", "kraken_doctor", *arguments], environ, columns, lines, stdout)
    try:
        yield made
    finally:
        made.close()
