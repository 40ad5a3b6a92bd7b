"""What to do, where the log itself says more than the error does: `advice.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kraken_doctor.botlog.counters import ErrorStats
from kraken_doctor.botlog.prefilter import words
from kraken_doctor.botlog.stats import LogStats
from kraken_doctor.model.diagnosis import Remedy


@functools.cache
def _rules() -> tuple[dict[str, Any], ...]:
    text = Path(__file__).with_name("advice.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text).values())


def advice(error: ErrorStats, stats: LogStats) -> tuple[str, Remedy | None]:
    """Return a summary and a remedy by the evidence; empty and None where the catalogue's own are right."""
    named = {"calls": _listed(error.endpoints), "permissions": _listed(_permissions(error))}
    for rule in _rules():
        if _holds(rule, error, stats) and all(value for key, value in named.items() if f"{{{key}}}" in rule["text"]):
            fields = ("summary", "text", "otherwise", "avoid")
            said = {field: rule[field].format_map(named) for field in fields if field in rule}
            return said.pop("summary", ""), Remedy(**said)
    return "", None


def _holds(rule: Mapping[str, Any], error: ErrorStats, stats: LogStats) -> bool:
    return (
        error.title in rule["errors"]
        and all(error.hints[hint] for hint in rule.get("hints", ()))
        and not any(error.hints[hint] for hint in rule.get("without", ()))
        and (not rule.get("alone") or _alone(error, stats))
    )


def _alone(error: ErrorStats, stats: LogStats) -> bool:
    """Whether every refused call is of a kind that never worked, while others did."""
    if "" in error.endpoints or any(stats.worked_endpoints[call] for call in error.endpoints):
        return False
    return any(stats.worked_endpoints.values())


def _permissions(error: ErrorStats) -> dict[str, int]:
    boxes = words()["permissions"].items()
    return {box: 1 for box, calls in boxes if any(error.endpoints[call] for call in calls)}


def _listed(names: Mapping[str, int]) -> str:
    return " and ".join(f'"{name}"' if " " in name else name for name in names if name)
