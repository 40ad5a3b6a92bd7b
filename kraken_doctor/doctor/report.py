"""``report``: one redacted document about a run or a saved one, judged again and compared with an older one."""

import contextlib
import platform
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.doctor import instruments
from kraken_doctor.doctor.anonymise import anonymise
from kraken_doctor.doctor.examine import Doctor
from kraken_doctor.doctor.host import Host
from kraken_doctor.doctor.recent_calls import recent_calls
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.verdict import judge
from kraken_doctor.doctor.versions import versions
from kraken_doctor.model import json_load, json_report
from kraken_doctor.model.json_load import Saved
from kraken_doctor.model.payloads import Extra
from kraken_doctor.model.report import Report
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.network.url import is_loopback
from kraken_doctor.timesource.ntp import parse_server


def with_recent_calls(doctor: Doctor, request: RunRequest, found: Report, *, offline: bool) -> Report:
    """Return *found* as a ``report``, with versions and the private calls of the last hour."""
    keys = {account.key_id for account in found.accounts if account.key_id}
    recent = recent_calls(doctor, request, keys, offline=offline)
    return replace(found, command="report", extra={**found.extra, "versions": versions(), **recent})


def from_saved(saved: Saved) -> Report:
    """Return a saved report; its status is that of judging it now, however the run ended that it came from."""
    extra: Extra = {**saved.report.extra, "calls": [record.to_json() for record in saved.calls]}
    # A run that was interrupted has 130, which `emit` would keep: this command was not.
    return replace(saved.report, exit_status=0, extra=extra)


def anonymised(host: Host, request: RunRequest, report: Report, names: dict[str, str] | None = None) -> Saved:
    """
    Return *report* without names, amounts, addresses and paths, and its calls.

    Through the form that is published and back: whatever is shown was hidden from first, and judges the same. *names*
    learns which account is shown as which.
    """
    document = anonymise(json_report.document(report), _private(host, request, report), names)
    shown = judge_again(json_load.from_document(document))
    extra: Extra = {**shown.report.extra, "calls": [record.to_json() for record in shown.calls]}
    return shown._replace(report=replace(shown.report, extra=extra))


def judge_again(saved: Saved) -> Saved:
    """
    Return *saved* with the diagnoses that its checks add up to.

    Raises:
        ValueError: The evidence is of a kind that no check gives.
    """
    checks = saved.report.checks
    try:
        diagnoses = diagnose(checks)
        outcome, accounts = judge(checks, diagnoses)
        units = {account.nonce.unit for account in accounts if account.nonce} | {call.unit for call in saved.calls}
        for unit in units:
            # Pages and rules look units up in tables; only here is one that does not exist an error of the file, said
            # as such.
            NonceUnit(unit)
    except Exception as exc:
        # The rules trust what checks wrote; a file may hold anything.
        raise ValueError(f"its evidence can't be evaluated ({type(exc).__name__})") from exc
    return saved._replace(report=replace(saved.report, diagnoses=diagnoses, accounts=accounts, outcome=outcome))


def _private(host: Host, request: RunRequest, report: Report) -> dict[str, str]:
    """Words of this host and its network, and what is shown instead."""
    words: dict[str, str] = {}
    node = platform.node()
    with contextlib.suppress(RuntimeError):  # a user without a home
        words[str(Path.home())] = "~"
    if re.search(r"[\d.-]", node):  # a plain word is one that the report may use
        words[node] = "<this host>"
    for server in request.ntp_servers:
        words[parse_server(server)[0]] = "<time server>"
    for name in instruments.PATH_VARIABLES:
        with contextlib.suppress(ValueError):
            words[urlsplit(host.environ.get(name) or "").hostname or ""] = "<proxy>"
    words |= _store_words(host)
    api = urlsplit(report.api_url).hostname
    # Kraken's own name tells nothing of the user; that of a proxy or a test server may.
    if api and not api.endswith("kraken.com") and not is_loopback(report.api_url):
        words[api] = "<API host>"
    return {word: shown for word, shown in words.items() if word not in ("", "/", "localhost", "127.0.0.1")}


def _store_words(host: Host) -> dict[str, str]:
    """Where the nonce store lies; its errors say it."""
    url = host.environment.value("KRAKEN_NONCE_STORE") or ""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return {str(Path(unquote(rest[1:])).absolute().parent): "<nonce store>"}
    with contextlib.suppress(ValueError):  # a URL that no store can be opened by
        if name := urlsplit(url).hostname:
            return {name: "<nonce store>"}
    return {}
