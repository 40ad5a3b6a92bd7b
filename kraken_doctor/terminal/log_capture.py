"""What other parts would write to stderr by themselves: log lines, warnings, tracebacks of threads."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kraken_doctor.terminal.interruption import Interruption
    from kraken_doctor.terminal.output import Output


@contextmanager
def captured(output: Output, interruption: Interruption) -> Iterator[None]:
    """
    Inside, all of it goes through *output*, and so through its redactor.

    Without a handler, logging writes warnings straight to stderr, and so does a thread that ends in an exception;
    both may quote what a server said, and a server may quote what it was sent.
    """
    handler = _Handler(output)
    root = logging.getLogger()
    ours = logging.getLogger("kraken_doctor")
    before = ours.level, sys.excepthook, sys.unraisablehook, threading.excepthook

    def tell(unhandled: Any) -> None:
        if isinstance(unhandled.exc_value, KeyboardInterrupt):
            interruption.again()  # raised in a callback, where it goes no further
        elif unhandled.exc_value is not None:
            output.internal_error(unhandled.exc_value)

    root.addHandler(handler)
    set_level(output)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda _kind, exc, _trace: output.internal_error(exc)
    sys.unraisablehook = tell
    threading.excepthook = tell
    try:
        yield
    finally:
        level, sys.excepthook, sys.unraisablehook, threading.excepthook = before
        ours.setLevel(level)
        root.removeHandler(handler)
        logging.captureWarnings(capture=False)


def set_level(output: Output) -> None:
    """Let through of our own log lines what ``-v`` asks for."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(output.verbose, 2)]
    logging.getLogger("kraken_doctor").setLevel(level)


class _Handler(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        if not (record.name.startswith("kraken_doctor") or record.levelno >= logging.ERROR or self._output.verbose):
            return  # urllib3 warns of a server's bad headers: what follows from them is in the report
        try:
            text = record.getMessage()  # without a traceback, which a library may add
        except Exception as exc:  # noqa: BLE001 - logging itself would print a traceback with the arguments in it
            text = f"a log line of {record.name} could not be formatted ({type(exc).__name__})"
        self._output.warn_in_lines(f"{record.levelname.lower()}: {text}")
