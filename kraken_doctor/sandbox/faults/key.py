"""The key: what the exchange says to it, and what it may do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from kraken_doctor.sandbox.exchange import LOCKOUT_S
from kraken_doctor.sandbox.faults.base import Fault, Inject, private, respond_with
from kraken_doctor.sandbox.keys import STARTER, Key
from kraken_doctor.sandbox.messages import refusal
from kraken_doctor.sandbox.scenarios import USER, Scenario

_DAY_S = 86_400.0


def _key(change: Callable[[Key, float], None]) -> Inject:
    """*change* gets the user's key, and the time."""
    return lambda scenario: change(scenario.key(), scenario.exchange.now())


def _delete(scenario: Scenario) -> None:
    scenario.exchange.keys.pop(scenario.key().api_key, None)


def _delete_all(scenario: Scenario) -> None:
    scenario.exchange.keys.clear()


def _expire(key: Key, now: float) -> None:
    key.valid_until = now - _DAY_S


def _other_address(key: Key, _now: float) -> None:
    key.ip_allowlist = ("203.0.113.7",)


def _other_secret(key: Key, _now: float) -> None:
    key.secret = base64.b64encode(bytes(64)).decode()


def _wants_otp(key: Key, _now: float) -> None:
    key.otp = "735 demo"


def _useless_otp(scenario: Scenario) -> None:
    scenario.environ[f"{USER}_OTP"] = "735 demo"


def _permissions(*permissions: str) -> Inject:
    def change(key: Key, _now: float) -> None:
        key.permissions = permissions

    return _key(change)


def _lock_out(key: Key, now: float) -> None:
    key.locked_until = now + LOCKOUT_S


def _exhaust(key: Key, now: float) -> None:
    key.tier, key.counter, key.counter_at = STARTER, STARTER.maximum + 5, now


def _several(key: Key, now: float) -> None:
    key.permissions, key.valid_until = ("query-open-trades", "withdraw-funds"), now + _DAY_S


def _limited_range(key: Key, now: float) -> None:
    key.query_from, key.query_to = now - 30 * _DAY_S, now


def _expires_by_a_right_clock(scenario: Scenario) -> None:
    """This host's clock is three weeks behind: by it the key has time."""
    scenario.shift_clock(21 * _DAY_S)
    scenario.key().valid_until = scenario.exchange.now() + 2 * _DAY_S


def _expires_soon(key: Key, now: float) -> None:
    key.valid_until = now + 3 * _DAY_S


def _unrestricted(key: Key, _now: float) -> None:
    key.ip_allowlist = ()


def _empty(key: Key, _now: float) -> None:
    key.balances = {}


KEY = (
    Fault("key-invalid", "the key was deleted", _delete, "key-invalid"),
    Fault("key-invalid-expired", "the key expired yesterday", _key(_expire), "key-invalid"),
    Fault("key-invalid-address", "this host is not on its allow-list", _key(_other_address), "key-invalid"),
    Fault("key-invalid-otp", "an OTP for a key without two-factor authentication", _useless_otp, "key-invalid"),
    Fault("key-invalid-status", "the same, with HTTP 401",
          respond_with(lambda _: replace(refusal("EAPI:Invalid key"), status=401), to="/private/", prefix=USER), "key-invalid"),
    Fault("key-invalid-everywhere", "no key is known there", _delete_all, "key-invalid", of_run=True),
    Fault("signature-invalid", "the secret of another key", _key(_other_secret), "signature-invalid"),
    Fault("signature-invalid-otp", "two-factor authentication, and no OTP is set", _key(_wants_otp), "signature-invalid"),
    Fault("permission-missing", "it may not query funds", _permissions("query-open-trades"), "permission-missing"),
    Fault("permission-missing-address", "denied whatever it asks, also what needs no permission",
          private("EGeneral:Permission denied"), "permission-missing"),
    Fault("permission-missing-several", "it may not query funds, may withdraw, and expires tomorrow", _key(_several), "permission-missing"),
    Fault("account-locked", "the account is disabled", private("EAuth:Account temporary disabled"), "account-locked"),
    Fault("account-unconfirmed", "the account is not confirmed", private("EAuth:Account unconfirmed"), "account-unconfirmed"),
    Fault("temporary-lockout", "locked out after too many refusals", _key(_lock_out), "temporary-lockout"),
    Fault("rate-limited", "the call counter is at its maximum", _key(_exhaust), "rate-limited"),
    Fault("feature-disabled", "the feature is disabled", private("EAPI:Feature disabled"), "feature-disabled"),
    Fault("error-unrecognised", "an error that nobody has seen", private("EMoon:Phase [unsuitable]"), "error-unrecognised"),
    Fault("call-rejected", "the exchange finds fault with the call itself", private("EGeneral:Invalid arguments"), "call-rejected"),
    Fault("key-expires-soon", "the key expires in three days", _key(_expires_soon), "key-expires-soon", "warn"),
    Fault("key-expires-soon-clock", "in two days, and this host's clock is three weeks behind", _expires_by_a_right_clock,
          "key-expires-soon", "warn"),
    Fault("key-range-limited", "it may query the last month's history only", _key(_limited_range), "key-range-limited", "info"),
    Fault("key-can-withdraw", "the key may withdraw", _permissions("query-funds", "withdraw-funds"), "key-can-withdraw", "warn"),
    Fault("key-unrestricted", "the key may be used from anywhere", _key(_unrestricted), "key-unrestricted", "info"),
    Fault("account-empty", "the account holds nothing", _key(_empty), "account-empty", "info"),
)  # fmt: skip
