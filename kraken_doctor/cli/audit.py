"""``kraken-doctor audit``."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import click

from kraken_doctor.cli import options
from kraken_doctor.cli.app import App
from kraken_doctor.cli.conduct import finish
from kraken_doctor.cli.moments import Moment, absolute

if TYPE_CHECKING:
    from kraken_doctor.model.call import CallRecord
    from kraken_doctor.model.report import Report
    from kraken_doctor.nonce.auditing import Filter, KeySummary
    from kraken_doctor.renderers.text import Terminal


@click.command("audit")
@options.accounts
@click.option("--key-id", multiple=True, metavar="ID", help="Only this key, by its fingerprint (repeatable).")
@click.option("--since", type=Moment(), metavar="TIME", help="From then: 30m, 2h, 7d ago, or 2026-11-23T14:00 (UTC).")
@click.option("--until", type=Moment(), metavar="TIME", help="Until then.")
@click.option("--outcome", metavar="TEXT", help="Only calls whose outcome contains this: ok, nonce, timeout.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="The newest so many records.")
@options.output
@click.pass_context
def command(ctx: click.Context, /, output: str, limit: int, **choices: Any) -> None:
    """
    Show the nonce audit log: what was issued when, for which call, with which outcome.

    Reads the nonce store that the environment names; makes no network calls. Accounts of the environment are shown by
    their names, other keys by their fingerprints.
    """
    from kraken_doctor.nonce.auditing import summarise

    app: App = ctx.obj
    began_ns, began = app.clock.now_ns(), app.clock.monotonic()
    names = _names(app)
    wanted = _filter(app, names, began_ns, **choices)
    newest: deque[CallRecord] = deque(maxlen=limit)
    store = app.store()

    def passing() -> Any:
        for record in wanted(store.records(wanted.since_ns)):
            newest.append(record)
            yield record

    summaries = summarise(passing())
    extra = {
        "summary": [_summary(summary, names, store.mark(summary.key_id), app.clock.now_ns()) for summary in summaries],
        "records": [record.to_json(account=names.get(record.key_id), digits=3) for record in newest],
    }
    report = _report(began_ns, app.clock.monotonic() - began, summaries, extra)
    finish(ctx, report, output, screen=_screen, forms={"markdown": _markdown})


def _names(app: App) -> dict[str, str]:
    """Key ids of the accounts that are configured; none of them is no error here."""
    from kraken_doctor.accounts.discovery import find_accounts
    from kraken_doctor.errors import ConfigurationError

    try:
        accounts = find_accounts(app.environment)
    except ConfigurationError:
        return {}
    return {account.key_id: account.label for account in accounts if account.key_id}


def _filter(
    app: App,
    names: dict[str, str],
    now_ns: int,
    *,
    key_id: tuple[str, ...],
    since: int | None,
    until: int | None,
    outcome: str | None,
    **whose: Any,
) -> Filter:
    from kraken_doctor.accounts.discovery import find_accounts
    from kraken_doctor.nonce.auditing import Filter

    chosen = set(key_id)
    if whose["user"] or whose["master"]:
        accounts = find_accounts(app.environment, users=whose["user"], master=whose["master"])
        chosen |= {account.key_id for account in accounts if account.key_id}
    if whose["all"]:
        chosen |= set(names)
    return Filter(
        key_ids=frozenset(chosen) if chosen else None,
        since_ns=absolute(since, now_ns) or 0,
        until_ns=absolute(until, now_ns),
        outcome=outcome,
    )


def _summary(summary: KeySummary, names: dict[str, str], mark: int | None, now_ns: int) -> dict[str, Any]:
    from kraken_doctor.model.call import utc_text
    from kraken_doctor.model.unit import NonceUnit

    unit = NonceUnit.of_mark(mark, now_ns) if mark is not None else None
    lead_now_s = unit.lead_s(mark, now_ns) if mark is not None and unit else None
    return {
        "key_id": summary.key_id,
        "account": names.get(summary.key_id),
        "issued": summary.issued,
        "refused": summary.refused,
        "failed": summary.failed,
        "first": utc_text(summary.first_ns, 3),
        "last": utc_text(summary.last_ns, 3),
        "rate_per_s": round(summary.rate_per_s, 3),
        "longest_wait_s": round(summary.longest_wait_s, 3),
        "longest_gap_s": round(summary.longest_gap_s, 3),
        "repeated": summary.backward,
        "mark": mark,
        "lead_s": round(lead_now_s, 3) if lead_now_s is not None else None,
    }


def _report(began_ns: int, duration_s: float, summaries: list[KeySummary], extra: dict[str, Any]) -> Report:
    """A log that can be read is no verdict on what it tells: the outcome is a pass."""
    from kraken_doctor.model.evidence import CheckResult, Outcome
    from kraken_doctor.model.report import Report

    issued, refused = sum(s.issued for s in summaries), sum(s.refused for s in summaries)
    text = f"{issued} nonces of {len(summaries)} keys, {refused} refused" if summaries else "no calls are recorded"
    check = CheckResult(id="audit", account=None, outcome=Outcome.PASS, summary=text)
    return Report(
        command="audit",
        started_at_ns=began_ns,
        duration_s=duration_s,
        outcome=Outcome.PASS,
        exit_status=0,
        api_url="",
        checks=(check,),
        extra=extra,
    )


_SUMMARY = ("Key", "Issued", "Refused", "Failed", "Rate", "Wait max", "Gap max", "Lead")
_RECORD = ("Time (UTC)", "Key", "Nonce", "Call", "Outcome", "By", "Took", "Waited")


def _screen(report: Report, terminal: Terminal) -> str:
    from rich.console import Group

    from kraken_doctor.renderers.screen import listing, to_text
    from kraken_doctor.renderers.table import environment
    from kraken_doctor.renderers.text import marks

    parts: list[Any] = [environment(report, terminal, marks(terminal))]
    if report.extra["summary"]:
        rows = [_summary_row(summary) for summary in report.extra["summary"]]
        parts += ["", listing(list(_SUMMARY), rows, whole=_SUMMARY)]
    if records := report.extra["records"]:
        columns = list(_RECORD)
        rows = [_record_row(record) for record in records]
        if len({record["key_id"] for record in records}) == 1:
            # Said above; at 80 columns the nonce needs the room.
            columns, rows = columns[:1] + columns[2:], [row[:1] + row[2:] for row in rows]
        parts += ["", listing(columns, rows, whole=("Time (UTC)", "Nonce", "Took", "Waited"))]
    return to_text(Group(*parts), terminal)


def _markdown(report: Report) -> str:
    from kraken_doctor.renderers.markdown import code, render, table, text

    parts = [render(report)]
    if report.extra["summary"]:
        rows = [_summary_row(summary) for summary in report.extra["summary"]]
        parts += ["#### Keys\n", table(_SUMMARY, [(code(row[0]), *map(text, row[1:])) for row in rows])]
    if report.extra["records"]:
        rows = [_record_row(record) for record in report.extra["records"]]
        cells = [(row[0], code(row[1]), row[2], code(row[3]), code(row[4]), *row[5:]) for row in rows]
        parts += ["#### Newest calls\n", table(_RECORD, cells)]
    return "\n".join(parts)


def _summary_row(summary: dict[str, Any]) -> list[str]:
    from kraken_doctor.diagnosis.words import span

    lead = summary["lead_s"]
    return [
        summary["account"] or summary["key_id"],
        str(summary["issued"]),
        str(summary["refused"]),
        str(summary["failed"]),
        f"{summary['rate_per_s']:g}/s",
        span(summary["longest_wait_s"]),
        span(summary["longest_gap_s"]),
        f"{lead:+.3f} s" if lead is not None else "-",
    ]


def _record_row(record: dict[str, Any]) -> list[str]:
    return [
        record["at"][5:-1].replace("T", " "),
        record["account"] or record["key_id"],
        str(record["nonce"]),
        record["endpoint"],
        record["outcome"],
        record["by"] or "-",
        f"{record['latency_s'] * 1000:.0f} ms",
        f"{record['waited_s'] * 1000:.0f} ms",
    ]
