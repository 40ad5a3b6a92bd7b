"""The rules of the exchange, one by one."""

from __future__ import annotations

import json

import pytest

from kraken_doctor.sandbox.exchange import LOCKOUT_S, Exchange
from kraken_doctor.sandbox.keys import STARTER, Key
from kraken_doctor.sandbox.messages import Request
from tests.clocks import ManualClock
from tests.sandbox.wire import call, get, send

MARK = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def exchange(key: Key, clock: ManualClock) -> Exchange:
    return Exchange([key], clock=clock)


def error(answer: object) -> list[str]:
    assert isinstance(answer, dict)
    assert ("result" in answer) is (not answer["error"])
    return list(answer["error"])


def test_a_larger_nonce_is_accepted_and_an_equal_or_smaller_one_is_not(exchange: Exchange, key: Key) -> None:
    """Kraken's rule with a window of 0: above every nonce accepted before."""
    assert call(exchange, key, MARK)["result"] == {"ZUSD": "100.0000", "USDT": "50.00000000"}
    for refused in (MARK, MARK - 1, 0):
        assert error(call(exchange, key, refused)) == ["EAPI:Invalid nonce"]
    assert error(call(exchange, key, MARK + 1)) == []
    assert (key.mark, key.accepted, key.refused) == (MARK + 1, 2, 3)


@pytest.mark.parametrize("nonce", ["", "abc", "-1", "1.5", "٣", str(2**64), "1" * 30])
def test_what_is_no_unsigned_64_bit_number_is_refused(exchange: Exchange, key: Key, nonce: str) -> None:
    """Digits only, and none above 2**64 - 1."""
    assert error(call(exchange, key, nonce)) == ["EAPI:Invalid nonce"]
    assert error(call(exchange, key, 2**64 - 1)) == []


def test_a_window_forgives_what_lies_less_far_below(exchange: Exchange, key: Key) -> None:
    """Counted in ticks below the mark, which it does not move."""
    key.window = 10
    call(exchange, key, MARK)
    assert error(call(exchange, key, MARK - 9)) == []
    assert error(call(exchange, key, MARK - 10)) == ["EAPI:Invalid nonce"]
    assert key.mark == MARK


def test_a_missing_nonce_is_an_invalid_nonce(exchange: Exchange, key: Key) -> None:
    """Even when it was part of what was signed, whichever is judged first, in a form as in JSON."""
    json_type = "application/json"
    for exchange.nonce_first in (False, True):
        assert error(send(exchange, key, "5", b"a=1")) == ["EAPI:Invalid nonce"]
        assert error(send(exchange, key, "5", b"")) == ["EAPI:Invalid nonce"]
        assert error(send(exchange, key, "5", b'{"a": 1}', content_type=json_type)) == ["EAPI:Invalid nonce"]


def test_the_signature_must_fit_the_bytes_that_were_sent(exchange: Exchange, key: Key) -> None:
    """A wrong secret, a changed body, no signature at all."""
    assert error(send(exchange, key, "5", b"nonce=5", api_sign="AAAA")) == ["EAPI:Invalid signature"]
    other = Key(name="other", api_key=key.api_key, secret="QUJD")
    assert error(call(exchange, other, 5)) == ["EAPI:Invalid signature"]
    assert key.accepted == 0


def test_json_bodies_are_signed_as_their_text(exchange: Exchange, key: Key) -> None:
    """Kraken takes form and JSON alike."""
    body = json.dumps({"nonce": 5}).encode()
    assert error(send(exchange, key, "5", body, content_type="application/json")) == []
    assert error(send(exchange, key, "6", b"[6]", content_type="application/json")) != []
    assert error(send(exchange, key, "6", b"{", content_type="application/json")) != []


def test_an_unknown_or_missing_key_is_an_invalid_key(exchange: Exchange, key: Key) -> None:
    """Before anything else is looked at."""
    stranger = Key(name="stranger", api_key="unknown", secret=key.secret)
    assert error(call(exchange, stranger, 5)) == ["EAPI:Invalid key"]
    no_key = Request("POST", "/0/private/Balance", {}, b"nonce=5")
    assert json.loads(exchange.handle(no_key).body)["error"] == ["EAPI:Invalid key"]


def test_an_expired_key_is_an_invalid_key(exchange: Exchange, key: Key, clock: ManualClock) -> None:
    """From the second on that it names."""
    key.valid_until = exchange.now() + 10
    assert error(call(exchange, key, 5)) == []
    clock.step(10)
    assert error(call(exchange, key, 6)) == ["EAPI:Invalid key"]


def test_an_address_off_the_list_is_refused(exchange: Exchange, key: Key) -> None:
    """One empty entry is no restriction, as in the answer that Kraken.Net keeps."""
    key.ip_allowlist = ("",)
    assert error(call(exchange, key, 5)) == []
    key.ip_allowlist = ("10.0.0.1",)
    assert error(call(exchange, key, 6)) == ["EAPI:Invalid key"]
    assert error(call(exchange, key, 7, peer="10.0.0.1")) == []


def test_two_factor_keys_want_their_password_and_others_none(exchange: Exchange, key: Key) -> None:
    """Kraken documents the first, and users report the second."""
    assert error(call(exchange, key, 5, otp="1234")) == ["EAPI:Invalid key"]
    key.otp = "1234"
    assert error(call(exchange, key, 6)) == ["EAPI:Invalid signature"]
    assert error(call(exchange, key, 7, otp="4321")) == ["EAPI:Invalid signature"]
    assert error(call(exchange, key, 8, otp="1234")) == []


def test_permissions_are_asked_for_after_authentication(exchange: Exchange, key: Key) -> None:
    """The key's own description needs none; the nonce of a refused call is spent."""
    key.permissions = ()
    assert error(call(exchange, key, 5)) == ["EGeneral:Permission denied"]
    assert error(call(exchange, key, 5)) == ["EAPI:Invalid nonce"]
    assert error(call(exchange, key, 6, "GetApiKeyInfo")) == []
    assert error(call(exchange, key, 7, "OpenOrders")) == ["EGeneral:Permission denied"]


def test_the_call_counter_fills_and_falls(exchange: Exchange, key: Key, clock: ManualClock) -> None:
    """A starter key: 15 calls at once, one more every three seconds."""
    key.tier = STARTER
    assert [error(call(exchange, key, n)) for n in range(1, 16)] == [[]] * 15
    assert error(call(exchange, key, 16)) == ["EAPI:Rate limit exceeded"]
    clock.step(10)
    assert error(call(exchange, key, 17)) == []


def test_without_a_tier_calls_are_counted_and_never_too_many(exchange: Exchange, key: Key) -> None:
    """So that a bot can be tested at full speed."""
    for nonce in range(1, 101):
        call(exchange, key, nonce)
    assert key.counter == 100
    assert key.accepted == 100


def test_refusals_in_a_row_lock_the_key_out(exchange: Exchange, key: Key, clock: ManualClock) -> None:
    """The lockout hides every other error, and each attempt restarts it."""
    exchange.lockout_after = 3
    call(exchange, key, MARK)
    for _ in range(3):
        assert error(call(exchange, key, 1)) == ["EAPI:Invalid nonce"]
    assert error(call(exchange, key, MARK + 1)) == ["EGeneral:Temporary lockout"]
    clock.step(LOCKOUT_S - 1)
    assert error(call(exchange, key, MARK + 2)) == ["EGeneral:Temporary lockout"]
    clock.step(LOCKOUT_S + 1)
    assert error(call(exchange, key, MARK + 3)) == []


def test_an_accepted_call_ends_the_row(exchange: Exchange, key: Key) -> None:
    """Only refusals one after the other count."""
    exchange.lockout_after = 2
    for nonce in (MARK, 1, MARK + 1, 1, MARK + 2):
        call(exchange, key, nonce)
    assert key.locked_until == 0


def test_a_disabled_account_says_so_to_every_call(exchange: Exchange, key: Key) -> None:
    """Whatever the nonce is."""
    key.refusal = "EAuth:Account temporary disabled"
    assert error(call(exchange, key, 5)) == ["EAuth:Account temporary disabled"]


def test_public_answers_have_the_documented_shapes(exchange: Exchange) -> None:
    """Time in whole seconds, the status with its lists."""
    time = get(exchange, "Time")["result"]
    assert time == {"unixtime": 1795392000, "rfc1123": "Mon, 23 Nov 26 00:00:00 +0000"}
    exchange.clock_offset_s = 3600
    assert get(exchange, "Time")["result"]["unixtime"] == 1795395600
    status = get(exchange, "SystemStatus")["result"]
    assert status == {
        "status": "online",
        "timestamp": "2026-11-23T01:00:00Z",
        "upcoming_maintenance": [],
        "emergency": [],
    }
    assert {"XXBTZUSD", "USDTZUSD"} < set(get(exchange, "AssetPairs")["result"])


def test_private_answers_have_the_documented_shapes(exchange: Exchange, key: Key) -> None:
    """The fields of Kraken's own example, numbers as strings where it has strings."""
    info = call(exchange, key, 5, "GetApiKeyInfo")["result"]
    assert info["apiKey"] == key.api_key
    assert info["nonce"] == "5"
    assert info["nonceWindow"] == 0
    assert info["validUntil"] == "0"
    assert info["lastUsed"] == "1795392000"
    assert info["permissions"] == ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger"]
    extended = call(exchange, key, 6, "BalanceEx")["result"]
    assert extended["ZUSD"] == {"balance": "100.0000", "hold_trade": "0"}
    assert call(exchange, key, 7, "OpenOrders")["result"] == {"open": {}}


def test_unknown_endpoints_answer_as_kraken_does(exchange: Exchange, key: Key) -> None:
    """Public ones take GET alone; a path that is not the API's is a page."""
    assert get(exchange, "Nonesuch")["error"] == ["EGeneral:Unknown method"]
    assert error(call(exchange, key, 5, "Nonesuch")) == ["EGeneral:Unknown method"]
    post = Request("POST", "/0/public/Time", {})
    assert exchange.handle(post).status == 405
    page = exchange.handle(Request("GET", "/index.html", {}))
    assert page.status == 404
    assert b"<html>" in page.body


def test_requests_are_counted(exchange: Exchange, key: Key) -> None:
    """Whoever promises few calls can be held to it."""
    get(exchange, "Time")
    call(exchange, key, 5)
    assert exchange.requests == ["GET /0/public/Time", "POST /0/private/Balance"]
