"""The steps below HTTP, one by one, so that each has its own evidence: name, TCP, proxy, TLS."""

import socket
import ssl
import time
import urllib.parse

from kraken_doctor.checks.base import Instruments, known
from kraken_doctor.checks.samples import retry_transient
from kraken_doctor.errors import TransportError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Evidence
from kraken_doctor.network import tls
from kraken_doctor.network.dial import NEXT_ADDRESS_S, Connected, dial, open_tunnel
from kraken_doctor.network.failures import transport_error
from kraken_doctor.network.route import Proxy, Route
from kraken_doctor.resolve import Address, resolve

_SILENT_S = 2.0
"""An address that is silent for so long while another answers is dead: its second SYN, sent after a second
(RFC 6298), has gone unanswered too."""


class Probe:
    """
    The connection to the exchange up to where HTTP begins.

    Args:
        ctx: The run.
        route: What requests will do.
        evidence: Filled step by step, so that they are there when a later one fails.
    """

    def __init__(self, ctx: Instruments, route: Route, evidence: list[Evidence]) -> None:
        parts = urllib.parse.urlsplit(ctx.settings.api_url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._timeout_s, self._clock = ctx.settings.timeout_s, ctx.clock
        self._route, self._evidence = route, evidence
        self._addresses: list[Address] = []
        """Of the exchange, or of the proxy: where TCP leads."""

    def run(self) -> None:
        """
        Make all steps.

        Raises:
            TransportError: The first that fails. Behind a proxy, name and TCP are the proxy's, and so is their failure.
        """
        proxy = self._route.proxy
        self._evidence.append(facts.PROXY.of(proxy.shown if proxy else "", source=proxy.variable if proxy else ""))
        if self._secure and self._route.authorities_variable:
            self._route.tls_context()  # where it names nothing to trust, no later step can succeed
        if proxy is None:
            self._reach(self._host, self._port)
        else:
            self._evidence.append(facts.PROXY_LOGIN.of(proxy.login is not None))
            if proxy.scheme not in ("http", "https"):
                return  # SOCKS: the connection is PySocks's
            self._reach_proxy(proxy)
        # TLS inside TLS is left to requests.
        if self._secure and (proxy is None or proxy.scheme == "http"):
            retry_transient(self._evidence, facts.PATH, lambda _: self._tls())

    def _reach(self, host: str, port: int) -> None:
        """Resolve the name and connect."""
        began = time.monotonic()
        try:
            self._addresses = resolve(host, port, self._timeout_s)
        except OSError as exc:
            raise transport_error(exc, "dns-failed") from exc
        seconds = time.monotonic() - began
        shown = tuple(address.host for address in self._addresses)
        families = [address.family for address in self._addresses]
        self._evidence += [
            facts.DNS_ADDRESSES.of(shown, source=host),
            facts.DNS_IPV4.of(families.count(socket.AF_INET), source=host),
            facts.DNS_IPV6.of(families.count(socket.AF_INET6), source=host),
            facts.DNS_SECONDS.of(round(seconds, 6)),
        ]
        connected = self._dial(linger_s=min(_SILENT_S, self._timeout_s))
        own = connected.connection.getsockname()[0]
        connected.connection.close()
        self._evidence += [facts.TCP_OWN_ADDRESS.of(own), *_tcp(connected, shown)]
        # From here on the one that answered goes first.
        self._addresses.sort(key=lambda address: address.host != connected.host)

    def _reach_proxy(self, proxy: Proxy) -> None:
        try:
            self._reach(proxy.host, proxy.port)
            if proxy.scheme == "https":
                tls.handshake(self._dial().connection, proxy.host, self._route.tls_context(), self._timeout_s)
        except TransportError as exc:
            raise _of_proxy(proxy, exc) from exc

    def _tls(self) -> None:
        context = self._route.tls_context()
        try:
            done = tls.handshake(self._to_exchange(), self._host, context, self._timeout_s)
        except TransportError as exc:
            if isinstance(exc.__cause__, ssl.SSLCertVerificationError):
                self._evidence += self._refused(exc)
            raise
        self._evidence += [facts.TLS_VERSION.of(done.version), *self._certificate(done.certificate)]
        self._evidence.append(facts.TLS_SECONDS.of(round(done.seconds, 6)))
        if self._route.authorities_variable:
            self._evidence += self._own_authorities()

    def _refused(self, failure: TransportError) -> list[Evidence]:
        """Return whose certificate was not accepted, and whether it would be by another clock."""
        context = self._route.tls_context()
        found, dates_alone = tls.refused_certificate(self._to_exchange, self._host, context, self._timeout_s)
        certificate = self._certificate(found) if found else []
        return [facts.TLS_PROBLEM.of(failure.detail), *certificate, facts.TLS_DATES_ALONE.of(dates_alone)]

    def _own_authorities(self) -> list[Evidence]:
        """Return where trust came from, and whether it holds for programs that read only the variables of requests."""
        found = [facts.TLS_AUTHORITIES.of(self._route.authorities, source=self._route.authorities_variable)]
        if not self._route.read_by_requests:
            try:
                context = self._route.tls_context(of_requests=True)
                tls.handshake(self._to_exchange(), self._host, context, self._timeout_s)
            except TransportError as exc:
                found.append(facts.TLS_WITHOUT_VARIABLE.of(exc.kind))
        return found

    def _certificate(self, certificate: tls.Certificate) -> list[Evidence]:
        """Return what it says; its dates also from this clock's point of view, since the clock may be what is wrong."""
        now = self._clock.now_ns() // 10**9
        begins, ends = (at - now if at is not None else None for at in (certificate.begins, certificate.ends))
        return known(
            facts.TLS_ISSUER.of(certificate.issuer),
            facts.TLS_SUBJECT.of(certificate.subject),
            facts.TLS_SELF_SIGNED.of(certificate.self_signed),
            facts.TLS_NAMES.of(certificate.names),
            facts.TLS_NOT_BEFORE.of(certificate.not_before),
            facts.TLS_NOT_AFTER.of(certificate.not_after),
            facts.TLS_BEGINS_IN.of(begins, source="this host's clock"),
            facts.TLS_ENDS_IN.of(ends, source="this host's clock"),
        )

    def _to_exchange(self) -> socket.socket:
        """Open one more connection, to where TLS with the exchange begins."""
        connection, proxy = self._dial().connection, self._route.proxy
        if proxy is not None:
            try:
                login = proxy.login.reveal() if proxy.login else None
                open_tunnel(connection, self._host, self._port, self._timeout_s, login)
            except TransportError as exc:
                connection.close()
                raise _of_proxy(proxy, exc) from exc
        return connection

    def _dial(self, linger_s: float = 0.0) -> Connected:
        try:
            return dial(self._addresses, self._timeout_s, linger_s=linger_s)
        except OSError as exc:
            raise transport_error(exc, "connection-timeout") from exc


def _of_proxy(proxy: Proxy, failure: TransportError) -> TransportError:
    seen = failure.seen._replace(proxy_failure=failure.kind)
    return TransportError("proxy-failed", f"{proxy.shown}: {failure.detail}", seen)


def _tcp(connected: Connected, in_order: tuple[str, ...]) -> list[Evidence]:
    """
    Return how long it took, and what it costs programs that try one address after the other, as requests does.

    An address that fails at once costs nothing, nor does a dead one behind a good one.
    """
    in_front = in_order[: in_order.index(connected.host)]
    dead = [tried for tried in connected.failed if tried.host in in_front and tried.seconds >= NEXT_ADDRESS_S]
    return known(
        facts.TCP_ADDRESS.of(connected.host),
        facts.TCP_SECONDS.of(round(connected.seconds, 6), source=connected.host),
        facts.TCP_DEAD.of(tuple(f"{tried.host}: {tried.problem}" for tried in dead) or None),
        facts.TCP_DEAD_SECONDS.of(round(sum(tried.seconds for tried in dead), 3) if dead else None),
    )
