"""``kraken-doctor report``."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.cli.emit import emit, run, show_plan
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.terminal import files

if TYPE_CHECKING:
    from kraken_doctor.doctor.request import RunRequest
    from kraken_doctor.model.json_load import Saved

_OFFLINE = {"krakenex", "credentials"}
"""Checks that ask nobody, and that need no answer."""

_FORMS = {".md": "markdown", ".html": "html", ".htm": "html", ".json": "json", ".xml": "junit", ".txt": "markdown"}

_MAX_BYTES = 64 << 20
"""A report with the calls of a busy hour is a few megabytes."""


@params.command("report")
def command(
    ctx: click.Context, /, output: str | None, fail_on: str, offline: bool, source: str | None, baseline: str | None,
    dry_run: bool, **choices: Any,
) -> None:  # fmt: skip
    """
    Write one redacted file to attach to a bug report.

    Markdown, JSON or a self-contained HTML page, with versions, checks, findings, and the nonces and latencies of
    the last hour. Names, amounts, addresses, paths and keys are left out; equal keys have equal ids.

    Makes the same calls as check, unless --offline or --from is given: stop the bot on a key first, or give the doctor
    a key of its own.

    \b
    Examples:
      kraken-doctor report > report.md
      kraken-doctor report --file report.html
      kraken-doctor report --offline
      kraken-doctor report --from report.json --baseline last-week.json
    """
    from kraken_doctor.doctor import report
    from kraken_doctor.doctor.comparison import compared
    from kraken_doctor.render.formats import html
    from kraken_doctor.render.pages import report_markdown

    app: App = ctx.obj
    output = output or _form_of(ctx)  # before anything is sent
    before = _read(Path(baseline)).report if baseline else None
    request = _request(app, choices, offline=offline)
    if dry_run:
        show_plan(app, request, output)
        return
    if source:
        found = report.from_saved(_read(Path(source)))
    else:
        found = report.with_recent_calls(app.doctor, request, run(app, request), offline=offline)
    names: dict[str, str] = {}
    shown = report.anonymised(app.host, request, found, names)
    if not found.sandbox:
        _keep_names(app, {shown_as: label for label, shown_as in names.items() if shown_as != label})
    forms = {
        "html": functools.partial(html.render, records=shown.calls),
        "markdown": functools.partial(report_markdown.render, records=shown.calls),
    }
    document = compared(shown.report, before) if before is not None else shown.report
    emit(ctx, document, output, fail_on, forms=forms)


def _keep_names(app: App, names: dict[str, str]) -> None:
    """Write down who is who in the newest report, on this host alone: its own reader knows the accounts by name."""
    import platformdirs

    if not names:
        return
    path = platformdirs.user_state_path("kraken-doctor", appauthor=False) / "report-names.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(path, json.dumps(names, indent=2) + "\n", mode=0o600)
    except OSError as exc:
        app.output.info(f"Names of the accounts not kept: {path}: {exc.strerror or exc}\n")
    else:
        app.output.info(f"Which account is USER:1, USER:2, …: {path} (not part of the report; keep it to yourself)\n")


def _request(app: App, choices: dict[str, Any], *, offline: bool) -> RunRequest:
    from kraken_doctor.checks.catalogue import CATALOGUE

    # Whether a store on the network can be written is not known without a network.
    silent = _OFFLINE | (set() if app.host.store_reaches_over_network() and not choices["sandbox"] else {"store"})
    checks = tuple(check for check in CATALOGUE if check.id in silent) if offline else CATALOGUE
    return params.request("report", checks, choices)


def _form_of(ctx: click.Context) -> str:
    """
    By the ending of --file; Markdown where it has none.

    Raises:
        UsageError: It ends like no format that there is.
    """
    suffix = ctx.meta.get(files.META, {}).get("", Path()).suffix.lower()
    if suffix and suffix not in _FORMS:
        raise click.UsageError(f"--file: no output format for {suffix[:20]}; use {', '.join(_FORMS)}, or add -o", ctx)
    return _FORMS.get(suffix, "markdown")


def _read(path: Path) -> Saved:
    """
    A saved report, judged by this version.

    Raises:
        ConfigurationError: It can't be read, or is none.
    """
    try:
        with files.opened(path) as stream:
            # One more than is taken, and no more: it may be a device without an end.
            data = stream.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror or exc}") from exc
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than any report ({_MAX_BYTES >> 20} MiB)")
    from kraken_doctor.doctor.report import judge_again
    from kraken_doctor.model import json_load

    try:
        return judge_again(json_load.read(data.decode("utf-8-sig")))
    except (ValueError, UnicodeError) as exc:
        raise ConfigurationError(f"{path}: {exc if not isinstance(exc, UnicodeError) else 'not UTF-8 text'}") from exc
