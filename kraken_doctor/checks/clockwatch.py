"""This host's clock over time: looks, rate, steps."""

from typing import NamedTuple

from kraken_doctor.checks import clock
from kraken_doctor.checks.base import CheckOutcome, Instruments
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Outcome
from kraken_doctor.timesource.sample import ClockPair, Consensus, OffsetInterval, rate, step_between

_MOST_SAMPLES = 4096
"""Kept for the report; of a longer watch the last ones."""

_MOST_LOOKS = 512
"""For the rate, whose cost grows with their square. Of a longer watch every second one is dropped, again and again, so
that they cover all of it."""


class ClockSample(NamedTuple):
    """What one look showed."""

    at_ns: int
    """By the clock that is watched."""
    consensus: Consensus | None
    summary: str
    """``+12 ms ± 8 ms, 4 of 4 servers``, or why there is no offset."""
    step_s: float
    """By how much the clock was set since the look before."""


class ClockWatch:
    """
    Looks at the clock again and again.

    Args:
        ctx: The run; its time servers remember who asked to be left alone.
    """

    def __init__(self, ctx: Instruments) -> None:
        self._ctx = ctx
        self._last: ClockPair | None = None
        self._looks: list[OffsetInterval] = []
        self._stepped_s = 0.0
        self.samples: list[ClockSample] = []
        self.steps: list[ClockSample] = []
        """Those that saw the clock set."""

    def look(self) -> ClockSample:
        """Measure once more."""
        ctx, asked = self._ctx, len(self._ctx.settings.ntp_servers)
        before = ClockPair.take(ctx.clock)
        measured = clock.measure(ctx, again=self._last is not None)
        after = ClockPair.take(ctx.clock)
        set_meanwhile_s = step_between(before, after)
        step_s = set_meanwhile_s + (step_between(self._last, before) if self._last else 0.0)
        self._last = after
        self._stepped_s += step_s
        consensus = measured.consensus
        if set_meanwhile_s:
            # Its answers were compared partly with the clock before, partly with the one after.
            consensus, said = None, "the clock was set during this poll"
        elif consensus:
            said = clock.summary(consensus, asked)
            # With its steps taken out, what remains of the offset is drift.
            low_s, high_s = (edge + self._stepped_s for edge in (consensus.sample.low_s, consensus.sample.high_s))
            self._looks.append(OffsetInterval(before.monotonic_s, low_s, high_s))
        else:
            said = "; ".join(measured.problems) or "no time source answered"
        sample = ClockSample(before.wall_ns, consensus, said, step_s)
        self._keep(sample)
        return sample

    def rate_ppm(self) -> tuple[float, float] | None:
        """Return the offset's growth in millionths, at least and at most; None if no steady rate explains the looks."""
        found = rate(self._looks)
        return (found[0] * 1e6, found[1] * 1e6) if found else None

    def finding(self) -> CheckOutcome:
        """Return the outcome: the last offset, judged as that of a single look; a clock that was set is a warning."""
        last = next((sample for sample in reversed(self.samples) if sample.consensus), None)
        evidence = [facts.CLOCK_LOOKS.of(len(self.samples)), facts.CLOCK_STEPS.of(len(self.steps))]
        if self.steps:
            evidence.append(facts.STEP_LARGEST.of(max((s.step_s for s in self.steps), key=abs)))
        if found := self.rate_ppm():
            least, most = found
            evidence += [facts.RATE_LEAST.of(round(least, 3)), facts.RATE_MOST.of(round(most, 3))]
        if last is None or last.consensus is None:
            evidence += clock.keeper_evidence(self._ctx)
            return CheckOutcome(Outcome.INCONCLUSIVE, "no poll gave an offset", tuple(evidence))
        settings, sample = self._ctx.settings, last.consensus.sample
        evidence += clock.offset_evidence(sample, settings.max_offset_s)
        outcome = clock.judge(sample, settings)
        if outcome is Outcome.PASS and self.steps:
            outcome = Outcome.WARN
        if outcome is not Outcome.PASS:
            evidence += clock.keeper_evidence(self._ctx)
        return CheckOutcome(outcome, last.summary, tuple(evidence))

    def _keep(self, sample: ClockSample) -> None:
        self.samples.append(sample)
        if sample.step_s:
            self.steps.append(sample)
        del self.samples[:-_MOST_SAMPLES], self.steps[:-_MOST_SAMPLES]
        if len(self._looks) > _MOST_LOOKS:
            del self._looks[1::2]
