"""From variables to accounts."""

from __future__ import annotations

import pytest

from kraken_doctor.accounts.discovery import find_accounts
from kraken_doctor.accounts.dotenv import NOT_SET
from kraken_doctor.accounts.environment import Environment
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import Account


def pair(prefix: str, value: str = "x") -> dict[str, str]:
    return {f"{prefix}_API_KEY": f"key-{value}", f"{prefix}_API_SECRET": f"secret-{value}"}


def find(*layers: dict[str, str], **choice: object) -> tuple[Account, ...]:
    named = [("environment" if number == 0 else ".env", layer) for number, layer in enumerate(layers)]
    return find_accounts(Environment(*named), **choice)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["daivon_frazier", "Daivon Frazier", "daivon-frazier", "DAIVON_FRAZIER"])
def test_a_user_is_found_by_full_name_then_by_first(name: str) -> None:
    """However the name is written."""
    first = pair("KRAKEN_USER_DAIVON", "first")
    (account,) = find(first, users=[name])
    assert (account.label, account.key_variable) == ("USER:daivon_frazier", "KRAKEN_USER_DAIVON_API_KEY")
    (account,) = find({**first, **pair("KRAKEN_USER_DAIVON_FRAZIER", "full")}, users=[name])
    assert account.key_variable == "KRAKEN_USER_DAIVON_FRAZIER_API_KEY"
    assert account.key is not None
    assert account.key.reveal() == "key-full"


def test_the_master_has_three_names() -> None:
    """MASTER, then PLATFORM, then the legacy pair."""
    legacy, platform, master = pair("KRAKEN", "l"), pair("KRAKEN_PLATFORM", "p"), pair("KRAKEN_MASTER", "m")
    for layers, variable in (
        ((legacy,), "KRAKEN_API_KEY"),
        ((legacy, platform), "KRAKEN_PLATFORM_API_KEY"),
        ((legacy, platform, master), "KRAKEN_MASTER_API_KEY"),
    ):
        merged = {name: value for layer in layers for name, value in layer.items()}
        (account,) = find(merged, master=True)
        assert (account.label, account.key_variable) == ("MASTER", variable)


def test_all_is_everybody_the_environment_knows() -> None:
    """Master first, users by name; the default when none is named."""
    variables = {**pair("KRAKEN_USER_ZOE"), **pair("KRAKEN_USER_GRID_BOT"), **pair("KRAKEN_MASTER")}
    labels = [account.label for account in find(variables)]
    assert labels == ["MASTER", "USER:grid_bot", "USER:zoe"]
    assert [account.label for account in find(variables, everyone=True, users=["zoe"])] == [
        "MASTER",
        "USER:zoe",
        "USER:grid_bot",
    ]


def test_a_half_set_pair_is_an_account_that_lacks_something() -> None:
    """Falling through to another pair would connect another account than the one being set up."""
    variables = {"KRAKEN_USER_DAIVON_FRAZIER_API_KEY": "k", **pair("KRAKEN_USER_DAIVON")}
    (account,) = find(variables, users=["daivon_frazier"])
    assert account.secret is None
    assert account.secret_variable == "KRAKEN_USER_DAIVON_FRAZIER_API_SECRET"


def test_empty_counts_as_unset() -> None:
    """Also in the process, where it does not hide what .env says."""
    (account,) = find({"KRAKEN_MASTER_API_KEY": "", "KRAKEN_MASTER_API_SECRET": "  "}, pair("KRAKEN_MASTER"))
    assert account.origin == ".env"


def test_the_process_wins_over_dotenv() -> None:
    """And the source says so."""
    (account,) = find(pair("KRAKEN_MASTER", "process"), pair("KRAKEN_MASTER", "file"))
    assert account.key is not None
    assert account.key.reveal() == "key-process"
    assert account.source == "KRAKEN_MASTER_API_KEY (environment)"


def test_unit_and_password_belong_to_the_prefix() -> None:
    """The account's own unit wins over the general one."""
    variables = {**pair("KRAKEN_USER_ZOE"), "KRAKEN_USER_ZOE_OTP": "1234", "KRAKEN_NONCE_UNIT": "us"}
    (account,) = find(variables)
    assert account.nonce_unit == "us"
    assert account.otp is not None
    (account,) = find({**variables, "KRAKEN_USER_ZOE_NONCE_UNIT": "ns"})
    assert account.nonce_unit == "ns"


def test_two_users_of_one_first_name_are_ambiguous() -> None:
    """Neither has variables of their own."""
    accounts = find(pair("KRAKEN_USER_DAIVON"), users=["daivon_frazier", "daivon_smith"])
    assert [account.shares_first_name_with for account in accounts] == [
        ("USER:daivon_smith",),
        ("USER:daivon_frazier",),
    ]
    variables = {**pair("KRAKEN_USER_DAIVON"), **pair("KRAKEN_USER_DAIVON_SMITH")}
    assert not any(a.shares_first_name_with for a in find(variables, users=["daivon_frazier", "daivon_smith"]))


def test_an_unknown_user_is_told_what_was_looked_for() -> None:
    """In one line, with the users that are there."""
    with pytest.raises(ConfigurationError) as caught:
        find(pair("KRAKEN_USER_ZOE"), users=["no body"])
    assert str(caught.value) == (
        "no credentials for user 'no body': looked for KRAKEN_USER_NO_BODY_API_KEY, KRAKEN_USER_NO_API_KEY"
        " (and the matching _API_SECRET); users that are set: zoe"
    )
    with pytest.raises(ConfigurationError, match="KRAKEN_MASTER_API_KEY, KRAKEN_PLATFORM_API_KEY, KRAKEN_API_KEY"):
        find(pair("KRAKEN_USER_ZOE"), master=True)


def test_nobody_at_all_is_told_how_to_begin() -> None:
    """And that it can be tried without credentials."""
    with pytest.raises(ConfigurationError, match="kraken-doctor check --sandbox"):
        find({"PATH": "/bin"})


@pytest.mark.parametrize("name", ["", "  ", "///"])
def test_a_name_without_letters_is_no_user(name: str) -> None:
    """A clear error, not a variable called KRAKEN_USER__API_KEY."""
    with pytest.raises(ConfigurationError, match="letter or digit"):
        find(pair("KRAKEN_MASTER"), users=[name])


def test_a_variables_value_is_in_no_repr() -> None:
    """Reprs end up in tracebacks."""
    variable = Environment(("environment", pair("KRAKEN_MASTER", "classified"))).get("KRAKEN_MASTER_API_KEY")
    assert "classified" not in repr(variable)
    assert "classified" not in repr(find(pair("KRAKEN_MASTER", "classified")))


def test_what_a_weaker_origin_has_is_named() -> None:
    """An old key in the environment hides the right one in .env; the same one twice hides nothing."""
    (account,) = find(pair("KRAKEN", "old"), {**pair("KRAKEN", "new"), "KRAKEN_API_SECRET": "secret-old"})
    assert account.elsewhere == ("KRAKEN_API_KEY in .env",)
    assert account.origin == "environment"


def test_a_line_that_sets_nothing_is_said_where_something_is_missing() -> None:
    """A template's comment beside a key of the environment is no damage."""
    line = f"line 1: KRAKEN_API_KEY {NOT_SET}"
    for values, said in (({"KRAKEN_API_SECRET": "s"}, (f".env, {line}",)), (pair("KRAKEN"), ())):
        environment = Environment(("environment", values), damaged_lines={".env": (line,)})
        assert find_accounts(environment)[0].damaged_lines == said


def test_damaged_lines_are_those_of_the_account_and_in_every_error() -> None:
    """Without them, "not set" contradicts what the reader sees in the file."""
    line = "line 2: KRAKEN_MASTER_API_KEY has no = after it"
    environment = Environment((".env", pair("KRAKEN_USER_A")), damaged_lines={".env": (line,)})
    assert find_accounts(environment, users=["a"])[0].damaged_lines == ()
    environment = Environment((".env", {"KRAKEN_MASTER_API_SECRET": "s"}), damaged_lines={".env": (line,)})
    assert find_accounts(environment)[0].damaged_lines == (f".env, {line}",)
    for choice in ({}, {"users": ["a"]}):
        with pytest.raises(ConfigurationError, match="line 2: KRAKEN_MASTER_API_KEY"):
            find_accounts(Environment(damaged_lines={".env": (line,)}), **choice)  # type: ignore[arg-type]
