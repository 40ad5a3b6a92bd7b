"""The way to the exchange, and what the exchange says of itself."""

from __future__ import annotations

from kraken_doctor.checks.base import CheckOutcome, Instruments, Scope, check
from kraken_doctor.checks.probe import Probe
from kraken_doctor.checks.samples import retry_transient
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.model import facts
from kraken_doctor.model.evidence import Evidence, EvidenceSet, Outcome
from kraken_doctor.model.format import milliseconds
from kraken_doctor.network.edge import edge_headers
from kraken_doctor.network.public import PublicAnswer
from kraken_doctor.network.route import route
from kraken_doctor.network.url import without_login

_AGAIN = "the same up to twice more, if it fails in a way that may be chance"


@check("path", title="The way to the exchange", position=30, scope=Scope.RUN, requests=("GET /0/public/Time", _AGAIN))
def path(ctx: Instruments) -> CheckOutcome:
    """Check name, TCP, TLS, HTTP and the API's envelope; the first step that fails decides."""
    evidence = _environment(ctx)
    try:
        Probe(ctx, route(ctx.http, ctx.settings.api_url, ctx.environ), evidence).run()
        answer = retry_transient(evidence, facts.PATH, lambda made: ctx.api.ask("Time", again=made > 0))
    except TransportError as exc:
        return CheckOutcome(Outcome.FAIL, exc.kind, (*evidence, *_failure(facts.PATH, exc)))
    except KrakenError as exc:
        # The way is fine: the exchange itself answered, and refused.
        evidence.append(facts.PATH.ERROR.of(exc.text, source="exchange"))
        return CheckOutcome(Outcome.PASS, "the exchange answers", tuple(evidence))
    evidence += _answered(answer)
    found = EvidenceSet.of(evidence)
    concern = found.get(facts.TCP_DEAD) or found.get(facts.PATH.CHANCE) or found.get(facts.TLS_WITHOUT_VARIABLE)
    summary = ", ".join(filter(None, (found.get(facts.TLS_VERSION), milliseconds(answer.latency_s))))
    return CheckOutcome(Outcome.WARN if concern else Outcome.PASS, summary, tuple(evidence))


@check(
    "exchange",
    title="The exchange's status",
    position=40,
    scope=Scope.RUN,
    needs=("path",),
    requests=("GET /0/public/SystemStatus", _AGAIN),
)
def exchange(ctx: Instruments) -> CheckOutcome:
    """Check the trading status; reads work in all but maintenance."""
    evidence: list[Evidence] = []
    try:
        answer = retry_transient(evidence, facts.EXCHANGE, lambda made: ctx.api.ask("SystemStatus", again=made > 0))
    except TransportError as exc:
        return CheckOutcome(Outcome.FAIL, exc.kind, (*evidence, *_failure(facts.EXCHANGE, exc)))
    except KrakenError as exc:
        return CheckOutcome(Outcome.FAIL, exc.text, (facts.EXCHANGE.ERROR.of(exc.text, source="exchange"),))
    status = str(answer.result.get("status", ""))
    evidence.append(facts.EXCHANGE_STATUS.of(status, bound="= online", source="exchange"))
    outcome = {"online": Outcome.PASS, "maintenance": Outcome.FAIL}.get(status, Outcome.WARN)
    if outcome is Outcome.PASS and len(evidence) > 1:
        outcome = Outcome.WARN  # not every attempt was answered
    return CheckOutcome(outcome, status or "no status given", tuple(evidence))


def _environment(ctx: Instruments) -> list[Evidence]:
    """Return the variables that change the way, without logins."""
    if not ctx.environ:
        return []
    shown = tuple(f"{name}={without_login(value)}" for name, value in ctx.environ.items())
    return [facts.ENVIRONMENT.of(shown, source="environment")]


def _failure(call: facts.PublicCall, exc: TransportError) -> list[Evidence]:
    seen = exc.seen
    more = (
        call.PROXY_FAILURE.of(seen.proxy_failure),
        call.HTTP_STATUS.of(seen.status),
        call.HTTP_SERVER.of(seen.server),
        call.HTTP_RAY.of(seen.ray),
        call.HTTP_TITLE.of(seen.title),
        call.HTTP_RETRY_AFTER.of(seen.retry_after_s),
        call.PROXY_STATUS.of(seen.proxy_status),
        call.BAD_VARIABLE.of(seen.variable),
    )
    return [call.FAILURE.of(exc.kind), call.DETAIL.of(exc.detail), *(item for item in more if item.value is not None)]


def _answered(answer: PublicAnswer) -> list[Evidence]:
    source, (server, ray) = "GET /0/public/Time", edge_headers(answer.headers)
    first_byte_s = round(answer.timing.first_byte_s, 6) if answer.timing is not None else None
    found = (
        facts.PATH.HTTP_STATUS.of(200, source=source),
        facts.LATENCY.of(round(answer.latency_s, 6), source=source),
        facts.FIRST_BYTE.of(first_byte_s, source=source),
        facts.PATH.HTTP_SERVER.of(server, source="edge"),
        facts.PATH.HTTP_RAY.of(ray, source="edge"),
    )
    return [item for item in found if item.value is not None]
