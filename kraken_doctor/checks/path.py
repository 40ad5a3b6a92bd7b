"""The way to the exchange, and what the exchange says of itself."""

from __future__ import annotations

import ssl
import urllib.parse

from kraken_doctor.checks.base import Finding, RunContext, Scope, check
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.model.evidence import Evidence, Outcome
from kraken_doctor.network import path as network


@check("path", title="The way to the exchange", scope=Scope.RUN, requests=("GET /0/public/Time",))
def path(ctx: RunContext) -> Finding:
    """Name, TCP, TLS, HTTP and the API's envelope; the first step that fails is the finding."""
    facts: list[Evidence] = []
    try:
        if not _proxy(ctx):
            _below_http(ctx, facts)
        latency_s = ctx.api.ask("Time").latency_s
    except TransportError as exc:
        facts += [Evidence("path.failure", exc.kind), Evidence("path.detail", exc.detail)]
        return Finding(Outcome.FAIL, exc.kind, tuple(facts))
    except KrakenError as exc:
        # The way is fine: the exchange itself answered, and refused.
        facts.append(Evidence("path.error", exc.text, source="exchange"))
        return Finding(Outcome.PASS, "the exchange answers", tuple(facts))
    facts.append(Evidence("path.latency", round(latency_s, 6), "s", source="GET /0/public/Time"))
    tls = next((str(fact.value) for fact in facts if fact.name == "path.tls.version"), "")
    return Finding(Outcome.PASS, ", ".join(filter(None, (tls, f"{latency_s * 1000:.0f} ms"))), tuple(facts))


@check(
    "exchange",
    title="The exchange's status",
    scope=Scope.RUN,
    needs=("path",),
    requests=("GET /0/public/SystemStatus",),
)
def exchange(ctx: RunContext) -> Finding:
    """Trading status; reads work in all but maintenance."""
    try:
        answer = ctx.api.ask("SystemStatus")
    except TransportError as exc:
        facts = (Evidence("exchange.failure", exc.kind), Evidence("exchange.detail", exc.detail))
        return Finding(Outcome.FAIL, exc.kind, facts)
    except KrakenError as exc:
        return Finding(Outcome.FAIL, exc.text, (Evidence("exchange.error", exc.text, source="exchange"),))
    status = str(answer.result.get("status", ""))
    facts_found = (Evidence("exchange.status", status, bound="= online", source="exchange"),)
    outcome = {"online": Outcome.PASS, "maintenance": Outcome.FAIL}.get(status, Outcome.WARN)
    return Finding(outcome, status or "no status given", facts_found)


def _below_http(ctx: RunContext, facts: list[Evidence]) -> None:
    """The steps that requests does too, one by one so that each has its own evidence."""
    parts = urllib.parse.urlsplit(ctx.settings.api_url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    timeout_s = ctx.settings.timeout_s
    addresses, seconds = network.resolve(host, port)
    facts += [
        Evidence("path.dns.addresses", tuple(addresses), source=host),
        Evidence("path.dns.seconds", round(seconds, 6), "s"),
    ]
    connection, seconds = network.connect(addresses, port, timeout_s)
    facts.append(Evidence("path.tcp.seconds", round(seconds, 6), "s"))
    if not secure:
        connection.close()
        return
    tls = network.handshake(connection, host, _authorities(ctx), timeout_s)
    facts += [
        Evidence("path.tls.version", tls.version),
        Evidence("path.tls.issuer", tls.issuer),
        Evidence("path.tls.not_after", tls.not_after),
        Evidence("path.tls.seconds", round(tls.seconds, 6), "s"),
    ]


def _authorities(ctx: RunContext) -> ssl.SSLContext:
    """The same certificates that requests will trust."""
    import requests

    settings = ctx.http.merge_environment_settings(ctx.settings.api_url, {}, None, None, None)
    verify = settings["verify"]
    bundle = verify if isinstance(verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    return ssl.create_default_context(cafile=bundle)


def _proxy(ctx: RunContext) -> str | None:
    """The proxy that requests will use for the exchange; then the steps below HTTP are the proxy's."""
    import requests

    settings = ctx.http.merge_environment_settings(ctx.settings.api_url, {}, None, None, None)
    return requests.utils.select_proxy(ctx.settings.api_url, settings["proxies"])
