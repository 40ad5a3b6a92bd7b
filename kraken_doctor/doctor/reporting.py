"""A report, made in one way for every command."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any, NamedTuple

from kraken_doctor.clock import Clock
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.verdict import ExitStatus, FailOn, exit_status, outcome_of
from kraken_doctor.model.findings import CheckResult, Diagnosis, Outcome
from kraken_doctor.model.report import Report


class Started(NamedTuple):
    """When a command began."""

    clock: Clock
    at_ns: int
    """Wall clock, nanoseconds since 1970."""
    monotonic_s: float

    @classmethod
    def now(cls, clock: Clock) -> Started:
        """Begin by *clock*."""
        return cls(clock, clock.now_ns(), clock.monotonic())

    def duration_s(self) -> float:
        """Return the seconds since then."""
        return self.clock.monotonic() - self.monotonic_s


def finished(
    command: str,
    started: Started,
    checks: Sequence[CheckResult],
    diagnoses: Sequence[Diagnosis] = (),
    *,
    interrupted: bool = False,
    **fields: Any,
) -> Report:
    """
    Return the report of *command*, ended now.

    Args:
        command: Its name.
        started: When it began.
        checks: What was found.
        diagnoses: What that comes to.
        interrupted: Whether the user ended it: that is its exit status.
        fields: More fields of `Report`; those that are not given are derived from checks and diagnoses.
    """
    outcome = fields.pop("outcome", None) or outcome_of(checks, diagnoses)
    return Report(
        **{
            "command": command,
            "started_at_ns": started.at_ns,
            "duration_s": started.duration_s(),
            "outcome": outcome,
            "exit_status": ExitStatus.INTERRUPTED if interrupted else exit_status(outcome, FailOn.FAIL),
            "api_url": "",
            "host": platform.node(),
            "checks": tuple(checks),
            "diagnoses": tuple(diagnoses),
            **fields,
        }
    )


def cut_short(
    request: RunRequest, clock: Clock, outcome: Outcome, summary: str, status: int = ExitStatus.NO_VERDICT
) -> Report:
    """Return the report of a run that ended before it had one: *outcome* and *summary* are those of the doctor."""
    return finished(
        request.command,
        Started.now(clock),
        [CheckResult(id="doctor", account=None, outcome=outcome, summary=summary)],
        duration_s=0.0,
        outcome=Outcome.INCONCLUSIVE,
        exit_status=status,
        api_url=request.api_url or "",
        sandbox=request.sandbox,
    )
