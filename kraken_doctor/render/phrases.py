"""What every form says of a report in the same words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import TypeVar

from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Diagnosis, Evidence, EvidenceSet, Outcome, Remedy, Severity
from kraken_doctor.model.format import counted, utc_words
from kraken_doctor.model.report import AccountReport, Balances, Report
from kraken_doctor.tables import load

T = TypeVar("T")

SEVERITY_WORDS = {Severity.FAIL: "failure", Severity.WARN: "warning", Severity.INFO: "note"}

YES_NO = {True: "yes", False: "no", None: "unknown"}
"""`AccountReport.connected` in words."""

LITERAL = ("Run", "The exchange said")
"""Headings of `details` below which each letter counts."""

NO_VERDICT = (Outcome.INCONCLUSIVE, Outcome.ERROR)


def verdict(report: Report) -> str:
    """The run in one or two sentences."""
    connected = [account.connected for account in report.accounts]
    failing, tested = connected.count(False), True in connected
    words = {
        Outcome.PASS: "All checks passed.",
        # "Connected" is for runs that saw a private call accepted; `check --only clock` has seen none.
        Outcome.WARN: "Connected, with warnings." if tested else "Checks passed, with warnings.",
        Outcome.FAIL: "Problem found.",
    }.get(report.outcome, "No verdict: something could not be checked.")
    # As with the exit status: a confirmed problem wins over what could not be checked.
    if failing:
        words = f"{failing} of {len(connected)} accounts failing." if len(connected) > 1 else "Problem found."
    # Before what is undecided: a check that broke leaves others undecided, and the connection would be blamed for it.
    elif report.outcome in NO_VERDICT and own_faults(report):
        words = "No verdict: kraken-doctor itself failed."
    elif report.outcome in NO_VERDICT and (open_ones := undecided(report)):
        words = f"No verdict. {_whose(open_ones[0])}: {open_ones[0].summary.rstrip('.')}."
    elif report.outcome in (Outcome.PASS, Outcome.WARN) and connected and not tested:
        words += " The connection was not tested."
    return f"{words} Fix first: {found[0].cause}." if (found := ranked(report)) else words


def said(account: AccountReport, report: Report) -> str:
    """What stands behind "failed": the exchange's own words, else the cause, else the check that did not pass."""
    if account.error:
        return account.error
    if found := failures(report, account.label):
        return found[0].summary.rstrip(".")
    own = [result for result in report.checks if result.account == account.label]
    # A defect of ours must not read as the account's failure: its owner would make a new key for nothing.
    broken = {result.id for result in report.checks if result.outcome is Outcome.ERROR}
    if faulty := [result.id for result in own if result.id in broken or result.blocked_by in broken]:
        return f"kraken-doctor itself failed before {faulty[0]} was finished"
    fine = (Outcome.PASS, Outcome.WARN, Outcome.SKIP)
    untested = "no private call was accepted" if account.private_calls else "no private call was made"
    return next((result.summary for result in own if result.outcome not in fine), untested)


_CASH = ("EUR", "GBP", "CAD", "AUD", "CHF", "JPY")


def other_assets(balances: Balances) -> str:
    """Return what else there is: cash by amount where there are no dollars, the rest by number; empty for nothing."""
    shown = []
    for code, amount in balances.others.items() if not balances.total else ():
        # Without its Z only to be looked up: of ZRX "RX" is left, which is no currency, and it is counted with the
        # others.
        name = code.partition(".")[0].removeprefix("Z")
        shown += [f"{name} {amount.quantize(Decimal('0.01'), ROUND_DOWN)}"] if name in _CASH else []
    count = len(balances.others) - len(shown)
    return ", ".join([*shown, *([counted(count, "other asset")] if count else [])])


def undecided(report: Report) -> list[CheckResult]:
    """Checks without a verdict, but for those of an account whose failure is named: that is why they have none."""
    without = (result for result in report.checks if result.outcome in NO_VERDICT)
    return [result for result in without if not failures(report, result.account)]


OWN_FAULT = "This is a fault of the program: it says nothing about your connection."
OWN_FAULT_COMMAND = "kraken-doctor report --file report.html"


def own_faults(report: Report) -> list[str]:
    """Where the doctor itself failed, each fault once, with the accounts that it was met with."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for result in report.checks:
        if result.outcome is Outcome.ERROR:
            where = EvidenceSet.of(result.evidence).get(facts.DOCTOR_FAILED_AT, "")
            summary = result.summary.partition("itself failed: ")[2] or result.summary
            found.setdefault((result.id, summary, where), []).extend([result.account] if result.account else [])
    return [
        f"{check}{f' of {listed(accounts)}' if accounts else ''}: {summary}{f', at {where}' if where else ''}"
        for (check, summary, where), accounts in found.items()
    ]


def ranked(report: Report, *, notes: bool = False) -> list[Diagnosis]:
    """
    The diagnoses as they are to be read: the worst first, and the run's before those of accounts.

    The first is what the verdict names. *notes* are only worth knowing.
    """
    wanted = [diagnosis for diagnosis in report.diagnoses if notes or diagnosis.severity is not Severity.INFO]
    return sorted(wanted, key=lambda diagnosis: (diagnosis.severity.rank, diagnosis.account is not None))


def cure(remedy: Remedy) -> list[tuple[str, tuple[str, ...]]]:
    """What to do and what not, each by its heading; an empty text is one that there is not."""
    avoid = remedy.avoid.removeprefix("Don't ")
    return [("Do", (remedy.text,)), ("Run", remedy.commands), ("Or", (remedy.otherwise,)), ("Don't", (avoid,))]


def details(diagnosis: Diagnosis, *, without: str) -> Iterator[tuple[str, list[str]]]:
    """What stands below a diagnosis's summary, as far as there is any: by its heading, in the order of reading."""
    possible = (f"{a.text} (to confirm: {a.told_apart_by})" if a.told_apart_by else a.text for a in diagnosis.possible)
    for heading, texts in (
        ("Because", diagnosis.because),
        ("Explains", (", ".join(diagnosis.explains),)),
        ("Possible", possible),
        *cure(diagnosis.remedy),
        ("The exchange said", (diagnosis.error,)),
    ):
        if heading != without and (found := list(filter(None, texts))):
            yield heading, found


def paragraph(name: str, **put: str) -> str:
    """Return one of texts.toml, with what is *put* into it."""
    text: str = load(__file__, "texts.toml")[name]
    return text.format(**put)


def comparison(report: Report) -> list[tuple[str, list[dict[str, str | None]]]]:
    """What is new, gone and still there since the report before; empty where there is none."""
    found = report.extra.get("comparison")
    if not found:
        return []
    lists = ("New", found.get("new")), ("Gone", found.get("gone")), ("Still there", found.get("still"))
    return [(title, items or []) for title, items in lists]


def host_values(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """What the host has, by name: lists on one line, and nothing where there is nothing."""
    listed_values = {name: value if isinstance(value, list) else [value] for name, value in values.items() if value}
    return [(str(name), ", ".join(map(str, listed_values.get(name, ())))) for name in values]


def beside(name: str, texts: Iterable[T]) -> list[tuple[str, T]]:
    """Return *texts*, *name* beside the first of them alone."""
    return [("" if position else name, text) for position, text in enumerate(texts)]


def fact(item: Evidence) -> str:
    """A fact's value with its unit."""
    if isinstance(item.value, bool):
        return "yes" if item.value else "no"
    value = ", ".join(item.value) if isinstance(item.value, tuple) else item.value
    return "none" if value in (None, "") else f"{value} {item.unit}".rstrip()


def target(report: Report) -> str:
    """Where the run went."""
    return "embedded exchange (sandbox)" if report.sandbox else report.api_url.partition("://")[2]


def began(report: Report) -> str:
    """When it began, in UTC."""
    return utc_words(report.started_at_ns // 10**9)


def failures(report: Report, account: str | None) -> list[Diagnosis]:
    """What keeps *account* from connecting, the run's own causes with it."""
    return [d for d in report.diagnoses if d.severity is Severity.FAIL and d.account in (account, None)]


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return *names*, those beyond the first *most* as a number."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _whose(result: CheckResult) -> str:
    return f"{result.account} {result.id}" if result.account else result.id
