"""What a command's report has beside checks, diagnoses and accounts, with the names and types of the published JSON."""

from typing import Any, TypedDict


class AuditPart(TypedDict):
    """What the calls of a report don't hold."""

    left_out: int
    problem: str


class ComparisonPart(TypedDict):
    """Findings against an earlier report: each with cause, account and severity."""

    baseline_started_at: str
    new: list[dict[str, Any]]
    gone: list[dict[str, Any]]
    still: list[dict[str, Any]]


class RoundsPart(TypedDict):
    """The rounds of `watch`."""

    every_s: float
    made: int
    outcomes: dict[str, int]
    changes: list[dict[str, Any]]
    also_watched_by: dict[str, str]
    """Account to the host of another watch that has checked its key since the round before."""


class GeneratorPart(TypedDict):
    """Our own generator, as `nonce` has tested it."""

    unit: str
    in_order: bool
    store: str


class TargetPart(TypedDict):
    """A bot's generator, as `nonce --target` has seen it."""

    target: str
    kind: str
    replaced: bool | None
    """None where there is nothing to replace."""
    by: str
    unit: str | None
    first: int
    tests: dict[str, tuple[bool, str]]
    """By name: whether it passed, and what was seen."""
    in_order: bool | None
    """None where it can't be seen from outside."""


class ClockWatchPart(TypedDict):
    """The samples of `clock --watch`."""

    every_s: float
    samples: list[dict[str, Any]]
    rate_ppm: dict[str, float] | None
    steps: list[dict[str, Any]]


class ExplainedPart(TypedDict):
    """What `explain` tells."""

    text: str
    signs: list[dict[str, Any]]
    causes: list[dict[str, Any]]


class LogPart(TypedDict):
    """A bot's log, as `logs` has read it."""

    files: list[dict[str, Any]]
    refused: int
    worked: int
    public_worked: int
    starts: int
    generator: dict[str, Any]
    client: dict[str, str | None]
    elsewhere: dict[str, int]
    versions: dict[str, list[str]]
    bucket_s: int
    timeline: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    patterns: list[dict[str, str]]


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
    audit: AuditPart
    comparison: ComparisonPart
    rounds: RoundsPart
    nonce: GeneratorPart
    generator: TargetPart
    watch: ClockWatchPart
    explained: ExplainedPart
    log: LogPart
    summary: list[dict[str, Any]]
    records: list[dict[str, Any]]
