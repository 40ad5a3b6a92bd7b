"""``python -m kraken_doctor`` and the ``kraken-doctor`` command."""

from __future__ import annotations  # `sys` has UnraisableHookArgs for type checkers alone

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end the process with its status."""
    _be_silent_at_ctrl_c()
    _open_what_is_closed()
    import contextlib
    import gc
    import warnings

    # The collector would walk all that is being imported several times over; what a run makes is little. A check makes
    # 62,000 objects that it counts: at 50,000 its one walk over them took 5 ms of 190.
    gc.set_threshold(100_000)
    # With a library that guesses encodings requests loads 98 codecs, 15 ms; it can do without, and warns. What is read
    # here is JSON, which is UTF-8 (RFC 8259). In a bot's process nothing of this happens.
    sys.modules["chardet"] = sys.modules["charset_normalizer"] = None  # type: ignore[assignment] # not to be had
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    from kraken_doctor.cli.main import run

    status = run(sys.argv[1:], own_process=True)
    # At once, without the interpreter's clean-up: it would wait for locks that a thread left behind in a
    # hanging resolver or socket still holds, and it costs a tenth of a short run.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


def _open_what_is_closed() -> None:
    """
    Give a standard stream that is closed a descriptor on which every use fails, as it does where it is closed.

    Else the next file gets its number: a database would be written to by whatever prints.
    """
    for number, (name, flags) in enumerate((("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_RDONLY))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest number that is free, which is this one
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115


def _be_silent_at_ctrl_c() -> None:
    """
    Before a run and after it there is nothing to report: an exception in the midst of imports would be a traceback.

    Not where the signal is ignored, as in what ``nohup`` and ``&`` start.
    """
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    def unraisable(problem: sys.UnraisableHookArgs) -> None:
        # In a callback it is lost, but not forgotten: see `terminal.interruption`.
        if not isinstance(problem.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(problem)

    sys.unraisablehook = unraisable


if __name__ == "__main__":
    main()
