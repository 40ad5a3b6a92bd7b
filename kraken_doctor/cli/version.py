"""``kraken-doctor version``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import finish
from kraken_doctor.cli.request import RunRequest

if TYPE_CHECKING:
    from kraken_doctor.model.report import Report
    from kraken_doctor.renderers.text import Terminal

_DEPENDENCIES = ("krakenex", "click", "ntplib", "platformdirs", "python-dotenv", "requests", "rich")
_EXTRAS = ("redis", "prometheus-client")


@click.command("version")
@options.output
@click.pass_context
def command(ctx: click.Context, /, output: str) -> None:
    """
    Compare the installed krakenex with the tested one.

    Is its nonce hook present? The other dependencies are listed with their versions.

    \b
    Examples:
      kraken-doctor version
      kraken-doctor version -o json
    """
    from kraken_doctor.checks.host import krakenex

    app: App = ctx.obj
    report = app.examine(RunRequest(command="version", checks=(krakenex,)))
    finish(ctx, replace(report, extra={"versions": versions()}), output, screen=_screen)


def versions() -> dict[str, str | None]:
    """What this package works with, as installed; None where it is not."""
    return {name: _installed(name) for name in (*_DEPENDENCIES, *_EXTRAS)}


def _installed(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group

    from kraken_doctor.checks.host import TESTED_KRAKENEX
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.renderers.table import environment
    from kraken_doctor.renderers.text import marks

    signs = marks(terminal)
    rows = [
        [name, version or "not installed", TESTED_KRAKENEX if name == "krakenex" else ""]
        for name, version in report.extra["versions"].items()
    ]
    found = findings(report.diagnoses, None, signs, verbose=False)
    page = [environment(report, terminal, signs), "", listing(["Package", "Installed", "Tested"], rows), *found]
    return to_text(Group(*page), terminal)
