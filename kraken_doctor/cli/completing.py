"""What Tab may offer as an option's value: from the lists themselves, and never with an error."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def checks(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Ids of checks, with their titles."""
    from kraken_doctor.checks.catalogue import CATALOGUE

    return _items(((check.id, check.title) for check in CATALOGUE), incomplete)


def users(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Users that the environment or the nearest .env describe."""
    from kraken_doctor.accounts.discovery import find_users
    from kraken_doctor.accounts.environment import PROCESS, Environment
    from kraken_doctor.cli.app import App
    from kraken_doctor.errors import ConfigurationError
    from kraken_doctor.terminal.output import Output

    given = ctx.find_root().params
    # One of our own: Tab is answered before the root command has made any.
    app = App(environ=dict(os.environ), output=Output(os.environ))
    try:
        app.adjust(env_file=given.get("env_file") or (), no_env_file=given.get("no_env_file", False))
        environment = app.host.environment
    except ConfigurationError:  # an unreadable .env: what the process has is still there
        environment = Environment((PROCESS, dict(os.environ)))
    return _items(((name, "") for name in find_users(environment)), incomplete)


def clients(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """What may trade on a key, with its unit."""
    from kraken_doctor.accounts.families import FAMILIES, NOTHING

    return _items(((f.id, f.unit.words if f.unit else f.counts) for f in (NOTHING, *FAMILIES)), incomplete)


def causes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Ids of causes, with their titles."""
    from kraken_doctor.diagnosis.causes import CAUSES

    return _items(((cause.id, cause.title) for cause in CAUSES.values()), incomplete)


def faults(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Faults of the sandbox, with what they are."""
    from kraken_doctor.sandbox.faults import FAULTS

    return _items(((fault.name, fault.title) for fault in FAULTS.values() if not fault.command), incomplete)


def _items(offers: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem[str]]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=text or None) for value, text in offers if value.startswith(incomplete)]
