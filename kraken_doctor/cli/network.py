"""What the environment says of the way to the exchange, and the session that goes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Session

    from kraken_doctor.checks.base import Instruments
    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.model.payloads import Extra
    from kraken_doctor.timesource.keeper import Keeper

PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
"""As Python's getproxies prefers them: those in lower case win."""

PATH_VARIABLES = (
    *PROXY_VARIABLES, "no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"
)  # fmt: skip
"""All that change the way."""


def make_session(request: RunRequest, variables: Mapping[str, str], url: str) -> Session:
    """One session for all calls to *url*: its connections are shared, and a TLS handshake is made once a worker."""
    from requests import Session
    from urllib3 import disable_warnings
    from urllib3.exceptions import SystemTimeWarning

    from kraken_doctor import __version__
    from kraken_doctor.client.route import settle, trust
    from kraken_doctor.client.transport import BoundedAdapter

    disable_warnings(SystemTimeWarning)  # a wrong clock is a finding, with its cure
    session = Session()
    session.headers["User-Agent"] = f"kraken-doctor/{__version__}"
    adapter = BoundedAdapter(pool_maxsize=request.jobs + 4)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    trust(session, variables)
    if request.sandbox:
        # A proxy of the process's environment has no business on loopback; a fault may put one there.
        session.trust_env = False
        session.proxies = {
            name.removesuffix("_proxy"): variables[name] for name in variables if name.endswith("_proxy")
        }
        session.verify = variables.get("REQUESTS_CA_BUNDLE") or session.verify
    else:
        settle(session, url)
    return session


def latency(context: Instruments) -> Extra:
    """How long the calls of a run took, as a report's field; nothing where none was made."""
    if not context.has_called:
        return {}
    from kraken_doctor.client.transport import latency

    found = latency(context.http)
    return {"latency": found} if found else {}


def time_servers(request: RunRequest, url: str) -> tuple[str, ...]:
    """
    The time servers to ask when the exchange is at *url*.

    Raises:
        ConfigurationError: One is named that can't be read.
    """
    from kraken_doctor.network.url import is_loopback
    from kraken_doctor.timesource.ntp import DEFAULT_SERVERS, parse_server

    for server in request.ntp_servers:
        parse_server(server)
    if not request.use_ntp:
        return ()
    # With an exchange on loopback nothing leaves this host, unless a server is named.
    return request.ntp_servers or (() if is_loopback(url) else DEFAULT_SERVERS)


def find_keeper(environ: Mapping[str, str]) -> Keeper:
    """What keeps this host's clock."""
    from kraken_doctor.timesource.keeper import HostView, detect

    return detect(HostView(environ=environ))


def shown_proxy(environ: Mapping[str, str]) -> str | None:
    """The proxy that the environment names, without its login."""
    from kraken_doctor.network.url import without_login

    found = next((environ[name] for name in PROXY_VARIABLES if environ.get(name)), None)
    return without_login(found) if found else None
