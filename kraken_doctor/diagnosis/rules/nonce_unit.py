"""The unit of a key's nonces: why nothing was sent, and who counts otherwise."""

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import Call, clock_words, finding
from kraken_doctor.diagnosis.remedies import remedy
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Confidence, Diagnosis, EvidenceSet, Severity
from kraken_doctor.model.format import span
from kraken_doctor.model.unit import NonceUnit


def declaring(evidence: EvidenceSet, unit: NonceUnit) -> str:
    """Return the command for this account alone: the option is for every account of a run, and could lock out bots."""
    account = evidence.account or "MASTER"
    which = "--master" if account == "MASTER" else f"--user {account.removeprefix('USER:')}"
    return f"kraken-doctor check {which} --nonce-unit {unit.value}"


def withheld(evidence: EvidenceSet) -> Diagnosis:
    """Say why nothing was sent: it could have locked out other programs."""
    unit = NonceUnit.known(evidence.get(facts.NONCE_UNIT)) or NonceUnit.MS
    reason, mark = evidence.get(facts.NONCE_WITHHELD), evidence.get(facts.NONCE_MARK)
    found = NonceUnit.known(evidence.get(facts.NONCE_MARK_UNIT))
    used = f"the unit to use is {unit.words} ({evidence.source(facts.NONCE_UNIT)})"
    if reason == "ahead":
        wait = span(evidence.get(facts.NONCE_MARK_LEAD, 0.0))
        said = f"the nonce store's mark is {wait} ahead of the clock, and no accepted call explains that"
        because, instead = (f"the mark is {mark}", used, clock_words(evidence)), remedy("wait for the mark", wait=wait)
        return finding("nonce-ahead-of-clock", *because, summary=f"Nothing was sent: {said}.", remedy=instead)
    if not found:
        said = "the nonce store's mark of this key is not a time in any unit that clients use"
        instead = remedy("another store")
    elif reason == "note":
        said = f"version 0.1 recorded that this key accepted {found.words}, but not who chose that unit"
        instead = remedy("a finer unit was noted", found=found.words, declaring=declaring(evidence, found))
    else:
        said = f"the nonce store's mark of this key is in {found.words}, finer than {unit.words}"
        instead = remedy("the mark is finer", found=found.words, unit=unit.words, declaring=declaring(evidence, found))
    return finding(
        "nonce-spent-higher",
        f"the mark is {mark}" if mark is not None or not found else None,
        used,
        summary=f"Nothing was sent: {said}.",
        # A warning, and no more than possible: nothing was sent, so Kraken has said nothing.
        confidence=Confidence.POSSIBLE,
        severity=Severity.WARN,
        remedy=instead,
    )


def another_unit(evidence: EvidenceSet, accepted: list[Call]) -> Iterator[Diagnosis]:
    """Yield a warning where a bot that shares the store counts in another unit than declared."""
    bot = NonceUnit.known(evidence.get(facts.NONCE_UNIT_BOT))
    declared = NonceUnit.known(evidence.get(facts.NONCE_UNIT))
    if not (bot and declared and evidence.get(facts.NONCE_DECLARED) and bot is not declared):
        return
    # There is no way back to a coarser unit: neither for a bot, nor for a key that has just accepted a finer one.
    finer = declared.tick_ns < bot.tick_ns
    ways = [f"correct the declaration to {bot.value}"] if not (finer and accepted) else []
    ways += [f"set {declared.value} where the bot runs"] if finer else []
    yield finding(
        "nonce-spent-higher",
        f"declared by {evidence.source(facts.NONCE_UNIT)}",
        "the bot's last accepted call is in the audit log",
        "the library reads the process's environment, and no .env file",
        summary=f"A bot on this key uses {bot.words}, but {declared.words} are declared.",
        confidence=Confidence.LIKELY,
        severity=Severity.WARN,
        remedy=remedy("one unit for all", ways=", or ".join(ways)),
    )
