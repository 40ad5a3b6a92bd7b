"""Whatever is wrong, the doctor does nothing that could make it worse: what the exchange saw, in every fault."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import NamedTuple

import pytest

from kraken_doctor.clock import SystemClock
from kraken_doctor.doctor import sandbox_env
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.sandbox.faults import FAULTS
from kraken_doctor.sandbox.keys import demo_credentials
from kraken_doctor.sandbox.messages import Request, Response
from kraken_doctor.sandbox.scenarios import MICROSECONDS, Scenario
from tests.conftest import Run

# The closed list. Adding an endpoint here is a decision: it must be read-only, and worth a call.
PUBLIC = {"GET /0/public/Time", "GET /0/public/SystemStatus"}
PRIVATE = {"POST /0/private/GetApiKeyInfo", "POST /0/private/Balance"}

MOST_PRIVATE_CALLS = 4
"""Per account and run: under a third of what the counter of a starter key at rest has room for."""

MOST_PUBLIC_CALLS = 6
"""Time and SystemStatus, each up to three times where the first failure may be chance."""

FINAL = {"EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied", "EGeneral:Temporary lockout"}

SHOWN_BY_CHECK = [fault for fault in FAULTS.values() if fault.changes or not fault.command]


class Seen(NamedTuple):
    """A request, as the exchange met it, and its answer."""

    line: str
    key: str
    nonce: int
    errors: tuple[str, ...]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """Everything that reaches the exchange of a run that the command line makes."""
    found: list[Seen] = []
    real = sandbox_env.build_scenario

    def make(faults: tuple[str, ...]) -> Scenario:
        scenario = real(faults)
        handle = scenario.exchange.handle

        def watched(request: Request) -> Response:
            response = handle(request)
            try:
                errors = tuple(json.loads(response.body).get("error", ()))
            except ValueError:
                errors = ("no JSON",)
            nonce = int(request.fields().get("nonce", 0))
            found.append(Seen(f"{request.method} {request.path}", request.headers.get("api-key", ""), nonce, errors))
            return response

        scenario.exchange.handle = watched  # type: ignore[method-assign]
        return scenario

    monkeypatch.setattr(sandbox_env, "build_scenario", make)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("retry", [(), ("--retry", "--retry-base", "0.05")], ids=["once", "retry"])
@pytest.mark.parametrize("fault", SHOWN_BY_CHECK, ids=lambda fault: fault.name)
def test_in_every_fault(doctor: Run, seen: list[Seen], fault: object, retry: tuple[str, ...]) -> None:
    """Few calls, of the closed list; nothing final is tried again; no nonce above what the rule allows."""
    name = fault.name  # type: ignore[attr-defined]
    ended = doctor("check", "--sandbox", "--fault", name, "--timeout", "0.4", "-o", "json", *retry)
    calls = defaultdict(list)
    for request in seen:
        calls[request.key].append(request)
    assert {request.line for request in calls.pop("", [])} <= PUBLIC
    assert sum(not request.key for request in seen) <= MOST_PUBLIC_CALLS
    for made in calls.values():
        assert {request.line for request in made} <= PRIVATE
        assert len(made) <= MOST_PRIVATE_CALLS
        assert sum(request.errors == ("EAPI:Invalid nonce",) for request in made) <= 2
        for request, following in itertools.pairwise(made):
            # GetApiKeyInfo needs no permission: that it is denied decides nothing, and Balance is asked once.
            lines = request.line.rpartition("/")[2], following.line.rpartition("/")[2]
            final = FINAL - {"EGeneral:Permission denied"} if lines == ("GetApiKeyInfo", "Balance") else FINAL
            assert not final & set(request.errors), f"{following.line} after {request.errors}"
        assert_nonces_are_small(made, wrong_clock="clock" in name)
    # What is shown is what was done.
    shown = sum(account["private_calls"] for account in json.loads(ended.stdout)["accounts"])
    assert shown == sum(len(made) for made in calls.values())


def assert_nonces_are_small(made: list[Seen], *, wrong_clock: bool) -> None:
    """Milliseconds; microseconds only after milliseconds were refused by a clock that is right, or if declared."""
    of_a_bot = made[0].key == demo_credentials(MICROSECONDS)[0]
    declared = of_a_bot or (made[0].nonce > 10**15 and len(made) == 2 and not made[0].errors)
    for position, request in enumerate(made):
        unit = NonceUnit.of_mark(request.nonce, SystemClock().now_ns())
        if unit is NonceUnit.US and not declared:
            assert not wrong_clock
            assert any(before.errors == ("EAPI:Invalid nonce",) for before in made[:position])
        else:
            assert unit in (NonceUnit.MS, NonceUnit.US if declared else NonceUnit.MS)


def test_a_lockout_ends_it(doctor: Run, seen: list[Seen]) -> None:
    """The one call that met it is the last of that account; the others go on."""
    doctor("check", "--sandbox", "--fault", "temporary-lockout", "--retry", "--retry-base", "0.05")
    by_key = defaultdict(list)
    for request in seen:
        by_key[request.key].append(request)
    locked = [made for made in by_key.values() if made[0].errors == ("EGeneral:Temporary lockout",)]
    assert [len(made) for made in locked] == [1]


def test_a_dry_run_asks_nobody_and_lists_what_a_run_asks(doctor: Run, seen: list[Seen]) -> None:
    """Every request that a run makes is on the list."""
    listed = doctor("check", "--sandbox", "--dry-run").stdout
    assert seen == []
    doctor("check", "--sandbox")
    assert seen
    for request in seen:
        assert request.line in listed


@pytest.mark.slow
def test_with_the_bots_store_the_bot_is_not_overtaken(doctor: Run, seen: list[Seen]) -> None:
    """A declared unit is kept, whatever the exchange answers: a finer nonce would shut the bot out."""
    for unit in ("ms", "us", "10ns", "ns"):
        seen.clear()
        doctor("check", "--sandbox", "--nonce-unit", unit, "--fault", "nonce-spent-jump")
        now_ns = SystemClock().now_ns()
        assert seen
        for request in seen:
            if request.key:
                assert request.nonce <= NonceUnit(unit).floor(now_ns)
