"""The report as one page that opens anywhere: nothing in it is fetched, nothing in it runs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from kraken_doctor import __version__
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.report import AccountReport, CheckResult, Diagnosis, Evidence, Report
from kraken_doctor.render import calls as figures
from kraken_doctor.render import chart, phrases
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
    records = tuple(records)
    return document(
        f"kraken-doctor report, {phrases.began(report)}",
        Path(__file__).with_name("page.css").read_text(encoding="ascii"),
        element("header", *_head(report)),
        element(
            "main",
            *_comparison(report),
            *_section("Findings", _findings(report)),
            *_section("kraken-doctor itself failed", _own_faults(report)),
            *_section("Accounts", _accounts(report)),
            *_section("Checks", [_checks(report)]),
            *_section("Nonces and calls", _calls(records, figures.missing(report.extra.get("audit")))),
            *_section("How long this run's calls took", _latency(report)),
            *_section("Evidence", [_evidence(result) for result in report.checks if result.evidence]),
            *_section("This host", [terms(_environment(report))]),
        ),
        element("footer", element("p", _LEFT_OUT)),
    )


_LEFT_OUT = (
    "Left out so that this page can be posted: names of users, amounts, addresses, paths, proxies, keys. A key id is"
    " a fingerprint: equal ids are equal keys, and no key can be had from one."
)

_LEGEND = (
    "Across: when the call was made, UTC. Upwards: the time that its nonce stands for. Dot: accepted. Cross: refused"
    " for its nonce. Square: failed otherwise. Dashed line: where both times are the same; above it, the counter leads"
    " the clock."
)


def _section(title: str, parts: Iterable[ET.Element]) -> list[ET.Element]:
    found = list(parts)
    return [element("section", element("h2", title), *found)] if found else []


def _head(report: Report) -> Iterator[ET.Element]:
    outcome = OUTCOME_WORDS[report.outcome]
    yield element("h1", "Kraken connection report")
    yield element(
        "p",
        element("strong", outcome),
        f": {escape(phrases.verdict(report))}",
        class_=f"verdict {report.outcome.value}",
    )
    facts: list[tuple[str, Child]] = [
        ("Asked", code(phrases.target(report))),
        ("At", phrases.began(report)),
        ("By", f"kraken-doctor {__version__}, {report.command}, in {report.duration_s:.1f} s"),
    ]
    yield terms(facts)


def _findings(report: Report) -> Iterator[ET.Element]:
    found = phrases.grouped(report, notes=True)
    if not found:
        yield element("p", "None.")
    for diagnosis, accounts in found:
        yield _finding(diagnosis, ", ".join(accounts))


def _own_faults(report: Report) -> Iterator[ET.Element]:
    for fault in phrases.own_faults(report):
        yield element("p", "In ", escape(fault))
    if phrases.own_faults(report):
        yield element("p", phrases.OWN_FAULT, " Report it to where you have kraken-doctor from, with this page.")


def _finding(diagnosis: Diagnosis, accounts: str) -> ET.Element:
    severity = phrases.SEVERITY_WORDS[diagnosis.severity]
    whose = f", {escape(accounts)}" if accounts else ""
    first = ", fix first" if diagnosis.primary else ""
    rows: list[tuple[str, Child]] = []
    for name, texts in phrases.details(diagnosis):
        shown = code if name in phrases.LITERAL else functools.partial(escape, limit=PROSE_LIMIT_CHARACTERS)
        if name != "Explains":
            rows += [(name if position == 0 else "", shown(text)) for position, text in enumerate(texts)]
    return element(
        "article",
        element("h3", escape(diagnosis.cause)),
        element(
            "p", f"{severity} ({diagnosis.confidence.value}){whose}{first}", class_=f"kind {diagnosis.severity.value}"
        ),
        element("p", escape(diagnosis.summary)),
        terms(rows) if rows else None,
    )


def _accounts(report: Report) -> Iterator[ET.Element]:
    if report.accounts:
        head = ("Account", "Connected", "Key id", "Nonce unit", "Private calls")
        yield table("Accounts", head, [_account(account, report) for account in report.accounts])


def _account(account: AccountReport, report: Report) -> list[Child]:
    state = {True: "yes", False: f"no: {escape(phrases.said(account, report))}", None: "unknown"}
    unit = account.nonce.unit if account.nonce else "none sent"
    return [
        escape(account.label),
        state[account.connected],
        code(account.key_id or "none"),
        escape(unit),
        str(account.private_calls),
    ]


def _checks(report: Report) -> ET.Element:
    rows: list[list[Child]] = [
        [
            code(r.id),
            escape(r.account or "all"),
            _outcome(r),
            escape(r.summary),
            f"{r.duration_s:.3f}\N{NO-BREAK SPACE}s",
        ]
        for r in report.checks
    ]
    return table("Checks", ("Check", "Account", "Outcome", "What was seen", "Took"), rows)


def _outcome(result: CheckResult) -> ET.Element:
    return element("span", OUTCOME_WORDS[result.outcome], class_=f"outcome {result.outcome.value}")


def _calls(records: tuple[CallRecord, ...], missing: list[str]) -> Iterator[ET.Element]:
    yield from (element("p", escape(sentence)) for sentence in missing)
    if not records:
        yield element("p", "No private call of the last hour is on record.")
        return
    rows: list[list[Child]] = [
        # No line ends between a number and its unit.
        [code(f.key_id), escape(f.endpoint), *(cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in f.cells())]
        for f in figures.figures(records)
    ]
    yield table("Private calls of the last hour", ("Key id", "Endpoint", *figures.COLUMNS), rows)
    drawn = [(key_id, own) for key_id, own in figures.by_key(records).items() if len(own) >= _FEWEST_CALLS]
    drawn.sort(key=lambda key: not any(record.refused for record in key[1]))
    if drawn:
        yield element("p", _LEGEND, class_="legend")
    for key_id, own in drawn[:_MAX_CHARTS]:
        shown = chart.nonces(own, escape(key_id))
        yield element("figure", element("figcaption", "Key ", code(key_id), f": {len(own)} calls"), shown)
    if len(drawn) > _MAX_CHARTS:
        yield element("p", f"And {len(drawn) - _MAX_CHARTS} more keys, in the table alone.")


def _latency(report: Report) -> Iterator[ET.Element]:
    rows: list[list[Child]] = [
        [escape(cell.replace(" ", "\N{NO-BREAK SPACE}")) for cell in row]
        for row in figures.latency(report.extra.get("latency"))
    ]
    if rows:
        yield table("Medians, and in brackets the slowest", figures.LATENCY_COLUMNS, rows)


def _evidence(result: CheckResult) -> ET.Element:
    whose = f", {escape(result.account)}" if result.account else ""
    return element(
        "details",
        element("summary", escape(result.id), whose, f": {OUTCOME_WORDS[result.outcome]}"),
        terms([(escape(item.name), _fact(item)) for item in result.evidence], class_="facts evidence"),
    )


def _fact(item: Evidence) -> str:
    bound = f" (held against {item.bound})" if item.bound else ""
    source = f", by {item.source}" if item.source else ""
    return escape(phrases.fact(item) + bound + source)


def _environment(report: Report) -> list[tuple[str, Child]]:
    rows: list[tuple[str, Child]] = []
    for name, value in report.environment.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        rows.append((escape(str(name)), escape(shown) if value else "none"))
    for name, version in report.extra.get("versions", {}).items():
        rows.append((escape(str(name)), escape(str(version)) if version else "not installed"))
    return rows


def _comparison(report: Report) -> list[ET.Element]:
    found = report.extra.get("comparison")
    if not found:
        return []
    lists = ("New", found.get("new")), ("Gone", found.get("gone")), ("Still there", found.get("still"))
    rows: list[tuple[str, Child]] = []
    for name, items in lists:
        rows += [(name if n == 0 else "", _named(item)) for n, item in enumerate(items or ())] or [(name, "nothing")]
    since = element("p", f"Against the report of {escape(str(found.get('baseline_started_at')))}.")
    return [element("section", element("h2", "What has changed"), since, terms(rows))]


def _named(item: dict[str, str | None]) -> str:
    whose = f", {escape(str(item['account']))}" if item.get("account") else ""
    return f"{escape(str(item.get('cause')))} ({escape(str(item.get('severity')))}){whose}"
