"""``kraken-doctor report``."""

from __future__ import annotations

import contextlib
import functools
import platform
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import click

from kraken_doctor.cli import files, network, options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import examined, finish
from kraken_doctor.cli.recent import reaches_over_network, recent_calls
from kraken_doctor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kraken_doctor.cli.request import RunRequest
    from kraken_doctor.model.payloads import ComparisonPart
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.saved import Saved

_OFFLINE = ("krakenex", "store", "credentials")
"""Checks that ask nobody, and that need no answer."""

_OFFLINE_WITHOUT_STORE = ("krakenex", "credentials")

_FORMS = {".md": "markdown", ".html": "html", ".htm": "html", ".json": "json", ".xml": "junit"}

_MAX_BYTES = 64 << 20
"""A report with the calls of a busy hour is a few megabytes."""


@click.command("report")
@options.run
@click.option(
    "-o",
    "--output",
    type=click.Choice([*options.OUTPUTS, "html"]),
    help="Output format; by default what the name of --file ends in, else markdown.",
)
@options.file
@click.option("--offline", is_flag=True, help="Make no network call: only what this host can tell.")
@click.option("--from", "source", metavar="FILE", type=click.Path(), help="Judge this saved JSON report again.")
@click.option("--baseline", metavar="FILE", type=click.Path(), help="Say what is new, gone and still there since it.")
@click.pass_context
def command(
    ctx: click.Context, /, output: str | None, fail_on: str, offline: bool, source: str | None, baseline: str | None,
    dry_run: bool, **choices: Any,
) -> None:  # fmt: skip
    """
    Write one redacted file to attach to a bug report.

    Markdown, JSON or a page that opens anywhere, with versions, checks, findings, and the nonces and latencies of
    the last hour. Names, amounts, addresses, paths and keys are left out; equal keys have equal ids.

    It makes the calls of a check, unless --offline or --from is given: stop the bot on a key first, or give the doctor
    a key of its own.

    \b
    Examples:
      kraken-doctor report > report.md
      kraken-doctor report --file report.html
      kraken-doctor report --offline
      kraken-doctor report --from report.json --baseline last-week.json
    """
    from kraken_doctor.renderers import calls, envelope, html, markdown_report
    from kraken_doctor.renderers.public import public

    app: App = ctx.obj
    before = _read(Path(baseline)).report if baseline else None
    request = _request(app, choices, offline=offline)
    if dry_run:
        app.output.out("".join(f"{line}\n" for line in app.requests(request)))
        return
    if source:
        saved = _read(Path(source))
        # The status is that of judging it now; how the run ended that it came from does not matter here.
        found = replace(saved.report, exit_status=0, extra={**saved.report.extra, "calls": calls.document(saved.calls)})
    else:
        from kraken_doctor.cli.version import versions

        found = examined(app, request)
        keys = {account.key_id for account in found.accounts if account.key_id}
        recent = recent_calls(app, request, keys, offline=offline)
        found = replace(found, command="report", extra={**found.extra, "versions": versions(), **recent.fields()})
    # Through the form that is published and back: whatever is shown was hidden from first, and judges the same.
    shown = _judged(public(envelope.document(found), _private(app, request, found)))
    report = replace(shown.report, extra={**shown.report.extra, "calls": calls.document(shown.calls)})
    if before is not None:
        report = _compared(report, before)
    forms = {
        "html": functools.partial(html.render, records=shown.calls),
        "markdown": functools.partial(markdown_report.render, records=shown.calls),
    }
    finish(ctx, report, output or _form_of(ctx), fail_on, forms=forms)


def _request(app: App, choices: dict[str, Any], *, offline: bool) -> RunRequest:
    from kraken_doctor.checks.catalogue import CATALOGUE

    # Whether a store on the network can be written is not known without a network.
    silent = _OFFLINE if not reaches_over_network(app) or choices["sandbox"] else _OFFLINE_WITHOUT_STORE
    checks = tuple(check for check in CATALOGUE if check.id in silent) if offline else CATALOGUE
    return options.request("report", checks, choices)


def _form_of(ctx: click.Context) -> str:
    """By the ending of --file."""
    path = ctx.meta.get(files.META, {}).get("", Path())
    return _FORMS.get(path.suffix.lower(), "markdown")


def _read(path: Path) -> Saved:
    """
    A saved report, judged by this version.

    Raises:
        ConfigurationError: It can't be read, or is none.
    """
    try:
        with files.opened(path) as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than any report ({_MAX_BYTES >> 20} MiB)")
    from kraken_doctor.renderers import saved

    try:
        return _judged_again(saved.read(data.decode("utf-8-sig")))
    except (ValueError, UnicodeError) as exc:
        raise ConfigurationError(f"{path}: {exc if not isinstance(exc, UnicodeError) else 'not UTF-8 text'}") from exc


def _judged(document: Mapping[str, Any]) -> Saved:
    from kraken_doctor.renderers import saved

    return _judged_again(saved.from_document(document))


def _judged_again(saved: Saved) -> Saved:
    """
    With the diagnoses that its checks add up to.

    Raises:
        ValueError: The evidence is of a kind that no check gives.
    """
    from kraken_doctor.diagnosis.diagnose import diagnose
    from kraken_doctor.examination.verdict import judge
    from kraken_doctor.model.unit import NonceUnit

    checks = saved.report.checks
    try:
        diagnoses = diagnose(checks)
        outcome, accounts = judge(checks, diagnoses)
        units = {account.nonce.unit for account in accounts if account.nonce} | {call.unit for call in saved.calls}
        for unit in units:
            NonceUnit(unit)
    except Exception as exc:
        # The rules trust what checks wrote; a file may hold anything.
        raise ValueError(f"its evidence can't be judged ({type(exc).__name__})") from exc
    return saved._replace(report=replace(saved.report, diagnoses=diagnoses, accounts=accounts, outcome=outcome))


def _compared(report: Report, before: Report) -> Report:
    from kraken_doctor.examination.comparison import compare
    from kraken_doctor.renderers import envelope

    found = compare(report, before)
    comparison: ComparisonPart = {
        "baseline_started_at": envelope.moment(before.started_at_ns),
        "new": [key._asdict() for key in found.new],
        "gone": [key._asdict() for key in found.gone],
        "still": [key._asdict() for key in found.still],
    }
    return replace(report, extra={**report.extra, "comparison": comparison})


def _private(app: App, request: RunRequest, report: Report) -> dict[str, str]:
    """Words of this host and its network, and what is shown instead."""
    from kraken_doctor.network.url import is_loopback
    from kraken_doctor.timesource.ntp import parse_server

    words: dict[str, str] = {}
    host = platform.node()
    with contextlib.suppress(RuntimeError):  # a user without a home
        words[str(Path.home())] = "~"
    if re.search(r"[\d.-]", host):  # a plain word is one that the report may use
        words[host] = "<this host>"
    for server in request.ntp_servers:
        words[parse_server(server)[0]] = "<time server>"
    for name in network.PATH_VARIABLES:
        with contextlib.suppress(ValueError):
            words[urlsplit(app.variable(name) or "").hostname or ""] = "<proxy>"
    words |= _store_words(app)
    api = urlsplit(report.api_url).hostname
    if api and not api.endswith("kraken.com") and not is_loopback(report.api_url):
        words[api] = "<API host>"
    return {word: shown for word, shown in words.items() if word not in ("", "/", "localhost", "127.0.0.1")}


def _store_words(app: App) -> dict[str, str]:
    """Where the nonce store lies; its errors say it."""
    url = app.environment.value("KRAKEN_NONCE_STORE") or ""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return {str(Path(unquote(rest[1:])).absolute().parent): "<nonce store>"}
    with contextlib.suppress(ValueError):  # a URL that no store can be opened by
        if host := urlsplit(url).hostname:
            return {host: "<nonce store>"}
    return {}
