"""The way to the exchange, and what the exchange says of itself."""

from __future__ import annotations

from kraken_doctor.checks.base import Finding, RunContext, Scope, check
from kraken_doctor.checks.probe import Probe
from kraken_doctor.checks.samples import confirmed
from kraken_doctor.errors import KrakenError, TransportError
from kraken_doctor.model.evidence import Evidence, Outcome
from kraken_doctor.network.edge import seen_in
from kraken_doctor.network.public import PublicAnswer
from kraken_doctor.network.route import route
from kraken_doctor.network.url import without_login

_AGAIN = "the same up to twice more, if it fails in a way that may be chance"


@check("path", title="The way to the exchange", scope=Scope.RUN, requests=("GET /0/public/Time", _AGAIN))
def path(ctx: RunContext) -> Finding:
    """Name, TCP, TLS, HTTP and the API's envelope; the first step that fails is the finding."""
    facts = _environment(ctx)
    try:
        Probe(ctx, route(ctx.http, ctx.settings.api_url, ctx.environ), facts).run()
        answer = confirmed(facts, "path", lambda made: ctx.api.ask("Time", again=made > 0))
    except TransportError as exc:
        return Finding(Outcome.FAIL, exc.kind, (*facts, *_failure("path", exc)))
    except KrakenError as exc:
        # The way is fine: the exchange itself answered, and refused.
        facts.append(Evidence("path.error", exc.text, source="exchange"))
        return Finding(Outcome.PASS, "the exchange answers", tuple(facts))
    facts += _answer_facts(answer)
    tls = next((str(fact.value) for fact in facts if fact.name == "path.tls.version"), "")
    concern = {"path.tcp.dead", "path.chance", "path.tls.without_variable"} & {fact.name for fact in facts}
    summary = ", ".join(filter(None, (tls, f"{answer.latency_s * 1000:.0f} ms")))
    return Finding(Outcome.WARN if concern else Outcome.PASS, summary, tuple(facts))


@check(
    "exchange",
    title="The exchange's status",
    scope=Scope.RUN,
    needs=("path",),
    requests=("GET /0/public/SystemStatus", _AGAIN),
)
def exchange(ctx: RunContext) -> Finding:
    """Trading status; reads work in all but maintenance."""
    facts: list[Evidence] = []
    try:
        answer = confirmed(facts, "exchange", lambda made: ctx.api.ask("SystemStatus", again=made > 0))
    except TransportError as exc:
        return Finding(Outcome.FAIL, exc.kind, (*facts, *_failure("exchange", exc)))
    except KrakenError as exc:
        return Finding(Outcome.FAIL, exc.text, (Evidence("exchange.error", exc.text, source="exchange"),))
    status = str(answer.result.get("status", ""))
    facts.append(Evidence("exchange.status", status, bound="= online", source="exchange"))
    outcome = {"online": Outcome.PASS, "maintenance": Outcome.FAIL}.get(status, Outcome.WARN)
    if outcome is Outcome.PASS and len(facts) > 1:
        outcome = Outcome.WARN  # not every attempt was answered
    return Finding(outcome, status or "no status given", tuple(facts))


def _environment(ctx: RunContext) -> list[Evidence]:
    """The variables that change the way, without logins."""
    if not ctx.environ:
        return []
    shown = tuple(f"{name}={without_login(value)}" for name, value in ctx.environ.items())
    return [Evidence("path.environment", shown, source="environment")]


def _failure(step: str, exc: TransportError) -> list[Evidence]:
    seen = [Evidence(f"{step}.{name}", value) for name, value in exc.facts.items()]
    return [Evidence(f"{step}.failure", exc.kind), Evidence(f"{step}.detail", exc.detail), *seen]


def _answer_facts(answer: PublicAnswer) -> list[Evidence]:
    source = "GET /0/public/Time"
    facts = [
        Evidence("path.http.status", 200, source=source),
        Evidence("path.latency", round(answer.latency_s, 6), "s", source=source),
    ]
    if answer.timing is not None:
        facts.append(Evidence("path.http.first_byte", round(answer.timing.first_byte_s, 6), "s", source=source))
    return [
        *facts,
        *(Evidence(f"path.{name}", value, source="edge") for name, value in seen_in(answer.headers).items()),
    ]
