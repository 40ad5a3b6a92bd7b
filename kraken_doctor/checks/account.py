"""One account on the wire: does the key work, what may it do, what does it hold."""

from __future__ import annotations

import math

from kraken_doctor.checks import balance, keyinfo
from kraken_doctor.checks.base import AccountContext, CheckOutcome, Scope, check
from kraken_doctor.checks.session import Reply
from kraken_doctor.checks.unit import BudgetSpentError, NonceWithheldError
from kraken_doctor.errors import KrakenUnknownMethod, NonceError, TurnTimeoutError
from kraken_doctor.model import facts
from kraken_doctor.model.evidence import Evidence, EvidenceSet, Outcome

QUERY_FUNDS = "query-funds"
_WITHDRAWAL_RIGHTS = ("withdraw-funds", "add-withdraw-address", "update-withdraw-address")
_TO_CALL = ("credentials", "krakenex", "store", "path")
"""Without these nothing is sent: a call that can only fail counts towards a lockout."""
_EXPIRY_WARNING_S = 14 * 86_400
"""Two weeks: time to make a new key before the old one stops at night."""


@check(
    "authentication",
    title="Connection and authentication",
    position=70,
    scope=Scope.ACCOUNT,
    needs=_TO_CALL,
    requests=("POST /0/private/GetApiKeyInfo",),
    private_calls=2,  # a second try, or Balance where the endpoint is not known
)
def authentication(ctx: AccountContext) -> CheckOutcome:
    """Make a signed call that needs no permission at all, which distinguishes "bad key" from "no permission"."""
    reply, problem = _call(ctx, "GetApiKeyInfo")
    if reply is not None and isinstance(reply.error, KrakenUnknownMethod):
        # A server from before 2026-03-11. The next call is one that the balances need anyway.
        reply, problem = _call(ctx, "Balance")
    if reply is None:
        return problem
    evidence = _all_calls(ctx)
    if reply.error is not None:
        return CheckOutcome(Outcome.FAIL, reply.outcome, evidence)
    if reply.endpoint == "GetApiKeyInfo" and isinstance(reply.result, dict):
        evidence += tuple(keyinfo.evidence(reply.result))
    return CheckOutcome(Outcome.PASS, "the key is accepted", evidence)


@check("permissions", title="What the key may do", position=80, scope=Scope.ACCOUNT, needs=("authentication",))
def permissions(ctx: AccountContext) -> CheckOutcome:
    """Check the permissions in the answer that is already there: enough for the balances, no more than a bot needs."""
    known = ctx.evidence()
    if known.outcome("authentication") is None:
        return CheckOutcome(Outcome.SKIP, "the key's permissions were not asked for")
    granted = known.get(facts.KEY_PERMISSIONS)
    if granted is None:
        why = "nothing was sent" if known.get(facts.NONCE_WITHHELD) else "the server does not say"
        return CheckOutcome(Outcome.SKIP, why)
    if QUERY_FUNDS not in granted:
        return CheckOutcome(Outcome.FAIL, "may not read balances", (facts.PERMISSIONS_MISSING.of((QUERY_FUNDS,)),))
    concerns = []
    if excess := tuple(right for right in _WITHDRAWAL_RIGHTS if right in granted):
        concerns.append(facts.PERMISSIONS_EXCESS.of(excess, bound="none"))
    left_s = _seconds_left(ctx, known)
    if left_s is not None and left_s < _EXPIRY_WARNING_S:
        concerns.append(facts.KEY_EXPIRES_IN.of(math.floor(left_s), bound=f">= {_EXPIRY_WARNING_S}"))
    if concerns:
        return CheckOutcome(Outcome.WARN, "works, with a concern", tuple(concerns))
    return CheckOutcome(Outcome.PASS, f"{len(granted)} permissions", ())


@check(
    "balances",
    title="USD and USDT",
    position=90,
    scope=Scope.ACCOUNT,
    needs=(*_TO_CALL, "authentication", "permissions"),  # also where the last two are left out
    requests=("POST /0/private/Balance",),
    private_calls=1,
)
def balances(ctx: AccountContext) -> CheckOutcome:
    """Check what the account holds, in every form of the two currencies. Holding nothing is healthy."""
    before = len(ctx.session.replies)
    reply, problem = _call(ctx, "Balance")
    if reply is None:
        return problem
    evidence = (*_unit(ctx), *(item for call in ctx.session.replies[before:] for item in call.evidence()))
    if reply.error is not None:
        return CheckOutcome(Outcome.FAIL, reply.outcome, evidence)
    try:
        found = balance.add_up(reply.result)
    except ValueError as exc:
        unreadable = facts.BALANCES_UNREADABLE.of(str(exc))
        return CheckOutcome(Outcome.FAIL, "the balances can't be read", (*evidence, unreadable))
    forms = tuple(f"{code} {amount}" for code, amount in found.asset_codes.items())
    evidence += (
        facts.BALANCES_USD.of(str(found.usd), source="Balance"),
        facts.BALANCES_USDT.of(str(found.usdt), source="Balance"),
        facts.BALANCES_FORMS.of(forms, source="Balance"),
        facts.BALANCES_EMPTY.of(balance.is_empty(reply.result), source="Balance"),
        facts.BALANCES_NO_RESULT.of(reply.result is None, source="Balance"),
    )
    empty = ": no result, the account may be empty" if reply.result is None else ""
    return CheckOutcome(Outcome.PASS, f"USD {found.usd}, USDT {found.usdt}{empty}", evidence)


def _call(ctx: AccountContext, endpoint: str) -> tuple[Reply | None, CheckOutcome]:
    """Return the reply, or the outcome that says why there is none."""
    if ctx.account.key is None or ctx.account.secret is None:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, "no key and secret to call with")
    try:
        return ctx.session.call(endpoint), CheckOutcome(Outcome.ERROR, "")
    except BudgetSpentError as exc:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, str(exc), _all_calls(ctx))
    except NonceWithheldError as exc:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, str(exc), (*_all_calls(ctx), *exc.evidence()))
    except TurnTimeoutError as exc:
        return None, CheckOutcome(
            Outcome.INCONCLUSIVE, f"{exc}: a program that shares the nonce store is busy", _all_calls(ctx)
        )
    except NonceError as exc:
        broken = facts.NONCE_ERROR.of(str(exc)), facts.NONCE_ERROR_TYPE.of(type(exc).__name__)
        return None, CheckOutcome(Outcome.FAIL, str(exc), (*_all_calls(ctx), *broken))


def _all_calls(ctx: AccountContext) -> tuple[Evidence, ...]:
    return (*_unit(ctx), *(item for call in ctx.session.replies for item in call.evidence()))


def _unit(ctx: AccountContext) -> tuple[Evidence, ...]:
    """Return the unit of the calls and who said so, where there was a store to ask."""
    try:
        guard = ctx.session.guard
    except NonceError:
        return ()
    choice, history = guard.choice, guard.history
    by_bot = history.unit.value if history.unit and history.by_bot else None
    return (
        facts.NONCE_UNIT.of(choice.unit.value, source=choice.source),
        facts.NONCE_DECLARED.of(choice.declared),
        facts.NONCE_UNIT_BOT.of(by_bot, source="audit log"),
        facts.NONCE_UNIT_NOTED.of(guard.note, source="version 0.1"),
        facts.NONCE_CORRECTION.of(guard.correction_s or None),
    )


def _seconds_left(ctx: AccountContext, known: EvidenceSet) -> float | None:
    """Return the time left by the corrected clock: a host that is a day ahead must not call a good key expired."""
    until, offset_s = known.get(facts.KEY_VALID_UNTIL), known.get(facts.CLOCK_OFFSET) or 0.0
    return until - ctx.run.clock.now_ns() / 1e9 - offset_s if until else None
