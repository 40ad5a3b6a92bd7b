"""Faults that no table can say: each function changes a scenario, and a table names it as ``special``."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from kraken_doctor.errors import NonceStoreError
from kraken_doctor.nonce.history import UNIT_NOTE_0_1
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.sandbox import listeners
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import STARTER, Key
from kraken_doctor.sandbox.messages import Request, Response
from kraken_doctor.sandbox.scenarios import USER, Scenario
from kraken_doctor.secret import key_id

_KEY = f"{USER}_API_KEY"


def line_in_yaml(scenario: Scenario) -> None:
    scenario.env_file_text = f"{_KEY}: {scenario.environ[_KEY]}\n"


def old_key_in_environment(scenario: Scenario) -> None:
    scenario.overrides[_KEY] = scenario.environ[_KEY][::-1]


def dead_proxy_in_file(scenario: Scenario) -> None:
    """Where the keys stand, so that a bot that loads the file goes by it."""
    scenario.env_file_mode = 0o600
    closed_port = listeners.closed_port(scenario.resources)
    scenario.env_file_text = f"http_proxy=http://demo:password@127.0.0.1:{closed_port}\n"


def proxy_refuses_login(scenario: Scenario) -> None:
    proxy = Exchange()
    proxy.interceptors.append(lambda _: Response(b"", 407))
    url = listeners.plain(scenario.resources, proxy, "127.0.0.1", 0)
    scenario.variables["http_proxy"] = url.replace("://", "://demo:password@")


def short_key(scenario: Scenario) -> None:
    """Let a key of unusual length work: Kraken promises none."""
    old = scenario.key()
    scenario.exchange.keys.pop(old.api_key, None)
    old.api_key = scenario.environ[_KEY] = old.api_key[:44]
    scenario.exchange.keys[old.api_key] = old


def delete_key(scenario: Scenario) -> None:
    scenario.exchange.keys.pop(scenario.key().api_key, None)


def exhaust_counter(scenario: Scenario) -> None:
    key = scenario.key()
    key.tier, key.counter, key.counter_at = STARTER, STARTER.maximum + 5, scenario.exchange.now()


def no_krakenex(scenario: Scenario) -> None:
    def missing(_module: Any) -> Any:
        raise ImportError("No module named 'krakenex'")

    scenario.krakenex = missing


def older_krakenex(scenario: Scenario) -> None:
    scenario.krakenex = lambda module: SimpleNamespace(API=module.API, version=SimpleNamespace(__version__="2.1.0"))


def krakenex_without_hook(scenario: Scenario) -> None:
    without = SimpleNamespace(API=type("API", (), {}), version=SimpleNamespace(__version__="3.0.0"))
    scenario.krakenex = lambda _module: without


class _Unreachable:
    """A store that is asked over a network which does not lead to it."""

    name, path = "redis", "redis://127.0.0.1:6379/0"

    def __getattr__(self, name: str) -> Any:
        def fail(*_arguments: Any) -> Any:
            # redis-py's own words, by which the remedy is chosen.
            raise NonceStoreError("nonce store redis: Error 111 connecting to 127.0.0.1:6379. Connection refused.")

        return fail


def no_redis(scenario: Scenario) -> None:
    scenario.store = lambda _store: cast("NonceStore", _Unreachable())


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


def store_repeats(scenario: Scenario) -> None:
    scenario.store = partial(_Repeating, key_id=key_id(scenario.key().api_key))


def noted_unit(scenario: Scenario) -> None:
    """Let version 0.1 have been here, and have found that microseconds are accepted."""
    identity = key_id(scenario.key().api_key)

    def prepared(store: NonceStore) -> NonceStore:
        store.remember(identity, UNIT_NOTE_0_1, "us")
        return store

    scenario.store = prepared


def followed_by_others(scenario: Scenario) -> None:
    """Follow each of our calls by one of somebody else, whose clock is a second ahead."""

    def follow(key: Key, _request: Request) -> None:
        if key.accepted:
            key.mark = max(key.mark, round((scenario.exchange.now() + 1) * 1000))

    at_each_call(scenario, follow)


def overtaken_once(scenario: Scenario) -> None:
    """Let one call of somebody else overtake our first."""

    def overtake(key: Key, _request: Request) -> None:
        if not key.refused:
            # Less than the second after which the doctor tries again: by then the time has passed it.
            key.mark = round((scenario.exchange.now() + 0.2) * 1000)

    at_each_call(scenario, overtake)


def slow_answers(scenario: Scenario) -> None:
    handle = scenario.exchange.handle

    def slowly(request: Any) -> Response:
        response = handle(request)
        return Response(response.body, response.status, response.headers, delay_s=0.3)

    scenario.exchange.handle = slowly  # type: ignore[method-assign]


def at_each_call(scenario: Scenario, act: Callable[[Key, Request], Response | None]) -> None:
    """Call *act* with the user's key and each request that has it; what it returns is the answer."""
    key = scenario.key()

    def intercept(request: Request) -> Response | None:
        return act(key, request) if request.headers.get("api-key") == key.api_key else None

    scenario.exchange.interceptors.append(intercept)
