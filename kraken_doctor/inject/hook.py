"""What the start-up hook does in a process, by the commands that it was started under."""

from __future__ import annotations

import sys

from kraken_doctor.inject import imports


def start(modes: str) -> None:
    """
    Prepare this process for the client libraries that it may import.

    Until one is imported that is a look-up for each import, and nothing else.

    Args:
        modes: Of ``run``, ``observe`` and ``sandbox`` those that apply, outermost first, with commas between.
    """
    for mode in modes.split(","):
        if mode == "sandbox":
            from kraken_doctor.inject import confine

            confine.start()
        home, names = imports.CHANGES[mode]
        # Before the ones that are there: each finds what those after it have prepared.
        sys.meta_path.insert(0, imports.ImportHook(names, home))
