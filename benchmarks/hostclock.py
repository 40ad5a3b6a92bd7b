"""The clock of a host of its own, by libfaketime: all of a process sees it, whatever it asks with."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = ("usr/lib/*/faketime", "usr/lib*/faketime", "usr/local/lib/faketime")
_FILE = "FAKETIME_TIMESTAMP_FILE"
_PROBE_S = 3600


def libraries() -> Iterator[Path]:
    """Those for programs with threads, where distributions put them."""
    return (path for place in LIBRARIES for path in Path("/").glob(f"{place}/libfaketimeMT.so.1"))


class HostClock:
    """Off by what is in *file*: a process started with `environment` looks at each question."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self.step(0)
        # A process waits by the monotonic clock, which no step of a host's time moves. Without the last one the waits
        # of the interpreter for its own lock are wrong (libfaketime 0.9.10): threads get a tenth of their speed.
        self.environment = {"LD_PRELOAD": str(library), _FILE: str(file), "FAKETIME_NO_CACHE": "1"} | {
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    @classmethod
    def found(cls, file: Path) -> HostClock | None:
        """One that works, kept in *file*; None where there is no such library."""
        for library in libraries():
            clock = cls(file, library)
            clock.step(_PROBE_S)
            asked = subprocess.run(
                [sys.executable, "-c", "import time; print(time.time())"],
                env=os.environ | clock.environment,
                capture_output=True,
                check=False,
            )
            clock.step(0)
            if asked.returncode == 0 and float(asked.stdout) > time.time() + _PROBE_S / 2:
                return clock
        return None

    def step(self, seconds: int) -> None:
        """Be so far off from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file)  # at once: half a file would be another time


if _FILE in os.environ:
    # libfaketime 0.9.10 reads the end of `clock_nanosleep` by the clock that it fakes: "invalid argument". This comes
    # before whoever keeps `time.sleep` is imported.
    time.sleep = lambda seconds: select.select([], [], [], float(seconds)) and None
