"""Which proxy requests uses for a URL, and which certificate authorities it trusts there."""

import errno
import os
import re
import ssl
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import requests
import requests.utils
from urllib3.util import create_urllib3_context

from kraken_doctor.errors import AnswerSeen, TransportError
from kraken_doctor.network.url import is_loopback, login_of, without_login
from kraken_doctor.secret import Secret

AUTHORITY_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Strongest first. requests reads the first two; the others are OpenSSL's, and of a session that was told so."""

_PORTS = {"http": 80, "https": 443}

_READ_BY_REQUESTS = (
    *(case(f"{of}_proxy") for of in ("http", "https", "all", "no") for case in (str.lower, str.upper)),
    *AUTHORITY_VARIABLES[:2],
)


class Proxy(NamedTuple):
    """An HTTP proxy of the environment."""

    scheme: str
    host: str
    port: int
    login: Secret | None
    """``user:password``"""
    variable: str
    """Where it is set; empty for the system's own settings."""

    @property
    def shown(self) -> str:
        """Return the proxy without its login, which is a secret."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Route(NamedTuple):
    """How one URL is reached."""

    proxy: Proxy | None
    authorities: str
    """The file or folder of certificates that are trusted."""
    authorities_variable: str
    """Where that is set; empty for those that come with requests."""

    @property
    def read_by_requests(self) -> bool:
        """Return whether any program that uses requests trusts the same, or only one that was told so."""
        return not self.authorities_variable.startswith("SSL_")

    def tls_context(self, *, of_requests: bool = False) -> ssl.SSLContext:
        """
        Return a context that trusts what this session will trust, and refuses what it refuses.

        Args:
            of_requests: Trust what requests brings along instead.

        Raises:
            TransportError: ``tls-untrusted``: there are no certificates in that place.
        """
        context = create_urllib3_context()
        authorities = requests.utils.DEFAULT_CA_BUNDLE_PATH if of_requests else self.authorities
        place, variable = Path(authorities), "" if of_requests else self.authorities_variable
        problem = ""
        try:
            context.load_verify_locations(**{"capath" if place.is_dir() else "cafile": authorities})
            # OpenSSL takes any folder, and looks in it for names such as 5ed36f99.0 when it needs a certificate.
            if variable and place.is_dir() and not any(_HASHED.fullmatch(file.name) for file in place.iterdir()):
                problem = "a folder without certificates named as by c_rehash"
        except OSError as exc:  # an SSLError is one: a file without certificates
            problem = _why_unreadable(place, exc)
        if problem:
            raise _no_authorities(authorities, variable, problem)
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        return context


_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


def _why_unreadable(path: Path, exc: OSError) -> str:
    if isinstance(exc, ssl.SSLError):
        return "the file is empty" if path.stat().st_size == 0 else "it contains no PEM certificate"
    return {errno.ENOENT: "there is no such file"}.get(exc.errno or 0, exc.strerror or str(exc))


def missing_authorities(authorities: str, environ: Mapping[str, str]) -> TransportError:
    """Return ``tls-untrusted`` for a place that does not exist, with the variable that names it."""
    return _no_authorities(authorities, _authorities_variable(authorities, environ), "there is no such file")


def _no_authorities(authorities: str, variable: str, problem: str) -> TransportError:
    by = f"{variable}={authorities}" if variable else authorities
    detail = f"no certificates can be read from {by}: {problem}"
    return TransportError("tls-untrusted", detail, AnswerSeen(variable=variable or None))


def _authorities_variable(authorities: str, environ: Mapping[str, str]) -> str:
    return next((name for name in AUTHORITY_VARIABLES if environ.get(name) == authorities), "")


def apply_ca_env(session: requests.Session, environ: Mapping[str, str]) -> None:
    """Let *session* trust what OpenSSL's variables name, where those of requests name nothing."""
    # REQUESTS_CA_BUNDLE is read by requests itself, and goes before what is set here.
    session.verify = environ.get("SSL_CERT_FILE") or environ.get("SSL_CERT_DIR") or session.verify


def proxies_for(session: requests.Session, url: str) -> dict[str, str]:
    """
    Return what takes precedence over the environment's proxies in a call to *url*.

    On loopback these are only the ones that are set on *session* itself.

    A proxy would take the call to its own loopback, or show a demo's key to whoever runs it.
    """
    # Not by `no_proxy`: requests would set that variable for a moment, for all threads and for ever if two meet.
    own = session_proxies(session)
    return {name: own.get(f"{name}_proxy", "") for name in ("http", "https", "all")} if is_loopback(url) else {}


def session_proxies(session: Any) -> dict[str, str]:
    """Return the proxies that are set on *session* itself, named like variables; of a subclass it may be anything."""
    return {f"{name}_proxy": url for name, url in (getattr(session, "proxies", None) or {}).items()}


def settings_for(session: requests.Session, url: str) -> dict[str, Any]:
    """
    Return the settings of a call to *url*, as *session* and the environment have them now.

    requests looks through all variables twice a call, which takes a tenth of a quick one. What it found is kept in
    *session* until one of these variables changes; not where the system has settings of its own, or the session.
    """
    depends_on = (
        url, session.trust_env, session.verify, session.cert, session_proxies(session),
        *map(os.environ.get, _READ_BY_REQUESTS),
    )  # fmt: skip
    kept: tuple[object, dict[str, Any]] = vars(session).get("_kraken_doctor_settings", (None, {}))
    if kept[0] != depends_on:
        settings = session.merge_environment_settings(url, proxies_for(session, url), None, None, None)
        requests_own = type(session).merge_environment_settings is requests.Session.merge_environment_settings
        keeps = requests_own and sys.platform not in ("darwin", "win32")
        vars(session)["_kraken_doctor_settings"] = kept = depends_on if keeps else None, dict(settings)
    return {**kept[1]}


def pin_proxy_settings(session: requests.Session, url: str) -> None:
    """
    Keep in *session* what the environment says now of *url*, and let it ask the environment no more.

    requests looks through all variables twice a call; with the credentials of a thousand accounts among them that
    takes longer than the call.
    """
    settings = settings_for(session, url)
    session.proxies, session.verify, session.trust_env = settings["proxies"], settings["verify"], False


def follow_variables(
    session: requests.Session, url: str, variables: Mapping[str, str], *, on_loopback: bool = False
) -> None:
    """Let *session* reach *url* as requests would with *variables* as environment; *on_loopback* by a proxy too."""
    parts = urllib.parse.urlsplit(url)
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    chosen = next((variables[name] for name in names if variables.get(name)), "")
    direct = {"no": variables.get("no_proxy") or variables.get("NO_PROXY") or ""}
    # requests' own function would set no_proxy in this process for a moment, for all threads.
    bypass = urllib.request.proxy_bypass_environment(parts.hostname or "", direct)  # type: ignore[attr-defined]
    if bypass or (is_loopback(url) and not on_loopback):
        chosen = ""
    # Without trust_env requests leaves the process's own variables, and ~/.netrc, alone.
    session.trust_env, session.proxies = False, {parts.scheme: chosen} if chosen else {}
    session.verify = variables.get("REQUESTS_CA_BUNDLE") or variables.get("CURL_CA_BUNDLE") or session.verify


def route(session: requests.Session, url: str, environ: Mapping[str, str]) -> Route:
    """
    Return how *session* will reach *url*.

    Args:
        session: Knows its own settings and, unless told not to, the environment's.
        url: Where to.
        environ: To say in which variable a setting was found.

    Raises:
        TransportError: ``proxy-failed``: a proxy is set in a form that can't be used.
    """
    settings = settings_for(session, url)
    verify = settings["verify"]
    authorities = verify if isinstance(verify, str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    variable = _authorities_variable(authorities, environ)
    chosen = requests.utils.select_proxy(url, settings["proxies"])
    return Route(parse_proxy(chosen, environ, url) if chosen else None, authorities, variable)


def parse_proxy(chosen: str, environ: Mapping[str, str], url: str) -> Proxy:
    """
    Return the proxy that is *chosen* for *url*, and the variable of *environ* that it comes from.

    Raises:
        TransportError: ``proxy-failed``: it is set in a form that can't be used.
    """
    # Two may have one value: requests takes that of the scheme, then the one for all, and so does this.
    used = {f"{urllib.parse.urlsplit(url).scheme}_proxy": 0, "all_proxy": 1}
    named = [name for name, value in environ.items() if value == chosen and "proxy" in name.lower()]
    variable = min(named, key=lambda name: (used.get(name.lower(), 2), name), default="")
    by = variable or "the system's proxy setting"
    full = chosen if "://" in chosen else f"http://{chosen}"
    try:
        parts = urllib.parse.urlsplit(full)
        port = parts.port or _PORTS.get(parts.scheme, 1080)
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), 0
    if not parts.hostname or not parts.scheme.startswith(("http", "socks")):
        detail = f"{by} is not a proxy URL: {without_login(chosen)[:80]!r}"
        raise TransportError("proxy-failed", detail, AnswerSeen(variable=variable or None))
    login = login_of(full)
    return Proxy(parts.scheme, parts.hostname, port, Secret(login) if login else None, variable)
