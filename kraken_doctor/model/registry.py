"""What registers itself by standing in a module of its package: checks, rules."""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def found_in(package: ModuleType, kind: type[T]) -> tuple[T, ...]:
    """Return all values of a *kind* in the modules of *package*, each once; its catalogue, which asks, is left out."""
    names = (f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__))
    # In the order of their names, which means nothing: checks have a position, and causes the catalogue's order.
    modules = [importlib.import_module(name) for name in names if not name.endswith(".catalogue")]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, kind))
    return tuple({id(value): value for value in found}.values())
