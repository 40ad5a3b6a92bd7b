"""The steps below HTTP, one by one, so that each has its own evidence: name, TCP, proxy, TLS."""

from __future__ import annotations

import socket
import time
import urllib.parse

from kraken_doctor.checks.base import RunContext
from kraken_doctor.checks.samples import confirmed
from kraken_doctor.errors import TransportError
from kraken_doctor.model.evidence import Evidence
from kraken_doctor.network import tls
from kraken_doctor.network.dial import NEXT_ADDRESS_S, Connected, dial
from kraken_doctor.network.failures import transport_error
from kraken_doctor.network.resolve import Address, resolve
from kraken_doctor.network.route import Proxy, Route
from kraken_doctor.network.tunnel import open_tunnel

_SILENT_S = 2.0
"""An address that is silent for so long while another answers is dead: its second SYN, sent after a second
(RFC 6298), has gone unanswered too."""

_REFUSED_CERTIFICATE = frozenset({"tls-untrusted", "tls-expired", "tls-hostname"})


class Probe:
    """
    The way to the exchange up to where HTTP begins.

    Args:
        ctx: The run.
        route: What requests will do.
        facts: Filled step by step, so that they are there when a later one fails.
    """

    def __init__(self, ctx: RunContext, route: Route, facts: list[Evidence]) -> None:
        parts = urllib.parse.urlsplit(ctx.settings.api_url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._timeout_s = ctx.settings.timeout_s
        self._clock = ctx.clock
        self._route, self._facts = route, facts
        self._addresses: list[Address] = []
        """Of the exchange, or of the proxy: where TCP leads."""

    def run(self) -> None:
        """
        All steps.

        Raises:
            TransportError: The first that fails. Behind a proxy, name and TCP are the proxy's, and so is their failure.
        """
        proxy = self._route.proxy
        if proxy is None:
            self._reach(self._host, self._port)
        else:
            self._facts.append(Evidence("path.proxy", proxy.shown, source=proxy.variable))
            if proxy.scheme not in ("http", "https"):
                return  # SOCKS: the connection is PySocks's
            self._reach_proxy(proxy)
        # TLS inside TLS is left to requests.
        if self._secure and (proxy is None or proxy.scheme == "http"):
            confirmed(self._facts, "path", lambda _: self._tls())

    def _reach(self, host: str, port: int) -> None:
        """Name and TCP."""
        began = time.monotonic()
        try:
            self._addresses = resolve(host, port, self._timeout_s)
        except OSError as exc:
            raise transport_error(exc, "dns-failed") from exc
        seconds = time.monotonic() - began
        shown = tuple(address.host for address in self._addresses)
        self._facts.append(Evidence("path.dns.addresses", shown, source=host))
        for family, name in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
            count = sum(address.family == family for address in self._addresses)
            self._facts.append(Evidence(f"path.dns.{name}", count, source=host))
        self._facts.append(Evidence("path.dns.seconds", round(seconds, 6), "s"))
        try:
            connected = dial(self._addresses, self._timeout_s, linger_s=min(_SILENT_S, self._timeout_s))
        except OSError as exc:
            raise transport_error(exc, "connection-timeout") from exc
        connected.connection.close()
        self._facts += _tcp_facts(connected, shown)
        # From here on the one that answered goes first.
        self._addresses.sort(key=lambda address: address.host != connected.host)

    def _reach_proxy(self, proxy: Proxy) -> None:
        try:
            self._reach(proxy.host, proxy.port)
            if proxy.scheme == "https":
                tls.handshake(self._dial(), proxy.host, self._route.tls_context(), self._timeout_s)
        except TransportError as exc:
            raise _of_proxy(proxy, exc) from exc

    def _tls(self) -> None:
        context = self._route.tls_context()
        try:
            done = tls.handshake(self._to_exchange(), self._host, context, self._timeout_s)
        except TransportError as exc:
            if exc.kind in _REFUSED_CERTIFICATE:
                self._facts += self._refused(exc)
            raise
        self._facts += [Evidence("path.tls.version", done.version), *self._certificate(done.certificate)]
        self._facts.append(Evidence("path.tls.seconds", round(done.seconds, 6), "s"))
        if self._route.authorities_variable:
            self._facts += self._own_authorities()

    def _refused(self, failure: TransportError) -> list[Evidence]:
        """Whose certificate it is that was not accepted, and whether it would be by another clock."""
        context = self._route.tls_context()
        found, dates_alone = tls.refused_certificate(self._to_exchange, self._host, context, self._timeout_s)
        facts = [Evidence("path.tls.problem", failure.detail), *(self._certificate(found) if found else ())]
        return [*facts, Evidence("path.tls.dates_alone", dates_alone)]

    def _own_authorities(self) -> list[Evidence]:
        """Where trust came from; and whether it holds for programs that read only the variables of requests."""
        facts = [Evidence("path.tls.authorities", self._route.authorities, source=self._route.authorities_variable)]
        if self._route.read_by_requests:
            return facts
        try:
            context = self._route.tls_context(of_requests=True)
            tls.handshake(self._to_exchange(), self._host, context, self._timeout_s)
        except TransportError as exc:
            return [*facts, Evidence("path.tls.without_variable", exc.kind)]
        return facts

    def _certificate(self, certificate: tls.Certificate) -> list[Evidence]:
        """What it says; its dates also from this clock's point of view, since the clock may be what is wrong."""
        now = self._clock.now_ns() // 10**9
        facts = [
            Evidence("path.tls.issuer", certificate.issuer),
            Evidence("path.tls.subject", certificate.subject),
            Evidence("path.tls.self_signed", certificate.self_signed),
            Evidence("path.tls.names", certificate.names),
            Evidence("path.tls.not_before", certificate.not_before),
            Evidence("path.tls.not_after", certificate.not_after),
        ]
        for name, moment in (("begins_in", certificate.begins), ("ends_in", certificate.ends)):
            if moment is not None:
                facts.append(Evidence(f"path.tls.{name}", moment - now, "s", source="this host's clock"))
        return facts

    def _to_exchange(self) -> socket.socket:
        """One more connection, to where TLS with the exchange begins."""
        connection, proxy = self._dial(), self._route.proxy
        if proxy is not None:
            try:
                login = proxy.login.reveal() if proxy.login else None
                open_tunnel(connection, self._host, self._port, self._timeout_s, login)
            except TransportError as exc:
                connection.close()
                raise _of_proxy(proxy, exc) from exc
        return connection

    def _dial(self) -> socket.socket:
        try:
            return dial(self._addresses, self._timeout_s).connection
        except OSError as exc:
            raise transport_error(exc, "connection-timeout") from exc


def _of_proxy(proxy: Proxy, failure: TransportError) -> TransportError:
    facts = {"proxy.failure": failure.kind, **failure.facts}
    return TransportError("proxy-failed", f"{proxy.shown}: {failure.detail}", facts)


def _tcp_facts(connected: Connected, in_order: tuple[str, ...]) -> list[Evidence]:
    """
    How long it took, and what it costs programs that try one address after the other, as requests does.

    An address that fails at once costs nothing, nor does a dead one behind a good one.
    """
    facts = [
        Evidence("path.tcp.address", connected.host),
        Evidence("path.tcp.seconds", round(connected.seconds, 6), "s", source=connected.host),
    ]
    in_front = in_order[: in_order.index(connected.host)]
    dead = [tried for tried in connected.failed if tried.host in in_front and tried.seconds >= NEXT_ADDRESS_S]
    if dead:
        facts += [
            Evidence("path.tcp.dead", tuple(f"{tried.host}: {tried.problem}" for tried in dead)),
            Evidence("path.tcp.dead_seconds", round(sum(tried.seconds for tried in dead), 3), "s"),
        ]
    return facts
