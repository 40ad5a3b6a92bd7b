"""This host: krakenex, and the nonce store."""

from __future__ import annotations

from kraken_doctor.checks.base import Finding, RunContext, Scope, check
from kraken_doctor.errors import NonceError
from kraken_doctor.model.evidence import Evidence, Outcome

TESTED_KRAKENEX = "2.2.2"
"""The version that this package is tested with."""


@check("krakenex", title="krakenex and its nonce hook", scope=Scope.RUN)
def krakenex(ctx: RunContext) -> Finding:
    """The installed krakenex against the tested one, and whether a nonce generator can be put on it."""
    facts = [Evidence("krakenex.tested", TESTED_KRAKENEX)]
    try:
        module = ctx.krakenex()
    except ImportError as exc:
        return Finding(Outcome.FAIL, "not importable", (*facts, Evidence("krakenex.error", str(exc))))
    # What was imported says it of itself; the installed distribution may be another one.
    version = str(getattr(getattr(module, "version", None), "__version__", "unknown version"))
    facts.append(Evidence("krakenex.version", version, bound=f"= {TESTED_KRAKENEX}"))
    from kraken_doctor.client.adapters.krakenex import missing_hooks

    api = getattr(module, "API", None)
    missing = missing_hooks(api) if api is not None else ["API"]
    facts.append(Evidence("krakenex.missing_hooks", tuple(missing), bound="none"))
    if missing:
        return Finding(Outcome.FAIL, f"{version}, nonce hook missing", tuple(facts))
    if version != TESTED_KRAKENEX:
        summary = f"{version}, nonce hook present, tested with {TESTED_KRAKENEX}"
        return Finding(Outcome.WARN, summary, tuple(facts))
    return Finding(Outcome.PASS, f"{version}, nonce hook present", tuple(facts))


@check("store", title="Nonce store", scope=Scope.RUN)
def store(ctx: RunContext) -> Finding:
    """Whether marks can be made durable. Writes a note, not a mark: no key's nonces change."""
    name = Evidence("store.name", ctx.store.name, source=ctx.store_source)
    try:
        ctx.store.remember("kraken-doctor", "written at", str(ctx.clock.now_ns()))
    except NonceError as exc:
        return Finding(Outcome.FAIL, f"{ctx.store.name}: can't be written", (name, Evidence("store.error", str(exc))))
    # Two stores take no turns with each other, and nobody would know.
    own = f"; {ctx.store_source}, which a bot's library does not read" if ctx.store_source else ""
    return Finding(Outcome.PASS, f"{ctx.store.name}, writable{own}", (name,))
