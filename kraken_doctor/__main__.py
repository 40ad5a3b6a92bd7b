"""``python -m kraken_doctor`` and the ``kraken-doctor`` command."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end the process with its status."""
    # The collector would walk all that is being imported several times over; what a run makes is little.
    gc.set_threshold(50_000)
    from kraken_doctor.cli.main import run

    status = run(sys.argv[1:])
    # At once, without the interpreter's clean-up: it would wait for locks that a thread left behind in a
    # hanging resolver or socket still holds, and it costs a tenth of a short run.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
