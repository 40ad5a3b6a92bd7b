"""This host's clock against others."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from kraken_doctor import parallel
from kraken_doctor.checks.base import CheckOutcome, Instruments, RunSettings, Scope, check, known
from kraken_doctor.errors import KrakenDoctorError, TimeSourceError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Evidence, Outcome
from kraken_doctor.model.format import span
from kraken_doctor.timesource.sample import Consensus, TimeSample, from_date_header, from_unixtime, marzullo

_NTP_TIMEOUT_S = 2.0
"""An answer that took longer would have an error bound above the limit, so waiting for it is of no use."""

_PROVED_AHEAD_S = 1.0
"""By as much a clock has to be ahead, at the least, for the doctor's nonces to come from the corrected time."""

_AGREEMENT_S = 1.0
"""Servers and exchange that are no further apart agree: nobody promises that Kraken's clock, or that of the edge in
front of it, is exact to milliseconds, and a healthy clock must not be called doubtful for it."""

_FAR_FUTURE_S = 2**33
"""The year 2242: what is beyond is no time, whoever says it."""


class Measured(NamedTuple):
    """What all sources together say of the clock."""

    servers: tuple[TimeSample, ...]
    problems: tuple[str, ...]
    """A line for each server without a usable answer."""
    exchange: tuple[TimeSample, ...]
    """Its own time, and the ``Date`` of its answers."""
    consensus: Consensus | None
    """Of the servers, or of servers and exchange together, or of the exchange alone."""
    coarse: TimeSample | None
    """What the exchange's own times agree on."""
    contradicted: bool
    """Whether the exchange's time can't be reconciled with the consensus."""


_ASKS = ("one NTP query (UDP 123) to each time server", "GET /0/public/Time")


@check("clock", title="This host's clock", position=50, scope=Scope.RUN, requests=_ASKS)
def clock(ctx: Instruments) -> CheckOutcome:
    """
    Check the offset, reference minus local clock: positive when this host is behind.

    It fails only where the offset less its bound is over the limit, and passes only where offset plus
    bound is under it: an unknown clock is not a good clock.
    """
    measured = measure(ctx)
    evidence = _evidence(measured, len(ctx.settings.ntp_servers))
    agreed = measured.consensus.sample if measured.consensus else None
    exchange = [measured.coarse] if measured.coarse else date_samples(ctx)
    if ahead_s := proved_ahead_s(filter(None, (agreed, *exchange))):
        evidence.append(facts.CLOCK_AHEAD.of(round(ahead_s, 6), bound=f">= -{_PROVED_AHEAD_S:g}"))
    if measured.consensus is None:
        heard = measured.servers or measured.exchange
        said = "the time sources contradict each other" if heard else "no time source answered"
        return CheckOutcome(Outcome.INCONCLUSIVE, said, (*evidence, *keeper_evidence(ctx)))
    best = measured.consensus.sample
    evidence += offset_evidence(best, ctx.settings.max_offset_s)
    # NTP and the exchange in disagreement are the finding: to go by either would call a right clock wrong, or a wrong
    # one right.
    outcome = Outcome.INCONCLUSIVE if measured.contradicted else judge(best, ctx.settings)
    # Only for a remedy: it reads the name of each process of the host.
    if outcome is not Outcome.PASS:
        evidence += keeper_evidence(ctx)
    said = summary(measured.consensus, len(ctx.settings.ntp_servers))
    if measured.contradicted and measured.coarse:
        said = f"{said}; but {span(measured.coarse.offset_s, signed=True, digits=1)} by the exchange"
    return CheckOutcome(outcome, said, tuple(evidence))


def measure(ctx: Instruments, *, again: bool = False) -> Measured:
    """
    Ask all servers once, and the exchange.

    Args:
        ctx: The run.
        again: Not for the first time: then the exchange is asked only where the servers don't suffice, and what it said
            before does not count, since the clock may have been set meanwhile.
    """
    samples, problems = _ask_servers(ctx)
    exchange = [] if again and marzullo(samples) else exchange_samples(ctx, again=again)
    coarse = marzullo(exchange, "exchange")
    # Servers that contradict each other leave it to the exchange, whose word is coarse, to break the tie.
    consensus = marzullo(samples) or marzullo([*samples, *([coarse.sample] if coarse else [])]) if samples else coarse
    said = coarse.sample if coarse else None
    contradicted = bool(said and consensus and _apart(said, consensus.sample))
    return Measured(tuple(samples), tuple(problems), tuple(exchange), consensus, said, contradicted)


def proved_ahead_s(samples: Iterable[TimeSample]) -> float:
    """
    Return the offset of a clock that any of *samples* proves to be more than a second ahead; 0 if none does.

    Where they contradict each other the lowest counts: nonces from too early a time are refused, and harm nobody.
    """
    return min((sample.offset_s for sample in samples if sample.high_s < -_PROVED_AHEAD_S), default=0.0)


def judge(sample: TimeSample, settings: RunSettings) -> Outcome:
    """Return the outcome of one agreed sample, by the rule of `clock`."""
    limit_s = settings.max_offset_s
    if sample.low_s > limit_s or sample.high_s < -limit_s:
        return settings.wrong_clock
    if abs(sample.offset_s) + sample.bound_s <= limit_s:
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def summary(consensus: Consensus, asked: int) -> str:
    """Return the result in words: ``+12 ms ± 8 ms, 4 of 4 servers``."""
    sample = consensus.sample
    text = f"{span(sample.offset_s, signed=True, digits=1)} ± {span(sample.bound_s, digits=1)}"
    if sample.source == "exchange":
        return f"{text}, by the exchange"
    servers = [source for source in consensus.agreeing if source != "exchange"]
    besides = " and the exchange" if len(servers) < len(consensus.agreeing) else ""
    return f"{text}, {len(servers)} of {asked} servers{besides}"


def offset_evidence(best: TimeSample, limit_s: float) -> list[Evidence]:
    """Return the result, and the limit that it is held against."""
    return [
        facts.CLOCK_OFFSET.of(round(best.offset_s, 6), bound=f"|x| <= {limit_s:g}", source=best.source),
        facts.CLOCK_BOUND.of(round(best.bound_s, 6), source=best.source),
        facts.CLOCK_LIMIT.of(limit_s),
    ]


def _apart(one: TimeSample, other: TimeSample) -> bool:
    return one.low_s > other.high_s + _AGREEMENT_S or one.high_s < other.low_s - _AGREEMENT_S


def _evidence(measured: Measured, asked: int) -> list[Evidence]:
    agreed = measured.consensus if measured.servers else None
    evidence = known(
        facts.NTP_ASKED.of(asked),
        facts.NTP_ANSWERED.of(len(measured.servers) or None),
        facts.NTP_PROBLEMS.of(measured.problems or None),
        facts.NTP_AGREEING.of(agreed.agreeing if agreed else None),
        facts.NTP_FALSETICKERS.of((agreed.falsetickers if agreed else None) or None),
        facts.EXCHANGE_OFFSET.of(round(measured.coarse.offset_s, 6) if measured.coarse else None, source="exchange"),
        facts.EXCHANGE_CONTRADICTS.of(measured.contradicted or None, source="exchange"),
    )
    for number, said in enumerate((*measured.servers, *measured.exchange), 1):
        sample = facts.SampleFacts(number)
        evidence.append(sample.SAMPLE_OFFSET.of(round(said.offset_s, 6), source=said.source))
        evidence.append(sample.SAMPLE_BOUND.of(round(said.bound_s, 6), source=said.source))
    return evidence


def keeper_evidence(ctx: Instruments) -> list[Evidence]:
    """Return what keeps the clock here, for a remedy that fits this system."""
    keeper = ctx.keeper()
    if keeper is None:
        return []
    return [
        facts.CLOCK_PLACE.of(keeper.place, source=keeper.because),
        facts.KEEPER.of(keeper.service),
        facts.KEEPER_RUNNING.of(keeper.running),
        facts.KEEPER_UNIT.of(keeper.unit),
        facts.KEEPER_RIVALS.of(keeper.rivals),
        facts.KEEPER_PACKAGER.of(keeper.packager),
    ]


def _ask_servers(ctx: Instruments) -> tuple[list[TimeSample], list[str]]:
    """Ask all servers at once: the slowest decides how long it takes, not their number."""
    servers, timeout_s = ctx.settings.ntp_servers, min(ctx.settings.timeout_s, _NTP_TIMEOUT_S)
    jobs = [functools.partial(ctx.time_servers.ask, server, timeout_s) for server in servers]
    samples: list[TimeSample] = []
    problems: list[str] = []
    for answer in parallel.start(jobs, workers=len(servers)):
        try:
            samples.append(answer.result())
        except TimeSourceError as exc:
            problems.append(str(exc))
    return samples, problems


def exchange_samples(ctx: Instruments, *, again: bool = False) -> list[TimeSample]:
    """Return ``Time``, and the ``Date`` of every answer that is there: each narrows what the others leave open."""
    samples = []
    try:
        answer = ctx.api.ask("Time", again=again)
    except KrakenDoctorError:
        return []  # the path check says why
    unixtime = answer.result.get("unixtime")
    # True is an int to Python, and any server may answer anything.
    if isinstance(unixtime, (int, float)) and unixtime is not True and 0 < unixtime < _FAR_FUTURE_S:
        samples.append(from_unixtime(unixtime, answer.sent_ns, answer.received_ns))
    dated = [answer] if again else ctx.api.answers()
    dates = (from_date_header(a.headers.get("date", ""), a.sent_ns, a.received_ns) for a in dated)
    return [*samples, *(sample for sample in dates if sample is not None)]


def date_samples(ctx: Instruments) -> list[TimeSample]:
    """
    Return the dates of whatever came back, refusals and error pages included.

    Too little for a verdict on the clock; but enough to take no nonce from a time that has not come.
    """
    # A copy: other checks ask at the same time.
    return list(filter(None, (from_date_header(*date) for date in list(ctx.api.dates.values()))))
