"""State that a forked child must not share with its parent, nor a signal handler with what it interrupts."""

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from kraken_doctor.errors import NonceStoreError

T = TypeVar("T")

_process = object()


def process() -> object:
    """Return an object that stands for this process. Its id won't do: a descendant may get that of a dead ancestor."""
    return _process


class PerProcess(Generic[T]):
    """
    One *T* a process, made when that process first asks.

    A connection, a lock or a turn that came along through ``fork`` is still the parent's: using it mixes the
    two up, closing it can break the parent's, and believing in it gives two holders of one turn.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[object, T] = {}

    def get(self) -> T:
        """Return this process's own *T*."""
        found = self._made.get(_process)
        # setdefault is atomic: of two threads that come first, both get the same one.
        return found if found is not None else self._made.setdefault(_process, self._make())


def refuse_reentry(lock: Any) -> None:
    """
    Raise where this thread holds *lock*: a signal handler that waited for what it interrupted would wait for ever.

    Raises:
        NonceStoreError: It is.
    """
    if lock._is_owned():  # noqa: SLF001 - as threading.Condition does
        raise NonceStoreError(
            "the nonce store is already in use in this thread: a signal handler or a hook calls into it"
        )


def _forked() -> None:
    global _process  # noqa: PLW0603 - there is one process
    _process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
