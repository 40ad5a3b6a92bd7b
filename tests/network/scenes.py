"""
Every fault of the network and the clock as a scene of real servers, with the cause that the doctor should name.

The table of `benchmarks.network_faults` and the test beside this file are both made from it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import trustme

from kraken_doctor.model.account import DEMO_KEY_PREFIX
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from tests.network import certificates, namespace, wild
from tests.network.proxies import EXCHANGE, proxy
from tests.network.wild import Behaviour, WildServer

_DEMO_KEY, SECRET = demo_credentials("scenes")
API_KEY = _DEMO_KEY.removeprefix(DEMO_KEY_PREFIX).rjust(len(_DEMO_KEY), "k")
"""With another beginning: in a host of its own the exchange has its real name, and a demo's key is not sent there."""


class Case(NamedTuple):
    """What the command meets."""

    url: str
    environ: Mapping[str, str] = {}
    arguments: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    """Goes before the command."""
    took: Path | None = None
    """Where *prefix* writes how long the command itself took."""


@dataclass
class Stage:
    """What scenes are made of; closed with the stack."""

    folder: Path
    stack: ExitStack
    authority: trustme.CA = field(default_factory=trustme.CA)

    def exchange(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        answers: Mapping[str, Response] | None = None,
    ) -> SandboxServer:
        """A healthy exchange; *answers* replaces those of single endpoints."""
        key = Key(name="scenes", api_key=API_KEY, secret=SECRET, balances={"ZUSD": "100.0000", "USDT": "50.00000000"})
        key.ip_allowlist = ("127.0.0.1", "::1")
        exchange = Exchange([key])

        def intercept(request: Request) -> Response | None:
            return (answers or {}).get(request.path.rpartition("/")[2])

        exchange.interceptors.append(intercept)
        return self.stack.enter_context(SandboxServer(exchange, tls=tls, host=host, port=port))

    def wild(self, behaviour: Behaviour, **options: object) -> WildServer:
        """A server that does *behaviour*."""
        return self.stack.enter_context(WildServer(behaviour, **options))  # type: ignore[arg-type]

    def clock(self, **manner: object) -> str:
        """A time server's address."""
        return self.stack.enter_context(SandboxNtpServer(**manner)).address  # type: ignore[arg-type]

    @property
    def trusting(self) -> dict[str, str]:
        """The variables of a host that trusts the stage's authority."""
        return {"REQUESTS_CA_BUNDLE": str(certificates.bundle(self.folder, self.authority))}


Scene = Callable[[Stage], Case]


class Fault(NamedTuple):
    """One row of the table."""

    name: str
    cause: str
    """What is to be named first; empty where all is well, or nothing may be concluded."""
    severity: str
    """``fail``, ``warn``, ``info``; empty without a cause."""
    scene: Scene
    needs: str = ""
    """``faketime`` or ``namespace``."""


FAULTS: list[Fault] = []


def fault(name: str, cause: str = "", severity: str = "fail", needs: str = "") -> Callable[[Scene], Scene]:
    """Put a scene into the table."""

    def add(scene: Scene) -> Scene:
        FAULTS.append(Fault(name, cause, severity if cause else "", scene, needs))
        return scene

    return add


@contextlib.contextmanager
def staged(fault: Fault, folder: Path) -> Iterator[Case]:
    """The scene of *fault*, while it is needed."""
    with ExitStack() as stack:
        yield fault.scene(Stage(folder, stack))


def _ntp(*servers: str) -> tuple[str, ...]:
    return tuple(argument for server in servers for argument in ("--ntp-server", server))


# --- The way: name and TCP ---


@fault("nothing wrong")
def _healthy(stage: Stage) -> Case:
    return Case(stage.exchange().url)


@fault("nothing wrong, over TLS, IPv6 and a time server")
def _healthy_tls(stage: Stage) -> Case:
    server = stage.exchange(tls=certificates.of_this_year(stage.authority, "::1"), host="::1")
    return Case(server.url, stage.trusting, _ntp(stage.clock(), stage.clock(host="::1")))


def _in_namespace(stage: Stage, manner: str) -> Case:
    took = stage.folder / "took"
    return Case("https://api.kraken.com", {}, ("--no-ntp",), tuple(namespace.with_resolver(manner, took)), took)


@fault("the name does not exist", "dns-failed", needs="namespace")
def _no_such_name(stage: Stage) -> Case:
    return _in_namespace(stage, "nxdomain")


@fault("the resolver fails", "dns-failed", needs="namespace")
def _resolver_fails(stage: Stage) -> Case:
    return _in_namespace(stage, "servfail")


@fault("the resolver hangs", "dns-failed", needs="namespace")
def _resolver_hangs(stage: Stage) -> Case:
    return _in_namespace(stage, "silent")


@fault("nothing listens", "connection-refused")
def _refused(stage: Stage) -> Case:
    return Case(f"http://127.0.0.1:{wild.closed_port()}")


@fault("a dead route", "connection-timeout")
def _dead(stage: Stage) -> Case:
    return Case(f"http://127.0.0.1:{stage.stack.enter_context(wild.dead_address())}")


@fault("IPv6 dead, IPv4 fine", "connection-timeout", "warn", needs="namespace")
def _dead_ipv6(stage: Stage) -> Case:
    server = stage.exchange()
    port = stage.stack.enter_context(wild.dead_address("::1", int(server.url.rpartition(":")[2])))
    hosts, took = stage.folder / "hosts", stage.folder / "took"
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
    return Case(f"http://localhost:{port}", {}, (), tuple(namespace.with_hosts(hosts, took)), took)


@fault("cut after the request", "connection-reset")
def _reset(stage: Stage) -> Case:
    return Case(stage.wild(wild.reset).url)


@fault("hung up after the request", "connection-reset")
def _hung_up(stage: Stage) -> Case:
    return Case(stage.wild(wild.HANG_UP).url)


# --- The way: answers that don't come, or don't end ---

for _name, _behaviour, _cause in (
    ("accepts, and is silent", wild.silent, "read-timeout"),
    ("headers drip, a byte a second", wild.DRIP_HEADERS, "read-timeout"),
    ("the body drips, a byte a second", wild.DRIP_BODY, "read-timeout"),
    ("headers without end", wild.ENDLESS_HEADERS, "response-invalid"),
    ("one header line without end", wild.ENDLESS_LINE, "response-invalid"),
    ("interim answers without end", wild.ENDLESS_INTERIM, "response-invalid"),
    ("a gigabyte", wild.GIGABYTE, "response-invalid"),
    ("chunks without end", wild.ENDLESS_CHUNKS, "response-invalid"),
    ("gzip that unpacks to a gigabyte", wild.bomb(1024), "response-invalid"),
    ("no HTTP at all", wild.NOT_HTTP, "response-invalid"),
    ("a body cut short", wild.TRUNCATED, "response-invalid"),
    ("an empty answer", wild.page("200 OK"), "response-invalid"),
    ("a page in the API's place", wild.page("200 OK", "<html><title>Welcome</title>"), "response-invalid"),
    ("JSON of another shape", wild.page("200 OK", '{"status": "ok"}'), "response-invalid"),
    ("JSON nested too deep", wild.page("200 OK", "[" * 100_000), "response-invalid"),
    ("a portal's redirect", wild.page("302 Found", Location="http://portal.example/login?token=x"), "response-invalid"),
    ("a portal's 511", wild.page("511 Network Authentication Required"), "response-invalid"),
    (
        "Cloudflare's challenge",
        wild.page(
            "403 Forbidden",
            "<title>Just a moment...</title>",
            Server="cloudflare",
            CF_RAY="8c1-FRA",
            cf_mitigated="challenge",
        ),
        "edge-blocked",
    ),
    ("blocked for legal reasons", wild.page("451 Unavailable For Legal Reasons"), "edge-blocked"),
    (
        "Cloudflare's 520",
        wild.page(
            "520 Unknown",
            "<title>api.kraken.com | 520: Web server is returning an unknown error</title>",
            Server="cloudflare",
            CF_RAY="8c1-FRA",
        ),
        "edge-error",
    ),
    ("a page of the edge with 200", wild.page("200 OK", "<html>", Server="cloudflare", CF_RAY="8c1-FRA"), "edge-error"),
    ("HTTP 503", wild.page("503 Service Unavailable"), "edge-error"),
    ("HTTP 429", wild.page("429 Too Many Requests", Retry_After="30"), "exchange-throttled"),
):

    def _wild_scene(stage: Stage, behaviour: Behaviour = _behaviour) -> Case:
        return Case(stage.wild(behaviour).url)

    FAULTS.append(Fault(_name, _cause, "fail", _wild_scene))


@fault("one answer of three is cut", "connection-reset", "warn")
def _chance(stage: Stage) -> Case:
    server = stage.exchange()
    cuts = iter([Response(b"", reset=True)])
    server.exchange.interceptors.insert(0, lambda request: next(cuts, None))
    return Case(server.url)


for _name, _response, _cause in (
    ("a private call is never answered", Response(b"", delay_s=3600), "read-timeout"),
    ("a private call is cut", Response(b"", reset=True), "connection-reset"),
    ("a private call meets the edge", Response(b"<html>", 502), "edge-error"),
    ("a private call brings two megabytes", Response(b" " * (2 << 20)), "response-invalid"),
):

    def _private_scene(stage: Stage, response: Response = _response) -> Case:
        return Case(stage.exchange(answers={"GetApiKeyInfo": response, "Balance": response}).url)

    FAULTS.append(Fault(_name, _cause, "fail", _private_scene))

    def _alone_scene(stage: Stage, response: Response = _response) -> Case:
        return Case(stage.exchange(answers={"GetApiKeyInfo": response}).url)

    _harm = "info" if _cause == "response-invalid" else "warn"
    FAULTS.append(Fault(f"{_name}, and others are", _cause, _harm, _alone_scene))


RESOLVER = "the resolver hangs"

HANGING: dict[str, tuple[Behaviour, bool]] = {
    "silent": (wild.silent, False),
    "dripping headers": (wild.DRIP_HEADERS, False),
    "dripping body": (wild.DRIP_BODY, False),
    "silent, over TLS": (wild.silent, True),
    "dripping headers, over TLS": (wild.DRIP_HEADERS, True),
    "dripping body, over TLS": (wild.DRIP_BODY, True),
    RESOLVER: (wild.silent, False),
}
"""What a limit or Ctrl-C must end; whether TLS stands before it begins."""


def _await(file: Path, met: threading.Event) -> None:
    while not file.exists():
        met.wait(0.02)
    met.set()


@contextlib.contextmanager
def hanging(name: str, folder: Path, met: threading.Event | None = None) -> Iterator[Case]:
    """An exchange that hangs as *name* says; *met* is set when it begins to."""
    behaviour, secure = HANGING[name]

    def announce(connection: socket.socket, ended: threading.Event) -> None:
        if met is not None:
            met.set()
        behaviour(connection, ended)

    with ExitStack() as stack:
        stage = Stage(folder, stack)
        if name == RESOLVER:
            case = _in_namespace(stage, "silent")
            if met is not None and case.took is not None:
                threading.Thread(target=_await, args=(namespace.asked_file(case.took), met), daemon=True).start()
            yield case
            return
        tls = certificates.server_context(stage.authority) if secure else None
        yield Case(stage.wild(announce, tls=tls).url, stage.trusting if secure else {})


# --- The way: TLS ---


def _tls(stage: Stage, context: ssl.SSLContext) -> Case:
    return Case(stage.exchange(tls=context).url, stage.trusting)


@fault("an unknown authority", "tls-untrusted")
def _untrusted(stage: Stage) -> Case:
    return _tls(stage, certificates.server_context(trustme.CA(organization_name="Corporate Interception")))


@fault("REQUESTS_CA_BUNDLE names a file that does not exist", "tls-untrusted")
def _no_bundle(stage: Stage) -> Case:
    server = stage.exchange(tls=certificates.server_context(stage.authority))
    return Case(server.url, {"REQUESTS_CA_BUNDLE": str(stage.folder / "nowhere.pem")})


@fault("trusted through SSL_CERT_FILE alone", "tls-untrusted", "warn")
def _openssl_variable(stage: Stage) -> Case:
    server = stage.exchange(tls=certificates.server_context(stage.authority))
    return Case(server.url, {"SSL_CERT_FILE": stage.trusting["REQUESTS_CA_BUNDLE"]})


@fault("an expired certificate, the clock right", "tls-expired")
def _expired(stage: Stage) -> Case:
    return _tls(stage, certificates.expired(stage.authority))._replace(arguments=_ntp(stage.clock()))


@fault("a certificate of the future, the clock right", "tls-expired")
def _not_yet(stage: Stage) -> Case:
    return _tls(stage, certificates.not_yet_valid(stage.authority))._replace(arguments=_ntp(stage.clock()))


@fault("a certificate for another host", "tls-hostname")
def _other_host(stage: Stage) -> Case:
    return _tls(stage, certificates.server_context(stage.authority, "other.example"))


@fault("no TLS at the other end", "tls-failed")
def _no_tls(stage: Stage) -> Case:
    return Case(stage.exchange().url.replace("http://", "https://"))


@fault("no common cipher", "tls-failed")
def _no_cipher(stage: Stage) -> Case:
    return _tls(stage, certificates.no_common_cipher(stage.authority))


@fault("silent in the handshake", "read-timeout")
def _silent_handshake(stage: Stage) -> Case:
    return Case(stage.wild(wild.silent).url.replace("http://", "https://"))


@fault("the handshake drips, a byte a second", "read-timeout")
def _dripping_handshake(stage: Stage) -> Case:
    # The head of a handshake record of 4,096 bytes, which then don't come.
    return Case(stage.wild(wild.drip(b"\x16\x03\x03\x10\x00", b"\x02")).url.replace("http://", "https://"))


@fault("cut in the handshake", "connection-reset")
def _cut_handshake(stage: Stage) -> Case:
    return Case(stage.wild(wild.reset_at_once).url.replace("http://", "https://"))


# --- The way: proxies ---


def _through(stage: Stage, behaviour: Behaviour, url: str | None = None, login: str = "") -> Case:
    """HTTPS through a proxy that does *behaviour*."""
    server = stage.wild(behaviour)
    target = url or stage.exchange(tls=certificates.server_context(stage.authority, EXCHANGE)).url
    environ = {**stage.trusting, "HTTPS_PROXY": f"http://{login}127.0.0.1:{server.port}"}
    return Case(target.replace("127.0.0.1", EXCHANGE), environ, ("--no-ntp",))


@fault("a proxy that works")
def _proxy_works(stage: Stage) -> Case:
    return _through(stage, proxy())


@fault("a proxy that wants a login, and gets it")
def _proxy_login(stage: Stage) -> Case:
    return _through(stage, proxy(login="daivon:sesame-0815"), login="daivon:sesame-0815@")


@fault("a proxy that wants another login", "proxy-failed")
def _proxy_407(stage: Stage) -> Case:
    return _through(stage, proxy(login="daivon:sesame-0815"), login="daivon:sesame-4711@")


@fault("a proxy that is not there", "proxy-failed")
def _proxy_refused(stage: Stage) -> Case:
    return Case(f"https://{EXCHANGE}:9", {"HTTPS_PROXY": f"http://127.0.0.1:{wild.closed_port()}"}, ("--no-ntp",))


@fault("a proxy at the end of a dead route", "proxy-failed")
def _proxy_dead(stage: Stage) -> Case:
    port = stage.stack.enter_context(wild.dead_address())
    return Case(f"https://{EXCHANGE}:9", {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}, ("--no-ntp",))


@fault("a proxy that is silent", "proxy-failed")
def _proxy_silent(stage: Stage) -> Case:
    return _through(stage, wild.silent, "https://127.0.0.1:9")


@fault("a proxy that drips, a byte a second", "proxy-failed")
def _proxy_drips(stage: Stage) -> Case:
    return _through(stage, wild.drip(b"HTTP/1.1 2"), "https://127.0.0.1:9")


@fault("a proxy that refuses", "proxy-failed")
def _proxy_refuses(stage: Stage) -> Case:
    return _through(stage, proxy(refusal="403 Forbidden"))


@fault("a proxy that answers 502", "proxy-failed")
def _proxy_502(stage: Stage) -> Case:
    return _through(stage, proxy(), f"https://127.0.0.1:{wild.closed_port()}")


@fault("a proxy that answers 503", "proxy-failed")
def _proxy_503(stage: Stage) -> Case:
    return _through(stage, proxy(refusal="503 Service Unavailable"))


@fault("a proxy that speaks no HTTP", "proxy-failed")
def _proxy_no_http(stage: Stage) -> Case:
    return _through(stage, wild.NOT_HTTP, "https://127.0.0.1:9")


@fault("a proxy's URL that is none", "proxy-failed")
def _proxy_no_url(stage: Stage) -> Case:
    return Case(f"https://{EXCHANGE}:9", {"HTTPS_PROXY": "http://daivon:sesame-0815@:x"}, ("--no-ntp",))


@fault("a proxy that intercepts", "tls-untrusted")
def _proxy_intercepts(stage: Stage) -> Case:
    forged = certificates.server_context(trustme.CA(organization_name="Corporate Interception"), EXCHANGE)
    return _through(stage, proxy(intercept=forged))


@fault("behind a proxy: the edge fails", "edge-error")
def _proxy_edge(stage: Stage) -> Case:
    tls = certificates.server_context(stage.authority, EXCHANGE)
    return _through(stage, proxy(), stage.wild(wild.page("520 Unknown"), tls=tls).url)


@fault("behind a proxy: silence", "read-timeout")
def _proxy_silence(stage: Stage) -> Case:
    tls = certificates.server_context(stage.authority, EXCHANGE)
    return _through(stage, proxy(), stage.wild(wild.silent, tls=tls).url)


@fault("behind a proxy: an expired certificate", "tls-expired")
def _proxy_expired(stage: Stage) -> Case:
    server = stage.exchange(tls=certificates.expired(stage.authority, EXCHANGE))
    case = _through(stage, proxy(), server.url)
    return case._replace(arguments=_ntp(stage.clock()))


@fault("a dead proxy, and an exchange on loopback")
def _proxy_bypassed(stage: Stage) -> Case:
    server = stage.exchange(tls=certificates.server_context(stage.authority))
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{wild.closed_port()}"}
    return Case(server.url, {**stage.trusting, **environ})


# --- The exchange's own word ---

for _error, _cause in (
    ("EService:Unavailable", "exchange-unavailable"),
    ("EService:Busy", "exchange-busy"),
    ("EGeneral:Internal error", "exchange-error"),
    ("EService:Throttled:1795392060", "exchange-throttled"),
):

    def _error_scene(stage: Stage, error: str = _error) -> Case:
        return Case(stage.exchange(answers={"SystemStatus": refusal(error)}).url)

    # Beside private calls that work it is a warning.
    FAULTS.append(Fault(_error, _cause, "warn", _error_scene))

for _status, _cause, _severity in (
    ("maintenance", "exchange-maintenance", "warn"),  # where private calls are accepted
    ("cancel_only", "exchange-restricted", "warn"),
    ("post_only", "exchange-restricted", "warn"),
    ("degraded", "exchange-status-unknown", "warn"),
):

    def _status_scene(stage: Stage, status: str = _status) -> Case:
        server = stage.exchange()
        server.exchange.status = status
        return Case(server.url)

    FAULTS.append(Fault(f"status {_status}", _cause, _severity, _status_scene))


# --- The clock ---


@fault("the clock is 30 s behind", "clock-behind", "warn")
def _behind(stage: Stage) -> Case:
    server = stage.exchange()
    server.exchange.clock_offset_s = 30
    return Case(server.url, {}, _ntp(*(stage.clock(offset_s=30) for _ in range(3))))


@fault("the clock is 30 s ahead", "clock-ahead", "warn")
def _ahead(stage: Stage) -> Case:
    server = stage.exchange()
    server.exchange.clock_offset_s = -30
    return Case(server.url, {}, _ntp(*(stage.clock(offset_s=-30) for _ in range(3))))


@fault("one time server of three lies")
def _liar(stage: Stage) -> Case:
    return Case(stage.exchange().url, {}, _ntp(stage.clock(), stage.clock(offset_s=3600), stage.clock()))


@fault("two time servers contradict each other")
def _contradiction(stage: Stage) -> Case:
    return Case(stage.exchange().url, {}, _ntp(stage.clock(), stage.clock(offset_s=3600)))


@fault("UDP is blocked, the clock right")
def _udp_blocked(stage: Stage) -> Case:
    silent = stage.stack.enter_context(_deaf_port())
    return Case(stage.exchange().url, {}, _ntp(f"127.0.0.1:{silent}"))


@fault("UDP is blocked, the clock 30 s behind", "clock-behind", "warn")
def _udp_blocked_behind(stage: Stage) -> Case:
    server = stage.exchange()
    server.exchange.clock_offset_s = 30
    silent = stage.stack.enter_context(_deaf_port())
    return Case(server.url, {}, _ntp(f"127.0.0.1:{silent}"))


@fault("time servers ask to be left alone")
def _kissed(stage: Stage) -> Case:
    return Case(stage.exchange().url, {}, _ntp(stage.clock(stratum=0, reference=b"RATE")))


@fault("no time source at all", "clock-unverified", "info")
def _no_source(stage: Stage) -> Case:
    silent = stage.stack.enter_context(_deaf_port())
    server = stage.exchange(answers={"Time": refusal("EGeneral:Unknown method")})
    return Case(server.url, {}, ("--only", "clock", *_ntp(f"127.0.0.1:{silent}")))


def _faked(case: Case, shift: str) -> Case:
    # The monotonic clock must stay what it is: limits count on it.
    return case._replace(
        prefix=("faketime", "-f", shift),
        environ={**case.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"},
    )


@fault("expired only by a clock that is two years ahead", "clock-ahead", needs="faketime")
def _expired_by_clock(stage: Stage) -> Case:
    case = _tls(stage, certificates.of_this_year(stage.authority))
    return _faked(case._replace(arguments=_ntp(stage.clock(), stage.clock())), "+2y")


@fault("not yet valid only by a clock that is two years behind", "clock-behind", needs="faketime")
def _future_by_clock(stage: Stage) -> Case:
    case = _tls(stage, certificates.of_this_year(stage.authority))
    return _faked(case._replace(arguments=_ntp(stage.clock(), stage.clock())), "-2y")


@fault("the same, and no time source", "clock-behind", needs="faketime")
def _future_by_clock_alone(stage: Stage) -> Case:
    case = _tls(stage, certificates.of_this_year(stage.authority))
    return _faked(case._replace(arguments=("--no-ntp",)), "-2y")


def _deaf_port() -> AbstractContextManager[int]:
    """A UDP port that takes everything and says nothing, as behind a firewall that drops."""

    @contextlib.contextmanager
    def open_port() -> Iterator[int]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind(("127.0.0.1", 0))
            yield int(listener.getsockname()[1])

    return open_port()
