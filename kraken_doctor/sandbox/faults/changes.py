"""What a fault may change in a scenario: one function for each name that stands in the tables of the lab."""

import tempfile
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kraken_doctor.clock import SystemClock
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.redact import key_id
from kraken_doctor.sandbox import listeners
from kraken_doctor.sandbox.faults import special
from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.sandbox.scenarios import USER, Scenario


def _set_on(which: Callable[[Scenario], Any]) -> Callable[[Scenario, Mapping[str, Any]], None]:
    """Return what sets the attributes of the object *which*; a list becomes a tuple, as a `Key` has them."""

    def set_attributes(scenario: Scenario, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(which(scenario), name, tuple(value) if isinstance(value, list) else value)

    return set_attributes


def _key_times(scenario: Scenario, seconds: Mapping[str, float]) -> None:
    """Set times of the user's key to so many *seconds* from now."""
    for name, offset_s in seconds.items():
        setattr(scenario.key(), name, scenario.exchange.now() + offset_s)


def _mark(scenario: Scenario, values: Mapping[str, float]) -> None:
    """Let the key have seen a nonce of so many ticks a second, from a clock that is so far ahead."""
    at = scenario.exchange.now() + values.get("ahead_s", 0)
    scenario.key().mark = round(at * values["per_second"])


def _store_mark(scenario: Scenario, values: Mapping[str, float]) -> None:
    """Let the store have issued such a nonce, and Kraken have ``accepted`` it or not."""
    identity, now_ns = key_id(scenario.key().api_key), SystemClock().now_ns()
    mark = round((now_ns / 1e9 + values.get("ahead_s", 0)) * values["per_second"])
    call = CallRecord(at_ns=now_ns, key_id=identity, unit="ms", nonce=mark, endpoint="Balance", outcome="ok",
                      latency_s=0.02, waited_s=0.0)  # fmt: skip

    def prepared(store: NonceStore) -> NonceStore:
        store.advance(identity, mark)
        if values.get("accepted"):
            store.record(call)
        return store

    scenario.store = prepared


def _store_in_place_of(scenario: Scenario, values: Mapping[str, str]) -> None:
    """Name as the store a *path* where, or in which, a *file* with *text* is, or a *folder*."""
    root = Path(scenario.resources.enter_context(tempfile.TemporaryDirectory(prefix="kraken-doctor-")))
    if "folder" in values:
        (root / values["folder"]).mkdir()
    else:
        (root / values["file"]).write_text(values["text"])
    scenario.store = lambda _store: open_store(f"sqlite:///{root / values['path']}")


def _environ(scenario: Scenario, templates: Mapping[str, str]) -> None:
    """Set variables of the accounts; *templates* may hold the user's key and secret."""
    key, secret = (scenario.environ.get(f"{USER}_API_{part}", "") for part in ("KEY", "SECRET"))
    known = {"key": key, "key_end": key[9:], "secret": secret, "quoted_secret": urllib.parse.quote(secret, safe="")}
    scenario.environ |= {name: text.format(**known) for name, text in templates.items()}


def _unset(scenario: Scenario, names: list[str]) -> None:
    for name in names:
        del scenario.environ[name]


def _variables(scenario: Scenario, templates: Mapping[str, str]) -> None:
    """Set variables that change the way there; *templates* may hold a port that is closed, and an authority's file."""
    resources = scenario.resources
    known = {"closed_port": listeners.closed_port(resources), "authority": listeners.authority(resources)}
    scenario.variables |= {name: text.format(**known) for name, text in templates.items()}


def _respond(scenario: Scenario, values: dict[str, Any]) -> None:
    """Answer with ``body``, ``status``, … of `Response`, and what was asked is not looked at."""
    to, of_user = values.pop("to", ""), values.pop("of_user", False)
    _intercept(scenario, Response(values.pop("body", "").encode(), **values), to, of_user=of_user)


def _refuse(scenario: Scenario, values: dict[str, Any]) -> None:
    """Answer with an ``error``, which may hold the unix time half a minute from now."""
    error = values["error"].format(in_half_a_minute=f"{scenario.exchange.now() + 30:.0f}")
    _intercept(scenario, refusal(error), values.get("to", ""), of_user=values.get("of_user", False))


def _intercept(scenario: Scenario, response: Response, to: str, *, of_user: bool) -> None:
    """Give *response* to requests whose path contains *to*; where it is *of_user*, to those of the user's key alone."""
    key = scenario.key().api_key if of_user else None

    def intercept(request: Request) -> Response | None:
        return response if to in request.path and key in (None, request.headers.get("api-key")) else None

    scenario.exchange.interceptors.append(intercept)


CHANGES: dict[str, Callable[[Scenario, Any], None]] = {
    "scenario": _set_on(lambda scenario: scenario),
    "exchange": _set_on(lambda scenario: scenario.exchange),
    "key": _set_on(Scenario.key),
    "key_times": _key_times,
    "shift_clock": Scenario.shift_clock,
    "clocks": lambda scenario, clocks: setattr(scenario, "clocks", clocks),
    "mark": _mark,
    "store_mark": _store_mark,
    "store_in_place_of": _store_in_place_of,
    "environ": _environ,
    "unset": _unset,
    "variables": _variables,
    "serve": lambda scenario, wire: setattr(scenario, "wire", getattr(listeners, wire)),
    "certificate": lambda scenario, name: setattr(scenario, "wire", listeners.tls(name)),
    "respond": _respond,
    "refuse": _refuse,
    "special": lambda scenario, name: getattr(special, name)(scenario),
}
"""They are made in the order in which they stand in a fault's table."""
