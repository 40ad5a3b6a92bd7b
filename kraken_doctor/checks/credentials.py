"""Key and secret as they are written, before anything is sent."""

from __future__ import annotations

from kraken_doctor.accounts import shape
from kraken_doctor.checks.base import AccountContext, CheckOutcome, Scope, check
from kraken_doctor.model import facts
from kraken_doctor.model.report import Evidence, Outcome
from kraken_doctor.network.url import is_loopback


@check("credentials", title="Key and secret", position=60, scope=Scope.ACCOUNT)
def credentials(ctx: AccountContext) -> CheckOutcome:
    """Check that key and secret are set, in Kraken's form, undamaged, and this account's own."""
    account = ctx.account
    evidence = [
        facts.KEY.VARIABLE.of(account.key_variable),
        facts.SECRET.VARIABLE.of(account.secret_variable),
        facts.CREDENTIALS_SOURCE.of(account.source),
        facts.KEY_ID.of(account.key_id or ""),
        facts.OTP.of(account.otp is not None),
    ]
    said_by_account = (
        facts.SHARED_WITH.of(account.shares_first_name_with),
        facts.ELSEWHERE.of(account.elsewhere),
        facts.DAMAGED_LINES.of(account.damaged_lines),
    )
    evidence += [item for item in said_by_account if item.value]
    key, secret = account.key, account.secret
    if key is None or secret is None:
        values = {account.key_variable: key, account.secret_variable: secret}
        missing = tuple(variable for variable, value in values.items() if value is None)
        evidence.append(facts.CREDENTIALS_MISSING.of(missing))
        return CheckOutcome(Outcome.FAIL, f"{missing[0]} is not set", tuple(evidence))
    key_shape, secret_shape = shape.inspect_key(key.reveal()), shape.inspect_secret(secret.reveal())
    if account.is_demo and not _on_loopback(ctx):
        # The sandbox's: it stands for a key, and no client takes it to another host.
        key_shape = key_shape._replace(placeholder=True, unusable=True)
        evidence.append(facts.DEMO_KEY.of(True))
    # Only of what has a key's form: a secret pasted here by mistake shows nothing of itself.
    evidence.append(facts.KEY_TAIL.of(key.tail if key_shape.shape == "key" else ""))
    evidence += [*_written(facts.KEY, key_shape), *_written(facts.SECRET, secret_shape)]
    if same := _same_key(ctx):
        evidence.append(facts.SAME_KEY_AS.of(same))
    if readable := ctx.run.env_files_readable_by_others.get(account.origin):
        evidence.append(facts.READABLE_FILE.of(readable))
    if tracked := ctx.run.env_files_in_git.get(account.origin):
        evidence.append(facts.TRACKED_FILE.of(tracked))
    blocked = key_shape.unusable or secret_shape.unusable or account.shares_first_name_with or same
    if blocked:
        return CheckOutcome(Outcome.FAIL, "unusable as written", tuple(evidence))
    if key_shape.flaws or secret_shape.flaws or key_shape.unusual or readable or tracked or account.damaged_lines:
        return CheckOutcome(Outcome.WARN, "usable, with a warning", tuple(evidence))
    return CheckOutcome(Outcome.PASS, f"key and secret from {account.source}", tuple(evidence))


def _on_loopback(ctx: AccountContext) -> bool:
    settings = ctx.run.settings
    return settings.embedded or is_loopback(settings.api_url)


def _written(part: facts.Credential, found: shape.CredentialShape) -> list[Evidence]:
    evidence = [
        part.CHARACTERS.of(found.characters),
        part.PLACEHOLDER.of(found.placeholder),
        part.REFERENCE.of(found.reference),
        part.SHAPE.of(found.shape),
        part.SOUND_INSIDE.of(found.sound_inside),
    ]
    if found.flaws:
        evidence.append(part.FLAWS.of(found.flaws, bound="none"))
    if found.decoded_bytes is not None:
        evidence.append(part.DECODED.of(found.decoded_bytes))
    return evidence


def _same_key(ctx: AccountContext) -> tuple[str, ...]:
    """Return other accounts with this key, read from other variables: a copy-and-paste slip."""
    account = ctx.account
    return tuple(other.label for other in ctx.run.with_key(account.key) if other.key_variable != account.key_variable)
