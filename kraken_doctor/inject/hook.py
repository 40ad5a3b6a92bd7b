"""What the start-up hook does in a process, by the mode of the command that started it."""

from __future__ import annotations

import sys

from kraken_doctor.inject import imports


def start(mode: str) -> None:
    """
    Prepare this process for the client libraries that it may import.

    Until one is imported that is a look-up for each import, and nothing else.

    Args:
        mode: ``run``, ``observe`` or ``sandbox``.
    """
    if mode == "sandbox":
        from kraken_doctor.inject import confine

        confine.start()
    if mode == "observe":
        sys.meta_path.insert(0, imports.ImportHook(imports.HTTP_LIBRARIES, "kraken_doctor.inject.record"))
    else:
        home = "kraken_doctor.inject.redirect" if mode == "sandbox" else "kraken_doctor.inject.guard"
        sys.meta_path.insert(0, imports.ImportHook(imports.CLIENTS, home))
