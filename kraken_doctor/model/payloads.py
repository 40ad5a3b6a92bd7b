"""
What a command's report has beside checks, diagnoses and accounts.

The fields of each part stand in schema.json, to which the tests hold every document.
"""

from typing import Any, TypedDict

ClockWatchPart = dict[str, Any]
ComparisonPart = dict[str, Any]
LogPart = dict[str, Any]
RoundsPart = dict[str, Any]
TargetPart = dict[str, Any]


class Extra(TypedDict, total=False):
    """All of them; a command has what is its own."""

    latency: dict[str, dict[str, float]]
    """Public and private calls: samples, medians and worst, in seconds."""
    plan: list[str]
    """With `--dry-run`: each request that would be made."""
    looked_at: list[dict[str, str]]
    """Where `accounts` has looked for credentials."""
    versions: dict[str, str | None]
    calls: list[dict[str, Any]]
    audit: dict[str, Any]
    comparison: ComparisonPart
    rounds: RoundsPart
    nonce: dict[str, Any]
    generator: TargetPart
    watch: ClockWatchPart
    explained: dict[str, Any]
    log: LogPart
    summary: list[dict[str, Any]]
    records: list[dict[str, Any]]
