"""This host's clock against others."""

from __future__ import annotations

import functools

from kraken_doctor import parallel
from kraken_doctor.checks.base import Finding, RunContext, Scope, Settings, check
from kraken_doctor.errors import KrakenDoctorError, TimeSourceError
from kraken_doctor.model.evidence import Evidence, Outcome
from kraken_doctor.timesource import kraken, ntp
from kraken_doctor.timesource.sample import Consensus, TimeSample, agree

_NTP_TIMEOUT_S = 2.0
"""An answer that took longer would have an error bound above the limit, so waiting for it is of no use."""


@check("clock", title="This host's clock", scope=Scope.RUN, requests=("NTP query (UDP 123)", "GET /0/public/Time"))
def clock(ctx: RunContext) -> Finding:
    """
    Offset is reference minus local clock: positive when this host is behind.

    It fails only where the offset less its bound is over the limit, and passes only where offset plus
    bound is under it: an unknown clock is not a good clock.
    """
    samples, problems = _ask_servers(ctx)
    consensus = agree(samples)
    exchange = _ask_exchange(ctx)
    facts = [Evidence("clock.ntp.asked", len(ctx.settings.ntp_servers))]
    if samples:
        facts.append(Evidence("clock.ntp.answered", len(samples)))
    if problems:
        facts.append(Evidence("clock.ntp.problems", tuple(problems)))
    if consensus:
        facts += _consensus_facts(consensus)
    for number, sample in enumerate([*samples, *([exchange] if exchange else [])], 1):
        facts += [
            Evidence(f"clock.sample.{number}.offset", round(sample.offset_s, 6), "s", source=sample.source),
            Evidence(f"clock.sample.{number}.bound", round(sample.bound_s, 6), "s", source=sample.source),
        ]
    best = consensus.sample if consensus else exchange
    if best is None:
        return Finding(Outcome.INCONCLUSIVE, "no time source answered", tuple(facts))
    limit_s = ctx.settings.max_offset_s
    facts += [
        Evidence("clock.offset", round(best.offset_s, 6), "s", f"|x| <= {limit_s:g}", best.source),
        Evidence("clock.bound", round(best.bound_s, 6), "s", source=best.source),
        Evidence("clock.limit", limit_s, "s"),
    ]
    return Finding(_outcome(best, ctx.settings), _summary(best, consensus, len(ctx.settings.ntp_servers)), tuple(facts))


def _outcome(sample: TimeSample, settings: Settings) -> Outcome:
    limit_s = settings.max_offset_s
    if sample.low_s > limit_s or sample.high_s < -limit_s:
        return settings.wrong_clock
    if abs(sample.offset_s) + sample.bound_s <= limit_s:
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def _summary(sample: TimeSample, consensus: Consensus | None, asked: int) -> str:
    text = f"{_span(sample.offset_s, signed=True)} ± {_span(sample.bound_s)}"
    if consensus:
        return f"{text}, {len(consensus.agreeing)} of {asked} servers"
    return f"{text}, by the {sample.source}"


def _span(seconds: float, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{seconds * 1000:{sign}.0f} ms" if abs(seconds) < 1 else f"{seconds:{sign}.1f} s"


def _consensus_facts(consensus: Consensus) -> list[Evidence]:
    facts = [Evidence("clock.ntp.agreeing", consensus.agreeing)]
    if consensus.falsetickers:
        facts.append(Evidence("clock.ntp.falsetickers", consensus.falsetickers))
    return facts


def _ask_servers(ctx: RunContext) -> tuple[list[TimeSample], list[str]]:
    """All servers at once: the slowest decides how long it takes, not their number."""
    servers, timeout_s = ctx.settings.ntp_servers, min(ctx.settings.timeout_s, _NTP_TIMEOUT_S)
    answers = parallel.start(
        [functools.partial(ntp.ask, server, ctx.clock, timeout_s) for server in servers], workers=len(servers)
    )
    samples: list[TimeSample] = []
    problems: list[str] = []
    for answer in answers:
        try:
            samples.append(answer.result())
        except TimeSourceError as exc:
            problems.append(str(exc))
    return samples, problems


def _ask_exchange(ctx: RunContext) -> TimeSample | None:
    try:
        answer = ctx.api.ask("Time")
    except KrakenDoctorError:
        return None  # the path check says why
    unixtime = answer.result.get("unixtime")
    if not isinstance(unixtime, (int, float)):
        return None
    return kraken.from_unixtime(unixtime, answer.sent_ns, answer.received_ns)
