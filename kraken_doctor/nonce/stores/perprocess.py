"""State that a forked child must not share with its parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """
    One *T* a process, made when that process first asks.

    A connection, a lock or a turn that came along through ``fork`` is still the parent's: using it mixes the
    two up, closing it can break the parent's, and believing in it gives two holders of one turn.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._by_pid: dict[int, T] = {}

    def get(self) -> T:
        """This process's own."""
        pid = os.getpid()
        found = self._by_pid.get(pid)
        # setdefault is atomic: of two threads that come first, both get the same one.
        return found if found is not None else self._by_pid.setdefault(pid, self._make())
