"""The published JSON form, schema version 1. Each name is written by hand, so that renaming a field can't change it."""

import json
import math
from typing import Any

from kraken_doctor import __version__
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.report import (
    SCHEMA_VERSION,
    AccountReport,
    CheckResult,
    Diagnosis,
    Evidence,
    NonceReport,
    Remedy,
    Report,
)
from kraken_doctor.redact import shortened

_LONGEST_CHARACTERS = 10_000
"""Of one text: an answer may have a megabyte of it where a sentence belongs, and each consumer would carry that on."""


def render(report: Report) -> str:
    """
    One JSON document and a line break.

    All of it is ASCII, so that no stream's encoding can damage it; and "##[", which GitHub's runner would obey
    wherever it stands in a log, is spelled so that only a JSON reader sees it.
    """
    return _text(report, indent=2)


def line(report: Report) -> str:
    """Return the same on one line."""
    return _text(report, separators=(",", ":"))


def _text(report: Report, **layout: Any) -> str:
    text = json.dumps(document(report), allow_nan=False, **layout)
    return text.replace("##", "#\\u0023") + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    values = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "kraken-doctor", "version": __version__},
        "command": report.command,
        "started_at": utc_timestamp(report.started_at_ns),
        "duration_s": round(report.duration_s, 3),
        "outcome": report.outcome.value,
        "exit_status": report.exit_status,
        "host": report.host,
        "target": {"api_url": report.api_url, "sandbox": report.sandbox},
        "environment": dict(report.environment),
        "checks": [_check(result) for result in report.checks],
        "diagnoses": [_diagnosis(diagnosis) for diagnosis in report.diagnoses],
        "accounts": [_account(account) for account in report.accounts],
        **report.extra,
    }
    return {name: _bounded(value) for name, value in values.items()}


def _bounded(value: Any) -> Any:
    """*value* with every text in it cut to what a person could still read."""
    if isinstance(value, str):
        return shortened(value, _LONGEST_CHARACTERS)
    if isinstance(value, list):
        return [_bounded(item) for item in value]
    if isinstance(value, dict):
        return {_bounded(name): _bounded(item) for name, item in value.items()}
    return value


def _check(result: CheckResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "account": result.account,
        "outcome": result.outcome.value,
        "summary": result.summary,
        "blocked_by": result.blocked_by,
        "duration_s": round(result.duration_s, 3),
        "evidence": [_evidence(item) for item in result.evidence],
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    value = list(item.value) if isinstance(item.value, tuple) else item.value
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)  # JSON has no name for it
    return {"name": item.name, "value": value, "unit": item.unit, "bound": item.bound, "source": item.source}


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "cause": diagnosis.cause,
        "account": diagnosis.account,
        "severity": diagnosis.severity.value,
        "confidence": diagnosis.confidence.value,
        "primary": diagnosis.primary,
        "summary": diagnosis.summary,
        "because": list(diagnosis.because),
        "remedy": remedy_values(diagnosis.remedy),
        "error": diagnosis.error,
        "possible": [{"text": other.text, "told_apart_by": other.told_apart_by} for other in diagnosis.possible],
        "explains": list(diagnosis.explains),
    }


def remedy_values(remedy: Remedy) -> dict[str, Any]:
    """Return a remedy as JSON values."""
    commands = list(remedy.commands)
    return {"text": remedy.text, "commands": commands, "otherwise": remedy.otherwise, "avoid": remedy.avoid}


def _account(account: AccountReport) -> dict[str, Any]:
    balances, nonce = account.balances, account.nonce
    held = {"USD": str(balances.usd), "USDT": str(balances.usdt), "total": str(balances.total)} if balances else None
    return {
        "account": account.label,
        "outcome": account.outcome.value,
        "key": account.key_tail,
        "key_id": account.key_id,
        "source": account.source,
        "balances": held,
        "nonce": _nonce(nonce) if nonce else None,
        "private_calls": account.private_calls,
        "connected": account.connected,
        "error": account.error,
    }


def _nonce(nonce: NonceReport) -> dict[str, Any]:
    return {"unit": nonce.unit, "unit_from": nonce.unit_from, "in_order": nonce.in_order, "store": nonce.store,
            "last": nonce.last}  # fmt: skip
