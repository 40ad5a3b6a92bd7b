"""Errors of the turn and of the store that are also the network error that a bot on some client retries."""

from __future__ import annotations

import functools
from typing import Any

from kraken_doctor.errors import NonceStoreError, TurnLostError, TurnTimeoutError


class AlsoNetworkError:
    """
    A context in which errors of the turn and of the store are errors of the type *network_error* as well.

    They pass as a network's errors do, and nothing was sent: a bot that goes on after those must not end after these.
    The end of the 64-bit range does not pass, and stays what it is.
    """

    def __init__(self, network_error: Any) -> None:
        self.network_error = network_error

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, exc: BaseException | None, trace: object) -> None:
        # `from exc`: a log shows where it came from, and it is ours and theirs to whoever catches either.
        if isinstance(exc, _TRANSIENT) and not isinstance(exc, self.network_error):
            raise _combined_type(kind, self.network_error)(*exc.args) from exc


_TRANSIENT = (TurnTimeoutError, TurnLostError, NonceStoreError)


@functools.cache
def _combined_type(ours: Any, theirs: Any) -> Any:
    # By hand: pickle looks classes up by name, and this one is made while the bot runs.
    def reduce(self: Exception) -> tuple[Any, ...]:
        return _rebuild, (ours, theirs, self.args), self.__dict__

    names = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__reduce__": reduce}
    return type(ours.__name__, (ours, theirs), names)


def _rebuild(ours: Any, theirs: Any, arguments: tuple[Any, ...]) -> Any:
    return _combined_type(ours, theirs)(*arguments)
