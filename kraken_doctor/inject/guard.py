"""
``run``: the private calls of a client that somebody else made, one at a time.

A client is changed when it is made, and the library's `install` is called with its first call: by then the program has
set what it sets, a nonce function of its own among it.
"""

import functools
import threading
from types import ModuleType
from typing import Any, NamedTuple

from kraken_doctor.client.adapters import Adapter, classes_in, install
from kraken_doctor.client.adapters.placing import place
from kraken_doctor.client.options import CallKeywords
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import ConfigurationError, NonceHookError
from kraken_doctor.inject import channel
from kraken_doctor.inject.hook import VARIABLES, complain
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.nonce.stores.perprocess import PerProcess
from kraken_doctor.secret import key_id


def loaded(module: ModuleType) -> None:
    """Change the client classes of *module*, so that each object is prepared once its class has made it."""
    for cls, adapter in classes_in(module):
        _wrap(cls, adapter)


def _wrap(cls: Any, adapter: Adapter) -> None:
    own = vars(cls).get("__init__")

    @functools.wraps(cls.__init__)
    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807 - it takes its place
        if own is not None:
            own(self, *arguments, **named)
        else:  # the next one in the order of a subclass, which may be another base of that
            super(cls, self).__init__(*arguments, **named)
        try:
            if not _is_ours(self):
                channel.send({"client": adapter.library})
                place(self, adapter.first_call(self), _FirstCall(adapter))
        except Exception as exc:  # noqa: BLE001 - the program is not ours: it goes on, whatever is wrong here
            _left(adapter, exc, "a {} client is left unchanged")

    cls.__init__ = __init__


def _is_ours(client: Any) -> bool:
    """Whether *client* was changed already, by the class before it in the order of inheritance, or is the library's."""
    cls = type(client)
    return "_kraken_doctor_base" in vars(cls) or any(kind.__module__[:14] == "kraken_doctor." for kind in cls.__mro__)


class _FirstCall(NamedTuple):
    """What `place` keeps with the class of a client that has made no call."""

    adapter: Adapter

    def before_first_call(self, client: Any, method: str) -> None:
        """
        Put the calls of *client* in order; *method* is the one that was called.

        Raises:
            ConfigurationError: It would take a demo key to another host than this one.
        """
        with _lock.get():
            if getattr(client, "_kraken_doctor", None) is not self:
                return  # another thread was first
            adapter = self.adapter
            base, patches = vars(type(client))["_kraken_doctor_base"]
            try:
                _refuse_overridden({**patches, **vars(client)}, method)
                unit = _own_unit(client, adapter)
                _refuse_finer_mark(str(getattr(client, adapter.credentials[0], "") or ""), unit)
                # No metrics: the program's own registry stays as it is. The command counts by what it is told. And no
                # retries: an order that the program takes for refused must not be made a minute later.
                options: CallKeywords = {"observers": (channel.tell,), "metrics": False, "retry": RetryPolicy.none()}
                options |= {"store": _store(), "unit": unit}
                install(client, strict=True, **options)
                client._kraken_doctor.tell = functools.cache(lambda name: _left(adapter, _hidden(name)))  # noqa: SLF001
            except Exception as exc:
                _left(adapter, exc)
                client.__class__ = base
                vars(client).update(patches)
                if isinstance(exc, ConfigurationError):
                    raise


_CLOSE_S = 60.0
"""What a client's own nonce may be off the clock that it is made of: a busy bot adds a tick a call, and no minute."""

_lock = PerProcess(threading.RLock)  # not the parent's: a thread that held it there is not here
_opened = functools.cache(open_store)


def _left(adapter: Adapter, why: Exception, words: str = "calls of a {} client are not serialised") -> None:
    complain(words.format(adapter.library), why)
    channel.send({"left": adapter.library})


def _hidden(method: str) -> NonceHookError:
    return NonceHookError(f"it overrides {method}, which stays in charge")


def _refuse_overridden(own: dict[str, Any], method: str) -> None:
    """
    Leave alone what the program itself has put around its calls: a dry run, a limit on orders, a log.

    Raises:
        NonceHookError: It has.
    """
    if method in own:
        raise _hidden(method)


def _refuse_finer_mark(key: str, unit: NonceUnit) -> None:
    """
    Refuse a mark in a finer unit that Kraken was never seen to accept: above it this client would lock itself out.

    Raises:
        NonceHookError: The store has such a mark for the key.
    """
    identity, now_ns = key_id(key), SystemClock().now_ns()
    mark = _store().mark(identity) if key else None
    finer = NonceUnit.of_mark(mark, now_ns) if mark is not None else None
    if finer is None or finer.tick_ns >= unit.tick_ns:
        return
    from kraken_doctor.nonce.history import key_histories  # not for each start of a bot

    known = key_histories(_store(), [identity])[identity].nonce
    accepted = NonceUnit.of_mark(known, now_ns) if known is not None else None
    if accepted is None or accepted.tick_ns > finer.tick_ns:
        raise NonceHookError(
            f"the nonce store has a mark in {finer.words} for its key, but the client uses {unit.words}:"
            f" remove the store if no program uses {finer.words}"
        )


def _own_unit(client: Any, adapter: Adapter) -> NonceUnit:
    """
    Return the unit of the client's own nonces, so that it works on the same key without us as well.

    Raises:
        NonceHookError: They are no time in any unit; nobody could say what is to follow them.
    """
    nonce, now_ns = int(adapter.next_nonce(client)()), SystemClock().now_ns()
    unit = NonceUnit.of_mark(nonce, now_ns)
    # Counted from another year, or with years added, they look like a unit; ours would be far above or below them.
    if unit is None or abs(unit.lead_s(nonce, now_ns)) > _CLOSE_S:
        raise NonceHookError("its nonces do not follow the clock")
    return unit


def _store() -> NonceStore:
    return _opened(VARIABLES["KRAKEN_DOCTOR_HOOK_STORE"])
