"""What is odd and healthy all the same: the doctor must not raise a false alarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kraken_doctor.sandbox.faults.base import Fault, Inject, no_op, refuse_with, respond_with
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Response, answer
from kraken_doctor.sandbox.scenarios import USER, Scenario


def _key(**changes: Any) -> Inject:
    def inject(scenario: Scenario) -> None:
        key = scenario.key()
        for name, value in changes.items():
            setattr(key, name, value)

    return inject


def _clocks(*clocks: dict[str, Any]) -> Inject:
    def inject(scenario: Scenario) -> None:
        scenario.clocks = list(clocks)

    return inject


def _result(endpoint: str, result: Callable[[Key], Any]) -> Inject:
    """An answer of this shape, to a call that is judged as ever."""

    def inject(scenario: Scenario) -> None:
        key = scenario.key()

        def intercept(request: Any) -> Response | None:
            if not request.path.endswith(f"/{endpoint}") or request.headers.get("api-key") != key.api_key:
                return None
            nonce = int(request.fields()["nonce"])
            key.mark, key.accepted = nonce, key.accepted + 1
            return answer(result=result(key))

        scenario.exchange.interceptors.append(intercept)

    return inject


def _in_words(key: Key) -> dict[str, Any]:
    return {
        "Nonce": key.mark,
        "Permissions": [{"name": "Query Funds", "enabled": True}, {"name": "Withdraw", "enabled": False}],
    }


def _capitals(scenario: Scenario) -> None:
    scenario.exchange.status = "ONLINE"


def _slow(scenario: Scenario) -> None:
    """A third of a second an answer."""
    handle = scenario.exchange.handle

    def slowly(request: Any) -> Response:
        response = handle(request)
        return Response(response.body, response.status, response.headers, delay_s=0.3)

    scenario.exchange.handle = slowly  # type: ignore[method-assign]


def _announced(scenario: Scenario) -> None:
    scenario.exchange.maintenance = [{"status": "maintenance", "start_time": "2030-01-05T02:00:00Z"}]


def _otp(scenario: Scenario) -> None:
    scenario.key().otp = scenario.environ[f"{USER}_OTP"] = "735 demo"


def _declared(scenario: Scenario) -> None:
    scenario.environ[f"{USER}_NONCE_UNIT"] = "us"
    scenario.key().mark = round(scenario.exchange.now() * 10**6)


def _snake_case(key: Key) -> dict[str, Any]:
    return {
        "api_key_name": key.name, "api_key": key.api_key, "nonce": key.mark, "nonce_window": 0,
        "permissions": list(key.permissions), "valid_until": 0, "ip_allowlist": list(key.ip_allowlist),
    }  # fmt: skip


HEALTHY_EDGE_CASES = (
    Fault("odd-nothing", "nothing at all", no_op),
    Fault("odd-no-result", "an empty account whose answer has no result", respond_with(
        lambda _: Response(b'{"error":[]}', headers={"Content-Type": "application/json"}), to="/private/Balance", prefix=USER),
        "account-empty", "info"),
    Fault("odd-zero-balances", "balances of nothing but zeros", _key(balances={"ZUSD": "0.0000", "USDT": "0.00000000"}),
          "account-empty", "info"),
    Fault("odd-rewards", "all funds under .F", _key(balances={"USD.F": "731.2000", "USDT.F": "1204.71000000"})),
    Fault("odd-read-only", "a key that may only query funds", _key(permissions=("query-funds",))),
    Fault("odd-no-key-info", "a server without GetApiKeyInfo", refuse_with("EGeneral:Unknown method", to="/GetApiKeyInfo")),
    Fault("odd-key-info-style", "GetApiKeyInfo in the other naming style", _result("GetApiKeyInfo", _snake_case)),
    Fault("odd-key-info-words", "GetApiKeyInfo with permissions in words", _result("GetApiKeyInfo", _in_words)),
    Fault("odd-key-info-denied", "GetApiKeyInfo alone is denied", refuse_with("EGeneral:Permission denied", to="/GetApiKeyInfo")),
    Fault("odd-status-capitals", "the status in capitals", _capitals),
    Fault("odd-numbers", "amounts as numbers", _result("Balance", lambda _: {"ZUSD": 100, "USDT": 50.5})),
    Fault("odd-slow", "each answer takes a third of a second", _slow),
    Fault("odd-maintenance-announced", "maintenance is announced for another day", _announced),
    Fault("odd-lying-clock", "one of three time servers is an hour off", _clocks({}, {}, {"offset_s": 3600.0})),
    Fault("odd-no-ntp", "no time server answers, the exchange does", _clocks({"silent": True})),
    Fault("odd-used-key", "a key that was used a second ago", _key(last_used=1.0)),
    Fault("odd-otp", "two-factor authentication, and the OTP is set", _otp),
    Fault("odd-declared-unit", "a bot in microseconds, and the account says so", _declared),
)  # fmt: skip
