"""The sandbox's own signature against Kraken's published vector, and against krakenex."""

from __future__ import annotations

import base64

import krakenex
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.sandbox.keys import matches, signature

# https://docs.kraken.com/exchange/guides/rest/authentication
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
BODY = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
SIGNED = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def test_the_published_vector() -> None:
    """Kraken's own example comes out letter by letter."""
    assert signature(base64.b64decode(SECRET), "/0/private/AddOrder", "1616492376594", BODY) == SIGNED
    assert matches(SIGNED, SIGNED)
    assert not matches(SIGNED, SIGNED[:-4] + "AAA=")
    assert not matches(SIGNED, "ümläut")


@given(nonce=st.integers(0, 2**64 - 1), pairs=st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_agrees_with_krakenex(nonce: int, pairs: dict[str, str]) -> None:
    """Two implementations that know nothing of each other sign alike."""
    import urllib.parse

    data = {**pairs, "nonce": str(nonce)}
    body = urllib.parse.urlencode(data).encode()
    api = krakenex.API("key", SECRET)
    expected = api._sign(data, "/0/private/Balance")
    assert signature(base64.b64decode(SECRET), "/0/private/Balance", str(nonce), body) == expected
