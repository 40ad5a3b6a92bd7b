"""The connection to the exchange as evidence: each step with its own, and no verdict from one sample."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from kraken_doctor.checks import connection
from kraken_doctor.checks.base import CheckOutcome, Instruments, RunSettings
from kraken_doctor.clock import SystemClock
from kraken_doctor.doctor.instruments import make_session
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.model.findings import Outcome
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox import listeners
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import Response, refusal
from tests.network import certificates
from tests.network.proxies import EXCHANGE, Proxy
from tests.network.wild import WildServer, dead_address, page


@pytest.fixture
def contexts() -> Iterator[Any]:
    made: list[Instruments] = []

    def make(url: str, environ: dict[str, str] | None = None, timeout_s: float = 2.0) -> Instruments:
        variables = environ or {}
        context = Instruments(
            settings=RunSettings(api_url=url, timeout_s=timeout_s),
            clock=SystemClock(),
            store=open_store("memory://"),
            make_http=lambda: make_session(RunRequest(command="check"), variables, url),
            krakenex=lambda: pytest,
            environ=variables,
        )
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


def values(finding: CheckOutcome) -> dict[str, Any]:
    return {fact.name: fact.value for fact in finding.evidence}


def test_each_step_has_its_evidence_and_time(
    contexts: Any, exchange: Exchange, tmp_path: Path, monkeypatch: Any
) -> None:
    """Addresses by family, TCP, TLS with its certificate, HTTP, the first byte."""
    authority = trustme.CA()
    environ = {"REQUESTS_CA_BUNDLE": str(certificates.bundle(tmp_path, authority))}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", environ["REQUESTS_CA_BUNDLE"])
    with SandboxServer(exchange, tls=certificates.server_context(authority)) as server:
        finding = connection.path.run(contexts(server.url, environ))
    found = values(finding)
    assert finding.outcome is Outcome.PASS
    assert (found["path.dns.addresses"], found["path.dns.ipv4"], found["path.dns.ipv6"]) == (("127.0.0.1",), 1, 0)
    assert (found["path.tcp.address"], found["path.tls.version"]) == ("127.0.0.1", "TLS 1.3")
    assert found["path.tls.issuer"].startswith("trustme")
    assert (found["path.tls.names"], found["path.tls.self_signed"]) == (("127.0.0.1",), False)
    assert found["path.tls.begins_in"] < 0 < found["path.tls.ends_in"]
    assert found["path.tls.authorities"] == environ["REQUESTS_CA_BUNDLE"]
    assert found["path.environment"] == (f"REQUESTS_CA_BUNDLE={environ['REQUESTS_CA_BUNDLE']}",)
    assert found["path.http.status"] == 200
    for part in ("dns.seconds", "tcp.seconds", "tls.seconds", "latency", "http.first_byte"):
        assert found[f"path.{part}"] > 0, part


def test_a_failure_that_may_be_chance_needs_two_samples(contexts: Any, server: SandboxServer) -> None:
    """One of three is a warning, that says how many; two of two fail, and a third is not asked for."""
    answers = [Response(b"", reset=True)]
    server.exchange.interceptors.append(lambda request: answers.pop(0) if answers else None)
    finding = connection.path.run(contexts(server.url))
    found = values(finding)
    assert finding.outcome is Outcome.WARN
    assert (found["path.samples"], found["path.samples.failed"], found["path.chance"]) == (3, 1, "connection-reset")
    assert server.exchange.requests == ["GET /0/public/Time"] * 3
    server.exchange.requests.clear()
    answers += [Response(b"", reset=True)] * 3
    finding = connection.path.run(contexts(server.url))
    found = values(finding)
    assert finding.outcome is Outcome.FAIL
    assert (found["path.failure"], found["path.samples"], found["path.samples.failed"]) == ("connection-reset", 2, 2)
    assert server.exchange.requests == [*["GET /0/public/Time"] * 2, "GET /0/public/SystemStatus"]


@pytest.mark.parametrize("check", [connection.path, connection.exchange])
@pytest.mark.parametrize("error", ["EService:Unavailable", "EService:Busy", "EGeneral:Internal error:5"])
def test_a_refusal_that_may_be_chance_needs_two_samples(
    contexts: Any, server: SandboxServer, check: Any, error: str
) -> None:
    """As a cut connection does; who asks to slow down is not asked again."""
    answers = [refusal(error)]
    server.exchange.interceptors.append(lambda request: answers.pop(0) if answers else None)
    finding = check.run(contexts(server.url))
    found = values(finding)
    assert finding.outcome is Outcome.WARN
    assert (found[f"{check.id}.samples"], found[f"{check.id}.chance.detail"]) == (3, error)
    answers += [refusal(error)] * 2
    found = values(check.run(contexts(server.url)))
    assert (found[f"{check.id}.error"], found[f"{check.id}.samples.failed"]) == (error, 2)
    server.exchange.requests.clear()
    answers.append(refusal("EGeneral:Too many requests"))
    check.run(contexts(server.url))
    assert len(server.exchange.requests) == 1


def test_two_of_three(contexts: Any, server: SandboxServer) -> None:
    """Cut, answered, cut: more often cut than not."""
    answers = [Response(b"", reset=True), None, Response(b"", reset=True)]
    server.exchange.interceptors.append(lambda request: answers.pop(0) if answers else None)
    found = values(connection.path.run(contexts(server.url)))
    assert (found["path.failure"], found["path.samples"], found["path.samples.failed"]) == ("connection-reset", 3, 2)


@pytest.mark.parametrize(("status", "requests"), [(403, 2), (429, 1), (451, 2)])
def test_who_refuses_is_not_asked_again(contexts: Any, server: SandboxServer, status: int, requests: int) -> None:
    """A quick retry makes an address look worse; another endpoint is asked, but of who asks to slow down."""
    server.exchange.interceptors.append(lambda request: Response(b"", status))
    assert connection.path.run(contexts(server.url)).outcome is Outcome.FAIL
    assert len(server.exchange.requests) == len(set(server.exchange.requests)) == requests


def test_the_status_needs_two_samples_too(contexts: Any, server: SandboxServer) -> None:
    """And what refuses for good needs one."""
    answers = [Response(b"<html>", 502)]
    server.exchange.interceptors.append(lambda request: answers.pop(0) if answers else None)
    finding = connection.exchange.run(contexts(server.url))
    assert (finding.outcome, values(finding)["exchange.chance"]) == (Outcome.WARN, "edge-error")
    server.exchange.requests.clear()
    answers.append(refusal("EGeneral:Unknown method"))
    assert connection.exchange.run(contexts(server.url)).outcome is Outcome.FAIL
    assert len(server.exchange.requests) == 1


def test_dead_ipv6_is_a_warning_with_its_cost(contexts: Any, server: SandboxServer, monkeypatch: Any) -> None:
    """The answer came over IPv4; programs that try one address after the other lose the time."""
    port = int(server.url.rpartition(":")[2])
    real = socket.getaddrinfo

    def both(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "both.example" and not options.get("flags"):
            return [*real("::1", *arguments, **options), *real("127.0.0.1", *arguments, **options)]
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with dead_address("::1", port):
        finding = connection.path.run(contexts(f"http://both.example:{port}", timeout_s=0.6))
    found = values(finding)
    assert finding.outcome is Outcome.WARN
    assert (found["path.dns.ipv4"], found["path.dns.ipv6"]) == (1, 1)
    assert (found["path.tcp.address"], found["path.tcp.dead"]) == ("127.0.0.1", ("::1: no answer",))
    assert found["path.tcp.dead_seconds"] >= 0.5


def test_an_address_that_refuses_costs_nothing(contexts: Any, server: SandboxServer, monkeypatch: Any) -> None:
    """A host that listens on IPv4 alone: nobody waits, so nobody is warned."""
    real = socket.getaddrinfo

    def both(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "both.example" and not options.get("flags"):
            return [*real("::1", *arguments, **options), *real("127.0.0.1", *arguments, **options)]
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    finding = connection.path.run(contexts(server.url.replace("127.0.0.1", "both.example")))
    assert finding.outcome is Outcome.PASS
    assert "path.tcp.dead" not in values(finding)


def test_behind_a_proxy_the_first_steps_are_the_proxys(
    contexts: Any, exchange: Exchange, tmp_path: Path, monkeypatch: Any
) -> None:
    """Its address, and then the exchange's certificate; no login in any of it."""
    authority, proxy = trustme.CA(), Proxy(login="daivon:sesame-0815")
    bundle = str(certificates.bundle(tmp_path, authority))
    with (
        WildServer(proxy) as between,
        SandboxServer(exchange, tls=certificates.server_context(authority, EXCHANGE)) as server,
    ):
        environ = {"HTTPS_PROXY": f"http://daivon:sesame-0815@127.0.0.1:{between.port}", "REQUESTS_CA_BUNDLE": bundle}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        finding = connection.path.run(contexts(server.url.replace("127.0.0.1", EXCHANGE), environ))
    found = values(finding)
    assert finding.outcome is Outcome.PASS
    assert found["path.proxy"] == f"http://127.0.0.1:{between.port}"
    assert found["path.tls.issuer"].startswith("trustme")
    assert "sesame-0815" not in repr(finding)
    assert len(proxy.asked) == 2, "once for the steps, once for the call"


def test_trust_by_openssls_variable_alone(contexts: Any, exchange: Exchange, tmp_path: Path) -> None:
    """It works here, and would not in a bot: krakenex and requests don't read it."""
    authority = trustme.CA()
    environ = {"SSL_CERT_FILE": str(certificates.bundle(tmp_path, authority))}
    with SandboxServer(exchange, tls=certificates.server_context(authority)) as server:
        finding = connection.path.run(contexts(server.url, environ))
        assert (finding.outcome, values(finding)["path.tls.without_variable"]) == (Outcome.WARN, "tls-untrusted")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{server.url}/0/public/Time", timeout=5)


def test_what_the_edge_said_is_evidence(contexts: Any) -> None:
    """Status, server, ray and title of the page."""
    blocked = page("403 Forbidden", "<title>Just a moment...</title>", Server="cloudflare", CF_RAY="8c1-FRA")
    with WildServer(blocked) as server:
        found = values(connection.path.run(contexts(server.url)))
    assert (found["path.failure"], found["path.http.status"], found["path.http.title"]) == (
        "edge-blocked",
        403,
        "Just a moment...",
    )
    assert (found["path.http.server"], found["path.http.ray"]) == ("cloudflare", "8c1-FRA")


def test_an_interceptor_is_named(contexts: Any, exchange: Exchange, tmp_path: Path, monkeypatch: Any) -> None:
    """By who signed the certificate in the exchange's place."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle(tmp_path, trustme.CA())))
    forged = certificates.server_context(trustme.CA(organization_name="Corporate Interception"))
    with SandboxServer(exchange, tls=forged) as server:
        found = values(connection.path.run(contexts(server.url)))
    assert (found["path.failure"], found["path.tls.issuer"]) == ("tls-untrusted", "Corporate Interception")
    assert found["path.tls.dates_alone"] is False
    assert exchange.requests == [], "nothing was sent to it"


def test_a_flaw_is_not_called_the_issuer(contexts: Any, exchange: Exchange, monkeypatch: Any) -> None:
    """A certificate whose issuer is trusted, with a weak key: no other CA bundle would help."""
    with contextlib.ExitStack() as stack:
        authorities = str(listeners.AUTHORITY)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authorities)
        url = listeners.tls("weak")(stack, exchange, "127.0.0.1", 0)
        found = values(connection.path.run(contexts(url, {"REQUESTS_CA_BUNDLE": authorities})))
    assert found["path.failure"] == "tls-failed"
    assert "too weak" in found["path.tls.problem"]
    assert found["path.tls.issuer"] == "kraken-doctor sandbox"
