"""The connection to the exchange, and what the exchange says of itself."""

import contextlib
import re

from kraken_doctor.checks.base import CheckOutcome, Instruments, Scope, check, known
from kraken_doctor.checks.probe import Probe
from kraken_doctor.checks.samples import failure, retry_transient
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Evidence, EvidenceSet, Outcome
from kraken_doctor.model.format import milliseconds
from kraken_doctor.network.edge import edge_headers
from kraken_doctor.network.public import PublicAnswer
from kraken_doctor.network.route import route
from kraken_doctor.network.url import without_login

_LONGEST_STATUS = 40
"""Characters: Kraken's words have a dozen, and what is unknown is repeated in a report."""

_AGAIN = "up to two repeats, if it fails in a way that may be transient"
_ASKS = ("GET /0/public/Time", _AGAIN, "GET /0/public/SystemStatus, if they fail too")


@check("path", title="Network path", position=30, scope=Scope.RUN, requests=_ASKS)
def path(ctx: Instruments) -> CheckOutcome:
    """Check name, TCP, TLS, HTTP and the API's envelope; the first step that fails decides."""
    evidence, reached = _environment(ctx), False
    try:
        Probe(ctx, route(ctx.http, ctx.settings.api_url, ctx.environ), evidence).run()
        reached = True
        # Time, since the check of the clock needs its answer too: a run makes each public call once.
        answer = retry_transient(evidence, facts.PATH, lambda made: ctx.api.ask("Time", again=made > 0))
    except (TransportError, KrakenError) as exc:
        evidence += failure(facts.PATH, exc, ctx.clock.now_ns() / 1e9)
        if isinstance(exc, KrakenError):  # the way is fine: the exchange itself answered, and refused
            return CheckOutcome(Outcome.PASS, "the exchange answers", tuple(evidence))
        outcome = Outcome.FAIL
        if reached and exc.kind != "exchange-throttled":  # who asks to slow down is not asked for more
            with contextlib.suppress(TransportError, KrakenError):
                ctx.api.ask("SystemStatus")
                outcome = Outcome.WARN  # one endpoint is not the connection
        return CheckOutcome(outcome, exc.kind, tuple(evidence))
    evidence += _answered(answer)
    found = EvidenceSet.of(evidence)
    concern = found.get(facts.TCP_DEAD) or found.get(facts.PATH.CHANCE) or found.get(facts.TLS_WITHOUT_VARIABLE)
    unused = ", ".join(ctx.environ_in_files) if not ctx.environ_in_files_used else ""
    parts = (found.get(facts.TLS_VERSION), milliseconds(answer.latency_s), unused and f"not used: {unused}")
    summary = ", ".join(filter(None, parts))
    return CheckOutcome(Outcome.WARN if concern else Outcome.PASS, summary, tuple(evidence))


_STATUS = ("GET /0/public/SystemStatus", _AGAIN)


@check("exchange", title="The exchange's status", position=40, scope=Scope.RUN, needs=("path",), requests=_STATUS)
def exchange(ctx: Instruments) -> CheckOutcome:
    """Check the trading status; reads work in all but maintenance."""
    evidence: list[Evidence] = []
    try:
        answer = retry_transient(evidence, facts.EXCHANGE, lambda made: ctx.api.ask("SystemStatus", again=made > 0))
    except (TransportError, KrakenError) as exc:
        evidence += failure(facts.EXCHANGE, exc, ctx.clock.now_ns() / 1e9)
        return CheckOutcome(Outcome.FAIL, exc.outcome, tuple(evidence))
    status = _status(answer.result.get("status"))
    evidence.append(facts.EXCHANGE_STATUS.of(status, bound="= online", source="exchange"))
    outcome = {"online": Outcome.PASS, "maintenance": Outcome.FAIL}.get(status, Outcome.WARN)
    if outcome is Outcome.PASS and len(evidence) > 1:
        outcome = Outcome.WARN  # not every attempt was answered
    return CheckOutcome(outcome, status or "no status given", tuple(evidence))


def _status(said: object) -> str:
    """Return the word that *said* is, whatever its case and joints; empty where it is no text."""
    return re.sub(r"[\s-]+", "_", said.strip().lower())[:_LONGEST_STATUS] if isinstance(said, str) else ""


def _environment(ctx: Instruments) -> list[Evidence]:
    """Return the variables that change the way, without logins."""
    shown = tuple(f"{name}={without_login(value)}" for name, value in ctx.environ.items())
    in_files = ctx.environ_in_files or None
    return known(
        facts.ENVIRONMENT.of(shown or None, source="environment"),
        facts.ENVIRONMENT_IN_FILES.of(in_files),
        facts.ENVIRONMENT_UNUSED.of(not ctx.environ_in_files_used if in_files else None),
    )


def _answered(answer: PublicAnswer) -> list[Evidence]:
    source, (server, ray) = "GET /0/public/Time", edge_headers(answer.headers)
    first_byte_s = round(answer.timing.first_byte_s, 6) if answer.timing is not None else None
    return known(
        facts.PATH.HTTP_STATUS.of(200, source=source),
        facts.LATENCY.of(round(answer.latency_s, 6), source=source),
        facts.FIRST_BYTE.of(first_byte_s, source=source),
        facts.PATH.HTTP_SERVER.of(server, source="edge"),
        facts.PATH.HTTP_RAY.of(ray, source="edge"),
    )
