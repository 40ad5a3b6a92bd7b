"""The client classes that a program imports, each with the adapter of its library."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from kraken_doctor.client.adapters import Adapter, adapters


def classes_in(module: ModuleType) -> Iterator[tuple[type, Adapter]]:
    """Yield the client classes that *module* defines."""
    for adapter in adapters():
        if module.__name__ in adapter.modules:
            found = (getattr(module, name, None) for name in adapter.classes)
            yield from ((cls, adapter) for cls in found if isinstance(cls, type))
