"""
The fault lab: every fault that the doctor can name, and what is odd and healthy all the same.

A fault is a table in one of the TOML files beside this module, headed by its name, with the fields of `Fault`; what
else stands in it changes the scenario, see `CHANGES`. What the doctor should say of each stands there as text: the lab
knows nothing of the rules that it puts to the test.
"""

import copy
import tempfile
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.sandbox import endpoints, listeners
from kraken_doctor.sandbox.faults import special
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, answer, refusal
from kraken_doctor.sandbox.scenarios import USER, Scenario
from kraken_doctor.secret import key_id
from kraken_doctor.tables import load


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
    known = {"closed_port": listeners.closed_port(scenario.resources), "authority": listeners.AUTHORITY}
    scenario.variables |= {name: text.format(**known) for name, text in templates.items()}


def _respond(scenario: Scenario, values: dict[str, Any]) -> None:
    """Answer with ``body``, ``status``, … of `Response`, and what was asked is not looked at."""
    to, of_user = values.pop("to", ""), values.pop("of_user", False)
    _intercept(scenario, Response(values.pop("body", "").encode(), **values), to, of_user=of_user)


def _refuse(scenario: Scenario, values: dict[str, Any]) -> None:
    """Answer with an ``error``, which may hold the unix time half a minute from now."""
    error = values["error"].format(in_half_a_minute=f"{scenario.exchange.now() + 30:.0f}")
    _intercept(scenario, refusal(error), values.get("to", ""), of_user=values.get("of_user", False))


def _answer(scenario: Scenario, values: Mapping[str, str]) -> None:
    """Answer calls *to* an endpoint, judged as ever, with a ``result``: JSON, which may hold attributes of the key."""

    def respond(key: Key, request: Request) -> Response | None:
        if not request.path.endswith(f"/{values['to']}"):
            return None
        key.mark, key.accepted = int(request.fields()["nonce"]), key.accepted + 1
        return answer(result=endpoints.filled(key, 0, {}, result=values["result"]))

    special.at_each_call(scenario, respond)


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
    "answer": _answer,
    "special": lambda scenario, name: getattr(special, name)(scenario),
}
"""They are made in the order in which they stand in a fault's table."""


class Fault(NamedTuple):
    """One fault of the lab."""

    name: str
    """That of its cause, where it is the plainest form of it."""
    title: str
    changes: Mapping[str, Any]
    """By what they change, see `CHANGES`; empty where it is there anyway."""
    cause: str
    """What should be named first; empty where all is well."""
    severity: str = "fail"
    """``fail``, ``warn`` or ``info``."""
    of_run: bool = False
    """It concerns the whole run, not one account."""
    command: str = ""
    """The arguments that show it, where ``check --sandbox --fault NAME`` is not enough."""

    def inject(self, scenario: Scenario) -> None:
        """Change *scenario*, before it is served."""
        for name, values in self.changes.items():
            # A copy: some of them take values out, and a process may ask for a fault twice.
            CHANGES[name](scenario, copy.deepcopy(values))


def _faults(file: str) -> tuple[Fault, ...]:
    return tuple(_fault(name, table) for name, table in load(__file__, f"{file}.toml").items())


def _fault(name: str, table: dict[str, Any]) -> Fault:
    fields = {"cause": name} | {field: table[field] for field in Fault._fields if field in table}
    return Fault(name=name, changes={each: table[each] for each in table if each not in fields}, **fields)


SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Credentials": _faults("credentials"),
    "This host": _faults("host"),
    "The connection to the exchange": _faults("connection"),
    "The key": _faults("key"),
    "The nonce": _faults("nonce"),
    "Odd, and healthy": _faults("healthy_edge_cases"),
}

FAULTS: dict[str, Fault] = {fault.name: fault for section in SECTIONS.values() for fault in section}


def find(name: str) -> Fault:
    """
    Return the fault *name*.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in FAULTS:
        meant = did_you_mean(name, FAULTS)
        raise ConfigurationError(f"unknown fault {name[:40]!r}{meant} (kraken-doctor sandbox --list-faults lists them)")
    return FAULTS[name]
