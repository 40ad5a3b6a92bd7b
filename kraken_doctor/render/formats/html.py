"""The report as one page that opens anywhere: nothing in it is fetched, nothing in it runs."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from kraken_doctor import __version__
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import CheckResult, Diagnosis, Evidence, by_kind
from kraken_doctor.model.report import AccountReport, Report
from kraken_doctor.render import calls as figures
from kraken_doctor.render import chart, grouping, phrases
from kraken_doctor.render.elements import Child, code, document, element, table, terms
from kraken_doctor.terminal.text import OUTCOME_WORDS, PROSE_LIMIT_CHARACTERS, escape

_FEWEST_CALLS = 5
"""Of a key that is drawn: two or three dots show nothing that the table does not."""

_MAX_CHARTS = 8
"""A page with more keys than that says so, instead of growing without end."""


def render(report: Report, records: Iterable[CallRecord] = ()) -> str:
    """
    The page.

    Args:
        report: In its public form: this renderer shows what it is given.
        records: Private calls, oldest first.
    """
    # Gone over twice, for the figures and for the drawings: an iterator would be at its end by then.
    records = tuple(records)
    return document(
        f"kraken-doctor report, {phrases.began(report)}",
        Path(__file__).with_name("page.css").read_text(encoding="ascii"),
        element("header", *_head(report)),
        element(
            "main",
            *_section("What has changed", _comparison(report)),
            *_section("Findings", _findings(report)),
            *_section("kraken-doctor itself failed", _own_faults(report)),
            *_section("Accounts", _accounts(report)),
            *_section("Checks", [_checks(report)]),
            *_section("Nonces and calls", _calls(records, figures.missing(report.extra.get("audit")))),
            *_section("Latency of this run's calls", _latency(report)),
            *_section("Evidence", [_evidence(result) for result in report.checks if result.evidence]),
            *_section("This host", [terms(_environment(report))]),
        ),
        element("footer", element("p", phrases.paragraph("left-out", this="this page"))),
    )


def _section(title: str, parts: Iterable[ET.Element]) -> list[ET.Element]:
    found = list(parts)
    return [element("section", element("h2", title), *found)] if found else []


def _head(report: Report) -> Iterator[ET.Element]:
    outcome, verdict = element("strong", OUTCOME_WORDS[report.outcome]), escape(phrases.verdict(report))
    yield element("h1", "Kraken connection report")
    yield element("p", outcome, f": {verdict}", class_=f"verdict {report.outcome.value}")
    by = f"kraken-doctor {__version__}, {report.command}, in {report.duration_s:.1f} s"
    yield terms([("Target", code(phrases.target(report))), ("Time", phrases.began(report)), ("Version", by)])


def _findings(report: Report) -> Iterator[ET.Element]:
    found = grouping.grouped(report, notes=True)
    if not found:
        yield element("p", "None.")
    for diagnosis, accounts in found:
        yield _finding(diagnosis, ", ".join(accounts))


def _own_faults(report: Report) -> Iterator[ET.Element]:
    for fault in phrases.own_faults(report):
        yield element("p", "In ", escape(fault))
    if phrases.own_faults(report):
        yield element("p", phrases.OWN_FAULT, " Report it where you got kraken-doctor, with this page.")


def _finding(diagnosis: Diagnosis, accounts: str) -> ET.Element:
    whose = f", {escape(accounts)}" if accounts else ""
    kind = f"{phrases.SEVERITY_WORDS[diagnosis.severity]} ({diagnosis.confidence.value}){whose}"
    kind += ", fix first" if diagnosis.primary else ""
    rows: list[tuple[str, Child]] = []
    for name, texts in phrases.details(diagnosis, without="Explains"):
        shown = code if name in phrases.LITERAL else functools.partial(escape, limit=PROSE_LIMIT_CHARACTERS)
        rows += phrases.beside(name, map(shown, texts))
    return element(
        "article",
        element("h3", escape(diagnosis.cause)),
        element("p", kind, class_=f"kind {diagnosis.severity.value}"),
        element("p", escape(diagnosis.summary)),
        terms(rows) if rows else None,
    )


def _accounts(report: Report) -> Iterator[ET.Element]:
    if report.accounts:
        head = ("Account", "Connected", "Key id", "Nonce unit", "Private calls")
        yield table("Accounts", head, [_account(account, report) for account in report.accounts])


def _account(account: AccountReport, report: Report) -> list[Child]:
    state = {True: "yes", False: f"no: {escape(phrases.said(account, report))}", None: "unknown"}[account.connected]
    unit, key = account.nonce.unit if account.nonce else "none sent", code(account.key_id or "none")
    return [escape(account.label), state, key, escape(unit), str(account.private_calls)]


def _checks(report: Report) -> ET.Element:
    return table("Checks", ("Check", "Account", "Outcome", "Result", "Took"), map(_check, report.checks))


def _check(result: CheckResult) -> list[Child]:
    outcome = element("span", OUTCOME_WORDS[result.outcome], class_=f"outcome {result.outcome.value}")
    took = _unbroken(f"{result.duration_s:.3f} s")
    return [code(result.id), escape(result.account or "all"), outcome, escape(result.summary), took]


def _unbroken(cell: str) -> str:
    """No line ends between a number and its unit."""
    return escape(cell).replace(" ", "\N{NO-BREAK SPACE}")


def _calls(records: tuple[CallRecord, ...], missing: list[str]) -> Iterator[ET.Element]:
    yield from (element("p", escape(sentence)) for sentence in missing)
    if not records:
        yield element("p", "No private calls were recorded in the last hour.")
        return
    found = figures.figures(records)
    rows: list[list[Child]] = [[code(f.key_id), escape(f.endpoint), *map(_unbroken, f.cells())] for f in found]
    yield table("Private calls of the last hour", ("Key id", "Endpoint", *figures.COLUMNS), rows)
    groups = by_kind(records, lambda record: record.key_id)
    drawn = [(key_id, own) for key_id, own in groups.items() if len(own) >= _FEWEST_CALLS]
    # Where there are more keys than drawings, those with refused nonces are the ones to be seen.
    drawn.sort(key=lambda key: not any(record.refused for record in key[1]))
    if drawn:
        yield element("p", phrases.paragraph("legend"), class_="legend")
    for key_id, own in drawn[:_MAX_CHARTS]:
        shown = chart.nonces(own, escape(key_id))
        yield element("figure", element("figcaption", "Key ", code(key_id), f": {len(own)} calls"), shown)
    if len(drawn) > _MAX_CHARTS:
        yield element("p", f"And {len(drawn) - _MAX_CHARTS} more keys, only in the table.")


def _latency(report: Report) -> Iterator[ET.Element]:
    if rows := figures.latency(report.extra.get("latency")):
        cells = (list(map(_unbroken, row)) for row in rows)
        yield table("Medians, slowest in brackets", figures.LATENCY_COLUMNS, cells)


def _evidence(result: CheckResult) -> ET.Element:
    whose = f", {escape(result.account)}" if result.account else ""
    head = element("summary", escape(result.id), whose, f": {OUTCOME_WORDS[result.outcome]}")
    facts = ((escape(item.name), _fact(item)) for item in result.evidence)
    return element("details", head, terms(facts, class_="facts evidence"))


def _fact(item: Evidence) -> str:
    bound = f" (limit: {item.bound})" if item.bound else ""
    source = f", by {item.source}" if item.source else ""
    return escape(phrases.fact(item) + bound + source)


def _environment(report: Report) -> Iterator[tuple[str, Child]]:
    for values, nothing in ((report.environment, "none"), (report.extra.get("versions", {}), "not installed")):
        yield from ((escape(name), escape(value) or nothing) for name, value in phrases.host_values(values))


def _comparison(report: Report) -> Iterator[ET.Element]:
    if compared := phrases.comparison(report):
        since = escape(str(report.extra["comparison"].get("baseline_started_at")))
        yield element("p", f"Compared with the report of {since}.")
        told = ((name, [*map(_named, items)] or ["nothing"]) for name, items in compared)
        yield terms(row for name, texts in told for row in phrases.beside(name, texts))


def _named(item: dict[str, str | None]) -> str:
    whose = f", {escape(str(item['account']))}" if item.get("account") else ""
    return f"{escape(str(item.get('cause')))} ({escape(str(item.get('severity')))}){whose}"
