"""The nonce generator: installed, proved on the wire, and its mark against the clock."""

import itertools

from kraken_doctor.checks.base import AccountContext, CheckOutcome, Scope, check
from kraken_doctor.errors import NonceError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Outcome

_MAX_LEAD_S = 60.0
"""A burst leads the clock by fractions of a second; a minute means that the clock was set back, or was ahead."""


_NEEDS = ("credentials", "krakenex", "store", "path")


@check("nonce", title="Nonce generator", position=100, scope=Scope.ACCOUNT, needs=_NEEDS, proved_by=("authentication",))
def nonce(ctx: AccountContext) -> CheckOutcome:
    """Check that what was issued is what left this host, each nonce larger than the one before."""
    replies, session, store = ctx.session.replies, ctx.session, ctx.run.store
    if not replies:
        if not {ctx.evidence().outcome("authentication"), ctx.evidence().outcome("balances")} - {None}:
            return CheckOutcome(Outcome.SKIP, "this run makes no private call")
        return CheckOutcome(Outcome.INCONCLUSIVE, "no nonce was sent")
    issued = [reply.nonce for reply in replies]
    # An equal one is refused as well: https://docs.kraken.com/exchange/guides/general/errors
    rising = all(earlier < later for earlier, later in itertools.pairwise(issued))
    # None: no answer came, so there is no request to compare with, and nothing that contradicts.
    on_wire = all(reply.sent_nonce in (None, reply.nonce) for reply in replies)
    proved = any(reply.sent_nonce is not None for reply in replies)
    evidence = [
        facts.NONCE_STORE.of(store.name),
        facts.NONCE_LAST.of(issued[-1]),
        facts.NONCE_RISING.of(rising, bound="= true"),
        facts.NONCE_ON_WIRE.of(on_wire if proved else None, bound="= true"),
    ]
    try:
        mark = store.mark(session.key_id)
    except NonceError as exc:
        return CheckOutcome(Outcome.FAIL, str(exc), (*evidence, facts.NONCE_ERROR.of(str(exc))))
    unit = session.guard.choice.unit
    lead_s = unit.lead_s(mark, ctx.run.clock.now_ns()) if mark else 0.0
    evidence.append(facts.NONCE_LEAD.of(round(lead_s, 6), bound=f"<= {_MAX_LEAD_S:g}", source=store.name))
    if not (rising and on_wire):
        return CheckOutcome(Outcome.FAIL, "the nonce that was sent is not the one that was issued", tuple(evidence))
    if lead_s > _MAX_LEAD_S:
        return CheckOutcome(Outcome.WARN, f"the mark is ahead of the clock by {lead_s:.0f} s", tuple(evidence))
    # What was issued is known from the generator alone; what left this host, only from the request that was answered.
    if not proved:
        return CheckOutcome(Outcome.INCONCLUSIVE, "no answer came to confirm it", tuple(evidence))
    summary = f"{unit.words} ({session.guard.choice.source}), in order, {store.name}"
    return CheckOutcome(Outcome.PASS, summary, tuple(evidence))
