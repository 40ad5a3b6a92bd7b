"""
Frozen dataclasses that cost little to define.

`dataclasses.dataclass` writes six methods for each class, and before Python 3.13 compiles them one by one: for the two
dozen classes of a short run that took a tenth of its time. Here all classes share them.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: Literal[True], kw_only: bool = False) -> Callable[[type], type]:  # noqa: ARG001
        """Stand in for ``dataclasses.dataclass``: its fields and functions are those of any dataclass."""

        def decorate(cls: type) -> type:
            dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
            for name, method in {"__init__": _constructor(cls), **_METHODS}.items():
                setattr(cls, name, method)
            return cls

        return decorate


def _constructor(cls: Any) -> Callable[..., None]:
    fields: dict[str, dataclasses.Field[Any]] = cls.__dataclass_fields__
    names = [name for name, field in fields.items() if not field.kw_only]
    given = {name: (field.default, field.default_factory) for name, field in fields.items()}
    defaults = {name: value for name, (value, _) in given.items() if value is not dataclasses.MISSING}
    factories = {name: make for name, (_, make) in given.items() if make is not dataclasses.MISSING}

    def __init__(self: object, /, *values: object, **named: object) -> None:  # noqa: N807
        state = self.__dict__
        state.update(defaults)
        if values:
            state.update(zip(names, values, strict=False))
        state.update(named)
        for name, make in factories.items():
            if name not in state:
                state[name] = make()
        if len(state) != len(fields) or len(values) > len(names):
            raise TypeError(f"{cls.__name__}: {', '.join(state)} and {len(values)} values for {', '.join(fields)}")

    return __init__


class _Methods:
    __dataclass_fields__: dict[str, dataclasses.Field[Any]]

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name, field in self.__dataclass_fields__.items() if field.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {name: vars(_Methods)[name] for name in ("__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")}


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, name) for name in value.__dataclass_fields__)
