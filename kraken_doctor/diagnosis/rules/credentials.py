"""Key and secret, as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from kraken_doctor.diagnosis.naming import name
from kraken_doctor.model.diagnosis import Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import Facts


def credentials(facts: Facts, account: str) -> Iterator[Diagnosis]:
    """Every cause of the section "Credentials"."""
    if missing := facts.texts("credentials.missing"):
        looked_for = facts.text("credentials.key_variable"), facts.text("credentials.secret_variable")
        yield name(
            "credentials-missing",
            account,
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            (f"looked for {looked_for[0]} and {looked_for[1]}, in the environment and in .env",),
        )
    if sharing := facts.texts("credentials.shared_with"):
        because = (f"{facts.text('credentials.key_variable')} is also what {', '.join(sharing)} would use",)
        yield name("account-ambiguous", account, "", because)
    if same := facts.texts("credentials.same_key_as"):
        yield name("key-duplicated", account, "", (f"the same key as {', '.join(same)}",))
    yield from _form(facts, account)
    if path := facts.text("credentials.tracked_file"):
        because = (f"git tracks {path}: it is in every copy of the repository",)
        yield name("dotenv-readable", account, "The .env file is under version control.", because, remedy=_UNTRACK)
    elif path := facts.text("credentials.readable_file"):
        yield name("dotenv-readable", account, "", (f"{path} may be read by its group or by everyone",))


def _form(facts: Facts, account: str) -> Iterator[Diagnosis]:
    if facts.text("key.shape") == "secret":
        variable = facts.text("credentials.key_variable")
        # Where the other holds no key there is nothing to swap.
        remedy = None if facts.text("secret.shape") == "key" else Remedy(f"Put the API key itself into {variable}.")
        summary = f"{variable} holds what looks like a secret."
        yield name("key-secret-swapped", account, summary, _shapes(facts), remedy=remedy)
        return
    for part in ("key", "secret"):
        variable = facts.text(f"credentials.{part}_variable")
        flaws = facts.texts(f"{part}.flaws")
        if facts.flag(f"{part}.placeholder"):
            yield name("credentials-placeholder", account, f"{variable} holds a placeholder.", (_size(facts, part),))
        elif flaws and (part == "key" or facts.flag("secret.sound_inside")):
            yield _damaged(facts, account, part, variable, flaws)
        elif part == "key" and facts.text("key.shape") == "other":
            yield name("key-malformed", account, f"{variable} has not the form of an API key.", (_size(facts, part),))
        elif part == "secret" and "secret.shape" in facts and facts.integer("secret.decoded") != _SECRET_BYTES:
            yield name("secret-malformed", account, f"{variable} is not a Kraken private key.", _decoded(facts))


_SECRET_BYTES = 64

_UNTRACK = Remedy(
    "Take it out of the repository, and put .env into .gitignore; if it was ever committed, make new keys.",
    ("git rm --cached .env",),
    avoid="Don't count on deleting the file: its history keeps what was committed.",
)


def _damaged(facts: Facts, account: str, part: str, variable: str, flaws: tuple[str, ...]) -> Diagnosis:
    tolerated = part == "secret" and facts.integer("secret.decoded") == _SECRET_BYTES
    return name(
        "credentials-damaged",
        account,
        f"{variable} holds {', '.join(flaws)}.",
        (_size(facts, part), *(("it still decodes to 64 bytes",) if tolerated else ())),
        severity=Severity.WARN if tolerated else Severity.FAIL,
    )


def _size(facts: Facts, part: str) -> str:
    return f"{facts.integer(f'{part}.characters')} characters"


def _decoded(facts: Facts) -> tuple[str, ...]:
    decoded = facts.integer("secret.decoded")
    size = _size(facts, "secret")
    if decoded is None:
        return (f"{size}, not base64: its end may be missing",)
    hints = {66: ", the form of a Kraken Futures secret", 42: ", the form of an API key"}
    return (f"{size}, {decoded} bytes instead of 64{hints.get(decoded, '')}",)


def _shapes(facts: Facts) -> tuple[str, ...]:
    other = "a key" if facts.text("secret.shape") == "key" else "no key"
    return ("it decodes to the 64 bytes of a secret", f"the other variable has the form of {other}")
