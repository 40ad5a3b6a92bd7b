"""GetApiKeyInfo in both naming styles, and what must not come out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.checks import keyinfo
from kraken_doctor.model import permissions

CAMEL = {
    "apiKeyName": "bot", "apiKey": "4/SDr", "nonce": "1772627060997", "nonceWindow": 0, "permissions": ["query-funds"],
    "iban": "AA88 N84G", "validUntil": "0", "queryFrom": "0", "queryTo": "0", "createdTime": "1772542900",
    "modifiedTime": "1772543095", "ipAllowlist": [], "lastUsed": "1772627061",
}  # fmt: skip
SNAKE = {
    "api_key_name": "bot", "api_key": "4/SDr", "nonce": 1772627060997, "nonce_window": "0",
    "permissions": ["query-funds"],
    "iban": "AA88 N84G", "valid_until": 0, "created_time": 1772542900, "modified_time": "1772543095",
    "query_from": 0, "query_to": "0", "ip_allowlist": [""], "last_used": 1772627061,
}  # fmt: skip


@pytest.mark.parametrize("answer", [CAMEL, SNAKE])
def test_both_styles_say_the_same(answer: dict[str, object]) -> None:
    """Numbers or strings, one empty entry or none: the same facts."""
    facts = {fact.name: fact.value for fact in keyinfo.evidence(answer)}
    assert facts == {
        "key.nonce": 1772627060997,
        "key.nonce_window": 0,
        "key.valid_until": 0,
        "key.query_from": 0,
        "key.query_to": 0,
        "key.created": 1772542900,
        "key.modified": 1772543095,
        "key.last_used": 1772627061,
        "key.permissions": ("query-funds",),
        "key.ip_allowlist": 0,
    }


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (1796000000, 1796000000), (1796000000.5, 1796000000), (" 1796000000.123 ", 1796000000),
        (1796000000123, 1796000000), ("1796000000123", 1796000000), ("0", 0), (-1, None), ("-1", None), (True, None),
        (2**70, None), (1e300, None), ("never", None), ("２", None), ("", None), ([], None), ({}, None), (None, None),
    ],
)  # fmt: skip
def test_a_time_in_any_spelling(said: object, read: int | None) -> None:
    """Seconds, parts of them, milliseconds; what is no number is no time."""
    assert {fact.name: fact.value for fact in keyinfo.evidence({"validUntil": said})}.get("key.valid_until") == read


@pytest.mark.parametrize(("said", "read"), [(15.0, 15), ("15", 15), (-1, None), (10**12, 10**12)])
def test_a_window_in_any_spelling(said: object, read: int | None) -> None:
    """In ticks, which may be as many as milliseconds of this century."""
    assert {fact.name: fact.value for fact in keyinfo.evidence({"nonceWindow": said})}.get("key.nonce_window") == read


@pytest.mark.parametrize(
    "said",
    [
        ["query-funds"], ["query_funds"], ["queryFunds"], ["QueryFunds"], ["QUERY_FUNDS"], ["queryfunds"],
        ["QUERYFUNDS"],
        ["Query Funds"], ["Funds: Query"], ["funds.query"], ["Query funds permission"],
        "query-funds", " query-funds , ", [{"name": "query-funds"}], [{"permission": "QUERY_FUNDS", "enabled": True}],
        [{"Name": "Query Funds", "Granted": "yes"}],
        [{"name": "query-funds"}, {"name": "withdraw-funds", "enabled": False}], [{"query-funds": True}],
        {"query-funds": True, "withdraw-funds": False}, {"queryFunds": "1", "withdrawFunds": "0"}, {"funds": ["query"]},
        {"funds": {"query": True, "withdraw": "off"}}, ["query-funds", "query_funds"], [["query-funds"]],
    ],
)  # fmt: skip
def test_a_permission_in_any_spelling(said: object) -> None:
    """Case, joints, order, objects, switches: the same one permission, by Kraken's own name."""
    found = {fact.name: fact.value for fact in keyinfo.evidence({"permissions": said})}
    assert found["key.permissions"] == ("query-funds",)
    assert permissions.known(("query-funds",))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([], ()), ([""], ()), ({}, ()), ({"query-funds": False}, ()), ([None], ()), ([1, 2], ("1", "2")), (7, ("7",)),
        (["query"], ("query",)), (["*"], ("*",)), (["x" * 100], ("x" * 64,)), (["Withdraw"], ("withdraw-funds",)),
        ([[[[[["query-funds"]]]]]], ()), (None, None),
    ],
)  # fmt: skip
def test_words_that_are_not_known_stay(said: object, found: tuple[str, ...] | None) -> None:
    """They prove nothing by what they lack; and what has no end is not followed."""
    facts = {fact.name: fact.value for fact in keyinfo.evidence({"permissions": said})}
    assert facts.get("key.permissions") == found
    assert not permissions.known(found or ()) or found == ("withdraw-funds",)


def test_the_key_and_the_account_number_stay_inside() -> None:
    """Both are in the answer, and neither is a fact for a report."""
    shown = repr(list(keyinfo.evidence(CAMEL)))
    assert "4/SDr" not in shown
    assert "AA88" not in shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=5,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*CAMEL, *SNAKE]), json_values))
def test_any_shape_gives_facts_or_none(answer: dict[str, object]) -> None:
    """Null for last_used, a number for a list, anything: no exception."""
    for fact in keyinfo.evidence(answer):
        assert fact.name.startswith("key.")
