"""This host: krakenex, and the nonce store."""

from kraken_doctor.checks.base import CheckOutcome, Instruments, Scope, check
from kraken_doctor.errors import NonceError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Outcome

TESTED_KRAKENEX = "2.2.2"
"""The version that this package is tested with."""


@check("krakenex", title="krakenex and its nonce hook", position=10, scope=Scope.RUN)
def krakenex(ctx: Instruments) -> CheckOutcome:
    """Check the installed krakenex against the tested one, and whether a nonce generator can be put on it."""
    evidence = [facts.KRAKENEX_TESTED.of(TESTED_KRAKENEX)]
    try:
        module = ctx.krakenex()
    except ImportError as exc:
        return CheckOutcome(Outcome.FAIL, "not importable", (*evidence, facts.KRAKENEX_ERROR.of(str(exc))))
    # What was imported says it of itself; the installed distribution may be another one.
    version = str(getattr(getattr(module, "version", None), "__version__", "unknown version"))
    evidence.append(facts.KRAKENEX_VERSION.of(version, bound=f"= {TESTED_KRAKENEX}"))
    from kraken_doctor.client.adapters.krakenex import KrakenexAdapter

    api = getattr(module, "API", None)
    missing = [name for name in KrakenexAdapter.hooks if not callable(getattr(api, name, None))] if api else ["API"]
    evidence.append(facts.KRAKENEX_MISSING_HOOKS.of(tuple(missing), bound="none"))
    if missing:
        return CheckOutcome(Outcome.FAIL, f"{version}, nonce hook missing", tuple(evidence))
    if version != TESTED_KRAKENEX:
        summary = f"{version}, nonce hook present, tested with {TESTED_KRAKENEX}"
        return CheckOutcome(Outcome.WARN, summary, tuple(evidence))
    return CheckOutcome(Outcome.PASS, f"{version}, nonce hook present", tuple(evidence))


@check("store", title="Nonce store", position=20, scope=Scope.RUN)
def store(ctx: Instruments) -> CheckOutcome:
    """Whether marks can be made durable. Writes a note, not a mark: no key's nonces change."""
    name = facts.STORE_NAME.of(ctx.store.name, source=ctx.store_source)
    try:
        ctx.store.remember("kraken-doctor", "written at", str(ctx.clock.now_ns()))
    except NonceError as exc:
        evidence = (name, facts.STORE_PLACE.of(ctx.store_place or None), facts.STORE_ERROR.of(str(exc)))
        return CheckOutcome(Outcome.FAIL, f"{ctx.store.name}: can't be written", evidence)
    # Two stores take no turns with each other, and nobody would know.
    own = f"; {ctx.store_source}, which a bot's library does not load" if ctx.store_source else ""
    return CheckOutcome(Outcome.PASS, f"{ctx.store.name}, writable{own}", (name,))
