"""The choke point: every text of the command line leaves through here, without secrets."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from kraken_doctor.redact import Redactor

if TYPE_CHECKING:
    from kraken_doctor.renderers.text import Terminal

_MAX_WIDTH_COLUMNS = 120
"""Lines longer than that are hard to read, however wide the window."""


class Output:
    """
    stdout for the report, stderr for everything else.

    Args:
        environ: Decides about colour.
        verbose: How often ``-v`` was given.
        quiet: Whether to say nothing when all is well.
        color: ``auto``, ``always`` or ``never``.
    """

    def __init__(
        self, environ: Mapping[str, str], *, verbose: int = 0, quiet: bool = False, color: str = "auto"
    ) -> None:
        self.verbose = verbose
        self.quiet = quiet
        self.redact = Redactor()
        self._environ = environ
        self._color = color

    def terminal(self) -> Terminal:
        """What stdout can show."""
        from kraken_doctor.renderers.text import Terminal

        columns = shutil.get_terminal_size((80, 24)).columns
        encoding = (sys.stdout.encoding or "ascii").lower()
        return Terminal(max(40, min(columns, _MAX_WIDTH_COLUMNS)), self._wants_colour(), "utf" in encoding)

    def _wants_colour(self) -> bool:
        """The flag wins over NO_COLOR, that over FORCE_COLOR, that over what the stream is."""
        if self._color != "auto":
            return self._color == "always"
        if self._environ.get("NO_COLOR"):
            return False
        if self._environ.get("FORCE_COLOR"):
            return True
        return sys.stdout.isatty() and self._environ.get("TERM") != "dumb"

    def out(self, text: str) -> None:
        """*text* on stdout."""
        self._write(sys.stdout, text)

    def show_demo(self, text: str) -> None:
        """
        *text* on stdout with the demo keys in it: showing them is what the sandbox is for.

        The one way around the redactor; what goes through here must come from `sandbox` alone.
        """
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """*text* on stderr, unless ``-q`` asks for silence."""
        if not self.quiet:
            self._write(sys.stderr, text)

    def complain(self, exc: BaseException) -> None:
        """The doctor itself failed: one line, and with ``-vv`` where."""
        where = "".join(traceback.format_exception(exc)) if self.verbose >= 2 else ""
        hint = "" if where else " (-vv shows where)"
        self._write(sys.stderr, f"{where}kraken-doctor itself failed: {type(exc).__name__}: {exc}{hint}\n")

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(self.redact(text))
            stream.flush()
        except BrokenPipeError:
            # `kraken-doctor check | head -1`: what is still buffered goes nowhere, quietly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
