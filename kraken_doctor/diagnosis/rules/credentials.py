"""Key and secret, as they are written."""

import shlex
from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import AccountRule, finding
from kraken_doctor.diagnosis.remedies import remedy, remedy_for
from kraken_doctor.model import facts
from kraken_doctor.model.facts import Credential
from kraken_doctor.model.findings import Diagnosis, EvidenceSet, Remedy, Severity, Texts
from kraken_doctor.model.format import file_name


@AccountRule
def credentials(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    """Yield the causes of the section "Credentials"."""
    if missing := evidence.get(facts.CREDENTIALS_MISSING):
        both = f"{evidence.get(facts.KEY.VARIABLE, '')} and {evidence.get(facts.SECRET.VARIABLE, '')}"
        looked = f"looked for {both}, in the environment and in .env"
        summary = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set."
        yield finding("credentials-missing", looked, *evidence.get(facts.DAMAGED_LINES, ()), summary=summary)
    elif damaged := evidence.get(facts.DAMAGED_LINES):
        yield finding("dotenv-damaged", *damaged)
    if sharing := evidence.get(facts.SHARED_WITH):
        variable = evidence.get(facts.KEY.VARIABLE, "")
        yield finding("account-ambiguous", f"{variable} is also used for {', '.join(sharing)}")
    if same := evidence.get(facts.SAME_KEY_AS):
        yield finding("key-duplicated", f"the same key as {', '.join(same)}")
    yield from _form(evidence)
    # First: every clone has the file already, whatever the mode of this copy.
    if path := evidence.get(facts.TRACKED_FILE):
        because = f"git tracks {path}: every copy of the repository has it"
        instead = remedy("file in git", f"git rm --cached {shlex.quote(path)}", file=file_name(path))
        yield finding("dotenv-readable", because, summary=f"{path} is under version control.", remedy=instead)
    elif path := evidence.get(facts.READABLE_FILE):
        because = f"{path} may be read by its group or by everyone"
        instead = remedy("readable file", f"chmod 600 {shlex.quote(path)}", file=file_name(path))
        yield finding("dotenv-readable", because, summary=f"{path} can be read by others.", remedy=instead)


def _form(evidence: EvidenceSet) -> Iterator[Diagnosis]:
    if evidence.get(facts.OTP_PLACEHOLDER):
        summary = f"{evidence.get(facts.KEY.VARIABLE, '').removesuffix('_API_KEY')}_OTP holds a placeholder."
        yield finding("credentials-placeholder", "nothing was sent", summary=summary, remedy=remedy("no password"))
    if evidence.get(facts.KEY.SHAPE) == "secret":
        variable = evidence.get(facts.KEY.VARIABLE, "")
        # Where the other holds no key there is nothing to swap.
        swapped = evidence.get(facts.SECRET.SHAPE) == "key"
        instead = None if swapped else remedy("secret in the place of the key", variable=variable)
        summary = f"{variable} holds what looks like a secret."
        yield finding("key-secret-swapped", *_shapes(evidence), summary=summary, remedy=instead)
        return
    for part in (facts.KEY, facts.SECRET):
        variable, flaws = evidence.get(part.VARIABLE, ""), evidence.get(part.FLAWS)
        if evidence.get(part.PLACEHOLDER):
            yield _placeholder(evidence, part, variable)
        # A flaw explains a bad secret only where a sound one is inside; else its length is what to look at.
        elif flaws and (part is facts.KEY or evidence.get(facts.SECRET.SOUND_INSIDE)):
            yield _damaged(evidence, part, variable, flaws)
        elif part is facts.KEY and evidence.get(part.SHAPE) == "other":
            summary = f"{variable} does not look like a Kraken API key."
            yield finding("key-malformed", _size(evidence, part), summary=summary)
        elif evidence.get(part.SHAPE) and part is facts.SECRET and evidence.get(part.DECODED) != _SECRET_BYTES:
            yield finding("secret-malformed", _decoded(evidence), summary=f"{variable} is not a Kraken private key.")


_SECRET_BYTES = 64


def where_from(evidence: EvidenceSet) -> tuple[str, ...]:
    """Return which key was sent and where it was read, and what has another in store: it may be the wrong one."""
    source, tail = evidence.get(facts.CREDENTIALS_SOURCE), evidence.get(facts.KEY_TAIL)
    sent = (f"the key {tail} is from {source}",) if source and tail else ()
    return (*sent, *(f"{name} has a different value, which is not used" for name in evidence.get(facts.ELSEWHERE, ())))


def other_value(evidence: EvidenceSet) -> Remedy | None:
    """Return the remedy for a value that hides another: trying that one costs nothing, and no new key is needed."""
    names = evidence.get(facts.ELSEWHERE)
    return remedy("another value", names=" and ".join(names)) if names else None


def _placeholder(evidence: EvidenceSet, part: Credential, variable: str) -> Diagnosis:
    what, instead = "a placeholder", None
    if part is facts.KEY and evidence.get(facts.DEMO_KEY):
        what, instead = "a demo key of kraken-doctor sandbox, which works nowhere else", remedy("demo key")
    elif evidence.get(part.REFERENCE):
        what, instead = "an unresolved reference to another value", remedy("reference")
    because = _size(evidence, part), "nothing was sent"
    return finding("credentials-placeholder", *because, summary=f"{variable} holds {what}.", remedy=instead)


def _damaged(evidence: EvidenceSet, part: Credential, variable: str, flaws: Texts) -> Diagnosis:
    # Python's base64 skips blanks and quotes, so krakenex signs rightly all the same; a client that is strict will not.
    tolerated = part is facts.SECRET and evidence.get(part.DECODED) == _SECRET_BYTES
    return finding(
        "credentials-damaged",
        _size(evidence, part),
        "it still decodes to 64 bytes" if tolerated else None,
        summary=f"{variable} holds {', '.join(flaws)}.",
        severity=Severity.WARN if tolerated else Severity.FAIL,
        remedy=remedy_for(", ".join(flaws), "credential_problems", variable=variable, flaws=", ".join(flaws)),
    )


def _size(evidence: EvidenceSet, part: Credential) -> str:
    count = evidence.get(part.CHARACTERS)
    return f"{count} character{'' if count == 1 else 's'}"


def _decoded(evidence: EvidenceSet) -> str:
    decoded = evidence.get(facts.SECRET.DECODED)
    size = _size(evidence, facts.SECRET)
    if decoded is None:
        return f"{size}, not valid base64: its end may be missing"
    # Hints, no proof: so long are a Futures secret and an API key in Kraken's own examples, and no document promises
    # lengths. https://docs.kraken.com/exchange/guides/futures/websockets
    hints = {66: ", as in a Kraken Futures secret", 42: ", as in an API key"}
    return f"{size}, {decoded} instead of 64 bytes{hints.get(decoded, '')}"


def _shapes(evidence: EvidenceSet) -> tuple[str, ...]:
    other = "a key" if evidence.get(facts.SECRET.SHAPE) == "key" else "something else"
    return ("it decodes to the 64 bytes of a secret", f"the other variable holds what looks like {other}")
