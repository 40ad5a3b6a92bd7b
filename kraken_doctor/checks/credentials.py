"""Key and secret as they are written, before anything is sent."""

from kraken_doctor.accounts import shape
from kraken_doctor.accounts.shape import CredentialShape
from kraken_doctor.checks.base import AccountContext, CheckOutcome, Scope, check, known
from kraken_doctor.model import facts
from kraken_doctor.model.findings import Evidence, Outcome
from kraken_doctor.network.url import is_loopback
from kraken_doctor.secret import Secret


@check("credentials", title="Key and secret", position=60, scope=Scope.ACCOUNT)
def credentials(ctx: AccountContext) -> CheckOutcome:
    """Check that key and secret are set, in Kraken's form, undamaged, and this account's own."""
    account = ctx.account
    no_otp = account.otp is not None and shape.is_no_password(account.otp.reveal())
    evidence = known(
        facts.KEY.VARIABLE.of(account.key_variable),
        facts.SECRET.VARIABLE.of(account.secret_variable),
        facts.CREDENTIALS_SOURCE.of(account.source),
        facts.KEY_ID.of(account.key_id or ""),
        facts.OTP.of(account.otp is not None),
        facts.OTP_PLACEHOLDER.of(no_otp or None),
        facts.SHARED_WITH.of(account.shares_first_name_with or None),
        facts.ELSEWHERE.of(account.elsewhere or None),
        facts.DAMAGED_LINES.of(account.damaged_lines or None),
    )
    key, secret = account.key, account.secret
    if key is None or secret is None:
        values = {account.key_variable: key, account.secret_variable: secret}
        missing = tuple(variable for variable, value in values.items() if value is None)
        evidence.append(facts.CREDENTIALS_MISSING.of(missing))
        return CheckOutcome(Outcome.FAIL, f"{missing[0]} is not set", tuple(evidence))
    key_shape, secret_shape = shapes(ctx, key, secret)
    readable = ctx.run.env_files_readable_by_others.get(account.origin)
    # Of a placeholder only that it is one: all who left it there have the same.
    same, tracked = () if key_shape.placeholder else _same_key(ctx), ctx.run.env_files_in_git.get(account.origin)
    evidence += known(
        # Only of what has a key's form: a secret pasted here by mistake shows nothing of itself.
        facts.KEY_TAIL.of(key.tail if key_shape.shape == "key" else ""),
        *_written(facts.KEY, key_shape),
        *_written(facts.SECRET, secret_shape),
        facts.DEMO_KEY.of((account.is_demo and key_shape.placeholder) or None),
        facts.SAME_KEY_AS.of(same or None),
        facts.READABLE_FILE.of(readable),
        facts.TRACKED_FILE.of(tracked),
    )
    # Unusable too: nobody knows whose the shared variables are, and the other user's account would be called.
    if key_shape.unusable or secret_shape.unusable or no_otp or account.shares_first_name_with or same:
        return CheckOutcome(Outcome.FAIL, "unusable as written", tuple(evidence))
    if key_shape.flaws or secret_shape.flaws or key_shape.unusual or readable or tracked or account.damaged_lines:
        return CheckOutcome(Outcome.WARN, "usable, with a warning", tuple(evidence))
    return CheckOutcome(Outcome.PASS, f"key and secret from {account.source}", tuple(evidence))


def shapes(ctx: AccountContext, key: Secret, secret: Secret) -> tuple[CredentialShape, CredentialShape]:
    """Return how *key* and *secret* are written, for where this run sends them."""
    key_shape = shape.inspect_key(key.reveal())
    if ctx.account.is_demo and not (ctx.run.settings.embedded or is_loopback(ctx.run.settings.api_url)):
        # The sandbox's: it stands for a key, and no client takes it to another host.
        key_shape = key_shape._replace(placeholder=True, unusable=True)
    return key_shape, shape.inspect_secret(secret.reveal())


def _written(part: facts.Credential, found: CredentialShape) -> list[Evidence]:
    return [
        part.CHARACTERS.of(found.characters),
        part.PLACEHOLDER.of(found.placeholder),
        part.REFERENCE.of(found.reference),
        part.SHAPE.of(found.shape),
        part.SOUND_INSIDE.of(found.sound_inside),
        part.FLAWS.of(found.flaws or None, bound="none"),
        part.DECODED.of(found.decoded_bytes),
    ]


def _same_key(ctx: AccountContext) -> tuple[str, ...]:
    """Return other accounts with this key, read from other variables: a copy-and-paste slip."""
    account = ctx.account
    return tuple(other.label for other in ctx.run.with_key(account.key) if other.key_variable != account.key_variable)
