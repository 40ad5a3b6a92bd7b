"""A call as facts: how often it was tried, and how it failed, public or private."""

from collections.abc import Callable
from typing import TypeVar

from kraken_doctor.checks.base import known
from kraken_doctor.errors import KrakenError, KrakenThrottled, TransportError
from kraken_doctor.model.cause import Transient
from kraken_doctor.model.facts import PublicCall, Step
from kraken_doctor.model.findings import Evidence

T = TypeVar("T")


def retry_transient(evidence: list[Evidence], call: PublicCall, step: Callable[[int], T]) -> T:
    """
    Return what two of three attempts at *step* come to: a failure that may be chance counts when it comes twice.

    Args:
        evidence: Told how many attempts there were, where the first did not decide it.
        call: Whose facts these are.
        step: Called with the number of attempts before it.

    Raises:
        TransportError: The last failure.
        KrakenError: The last refusal.
    """
    failures: list[TransportError | KrakenError] = []
    results: list[T] = []
    while len(failures) < 2 and len(results) < 2:
        try:
            results.append(step(len(failures) + len(results)))
        except (TransportError, KrakenError) as exc:
            failures.append(exc)
            # Names and TCP connections are tried several times by the system itself; a certificate, a refusal or a
            # request to slow down does not change within a second.
            if transience(exc.cause) is not Transient.INSTANT:
                break
        if not failures:
            return results[0]
    if (made := len(failures) + len(results)) > 1:
        evidence += [call.SAMPLES.of(made), call.SAMPLES_FAILED.of(len(failures))]
    if len(results) < 2:
        raise failures[-1]
    evidence += [call.CHANCE.of(failures[0].cause), call.CHANCE_DETAIL.of(failures[0].detail)]
    return results[-1]


def transience(cause: str) -> Transient | None:
    """Return how soon a failure by *cause* may be gone; None where it lasts."""
    from kraken_doctor.diagnosis.causes import CAUSES  # a healthy run never needs their texts

    return CAUSES[cause].transient


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
    return known(*found)
