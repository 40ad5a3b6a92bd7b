"""One account on the wire: does the key work, what may it do, what does it hold."""

import math

from kraken_doctor.checks import balance, credentials, keyinfo
from kraken_doctor.checks.base import AccountContext, CheckOutcome, Scope, check, known
from kraken_doctor.checks.clock import date_samples, exchange_samples
from kraken_doctor.checks.session import Reply
from kraken_doctor.checks.unit import BudgetSpentError, NonceWithheldError
from kraken_doctor.errors import NonceError, TransportError, TurnTimeoutError
from kraken_doctor.model import facts
from kraken_doctor.model import permissions as permissions_of_keys
from kraken_doctor.model.findings import Evidence, EvidenceSet, Outcome
from kraken_doctor.model.permissions import QUERY_FUNDS

_TO_CALL = ("credentials", "krakenex", "store", "path")
"""Without these nothing is sent: a call that can only fail counts towards a lockout."""
_EXPIRY_WARNING_S = 14 * 86_400
"""Two weeks: time to make a new key before the old one stops at night."""
_FRESH_S = 900
"""An edit of a key takes some minutes to take effect; Kraken gives no figure."""

_NO_ANSWER = "response-invalid"

_OF_THIS_CALL = frozenset({
    "permission-missing", "feature-disabled", "call-rejected", "error-unrecognised", "exchange-error",
    "exchange-unavailable", "exchange-busy", "response-invalid", "edge-blocked", "edge-error", "connection-reset",
    "read-timeout",
})  # fmt: skip
"""Causes by which GetApiKeyInfo may fail alone: by itself that is not bad, and the call that counts is made anyway. Not
after a refused key, signature or nonce, nor where it is asked to slow down: there a further call makes it worse."""


@check(
    "authentication",
    title="Connection and authentication",
    position=70,
    scope=Scope.ACCOUNT,
    needs=_TO_CALL,
    requests=("POST /0/private/GetApiKeyInfo",),
    private_calls=2,  # a second try, or Balance where the endpoint fails alone
)
def authentication(ctx: AccountContext) -> CheckOutcome:
    """Make a signed call that needs no permission at all, which distinguishes "bad key" from "no permission"."""
    reply, problem = _call(ctx, "GetApiKeyInfo")
    if reply is not None and reply.failed_by in _OF_THIS_CALL:
        # A server from before 2026-03-11, for instance. The next call is one that the balances need anyway.
        balance_reply, problem = _call(ctx, "Balance")
        if balance_reply and not balance_reply.error and balance_reply.result is None and reply.failed_by == _NO_ANSWER:
            # An empty account's Balance may have no result; who answers everything so is not the API.
            no_answer = TransportError(_NO_ANSWER, "neither Balance nor GetApiKeyInfo has a result")
            balance_reply = ctx.session.replies[-1] = balance_reply._replace(error=no_answer)
        spent = len(ctx.session.replies) >= ctx.session.budget  # by retries of the first
        reply = balance_reply or (reply if spent else None)
    if reply is None:
        return problem
    evidence = _all_calls(ctx)
    if reply.error is not None:
        return CheckOutcome(Outcome.FAIL, reply.outcome, evidence)
    if reply.endpoint == "GetApiKeyInfo" and isinstance(reply.result, dict):
        told = keyinfo.evidence(reply.result)
        evidence += (*told, *known(facts.KEY_EDITED_AGO.of(_edited_ago(ctx, EvidenceSet.of(told)))))
    return CheckOutcome(Outcome.PASS, "the key is accepted", evidence)


@check("permissions", title="What the key may do", position=80, scope=Scope.ACCOUNT, needs=("authentication",))
def permissions(ctx: AccountContext) -> CheckOutcome:
    """Check the permissions in the answer that is already there: enough for the balances, no more than a bot needs."""
    before, needs = ctx.evidence(), ctx.run.settings.needs
    if before.outcome("authentication") is None:
        return CheckOutcome(Outcome.INCONCLUSIVE if needs else Outcome.SKIP, "the key's permissions were not queried")
    granted = before.get(facts.KEY_PERMISSIONS, ())
    lacks = tuple(right for right in dict.fromkeys((QUERY_FUNDS, *needs)) if right not in granted)
    readable = permissions_of_keys.known(granted)
    # Words that are not Kraken's prove nothing by what they lack: the box may be ticked under another name.
    missing = lacks if readable else ()
    undecided = () if readable else tuple(right for right in lacks if right in needs)
    excess = tuple(right for right in permissions_of_keys.EXCESS if right in granted and right not in needs)
    concerns = known(
        facts.PERMISSIONS_MISSING.of(missing or None),
        facts.PERMISSIONS_EXCESS.of(excess or None, bound="none"),
        facts.KEY_EXPIRES_IN.of(_seconds_left(ctx, before), bound=f">= {_EXPIRY_WARNING_S}"),
    )
    if missing:
        summary = "can't read balances" if QUERY_FUNDS in missing else f"lacks {', '.join(missing)}"
        return CheckOutcome(Outcome.FAIL, summary, tuple(concerns))
    why = "nothing was sent" if before.get(facts.NONCE_WITHHELD) else "the server does not say"
    if undecided:
        return CheckOutcome(Outcome.INCONCLUSIVE, f"{', '.join(undecided)} not known: {why}", tuple(concerns))
    if concerns:
        return CheckOutcome(Outcome.WARN, "works, with a warning", tuple(concerns))
    if not granted:
        return CheckOutcome(Outcome.SKIP, why)
    return CheckOutcome(Outcome.PASS, f"permissions: {len(granted)}", ())


@check(
    "balances",
    title="USD and USDT",
    position=90,
    scope=Scope.ACCOUNT,
    needs=(*_TO_CALL, "authentication"),  # also where the last is left out
    proved_by=("permissions",),
    requests=("POST /0/private/Balance",),
    private_calls=1,
)
def balances(ctx: AccountContext) -> CheckOutcome:
    """Check what the account holds, in every form of the two currencies. Holding nothing is healthy."""
    if QUERY_FUNDS in ctx.evidence().get(facts.PERMISSIONS_MISSING, ()):
        return CheckOutcome(Outcome.SKIP, "not run: the key can't read balances")
    # Only its own calls: those before are in the evidence of the check that made them.
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
    assets = (found.asset_codes, found.others)
    forms, others = (tuple(f"{code} {amount}" for code, amount in held.items()) for held in assets)
    evidence += (
        facts.BALANCES_USD.of(str(found.usd), source="Balance"),
        facts.BALANCES_USDT.of(str(found.usdt), source="Balance"),
        facts.BALANCES_FORMS.of(forms, source="Balance"),
        facts.BALANCES_OTHERS.of(others, source="Balance"),
        facts.BALANCES_EMPTY.of(not (forms or others), source="Balance"),
        facts.BALANCES_NO_RESULT.of(reply.result is None, source="Balance"),
    )
    empty = ": no result, the account may be empty" if reply.result is None else ""
    return CheckOutcome(Outcome.PASS, f"USD {found.usd}, USDT {found.usdt}{empty}", evidence)


def _call(ctx: AccountContext, endpoint: str) -> tuple[Reply | None, CheckOutcome]:
    """Return the reply, or the outcome that says why there is none."""
    if ctx.account.key is None or ctx.account.secret is None:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, "no key and secret to call with")
    # Also where the check is skipped: each call that can only fail counts towards a lockout.
    if any(shape.unusable for shape in credentials.shapes(ctx, ctx.account.key, ctx.account.secret)):
        return None, CheckOutcome(Outcome.INCONCLUSIVE, "not sent: key or secret is unusable as written")
    try:
        return ctx.session.call(endpoint), CheckOutcome(Outcome.ERROR, "")
    except BudgetSpentError as exc:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, str(exc), _all_calls(ctx))
    except NonceWithheldError as exc:
        return None, CheckOutcome(Outcome.INCONCLUSIVE, str(exc), (*_all_calls(ctx), *exc.evidence()))
    # Before the `NonceError` that it is: a store that is busy is no broken one, and says nothing of the key.
    except TurnTimeoutError as exc:
        busy = f"{exc}: another program that shares the nonce store is busy"
        return None, CheckOutcome(Outcome.INCONCLUSIVE, busy, _all_calls(ctx))
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


def _seconds_left(ctx: AccountContext, evidence: EvidenceSet) -> int | None:
    """
    Return the time left where that is less than two weeks, by the corrected clock; None where it is more.

    A host that is a day ahead must not call a good key expired. What has been accepted a moment ago has not expired: a
    time that says so is not the exchange's.
    """
    left_s = math.floor(evidence.get(facts.KEY_VALID_UNTIL, 0) - _now_s(ctx))
    return left_s if 0 < left_s < _EXPIRY_WARNING_S else None


def _edited_ago(ctx: AccountContext, told: EvidenceSet) -> float | None:
    """Return how long ago the key was edited, by the corrected clock, where that may matter."""
    # Two seconds into the future: times of the exchange are whole ones.
    ago_s = _now_s(ctx) - told.get(facts.KEY_MODIFIED, 0)
    return max(0.0, round(ago_s, 1)) if -2 < ago_s < _FRESH_S else None


def _now_s(ctx: AccountContext) -> float:
    """Return the unix time by the exchange's clock, which is what it judges by, else by another or by this host's."""
    evidence = ctx.evidence()
    known_s = map(evidence.get, (facts.EXCHANGE_OFFSET, facts.CLOCK_OFFSET))
    measured = [offset_s for offset_s in known_s if offset_s is not None]
    offsets = measured or [sample.offset_s for sample in exchange_samples(ctx.run) or date_samples(ctx.run)]
    return ctx.run.clock.now_ns() / 1e9 + (offsets[0] if offsets else 0.0)
