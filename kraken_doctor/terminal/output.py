"""The choke point: every text of the command line leaves through here, without secrets."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TextIO

from kraken_doctor.descriptors import SHORTAGE, are_short, exhausted, reader_is_gone
from kraken_doctor.redact import Redactor
from kraken_doctor.secret import secrets_of

if TYPE_CHECKING:
    from kraken_doctor.terminal.text import Terminal

_MAX_WIDTH_COLUMNS = 120
"""Lines longer than that are hard to read, however wide the window."""

_WITHHELD = "[text withheld: it could not be searched for secrets]"

_ERROR_LIMIT_CHARACTERS = 1000
"""Our own sentences with a name or a path of the user's in them."""


class NotWrittenError(OSError):
    """stdout takes nothing: its disk is full, or it is closed."""


class Output:
    """
    stdout for the report, stderr for everything else.

    Args:
        environ: Decides about colour; its secrets are hidden in all that is shown.
        verbose: How often ``-v`` was given.
        quiet: Whether to say nothing when all is well.
        color: ``auto``, ``always`` or ``never``.
    """

    def __init__(
        self, environ: Mapping[str, str], *, verbose: int = 0, quiet: bool = False, color: str = "auto"
    ) -> None:
        self.verbose = verbose
        self.quiet = quiet
        self.redact = Redactor(secrets_of(environ))
        self._environ = environ
        self._color = color
        self.suspend_progress: Callable[[], AbstractContextManager[None]] = nullcontext
        """Takes the live view away while something else is written; it is drawn anew below that."""

    def adjust(self, *, verbose: int = 0, quiet: bool = False, color: str | None = None) -> None:
        """Say more by *verbose*, less from now on if *quiet*, and in *color* if that is given."""
        self.verbose += verbose
        self.quiet = self.quiet or quiet
        self._color = color or self._color
        if verbose:
            from kraken_doctor.terminal import log_capture

            log_capture.set_level(self)

    def terminal(self) -> Terminal:
        """Return what stdout can show."""
        from kraken_doctor.terminal.text import Terminal, shows_symbols

        columns = shutil.get_terminal_size((80, 24)).columns
        width = max(40, min(columns, _MAX_WIDTH_COLUMNS))
        return Terminal(width, self._wants_colour(), shows_symbols(sys.stdout.encoding))

    def shows_progress(self) -> bool:
        """
        Return whether a person looks at stderr.

        Decided by what stderr is. ``FORCE_COLOR`` is about colour, and a log must not fill with frames; a CI
        runner's terminal keeps all that is written to it, and a dumb one can't take anything back.
        """
        animated = sys.stderr.isatty() and self._environ.get("TERM", "dumb") not in ("dumb", "")
        return animated and not self.quiet and not self._environ.get("CI")

    def show_progress(self, text: str) -> None:
        """Write a frame of the live view to stderr."""
        self._put(sys.stderr, text)

    @staticmethod
    def stderr_size() -> tuple[int, int]:
        """Return columns and lines of the terminal behind stderr; stdout may be a file, and COLUMNS old."""
        try:
            size = os.get_terminal_size(sys.stderr.fileno())
        except (OSError, ValueError):
            return 80, 24
        return size.columns or 80, size.lines or 24

    @staticmethod
    def stderr_shows_unicode() -> bool:
        """Return whether stderr can encode the symbols."""
        from kraken_doctor.terminal.text import shows_symbols

        return shows_symbols(sys.stderr.encoding)

    def _wants_colour(self) -> bool:
        """Return the flag wins over NO_COLOR, that over FORCE_COLOR, that over what the stream is."""
        if self._color != "auto":
            return self._color == "always"
        if self._environ.get("NO_COLOR"):
            return False
        if self._environ.get("FORCE_COLOR"):
            return True
        return sys.stdout.isatty() and self._environ.get("TERM") != "dumb"

    def out(self, text: str, *, commands: bool = False) -> None:
        """*text* on stdout; with *commands* it may hold some for a CI runner, and whoever made it looked after them."""
        self._write(sys.stdout, text, commands=commands)

    def show_demo(self, text: str) -> None:
        """
        *text* on stdout with the demo keys in it: showing them is what the sandbox is for.

        The one way around the redactor; what goes through here must come from `sandbox` alone.
        """
        self._send(sys.stdout, text)

    def info(self, text: str) -> None:
        """*text* on stderr, unless ``-q`` asks for silence."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """*text*, its lines folded, on stderr, ``-q`` or not: something that was asked for was not done."""
        # Redacted first: a secret on two lines would not be found any more.
        lines = self._redacted(text).splitlines()
        self._write(sys.stderr, "".join(f"{self.folded(line, sys.stderr)}\n" for line in lines))

    def internal_error(self, exc: BaseException) -> None:
        """The doctor itself failed: one line, and with ``-vv`` where."""
        if exhausted(exc) or exhausted(exc.__cause__) or are_short():
            self.warn(f"Error: {SHORTAGE}\n")
            return
        where = "".join(traceback.format_exception(exc)) if self.verbose >= 2 else ""
        hint = "" if where else " (-vv shows where)"
        self.warn_in_lines(f"{where}kraken-doctor itself failed: {type(exc).__name__}: {_on_one_line(exc)}{hint}")

    def warn_in_lines(self, text: str) -> None:
        """*text*, which may hold foreign words, on stderr: its lines as they are, each of them plain."""
        from kraken_doctor.terminal.text import escape

        # Redacted first: what `escape` cuts off may be the second half of a secret.
        lines = self._redacted(text).splitlines()
        self._write(sys.stderr, "".join(f"{escape(line, _ERROR_LIMIT_CHARACTERS)}\n" for line in lines))

    def usage_error(self, text: str) -> None:
        """What the user has to fix: one line, folded between words where a person reads it."""
        from kraken_doctor.terminal.text import escape

        text = f"Error: {escape(self._redacted(text), _ERROR_LIMIT_CHARACTERS)}"
        self._write(sys.stderr, f"{self.folded(text, sys.stderr)}\n")

    @staticmethod
    def folded(text: str, stream: TextIO | None = None) -> str:
        """Return *text*, folded between words if *stream*, else stdout, is a terminal; a log gets one line."""
        stream = stream or sys.stdout
        width = os.get_terminal_size(stream.fileno()).columns or 80 if stream.isatty() else len(text) + 1
        return textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)

    def _redacted(self, text: str) -> str:
        """*text* as it may be shown; nothing of it, where that can't be told."""
        try:
            return self.redact(text)
        except Exception as exc:  # noqa: BLE001 - whatever it is: a text that was not looked through stays inside
            return f"{_WITHHELD} ({type(exc).__name__})\n"

    def _write(self, stream: TextIO, text: str, *, commands: bool = False) -> None:
        with self.suspend_progress():
            self._put(stream, text, commands=commands)

    def _put(self, stream: TextIO, text: str, *, commands: bool = False) -> None:
        from kraken_doctor.terminal.text import neutralise_ci_commands

        text = self._redacted(text)
        self._send(stream, text if commands else neutralise_ci_commands(text))

    @staticmethod
    def _send(stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except OSError as exc:
            # What is still buffered goes nowhere: it would fail again with all that follows.
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), stream.fileno())
            # `kraken-doctor check | head -1`: the reader has what it wanted. And where stderr is lost, there is nothing
            # to say it on.
            if stream is sys.stdout and not reader_is_gone(exc):
                raise NotWrittenError(exc.errno, exc.strerror) from exc


def _on_one_line(exc: BaseException) -> str:
    try:
        return " ".join(str(exc).split())
    except Exception as broken:  # noqa: BLE001 - an exception that can't be shown is said to be one
        return f"({type(broken).__name__} while it was being shown)"
