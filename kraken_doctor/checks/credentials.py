"""Key and secret as they are written, before anything is sent."""

from __future__ import annotations

from kraken_doctor.accounts import form
from kraken_doctor.checks.base import AccountContext, Finding, Scope, check
from kraken_doctor.model.account import DEMO_KEY_PREFIX
from kraken_doctor.model.evidence import Evidence, Outcome
from kraken_doctor.network.url import is_loopback


@check("credentials", title="Key and secret", scope=Scope.ACCOUNT)
def credentials(ctx: AccountContext) -> Finding:
    """Set, in Kraken's form, undamaged, and this account's own."""
    account = ctx.account
    facts = [
        Evidence("credentials.key_variable", account.key_variable),
        Evidence("credentials.secret_variable", account.secret_variable),
        Evidence("credentials.source", account.source),
        Evidence("credentials.key_id", account.key_id or ""),
        Evidence("credentials.otp", account.otp is not None),
    ]
    if account.shares_first_name_with:
        facts.append(Evidence("credentials.shared_with", account.shares_first_name_with))
    key, secret = account.key, account.secret
    if key is None or secret is None:
        values = {account.key_variable: key, account.secret_variable: secret}
        missing = tuple(variable for variable, value in values.items() if value is None)
        facts.append(Evidence("credentials.missing", missing))
        return Finding(Outcome.FAIL, f"{missing[0]} is not set", tuple(facts))
    key_form, secret_form = form.inspect_key(key.reveal()), form.inspect_secret(secret.reveal())
    if key.reveal().startswith(DEMO_KEY_PREFIX) and not _on_loopback(ctx):
        # The sandbox's: it stands for a key, and no client takes it to another host.
        key_form = key_form._replace(placeholder=True, unusable=True)
    # Only of what has a key's form: a secret pasted here by mistake shows nothing of itself.
    facts.append(Evidence("credentials.key_tail", key.tail if key_form.shape == "key" else ""))
    facts += [*_form_facts("key", key_form), *_form_facts("secret", secret_form)]
    if same := _same_key(ctx):
        facts.append(Evidence("credentials.same_key_as", same))
    readable = account.origin in ctx.run.env_files_readable_by_others
    if readable:
        facts.append(Evidence("credentials.readable_file", account.origin))
    if tracked := account.origin in ctx.run.env_files_in_git:
        facts.append(Evidence("credentials.tracked_file", account.origin))
    blocked = key_form.unusable or secret_form.unusable or account.shares_first_name_with or same
    if blocked:
        return Finding(Outcome.FAIL, "unusable as written", tuple(facts))
    if key_form.flaws or secret_form.flaws or key_form.unusual or readable or tracked:
        return Finding(Outcome.WARN, "usable, with a flaw", tuple(facts))
    return Finding(Outcome.PASS, f"key and secret from {account.source}", tuple(facts))


def _on_loopback(ctx: AccountContext) -> bool:
    settings = ctx.run.settings
    return settings.embedded or is_loopback(settings.api_url)


def _form_facts(name: str, found: form.Form) -> list[Evidence]:
    facts = [
        Evidence(f"{name}.characters", found.characters),
        Evidence(f"{name}.placeholder", found.placeholder),
        Evidence(f"{name}.shape", found.shape),
        Evidence(f"{name}.sound_inside", found.sound_inside),
    ]
    if found.flaws:
        facts.append(Evidence(f"{name}.flaws", found.flaws, bound="none"))
    if found.decoded_bytes is not None:
        facts.append(Evidence(f"{name}.decoded", found.decoded_bytes, "bytes"))
    return facts


def _same_key(ctx: AccountContext) -> tuple[str, ...]:
    """Other accounts with this key, read from other variables: a copy-and-paste slip."""
    account = ctx.account
    return tuple(other.label for other in ctx.run.with_key(account.key) if other.key_variable != account.key_variable)
