"""
One module per client library: how it is recognised, installed on, called, and asked for a nonce.

`adapters` finds every module of this package, so a new client is one new file with one subclass of `Adapter`.
Their modules import the library itself only inside methods: none of them needs to be installed.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
import inspect
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from kraken_doctor.client.adapters.placing import place
from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import NonceHookError
from kraken_doctor.model.registry import found_in
from kraken_doctor.model.unit import NonceUnit

if TYPE_CHECKING:
    from kraken_doctor.client.options import CallKeywords, CallOptions

logger = logging.getLogger(__name__)


class Adapter(abc.ABC):
    """One client library."""

    name: ClassVar[str]
    """What reports call it."""
    hooks: ClassVar[tuple[str, ...]]
    """
    Methods that `install` replaces or relies on. An object without one of them has another implementation, on which a
    replacement could silently have no effect.
    """
    nonce_method: ClassVar[str]
    """The method that gives a client its nonces."""
    credentials: ClassVar[tuple[str, str]]
    """The attributes that hold API key and secret."""
    modules: ClassVar[tuple[str, ...]]
    """Those that define its classes: by them `run` and `sandbox` know that a program imports the library."""
    classes: ClassVar[tuple[str, ...]]
    """In each of the modules."""
    url: ClassVar[str]
    """The attribute that holds where requests go."""
    sends: ClassVar[str]
    """The method that sends a private call; of a client in an event loop it is a coroutine function."""
    session: ClassVar[str] = "session"
    """The attribute that holds what requests are sent through."""
    unit: ClassVar[NonceUnit | None] = None
    """What its clients count in by themselves; None where it is to be declared."""
    network_errors: ClassVar[tuple[str, str]] = ("requests:ConnectionError", "aiohttp:ClientConnectionError")
    """What a client raises where the network fails, and one in an event loop."""

    @property
    def library(self) -> str:
        """Return the library's name, without that of a class."""
        return self.name.partition(".")[0]

    def matches(self, client: Any) -> bool:
        """Return whether *client* is an object of this library, by what it has and not by its class."""
        return hasattr(client, self.credentials[0]) and not missing(client, self.hooks)

    def unsupported(self, client: Any) -> str:
        """Return why `install` can't be used on *client*, which matches; empty where it can."""
        names = missing(client, self.hooks)
        return f"no {', '.join(names)} in {type_name(client)}" if names else ""

    @abc.abstractmethod
    def methods(self, client: Any) -> Any:
        """Return the class whose methods take precedence over those of *client*; it has ``doctor_key_and_url``."""

    @abc.abstractmethod
    def first_call(self, client: Any) -> type[FirstCall]:
        """Return the class whose method stands before the first call of *client*, where `run` has prepared it."""

    def in_loop(self, client: Any) -> bool:
        """Return whether *client* makes its calls in an event loop."""
        return inspect.iscoroutinefunction(getattr(type(client), self.sends))

    def network_error(self, client: Any) -> type[Exception]:
        """Return what *client* raises where the network fails: a bot retries that, and so our own errors too."""
        error: type[Exception] = pkgutil.resolve_name(self.network_errors[self.in_loop(client)])
        return error

    def own_unit(self, client: Any) -> NonceUnit | None:
        """Return the unit that *client* is to count in where nobody says so; None for the library's default."""
        # A generator of the program's that counts in a finer unit than its library has had its nonces accepted: the key
        # takes nothing coarser any more.
        with contextlib.suppress(Exception):  # their code
            unit = NonceUnit.of_mark(int(self.next_nonce(client)()), SystemClock().now_ns())
            if unit is not None and unit.tick_ns < (self.unit or NonceUnit.US).tick_ns:
                return unit
        return self.unit

    def tracker(self, client: Any, options: CallOptions) -> Any:
        """Return what tracks the calls of *client*: ``_kraken_doctor`` of the object."""
        from kraken_doctor.client.foreign import ForeignTracker

        return ForeignTracker(options, self.network_error(client))

    def install(self, client: Any, options: CallKeywords) -> None:
        """
        Replace the nonce generator of *client* and serialize its private calls; a second time changes *options* only.

        Raises:
            NonceHookError: It can't be done on this object; the text says why.
            ConfigurationError: *client* would take a demo key to another host than this one.
        """
        # They load requests, and `run` asks for the names of modules alone.
        from kraken_doctor.client.options import CallOptions
        from kraken_doctor.client.safety import refuse_demo_key

        if problem := self.unsupported(client):
            raise NonceHookError(problem)
        methods = self.methods(client)
        refuse_demo_key(*methods.doctor_key_and_url(client))
        before = getattr(getattr(client, "_kraken_doctor", None), "options", None)
        # Installed once more, say with another store: what is not named stays as it was.
        if isinstance(before, CallOptions):
            chosen = dataclasses.replace(before, **options)
        else:
            if "unit" not in options and (unit := self.own_unit(client)) is not None:
                options["unit"] = unit
            chosen = CallOptions(**options)
        tracker = self.tracker(client, chosen)
        # `place` keeps it in the class that it makes; on the object itself it is a `KrakenClient`'s.
        if "_kraken_doctor" in getattr(client, "__dict__", {}):
            client._kraken_doctor = tracker  # noqa: SLF001 - ours
        else:
            place(client, methods, tracker)

    @abc.abstractmethod
    def private_call(self, client: Any) -> Any:
        """Make a ``Balance`` call of *client*, or return what is to be awaited for it."""

    def next_nonce(self, client: Any) -> Callable[[], Any]:
        """Return what gives *client* its nonces."""
        method: Callable[[], Any] = getattr(client, self.nonce_method)
        return method

    def replaced(self, client: Any) -> bool | None:
        """Return whether the nonce hook of *client* is no longer the library's own; None where it has no hook."""
        return None


class FirstCall:
    """
    Call ``_kraken_doctor.before_first_call`` when a client's *method* is called, and then go on with the method.

    Args:
        method: The one that signs, or makes, a private call.
        in_loop: It is a coroutine function, and is to look like one.
    """

    def __init_subclass__(cls, *, method: str = "", in_loop: bool = False) -> None:
        if not method:
            return  # the class that `place` makes of it and a client's own

        # Goes on with the method of the class that the object has by then. Not with the object's own: that may be the
        # program's wrapper around the method here, which would call itself for ever.
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            _before_first_call(self, method)
            return getattr(type(self), method)(self, *arguments, **named)

        async def call_in_loop(self: Any, *arguments: Any, **named: Any) -> Any:
            _before_first_call(self, method)
            return await getattr(type(self), method)(self, *arguments, **named)

        setattr(cls, method, call_in_loop if in_loop else call)


def _before_first_call(client: Any, method: str) -> None:
    # Not there any more where another call was first, and a wrapper of the program's still leads here.
    if before := getattr(getattr(client, "_kraken_doctor", None), "before_first_call", None):
        before(client, method)


@functools.cache
def adapters() -> tuple[Adapter, ...]:
    """Return one adapter for each module of this package."""
    # By what lies in the folder: a list of names here would be a second file to touch for a new client.
    kinds = found_in(sys.modules[__name__], abc.ABCMeta)
    return tuple(kind() for kind in kinds if issubclass(kind, Adapter) and kind is not Adapter)


def find_adapter(client: Any) -> Adapter | None:
    """Return the adapter for the object *client*; None if it belongs to no known library."""
    if isinstance(client, type):
        return None
    return next((adapter for adapter in adapters() if adapter.matches(client)), None)


def missing(client: Any, names: Iterable[str]) -> list[str]:
    """Return the *names* that *client* has no method of."""
    return [name for name in names if not callable(getattr(client, name, None))]


def type_name(client: Any) -> str:
    """Return the full name of the class of *client*, for messages."""
    return f"{type(client).__module__}.{type(client).__qualname__}"


def classes_in(module: ModuleType) -> Iterator[tuple[type, Adapter]]:
    """Yield the client classes that *module* defines."""
    for adapter in adapters():
        if module.__name__ in adapter.modules:
            found = (getattr(module, name, None) for name in adapter.classes)
            yield from ((cls, adapter) for cls in found if isinstance(cls, type))


def install(api: Any, *, strict: bool = False, **options: Unpack[CallKeywords]) -> bool:
    """
    Replace the nonce generator of *api* and put its private calls in order.

    Only this object changes, and what is copied or unpickled from it; a copy with another key uses that key. Once more
    on the same object changes only the *options* that are named then.

    Args:
        api: A ``krakenex.API``; or a ``ccxt.kraken`` or a spot client of python-kraken-sdk, whose own
            retries and exceptions stay as they are.
        strict: Raise where False would be returned.
        options: The fields of `CallOptions`: store, unit, timeout, retry, otp, in_order, … Without a unit it is
            ``KRAKEN_NONCE_UNIT``, else microseconds; for an object that has its own nonces in a finer unit, and for a
            client of another maker, its own.

    Returns:
        True when installed. False, with the reason in the log, when *api* has no nonce hook, is no client of Kraken's
        spot API, or has a ``query_private`` of the program's own, which would not be called.

    Raises:
        NonceHookError: With *strict*, in that case.
        ConfigurationError: *api* would take a demo key of the sandbox to another host; or a variable of the
            environment can't be used.
    """
    from kraken_doctor.client.observers import log_safely

    try:
        _install(api, options)
    except NonceHookError as exc:
        log_safely(logger, logging.ERROR, "❌ Failed to override nonce generator: %s", exc)
        if strict:
            raise NonceHookError(f"the nonce generator can't be installed: {exc}") from None
        return False
    log_safely(logger, logging.DEBUG, "✅ Custom nonce generator installed")
    return True


def _install(api: Any, options: CallKeywords) -> None:
    if isinstance(api, type):
        raise NonceHookError(f"{api.__qualname__} is a class: pass the object that your bot uses")
    adapter = find_adapter(api)
    if adapter is None:
        # pykrakenapi.KrakenAPI keeps the krakenex object there.
        inner = find_adapter(getattr(api, "api", None))
        if inner is not None:
            raise NonceHookError(f"{type_name(api)} only wraps a {inner.name}: pass that, its .api")
        known = ", ".join(adapter.name for adapter in adapters())
        raise NonceHookError(f"{type_name(api)} is not a client of a supported library ({known})")
    adapter.install(api, options)
