"""The client classes that the hook knows, and how their objects are reached when they are made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from kraken_doctor.inject.imports import complain


class Kind(NamedTuple):
    """One client library."""

    name: str
    classes: tuple[str, ...]
    """In the module that defines them."""
    nonces: tuple[str, ...]
    """The methods that give a nonce; the first that an object has is the one it uses."""


_CCXT = Kind("ccxt", ("kraken",), ("incrementing_nonce", "nonce"))
KINDS = {
    "krakenex.api": Kind("krakenex", ("API",), ("_nonce",)),
    "ccxt.kraken": _CCXT,
    "ccxt.async_support.kraken": _CCXT,
    "ccxt.pro.kraken": _CCXT,
    "kraken.base_api": Kind("python-kraken-sdk", ("SpotClient", "SpotAsyncClient"), ("get_nonce",)),
}
"""By module."""


def when_made(module: ModuleType, act: Callable[[Any, Kind], None]) -> None:
    """Call *act* with each object of *module*'s client classes and their subclasses, once its class has made it."""
    kind = KINDS[module.__name__]
    for name in kind.classes:
        if isinstance(cls := getattr(module, name, None), type):
            _wrap(cls, kind, act)


def _wrap(cls: Any, kind: Kind, act: Callable[[Any, Kind], None]) -> None:
    own = vars(cls).get("__init__")

    @functools.wraps(cls.__init__)
    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807 - it takes its place
        if own is not None:
            own(self, *arguments, **named)
        else:  # the next one in the order of a subclass, which may be another base of that
            super(cls, self).__init__(*arguments, **named)
        try:
            if not _is_ours(self):
                act(self, kind)
        except Exception as exc:  # noqa: BLE001 - the program is not ours: it goes on, whatever is wrong here
            complain(f"a {kind.name} client is left as it is", exc)

    cls.__init__ = __init__


def _is_ours(client: Any) -> bool:
    """Whether *client* was changed already, by the class before it in the order of inheritance, or is the library's."""
    cls = type(client)
    return "_kraken_doctor_base" in vars(cls) or any(
        base.__module__.startswith("kraken_doctor.") for base in cls.__mro__
    )
