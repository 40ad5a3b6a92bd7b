"""GetApiKeyInfo in both naming styles, and what must not come out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.checks import keyinfo

CAMEL = {
    "apiKeyName": "bot", "apiKey": "4/SDr", "nonce": "1772627060997", "nonceWindow": 0, "permissions": ["query-funds"],
    "iban": "AA88 N84G", "validUntil": "0", "queryFrom": "0", "queryTo": "0", "createdTime": "1772542900",
    "modifiedTime": "1772543095", "ipAllowlist": [], "lastUsed": "1772627061",
}  # fmt: skip
SNAKE = {
    "api_key_name": "bot", "api_key": "4/SDr", "nonce": 1772627060997, "nonce_window": "0",
    "permissions": ["query-funds"],
    "iban": "AA88 N84G", "valid_until": 0, "created_time": 1772542900, "modified_time": "1772543095",
    "ip_allowlist": [""], "last_used": 1772627061,
}  # fmt: skip


@pytest.mark.parametrize("answer", [CAMEL, SNAKE])
def test_both_styles_say_the_same(answer: dict[str, object]) -> None:
    """Numbers or strings, one empty entry or none: the same facts."""
    facts = {fact.name: fact.value for fact in keyinfo.evidence(answer)}
    assert facts == {
        "key.nonce": 1772627060997,
        "key.nonce_window": 0,
        "key.valid_until": 0,
        "key.created": 1772542900,
        "key.modified": 1772543095,
        "key.last_used": 1772627061,
        "key.permissions": ("query-funds",),
        "key.ip_allowlist": 0,
    }


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
