"""The published JSON form, schema version 1. Its names stand in a table here: a field that is renamed must stay one."""

import enum
import functools
import json
import math
from decimal import Decimal
from typing import Any

from kraken_doctor import __version__
from kraken_doctor.model import findings as found
from kraken_doctor.model import report as model
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.redact import in_texts, shortened

_LONGEST_CHARACTERS = 10_000
"""Of one text: an answer may have a megabyte of it where a sentence belongs, and each consumer would carry that on."""


def render(report: model.Report) -> str:
    """
    One JSON document and a line break.

    All of it is ASCII, so that no stream's encoding can damage it; and "##[", which GitHub's runner would obey
    wherever it stands in a log, is spelled so that only a JSON reader sees it.
    """
    return _text(report, indent=2)


def line(report: model.Report) -> str:
    """Return the same on one line."""
    return _text(report, separators=(",", ":"))


def _text(report: model.Report, **layout: Any) -> str:
    # NaN is Python's alone: a reader in another language would refuse the whole document.
    text = json.dumps(document(report), allow_nan=False, **layout)
    return text.replace("##", "#\\u0023") + "\n"


_FIELDS: dict[type, tuple[str, ...]] = {
    found.CheckResult: ("id", "account", "outcome", "summary", "blocked_by", "duration_s", "evidence"),
    found.Evidence: ("name", "value", "unit", "bound", "source"),
    found.Diagnosis: ("cause", "account", "severity", "confidence", "primary", "summary", "because", "remedy", "error",
                      "possible", "explains"),
    found.Remedy: ("text", "commands", "otherwise", "avoid"),
    found.Alternative: ("text", "told_apart_by"),
    model.AccountReport: ("label", "outcome", "key_tail", "key_id", "source", "balances", "nonce", "private_calls",
                          "connected", "error"),
    model.Balances: ("usd", "usdt", "total"),
    model.NonceReport: ("unit", "unit_from", "in_order", "store", "last"),
}  # fmt: skip
"""What is published of each type, under the names of its own fields but for these."""

_OTHER_NAMES = {"label": "account", "key_tail": "key", "usd": "USD", "usdt": "USDT"}


def document(report: model.Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    values = {
        "schema_version": model.SCHEMA_VERSION,
        "tool": {"name": "kraken-doctor", "version": __version__},
        "command": report.command,
        "started_at": utc_timestamp(report.started_at_ns),
        "duration_s": round(report.duration_s, 3),
        "outcome": report.outcome.value,
        "exit_status": report.exit_status,
        "host": report.host,
        "target": {"api_url": report.api_url, "sandbox": report.sandbox},
        "environment": dict(report.environment),
        "checks": published(report.checks),
        "diagnoses": published(report.diagnoses),
        "accounts": published(report.accounts),
        **report.extra,
    }
    bounded = functools.partial(shortened, limit=_LONGEST_CHARACTERS)
    return {name: in_texts(value, bounded, names=True) for name, value in values.items()}


def published(value: Any) -> Any:
    """Return a value of the report's types as JSON values."""
    if isinstance(value, (list, tuple)):
        return [published(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)  # JSON has no number for it
    fields = {_OTHER_NAMES.get(name, name): published(getattr(value, name)) for name in _FIELDS.get(type(value), ())}
    if "duration_s" in fields:
        fields["duration_s"] = round(fields["duration_s"], 3)
    return fields or value
