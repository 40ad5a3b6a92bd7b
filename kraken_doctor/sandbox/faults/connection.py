"""The way to the exchange, and the exchange's own state."""

from __future__ import annotations

from kraken_doctor.sandbox import listeners
from kraken_doctor.sandbox.faults.base import Fault, Inject, chain, private, refuse_with, respond_with
from kraken_doctor.sandbox.messages import Response
from kraken_doctor.sandbox.scenarios import Scenario

_FOREVER_S = 86_400.0


def _served(wire: listeners.Wire, *, trusted: bool = False) -> Inject:
    def inject(scenario: Scenario) -> None:
        scenario.wire = wire
        if trusted:
            scenario.variables["REQUESTS_CA_BUNDLE"] = str(listeners.authority(scenario.resources))

    return inject


def _dead_proxy(scenario: Scenario) -> None:
    port = listeners.closed_port(scenario.resources)
    scenario.variables["http_proxy"] = f"http://demo:password@127.0.0.1:{port}"


def _dead_proxy_for_all(scenario: Scenario) -> None:
    _dead_proxy(scenario)
    scenario.variables["all_proxy"] = scenario.variables.pop("http_proxy")


def _no_bundle(scenario: Scenario) -> None:
    _served(listeners.tls("other-host"))(scenario)
    scenario.variables["REQUESTS_CA_BUNDLE"] = "/nowhere/ca.pem"


def _html(status: int, title: str, **headers: str) -> Inject:
    """A page where the API's JSON should be, from whoever stands before the exchange."""
    body = f"<html><head><title>{title}</title></head></html>".encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond_with(lambda _: Response(body, status, {"Content-Type": "text/html", **named}))


def _status(status: str) -> Inject:
    def inject(scenario: Scenario) -> None:
        scenario.exchange.status = status

    return inject


def _throttled(scenario: Scenario) -> None:
    refuse_with(f"EService:Throttled:{scenario.exchange.now() + 30:.0f}", to="/private/")(scenario)


CONNECTION = (
    Fault("dns-failed", "the host's name does not exist", _served(listeners.unknown_host), "dns-failed", of_run=True),
    Fault("connection-refused", "nobody listens", _served(listeners.closed_port_url), "connection-refused", of_run=True),
    Fault("connection-timeout", "a route that leads nowhere", _served(listeners.nobody_answers), "connection-timeout", of_run=True),
    Fault("connection-reset", "the connection is cut instead of answered", respond_with(lambda _: Response(b"", reset=True)),
          "connection-reset", of_run=True),
    Fault("read-timeout", "connected, and never answered", respond_with(lambda _: Response(b"", delay_s=_FOREVER_S)),
          "read-timeout", of_run=True),
    Fault("proxy-failed", "nobody listens where the proxy should", _dead_proxy, "proxy-failed", of_run=True),
    Fault("proxy-failed-all", "the same, by ALL_PROXY", _dead_proxy_for_all, "proxy-failed", of_run=True),
    Fault("tls-untrusted-bundle", "REQUESTS_CA_BUNDLE names no file", _no_bundle, "tls-untrusted", of_run=True),
    Fault("tls-untrusted", "a certificate of an unknown authority", _served(listeners.tls("other-host")), "tls-untrusted", of_run=True),
    Fault("tls-expired", "a certificate that ended in 2021", _served(listeners.tls("expired"), trusted=True), "tls-expired", of_run=True),
    Fault("tls-hostname", "a certificate for another host", _served(listeners.tls("other-host"), trusted=True), "tls-hostname", of_run=True),
    Fault("tls-failed", "no TLS at the other end", _served(listeners.not_tls), "tls-failed", of_run=True),
    Fault("edge-blocked", "the edge asks for a challenge",
          _html(403, "Just a moment...", Server="cloudflare", CF_RAY="8c1f0e-FRA", cf_mitigated="challenge"),
          "edge-blocked", of_run=True),
    Fault("edge-error", "the edge does not reach the exchange",
          _html(502, "api.kraken.com | 502: Bad gateway", Server="cloudflare", CF_RAY="8c1f0e-FRA"), "edge-error", of_run=True),
    Fault("response-invalid", "a login page of the network", _html(200, "Welcome to the hotel"), "response-invalid", of_run=True),
    Fault("exchange-maintenance", "the exchange is in maintenance", chain(_status("maintenance"), refuse_with("EService:Unavailable", to="/private/")),
          "exchange-maintenance", of_run=True),
    Fault("exchange-maintenance-reads", "the exchange is in maintenance, and still answers", _status("maintenance"),
          "exchange-maintenance", "warn", of_run=True),
    Fault("exchange-maintenance-key", "it is in maintenance, and calls the key invalid",
          chain(_status("maintenance"), private("EAPI:Invalid key")), "exchange-maintenance", of_run=True),
    Fault("exchange-restricted-post", "only orders that rest are taken", _status("post_only"), "exchange-restricted", "warn", of_run=True),
    Fault("exchange-restricted-limit", "only limit orders are taken", _status("limit_only"), "exchange-restricted", "warn", of_run=True),
    Fault("exchange-restricted", "orders can only be cancelled", _status("cancel_only"), "exchange-restricted", "warn", of_run=True),
    Fault("exchange-unavailable", "the exchange is down", refuse_with("EService:Unavailable"), "exchange-unavailable", of_run=True),
    Fault("exchange-busy", "the exchange is busy", refuse_with("EService:Busy"), "exchange-busy", of_run=True),
    Fault("exchange-error", "an internal error of the exchange", refuse_with("EGeneral:Internal error"), "exchange-error", of_run=True),
    Fault("exchange-throttled", "private calls are throttled for half a minute", _throttled, "exchange-throttled", of_run=True),
    Fault("edge-throttled", "too many requests from this address",
          respond_with(lambda _: Response(b"", 429, {"Retry-After": "30"})), "exchange-throttled", of_run=True),
)  # fmt: skip
