"""What is done in a process that the start-up hook is in: a module is changed right after it was first loaded."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # type checkers know it by its name; every start of a Python would pay 5 ms for `typing`
if TYPE_CHECKING:
    from collections.abc import Collection
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

VARIABLES = {name: value for name, value in os.environ.items() if name.startswith("KRAKEN_DOCTOR_HOOK_")}
"""As they were at the start: a program may clear its environment before it makes its client."""

_CLIENTS = VARIABLES.get("KRAKEN_DOCTOR_HOOK_CLIENTS", "").split(",")
"""Modules of client libraries: from the command that started us, since to import its adapters here would take long."""

_CHANGES = {
    "run": ("kraken_doctor.inject.guard", _CLIENTS),
    "observe": ("kraken_doctor.inject.record", ("requests.sessions", "aiohttp.client", "httpx._client")),
    "sandbox": ("kraken_doctor.inject.confine", [*_CLIENTS, "certifi.core", "asyncio.windows_events"]),
}
"""For each mode of the hook, who changes a module, and which modules."""


def start(modes: str) -> None:
    """
    Prepare this process for the client libraries that it may import.

    Until one is imported that is a look-up for each import, and nothing else.

    Args:
        modes: Of ``run``, ``observe`` and ``sandbox`` those that apply, outermost first, with commas between.
    """
    _end_with(VARIABLES.get("KRAKEN_DOCTOR_HOOK_PARENT"))
    for mode in modes.split(","):
        if mode == "sandbox":
            from kraken_doctor.inject import confine

            confine.start()
        home, names = _CHANGES[mode]
        # Before the ones that are there: each finds what those after it have prepared.
        sys.meta_path.insert(0, importer := _ImportHook(names, home))
        for module in filter(None, map(sys.modules.get, names)):
            importer.change(module)  # a .pth file of the program's environment runs before us, and has imported it


def _end_with(parent: str | None) -> None:
    """
    Let the kernel kill this process when the `run` that started it is killed, as far as Linux can.

    A supervisor knows `run` alone: its kill is meant for us, and what it starts next is a second program that trades.
    """
    try:
        if sys.platform == "linux" and parent == str(os.getppid()):
            import _ctypes  # ctypes would add 10 ms to each start

            prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type] # a NULL is the program itself
            _ctypes.call_function(prctl, (1, 9))  # PR_SET_PDEATHSIG (linux/prctl.h), SIGKILL
    except Exception:  # noqa: BLE001, S110 - a Python without it: the program goes on, as anywhere else
        pass


class _ImportHook:
    """
    A finder for ``sys.meta_path`` that finds nothing by itself: the others do, and it changes what they found.

    Args:
        names: The modules to change.
        home: The module whose ``loaded(module)`` changes them; imported when the first of them is.
    """

    def __init__(self, names: Collection[str], home: str) -> None:
        self._names = names
        self._home = home
        self._finding: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec that another finder has for *name*, prepared; None for a module that is none of ours."""
        if name not in self._names or name in self._finding:
            return None
        self._finding.add(name)
        try:
            for finder in sys.meta_path:
                find = getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find(name, path, target) if find and finder is not self else None
                if spec is not None:
                    self._prepare(spec)
                    return spec
        finally:
            self._finding.discard(name)
        return None

    def _prepare(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == spec.name:  # a zip archive has one loader for all its modules
                self.change(module)

        # On the loader itself, and no loader of our own: whoever asks it for source or data goes on as before.
        try:
            loader.exec_module = exec_module
        except Exception as exc:  # noqa: BLE001 - a loader that takes no attribute: the import itself goes on
            complain(f"{spec.name} is left as it is", exc)

    def change(self, module: ModuleType) -> None:
        """Change *module*, which is loaded; never raises."""
        try:
            from importlib import import_module

            import_module(self._home).loaded(module)
        except Exception as exc:  # noqa: BLE001 - the program is not ours: it goes on, whatever is wrong here
            complain(f"{module.__name__} is left as it is", exc)


def complain(what: str, exc: Exception) -> None:
    """Say on stderr what does not work here, in one line; never raises."""
    try:
        # Words of others are left out: they may hold a login, and nothing is redacted here.
        ours = isinstance(exc, ImportError) or type(exc).__module__.startswith("kraken_doctor.")
        text = " ".join(f"kraken-doctor: {what}: {exc if ours else type(exc).__name__}".split())
        sys.stderr.write(f"{text[:300]}\n")
    except Exception:  # noqa: BLE001, S110 - a program without a stderr
        pass
