"""The reports that all renderers are tested with."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import (
    Alternative,
    CheckResult,
    Confidence,
    Diagnosis,
    Evidence,
    Outcome,
    Remedy,
    Severity,
)
from kraken_doctor.model.report import AccountReport, Balances, NonceReport, Report

HOSTILE = (
    "[bold red]\x1b[31m\x1b]0;title\x07\n::error::boo\n##[error]boo <script>alert(1)</script> ]]> &amp; | `x` @user"
    " https://evil.example #1 *b* \u202egnp\u200b\0\ud800\uffff" + "A" * 1_000_000
)


def account(label: str = "USER:daivon_frazier", *, fails: bool = False) -> AccountReport:
    return AccountReport(
        label=label,
        outcome=Outcome.FAIL if fails else Outcome.PASS,
        key_tail="…4tZA",
        key_id="0123456789abcdef",
        source="KRAKEN_USER_DAIVON_API_KEY (.env)",
        balances=None
        if fails
        else Balances(Decimal("100.0000"), Decimal("50.00000000"), {"ZUSD": Decimal("100.0000")}),
        nonce=NonceReport(unit="us", in_order=True, store="sqlite", last=1795399471659000),
        private_calls=2,
        connected=not fails,
        error="EAPI:Invalid nonce" if fails else "",
    )


def diagnosis(
    label: str | None = "USER:daivon_frazier", severity: Severity = Severity.FAIL, text: str = ""
) -> Diagnosis:
    return Diagnosis(
        cause="nonce-spent-higher",
        account=label,
        severity=severity,
        confidence=Confidence.LIKELY,
        summary=text or "This key has already accepted a larger nonce.",
        because=(text or "the clock is right: +12 ms ± 8 ms",),
        remedy=Remedy("Create a new API key.", ("kraken-doctor clock",), "Or count finer.", "Don't retry in a loop."),
        primary=True,
        error=text or "EAPI:Invalid nonce",
        possible=(Alternative("a clock that was ahead", "time"),),
    )


def report(*accounts: AccountReport, diagnoses: tuple[Diagnosis, ...] = (), outcome: Outcome = Outcome.PASS) -> Report:
    checks = (
        CheckResult(id="clock", account=None, outcome=Outcome.PASS, summary="+12 ms ± 8 ms, 4 of 4 servers",
                    evidence=(Evidence("clock.offset", 0.012, "s", "|x| <= 1", "pool.ntp.org"),), duration_s=0.05),
        CheckResult(id="path", account=None, outcome=Outcome.FAIL, summary="dns-failed"),
        CheckResult(id="exchange", account=None, outcome=Outcome.SKIP, summary="not made", blocked_by="path"),
    )  # fmt: skip
    return Report(
        command="check", started_at_ns=1_795_399_200_000_000_000, duration_s=0.4123, outcome=outcome, exit_status=0,
        api_url="https://api.kraken.com", environment={"python": "3.11.7", "krakenex": "2.2.2"}, checks=checks,
        diagnoses=diagnoses, accounts=accounts,
    )  # fmt: skip


def hostile() -> Report:
    """Wherever foreign text can stand, it stands."""
    ugly = CheckResult(
        id="path", account=HOSTILE, outcome=Outcome.WARN, summary=HOSTILE, blocked_by=None,
        evidence=(Evidence("path.a", HOSTILE, HOSTILE, HOSTILE, HOSTILE), Evidence("path.b", (HOSTILE, HOSTILE))),
    )  # fmt: skip
    unknown = CheckResult(id="nonce", account="B", outcome=Outcome.INCONCLUSIVE, summary=HOSTILE)
    remedy = Remedy(HOSTILE, (HOSTILE,), HOSTILE, HOSTILE)
    named = Diagnosis(
        cause="edge-error", account=HOSTILE, severity=Severity.FAIL, confidence=Confidence.LIKELY, summary=HOSTILE,
        because=(HOSTILE,), remedy=remedy, primary=True, error=HOSTILE, possible=(Alternative(HOSTILE, HOSTILE),),
    )  # fmt: skip
    made = report(
        account(HOSTILE, fails=True), account("B"), diagnoses=(named, diagnosis(None, Severity.WARN, HOSTILE))
    )
    extra = {
        "versions": {HOSTILE: HOSTILE},
        "comparison": {
            "baseline_started_at": HOSTILE,
            "new": [{"cause": HOSTILE, "account": HOSTILE, "severity": HOSTILE}], "gone": [], "still": [],
        },
    }  # fmt: skip
    changed = {"checks": (*made.checks, ugly, unknown), "environment": {"platform": HOSTILE, HOSTILE: [HOSTILE]}}
    return replace(made, outcome=Outcome.FAIL, api_url=f"https://{HOSTILE}", extra=extra, **changed)  # type: ignore[arg-type]


def call(at_ns: int = 1_795_399_200_123_456_789, *, outcome: str = "ok", **changed: object) -> CallRecord:
    """One private call in microseconds."""
    fields: dict[str, object] = {
        "at_ns": at_ns, "key_id": "0123456789abcdef", "unit": "us", "nonce": at_ns // 1000, "endpoint": "Balance",
        "outcome": outcome, "latency_s": 0.043, "waited_s": 0.0,
    }  # fmt: skip
    return CallRecord(**{**fields, **changed})  # type: ignore[arg-type]
