"""What is signed is what is sent, byte for byte."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.client.transport import PostParams

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
values = st.one_of(scalars, st.lists(scalars, max_size=4))


def sent(params: PostParams) -> bytes:
    body = requests.Request("POST", "http://127.0.0.1/", data=params).prepare().body or b""
    return body.encode() if isinstance(body, str) else body


@pytest.mark.slow
@given(st.dictionaries(st.text(min_size=1), values, max_size=6))
def test_signed_and_sent_are_the_same_bytes(data: dict[str, Any]) -> None:
    """krakenex signs `urlencode(data)`, requests encodes by itself: both must see one thing."""
    params = PostParams(data).with_fields(nonce="5")
    assert urllib.parse.urlencode(params).encode() == sent(params)


def test_lists_repeat_and_none_is_left_out() -> None:
    """As requests does it, so that a bot's calls look on the wire as they did."""
    params = PostParams({"txid": ["A", "B"], "none": None, "flag": True, "empty": [], "name": "ü", "raw": b"x"})
    assert sent(params) == b"txid=A&txid=B&flag=True&name=%C3%BC&raw=x"
    assert params["txid"] == "A"
    assert list(params) == ["txid", "flag", "name", "raw"]
    assert len(params) == 4
    with pytest.raises(KeyError, match="none"):
        params["none"]


def test_a_dict_is_refused_with_the_right_spelling() -> None:
    """krakenex would sign one thing and send another; Kraken's name for it has brackets."""
    with pytest.raises(TypeError, match=r"close\[entry\]"):
        PostParams({"close": {"ordertype": "limit"}})
    with pytest.raises(TypeError, match=r"'orders' is a dict; spell its entries as 'orders\[entry\]'"):
        PostParams({"orders": [{"ordertype": "limit"}]})


def test_the_callers_dict_stays_as_it_was() -> None:
    """krakenex writes the nonce into it; a retry would then send the old one."""
    data = {"pair": "XBTUSD", "nonce": "mine"}
    assert PostParams(data).with_fields(nonce="5").items() == [("pair", "XBTUSD"), ("nonce", "5")]
    assert data == {"pair": "XBTUSD", "nonce": "mine"}
