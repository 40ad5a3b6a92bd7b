"""A call that failed, public or private, as facts: one place, so that both say the same of an answer."""

from __future__ import annotations

from kraken_doctor.errors import KrakenError, KrakenThrottled, TransportError
from kraken_doctor.model.facts import PublicCall, Step
from kraken_doctor.model.report import Evidence


def failure(step: Step, error: KrakenError | TransportError | None, now_s: float) -> list[Evidence]:
    """
    Return *error* as facts of *step*; none where it is None.

    Args:
        step: Whose.
        error: What was raised.
        now_s: The unix time by this host's clock, for a moment that a refusal names.
    """
    if error is None:
        return []
    seen = error.seen
    found = [
        step.PROXY_FAILURE.of(seen.proxy_failure),
        step.PROXY_STATUS.of(seen.proxy_status),
        step.BAD_VARIABLE.of(seen.variable),
        step.HTTP_STATUS.of(seen.status),
        step.HTTP_SERVER.of(seen.server),
        step.HTTP_RAY.of(seen.ray),
        step.HTTP_TITLE.of(seen.title),
        step.HTTP_RETRY_AFTER.of(seen.retry_after_s),
    ]
    if isinstance(error, TransportError):
        found = [step.FAILURE.of(error.kind), step.DETAIL.of(error.detail), *found]
    elif isinstance(step, PublicCall):  # of a private one it is the outcome
        found.append(step.ERROR.of(error.text, source="exchange"))
    if isinstance(error, KrakenThrottled) and error.until_s is not None:
        found.append(step.UNTIL.of(round(error.until_s - now_s, 3)))
    return [item for item in found if item.value is not None]
