"""The doctor's own host: krakenex, clock, nonce store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.redact import key_id
from kraken_doctor.sandbox.faults.base import Fault, Inject, no_op
from kraken_doctor.sandbox.scenarios import Scenario

_HOUR_S = 3600.0


def _krakenex(change: Callable[[Any], Any]) -> Inject:
    def inject(scenario: Scenario) -> None:
        scenario.krakenex = change

    return inject


def _missing(_module: Any) -> Any:
    raise ImportError("No module named 'krakenex'")


def _older(module: Any) -> Any:
    return SimpleNamespace(API=module.API, version=SimpleNamespace(__version__="2.1.0"))


def _without_hook(_module: Any) -> Any:
    return SimpleNamespace(API=type("API", (), {}), version=SimpleNamespace(__version__="3.0.0"))


def _clock(offset_s: float) -> Inject:
    """All others are ahead by so much."""
    return lambda scenario: scenario.shift_clock(offset_s)


def _clock_behind_a_used_key(scenario: Scenario) -> None:
    """The bot ran where the clock was right, and has spent the nonces of this hour."""
    scenario.shift_clock(_HOUR_S)
    scenario.key().mark = round(scenario.exchange.now() * 1000)


def _clock_ahead_of_a_used_key(scenario: Scenario) -> None:
    """The bot of this host has spent the nonces of the hour to come."""
    scenario.shift_clock(-_HOUR_S)
    scenario.key().mark = round((scenario.exchange.now() + _HOUR_S) * 1000)


def _clocks_disagree(scenario: Scenario) -> None:
    """The time servers follow this host's clock; the exchange is an hour further."""
    scenario.exchange.clock_offset_s += _HOUR_S


def _no_time(scenario: Scenario) -> None:
    scenario.exchange.tells_time = False
    scenario.clocks = [{"silent": True}]


def _unwritable(scenario: Scenario) -> None:
    """A file stands where the folder of the store should be."""
    folder = Path(scenario.resources.enter_context(tempfile.TemporaryDirectory(prefix="kraken-doctor-")))
    (folder / "state").write_text("not a folder")
    scenario.store = lambda _store: open_store(f"sqlite:///{folder / 'state' / 'nonce.db'}")


def _store(name: str, text: str | None) -> Inject:
    """What is named as the store is a file with this text; a directory where it is None."""

    def inject(scenario: Scenario) -> None:
        path = Path(scenario.resources.enter_context(tempfile.TemporaryDirectory(prefix="kraken-doctor-"))) / name
        if text is None:
            path.mkdir()
        else:
            path.write_text(text)
        scenario.store = lambda _store: open_store(f"sqlite:///{path}")

    return inject


class _Unreachable:
    """A store that is asked over a network which does not lead to it."""

    name, path = "redis", "redis://127.0.0.1:6379/0"

    def __init__(self, _store: NonceStore) -> None:
        """Connect to nothing."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_arguments: Any) -> Any:
            raise NonceStoreError("nonce store redis: Error 111 connecting to 127.0.0.1:6379. Connection refused.")

        return fail


def _no_redis(scenario: Scenario) -> None:
    scenario.store = cast("Callable[[NonceStore], NonceStore]", _Unreachable)


class _Repeating:
    """A nonce store that gives one key the same nonce again and again."""

    def __init__(self, store: NonceStore, key_id: str) -> None:
        self._store, self._key_id = store, key_id
        self._first: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def advance(self, key_id: str, floor: int, *judging: Any) -> int:
        if key_id != self._key_id:
            return self._store.advance(key_id, floor, *judging)
        self._first = self._first or floor
        return self._first


def _repeats(scenario: Scenario) -> None:
    scenario.store = partial(_Repeating, key_id=key_id(scenario.key().api_key))


HOST = (
    Fault("krakenex-missing", "krakenex is not installed", _krakenex(_missing), "krakenex-missing", of_run=True),
    Fault("krakenex-untested", "an older krakenex, with the nonce hook", _krakenex(_older), "krakenex-untested", "warn", of_run=True),
    Fault("krakenex-incompatible", "a krakenex without the nonce hook", _krakenex(_without_hook), "krakenex-incompatible", of_run=True),
    Fault("nonce-generator-broken", "the nonce store gives a nonce twice", _repeats, "nonce-generator-broken"),
    Fault("nonce-generator-broken-krakenex", "the bot uses krakenex as it is", no_op, "nonce-generator-broken",
          command="nonce --target kraken_doctor.client.examples:plain"),
    Fault("nonce-generator-default", "it uses a krakenex whose own nonces rise", no_op, "nonce-generator-default", "warn",
          command="nonce --target kraken_doctor.client.examples:rising"),
    Fault("clock-behind", "this host's clock is half a minute behind", _clock(30), "clock-behind", "warn", of_run=True),
    Fault("clock-behind-nonce", "it is an hour behind, and the key was used where it is right", _clock_behind_a_used_key, "clock-behind"),
    Fault("clock-ahead", "this host's clock is half a minute ahead", _clock(-30), "clock-ahead", "warn", of_run=True),
    Fault("clock-ahead-nonce", "it is an hour ahead, and a bot here has spent its nonces", _clock_ahead_of_a_used_key, "clock-ahead"),
    Fault("clock-contradicted", "time servers and exchange are an hour apart", _clocks_disagree, "clock-unverified", "warn", of_run=True),
    Fault("clock-unverified", "nobody says what time it is", _no_time, "clock-unverified", "info", of_run=True),
    Fault("state-unwritable-redis", "the Redis of the nonces is not reached", _no_redis, "state-unwritable", of_run=True),
    Fault("state-unwritable-foreign", "another program's file is named as the store", _store("notes.txt", "no database " * 9),
          "state-unwritable", of_run=True),
    Fault("state-unwritable-folder", "a directory is named as the store", _store("state", None), "state-unwritable", of_run=True),
    Fault("state-unwritable", "the nonce store can't be written", _unwritable, "state-unwritable", of_run=True),
)  # fmt: skip
