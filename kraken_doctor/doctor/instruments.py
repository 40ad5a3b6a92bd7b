"""The instruments of a run: its settings, and the HTTP session, store and clock that its checks measure with."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kraken_doctor import __version__
from kraken_doctor.accounts.dotenv import EnvFile
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.accounts.sources import is_credential
from kraken_doctor.checks.base import Instruments, RunSettings
from kraken_doctor.clock import Clock
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.sandbox_env import RunEnvironment
from kraken_doctor.model import facts
from kraken_doctor.model.account import Account
from kraken_doctor.model.findings import CheckResult, EvidenceSet, Outcome
from kraken_doctor.model.permissions import needed
from kraken_doctor.network import transport
from kraken_doctor.network.route import apply_ca_env, follow_variables, pin_proxy_settings
from kraken_doctor.network.transport import BoundedAdapter
from kraken_doctor.network.url import is_loopback, without_login
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.secret import STORE_VARIABLE, without_secrets
from kraken_doctor.timesource.ntp import DEFAULT_SERVERS, parse_server
from kraken_doctor.timesource.time_daemon import HostFs, detect

if TYPE_CHECKING:
    from requests import Session


PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
"""As Python's getproxies prefers them: those in lower case win."""

PATH_VARIABLES = (
    *PROXY_VARIABLES, "no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"
)  # fmt: skip
"""All that change the way."""


def make_instruments(
    request: RunRequest,
    place: RunEnvironment,
    accounts: tuple[Account, ...],
    *,
    url: str,
    clock: Clock,
    environ: Mapping[str, str],
) -> Instruments:
    """
    Return what the checks of a run measure with.

    Args:
        request: What the user asked for.
        place: Where the run takes place.
        accounts: That are examined.
        url: Base URL of the API.
        clock: This host's.
        environ: The process's variables.

    Raises:
        ConfigurationError: A time server is named that can't be used.
    """
    settings = RunSettings(
        api_url=url,
        embedded=request.sandbox,
        timeout_s=request.timeout_s,
        ntp_servers=time_servers(request, url),
        max_offset_s=request.max_offset_s,
        wrong_clock=request.wrong_clock or Outcome.WARN,
        needs=needed(request.needs),
        private_call_budget=request.private_call_budget,
    )
    # git is a process to start: asked where only what is written in the files is judged.
    paths = [file.path for file in place.env_files] if request.static else []
    git_environ = without_secrets(environ)
    named = place.environment.get("KRAKEN_NONCE_STORE")
    in_files = [found for name in PATH_VARIABLES if (found := place.environment.get(name)) and found.origin != PROCESS]
    # A bot that loads the file has them; but a file that holds no key is not to lead one elsewhere.
    # A plan without an account's checks asks for the way of all of them.
    keys = map(place.environment.get, filter(is_credential, place.environment))
    origins = {account.origin for account in accounts} or {key.origin for key in keys if key}
    used = bool(origins) and all(origins == {found.origin} for found in in_files)
    variables = {**place.variables, **({found.name: found.value for found in in_files} if used else {})}
    return Instruments(
        settings=settings,
        clock=clock,
        store=place.store,
        make_http=functools.partial(make_session, request, variables, url, pinned=not (in_files and used)),
        krakenex=place.krakenex,
        environ=variables,
        environ_in_files=tuple(f"{v.name}={without_login(v.value)} ({v.origin})" for v in in_files),
        environ_in_files_used=used,
        # A clock that is wrong for demonstration is not this host's: whatever keeps that is not to blame.
        keeper=(lambda: None) if request.faults else lambda: detect(HostFs(environ=environ)),
        accounts=accounts,
        store_source=f"KRAKEN_NONCE_STORE ({named.origin})" if named and named.origin != PROCESS else "",
        store_place=store_place(place.environment, place.store),
        env_files_readable_by_others={f.path.name: _shown(f.path) for f in place.env_files if f.readable_by_others},
        env_files_in_git=_in_git(paths, git_environ) if paths else {},
    )


def _in_git(paths: Iterable[Path], environ: Mapping[str, str]) -> dict[str, str]:
    from kraken_doctor.accounts import git

    return {path.name: _shown(path) for path in paths if git.status(path, environ) is git.GitStatus.TRACKED}


def store_place(environment: Environment, store: NonceStore) -> str:
    """Return where *store* is, without a login, and who names it; empty where it is nowhere."""
    if named := environment.get(STORE_VARIABLE):
        return f"{without_login(named.value)} ({STORE_VARIABLE}, {named.origin})"
    path = getattr(store, "path", None)
    return f"{path} (the default)" if path else ""


def _shown(path: Path) -> str:
    """*path* as a command of this user can name it."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def make_session(request: RunRequest, variables: Mapping[str, str], url: str, *, pinned: bool = True) -> Session:
    """
    One session for all calls to *url*: its connections are shared, and a TLS handshake is made once a worker.

    With *pinned* its way is what requests finds in this process's environment, else what *variables* say.
    """
    from requests import Session
    from urllib3 import disable_warnings
    from urllib3.exceptions import SystemTimeWarning

    disable_warnings(SystemTimeWarning)  # a wrong clock is a finding, with its cure
    session = Session()
    session.headers["User-Agent"] = f"kraken-doctor/{__version__}"
    # One connection a worker, and a few for the run's own checks: for one more, urllib3 would throw one away after each
    # call, and the next call would pay for its handshake.
    adapter = BoundedAdapter(pool_maxsize=request.jobs + 4, environ=variables)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    apply_ca_env(session, variables)
    if pinned and not request.sandbox:
        pin_proxy_settings(session, url)
    else:
        # A proxy of the process's environment has no business on loopback; a fault may put one there.
        follow_variables(session, url, variables, on_loopback=request.sandbox)
    return session


def latency(context: Instruments) -> dict[str, Any]:
    """How long the calls of a run took, as a report's field; nothing where none was made."""
    found = context.has_called and transport.latency(context.http)
    return {"latency": found} if found else {}


def time_servers(request: RunRequest, url: str) -> tuple[str, ...]:
    """
    The time servers to ask when the exchange is at *url*.

    Raises:
        ConfigurationError: One is named that can't be read.
    """
    for server in request.ntp_servers:
        parse_server(server)
    if not request.use_ntp:
        return ()
    # With an exchange on loopback nothing leaves this host, unless a server is named.
    return request.ntp_servers or (() if is_loopback(url) else DEFAULT_SERVERS)


def environment_facts(
    context: Instruments, results: tuple[CheckResult, ...], env_files: tuple[EnvFile, ...]
) -> dict[str, Any]:
    """Return what a report says of this host, as JSON values."""
    proxy = next((context.environ[name] for name in PROXY_VARIABLES if context.environ.get(name)), None)
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "krakenex": EvidenceSet(results).get(facts.KRAKENEX_VERSION),
        "nonce_store": context.store.name,
        "proxy": without_login(proxy) if proxy else None,
        "env_files": [str(file.path) for file in env_files],
    }
