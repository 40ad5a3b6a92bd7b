"""The run's checks against a real exchange, or none; and the catalogue."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from kraken_doctor.checks import clock, connection, host
from kraken_doctor.checks.base import Instruments, RunSettings
from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.findings import Outcome
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import Response, refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer


@pytest.fixture
def context(server: SandboxServer) -> Iterator[Instruments]:
    import krakenex

    made = Instruments(
        settings=RunSettings(api_url=server.url, timeout_s=1.0),
        clock=SystemClock(),
        store=open_store("memory://"),
        make_http=requests.Session,
        krakenex=lambda: krakenex,
    )
    yield made
    made.close()


def with_settings(context: Instruments, **changes: Any) -> Instruments:
    context.settings = RunSettings(api_url=context.settings.api_url, timeout_s=1.0, **changes)
    return context


def values(finding: Any) -> dict[str, Any]:
    return {fact.name: fact.value for fact in finding.evidence}


def test_krakenex_is_in_order(context: Instruments) -> None:
    """The tested version, with its hook."""
    finding = host.krakenex.run(context)
    assert (finding.outcome, finding.summary) == (Outcome.PASS, "2.2.2, nonce hook present")


def test_another_krakenex_is_a_warning(context: Instruments) -> None:
    """While the hook is there."""
    import krakenex

    newer = types.SimpleNamespace(API=krakenex.API, version=types.SimpleNamespace(__version__="2.3.0"))
    context.krakenex = lambda: newer  # type: ignore[return-value, assignment]
    assert host.krakenex.run(context).outcome is Outcome.WARN


def test_a_krakenex_without_the_hook_fails(context: Instruments) -> None:
    """And what is missing is named."""
    context.krakenex = lambda: types.SimpleNamespace(API=object)  # type: ignore[return-value, assignment]
    finding = host.krakenex.run(context)
    assert finding.outcome is Outcome.FAIL
    assert "_nonce" in values(finding)["krakenex.missing_hooks"]
    context.krakenex = types.SimpleNamespace  # type: ignore[assignment]
    assert values(host.krakenex.run(context))["krakenex.missing_hooks"] == ("API",)


def test_no_krakenex_fails(context: Instruments) -> None:
    """In Python's own words."""

    def missing() -> types.ModuleType:
        raise ModuleNotFoundError("No module named 'krakenex'")

    context.krakenex = missing
    finding = host.krakenex.run(context)
    assert finding.outcome is Outcome.FAIL
    assert values(finding)["krakenex.error"] == "No module named 'krakenex'"


def test_a_store_that_can_not_be_written_fails(context: Instruments) -> None:
    """Nothing is issued from it; and the check itself moves no mark."""
    assert host.store.run(context).outcome is Outcome.PASS
    assert context.store.mark("kraken-doctor") is None

    class ReadOnly(MemoryStore):
        def remember(self, key_id: str, name: str, value: str) -> None:
            raise NonceStoreError("attempt to write a readonly database")

    context.store = ReadOnly()
    finding = host.store.run(context)
    assert finding.outcome is Outcome.FAIL
    assert "readonly" in values(finding)["store.error"]


def test_a_store_that_only_env_files_name_is_said(context: Instruments) -> None:
    """A bot's library reads none: doctor and bot would keep two marks of one key."""
    assert host.store.run(context).summary == "memory, writable"
    context.store_source = "KRAKEN_NONCE_STORE (.env)"
    assert "(.env), which a bot's library does not load" in host.store.run(context).summary


def test_the_way_is_open(context: Instruments, server: SandboxServer) -> None:
    """Addresses, TCP and one public call, each with its time."""
    finding = connection.path.run(context)
    assert finding.outcome is Outcome.PASS
    assert values(finding)["path.dns.addresses"] == ("127.0.0.1",)
    assert values(finding)["path.latency"] > 0
    assert server.exchange.requests == ["GET /0/public/Time"]


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (Response(b"<html>", 403), "edge-blocked"),
        (Response(b"<html>", 520), "edge-error"),
        (Response(b"", 429), "exchange-throttled"),
        (Response(b"<html>hello"), "response-invalid"),
        (Response(b'{"error":[]}'), "response-invalid"),
        (Response(b'{"error":[],"result":[]}'), "response-invalid"),
        (Response(b"", reset=True), "connection-reset"),
        (Response(b"", delay_s=1.3), "read-timeout"),
    ],
)
def test_the_step_that_fails_is_named(
    context: Instruments, server: SandboxServer, response: Response, failure: str
) -> None:
    """By its cause's id, with what was reached before it."""
    server.exchange.interceptors.append(lambda request: response)
    finding = connection.path.run(context)
    assert finding.outcome is Outcome.FAIL
    assert values(finding)["path.failure"] == failure
    assert "path.tcp.seconds" in values(finding)


def test_an_exchange_that_refuses_has_been_reached(context: Instruments, server: SandboxServer) -> None:
    """Its own word is evidence about it, not about the way."""
    server.exchange.interceptors.append(lambda request: refusal("EService:Unavailable"))
    finding = connection.path.run(context)
    assert finding.outcome is Outcome.PASS
    assert values(finding)["path.error"] == "EService:Unavailable"
    assert connection.exchange.run(context).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("online", Outcome.PASS), ("maintenance", Outcome.FAIL), ("cancel_only", Outcome.WARN),
        ("post_only", Outcome.WARN), ("limit_only", Outcome.WARN), ("something_new", Outcome.WARN),
    ],
)  # fmt: skip
def test_the_exchanges_own_status(context: Instruments, server: SandboxServer, status: str, outcome: Outcome) -> None:
    """What this version does not know is a warning."""
    server.exchange.status = status
    assert connection.exchange.run(context).outcome is outcome


def test_a_public_call_is_made_once_a_run(context: Instruments, server: SandboxServer) -> None:
    """The clock and the way share one answer."""
    connection.path.run(context)
    clock.clock.run(context)
    assert server.exchange.requests == ["GET /0/public/Time"]


@pytest.mark.parametrize(
    ("offset_s", "outcome"), [(0.0, Outcome.PASS), (5.0, Outcome.WARN), (-5.0, Outcome.WARN), (0.7, Outcome.PASS)]
)
def test_the_clock_against_a_time_server(
    context: Instruments, server: SandboxServer, offset_s: float, outcome: Outcome
) -> None:
    """Over the limit on either side, error bound taken into account."""
    server.exchange.clock_offset_s = offset_s
    with SandboxNtpServer(offset_s=offset_s) as ntp:
        finding = clock.clock.run(with_settings(context, ntp_servers=(ntp.address,)))
    assert finding.outcome is outcome
    assert abs(values(finding)["clock.offset"] - offset_s) < 0.25


def test_one_lying_server_is_outvoted(context: Instruments) -> None:
    """And named."""
    with SandboxNtpServer() as a, SandboxNtpServer() as b, SandboxNtpServer(offset_s=3600) as liar:
        finding = clock.clock.run(with_settings(context, ntp_servers=(a.address, liar.address, b.address)))
    assert finding.outcome is Outcome.PASS
    assert values(finding)["clock.ntp.falsetickers"] == (liar.address,)


def test_the_exchange_stands_in_for_time_servers(context: Instruments, server: SandboxServer) -> None:
    """Coarse, but enough for an hour; and close to nothing it may be inconclusive, never wrong."""
    assert clock.clock.run(context).outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)
    server.exchange.clock_offset_s = 3600
    context.__dict__.pop("api")
    assert clock.clock.run(context).outcome is Outcome.WARN


def test_without_any_source_there_is_no_verdict(context: Instruments, server: SandboxServer) -> None:
    """An unknown clock is not a good clock."""
    server.exchange.interceptors.append(lambda request: refusal("EService:Unavailable"))
    assert clock.clock.run(context).outcome is Outcome.INCONCLUSIVE


def test_the_catalogue_is_in_order() -> None:
    """A check stands below what it needs, and says what it costs."""
    seen: set[str] = set()
    for check in CATALOGUE:
        assert set(check.needs) <= seen, check.id
        seen.add(check.id)
    assert len(seen) == len(CATALOGUE)
    assert sum(check.private_calls for check in CATALOGUE) <= RunSettings(api_url="").private_call_budget
