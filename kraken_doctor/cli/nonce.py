"""``kraken-doctor nonce``."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import finish

if TYPE_CHECKING:
    from kraken_doctor.model.evidence import CheckResult
    from kraken_doctor.model.report import Report
    from kraken_doctor.model.unit import NonceUnit
    from kraken_doctor.nonce.selftest import SelfTest
    from kraken_doctor.nonce.stores import NonceStore
    from kraken_doctor.renderers.text import Terminal

_THREADS, _CALLS = 5, 10


@click.command("nonce")
@click.option("--nonce-unit", type=click.Choice(["s", "ms", "us", "10ns", "ns"]), default="us", show_default=True)
@options.output
@click.pass_context
def command(ctx: click.Context, /, nonce_unit: str, output: str) -> None:
    """
    Confirm the custom nonce generator with self-tests.

    Installs it on a krakenex API object, lets the embedded exchange judge it under threads, and tests it
    alone. Uses a nonce store of its own, which is deleted afterwards: your keys' marks stay as they are.
    """
    from kraken_doctor.model.unit import NonceUnit
    from kraken_doctor.nonce import selftest
    from kraken_doctor.nonce.stores import open_store

    app: App = ctx.obj
    unit = NonceUnit(nonce_unit)
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="kraken-doctor-") as folder:
        url = f"sqlite:///{Path(folder) / 'nonce.db'}"
        store = open_store(url)
        tests = [_installed(store, unit), *selftest.run_all(store, url, unit)]
        store.close()
    report = _report(tests, unit, began_ns, app.clock.monotonic() - began)
    finish(ctx, report, output, screen=_screen)


def _installed(store: NonceStore, unit: NonceUnit) -> SelfTest:
    """The generator on a krakenex object, judged by the embedded exchange: five threads, one key, window 0."""
    import krakenex

    from kraken_doctor.client.install import install
    from kraken_doctor.client.retry import RetryPolicy
    from kraken_doctor.nonce.selftest import SelfTest
    from kraken_doctor.sandbox.exchange import Exchange
    from kraken_doctor.sandbox.http import SandboxServer
    from kraken_doctor.sandbox.keys import Key, demo_credentials

    api_key, secret = demo_credentials("self-test")
    key = Key(name="self-test", api_key=api_key, secret=secret)
    with SandboxServer(Exchange([key])) as server:
        api = krakenex.API(api_key, secret)
        api.uri = server.url
        api.session.trust_env = False
        if not install(api, store=store, unit=unit, retry=RetryPolicy.none()):
            return SelfTest("installed", False, "krakenex has no nonce hook")
        workers = [threading.Thread(target=_call, args=(api,)) for _ in range(_THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        api.close()
    expected = _THREADS * _CALLS
    calls = f"{expected} calls from {_THREADS} threads on krakenex"
    saw = f"{calls}: the embedded exchange accepted {key.accepted} and refused {key.refused}"
    return SelfTest("installed", key.accepted == expected, saw)


def _call(api: object) -> None:
    for _ in range(_CALLS):
        api.query_private("Balance")  # type: ignore[attr-defined]


def _report(tests: list[SelfTest], unit: NonceUnit, began_ns: int, duration_s: float) -> Report:
    from kraken_doctor.diagnosis.naming import name
    from kraken_doctor.examination.verdict import outcome_of
    from kraken_doctor.model.report import Report

    checks = tuple(_result(test) for test in tests)
    broken = tuple(f"{test.name}: {test.saw}" for test in tests if not test.passed)
    diagnoses = (name("nonce-generator-broken", None, "", broken),) if broken else ()
    outcome = outcome_of(checks, diagnoses)
    extra = {"nonce": {"unit": unit.value, "in_order": not broken, "store": "sqlite"}}
    return Report(
        command="nonce", started_at_ns=began_ns, duration_s=duration_s, outcome=outcome, exit_status=0, api_url="",
        checks=checks, diagnoses=diagnoses, extra=extra,
    )  # fmt: skip


def _result(test: SelfTest) -> CheckResult:
    from kraken_doctor.model.evidence import CheckResult, Evidence, Outcome

    outcome = Outcome.PASS if test.passed else Outcome.FAIL
    evidence = (Evidence(f"nonce.{test.name}", test.saw),)
    return CheckResult(id=f"nonce.{test.name}", account=None, outcome=outcome, summary=test.saw, evidence=evidence)


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group
    from rich.text import Text

    from kraken_doctor.model.evidence import Outcome
    from kraken_doctor.renderers.findings import findings
    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.renderers.text import OUTCOME_WORDS, marks

    signs = marks(terminal)
    rows = [
        [result.id.removeprefix("nonce."), OUTCOME_WORDS[result.outcome], result.summary] for result in report.checks
    ]
    table = listing(["Self-test", "Outcome", "What was seen"], rows)
    if report.outcome is Outcome.PASS:
        head = Text(f"{signs.connected} Custom nonce generator installed", style="green")
    else:
        head = Text(f"{signs.refused} Custom nonce generator failed its self-tests", style="red")
    return to_text(Group(head, "", table, *findings(report.diagnoses, None, signs, verbose=False)), terminal)
