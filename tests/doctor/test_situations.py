"""Situations of the key and of its answers against the real exchange: what the whole run comes to."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from kraken_doctor.clock import SystemClock
from kraken_doctor.doctor.examine import examine
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.findings import Diagnosis, Outcome
from kraken_doctor.model.report import Report
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, answer

DAY_S = 86_400.0
DENIED = "EGeneral:Permission denied"
INFO = {"nonceWindow": 0, "validUntil": "0", "queryFrom": "0", "queryTo": "0", "ipAllowlist": ["127.0.0.1"]}


@pytest.fixture
def check(server: SandboxServer, key: Key) -> Callable[..., Report]:
    """Makes a run of the one key against the exchange, as it is by then."""
    key.ip_allowlist = ("127.0.0.1",)

    def run(**choices: Any) -> Report:
        environ = {"KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret}
        environ["KRAKEN_NONCE_STORE"] = "memory://"
        settings = {"api_url": server.url, "use_ntp": False, "timeout_s": 2.0, **choices}
        return examine(environ=environ, master=True, **settings)

    return run


def answers(exchange: Exchange, path: str, response: Response | Callable[[Request], Response]) -> None:
    """Answer with *response* what has *path* in its path."""
    exchange.interceptors.append(
        lambda request: None if path not in request.path else response(request) if callable(response) else response
    )


def as_json(value: Any, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json", **named})


def refused(error: str, status: int = 200, **headers: str) -> Response:
    return as_json({"error": [error]}, status, **headers)


def tells(exchange: Exchange, key: Key, **info: Any) -> None:
    """Let GetApiKeyInfo tell *info* of the key."""

    def respond(request: Request) -> Response:
        key.mark = int(request.fields()["nonce"])
        return answer(result=INFO | info)

    answers(exchange, "/GetApiKeyInfo", respond)


def causes(report: Report) -> list[str]:
    return [found.cause for found in report.diagnoses if found.severity.value != "info"]


def first(report: Report) -> Diagnosis:
    return next(found for found in report.diagnoses if found.primary)


# --- GetApiKeyInfo that can't be read is not bad


@pytest.mark.parametrize(
    "response",
    [
        refused(DENIED), refused("EAPI:Feature disabled"), refused("EAPI:Bad request"),
        refused("EGeneral:Unknown method"), refused("EGeneral:Invalid arguments"), refused("EMoon:Phase"),
        refused("EAccount:Invalid permissions"),
        refused(DENIED, 403), refused("EGeneral:Unknown method", 404), refused("EGeneral:Internal error"),
        Response(b""), Response(b"{}"), Response(b'{"error":[]}'), as_json({"error": [], "result": {}}),
        as_json({"error": [], "result": []}), as_json({"error": [], "result": None}), Response(b"<html>", 404),
    ],
    ids=lambda response: f"{response.status} {response.body.decode()[:40]}",
)  # fmt: skip
def test_a_key_whose_settings_are_not_to_be_had(
    check: Callable[..., Report], exchange: Exchange, response: Response
) -> None:
    """Balance decides, with one call more."""
    answers(exchange, "/GetApiKeyInfo", response)
    report = check()
    assert (report.outcome, causes(report)) == (Outcome.PASS, [])
    assert (report.accounts[0].connected, report.accounts[0].private_calls) == (True, 2)


@pytest.mark.parametrize("body", [b'{"error":[]}', b'{"error":[],"result":null}'])
def test_answers_without_any_result_are_no_proof(check: Callable[..., Report], exchange: Exchange, body: bytes) -> None:
    """Of Balance alone it may mean an empty account; of everything it means that this is not the API."""
    answers(exchange, "/private/", Response(body))
    report = check()
    assert (causes(report), report.accounts[0].connected) == (["response-invalid"], False)


@pytest.mark.parametrize("response", [Response(b"<html>", 502), Response(b"", reset=True), Response(b"<html>", 403)])
def test_settings_that_fail_below_the_api_are_a_warning(
    check: Callable[..., Report], exchange: Exchange, response: Response
) -> None:
    """One endpoint is not the connection, but a way that breaks is worth saying."""
    answers(exchange, "/GetApiKeyInfo", response)
    report = check()
    assert (report.outcome, report.accounts[0].connected, len(causes(report))) == (Outcome.WARN, True, 1)


@pytest.mark.parametrize(
    "error", ["EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Temporary lockout", "EAPI:Rate limit exceeded"]
)
def test_what_a_further_call_makes_worse_is_not_asked_again(
    check: Callable[..., Report], exchange: Exchange, error: str
) -> None:
    """The refusal of the first call stands."""
    answers(exchange, "/private/", refused(error))
    report = check()
    assert (report.outcome, report.accounts[0].private_calls) == (Outcome.FAIL, 1)


@pytest.mark.parametrize("status", [200, 403])
def test_denied_without_need(check: Callable[..., Report], exchange: Exchange, status: int) -> None:
    """It is not the box that is not ticked: the address comes first, with what is known of it."""
    answers(exchange, "/private/", refused(DENIED, status))
    found = first(check())
    assert (found.cause, found.confidence.value, found.error) == ("permission-missing", "likely", DENIED)
    assert "address" in found.possible[0].text
    assert "allow-list" in found.remedy.text
    assert any("127.0.0.1" in fact for fact in found.because)


def test_denied_though_it_is_granted(check: Callable[..., Report], exchange: Exchange) -> None:
    """An edit that has not taken effect: wait."""
    answers(exchange, "/Balance", refused(DENIED))
    found = first(check())
    assert (found.cause, found.remedy.text.partition(",")[0]) == ("permission-missing", "Wait a few minutes")


@pytest.mark.parametrize("said", [["moon"], ["query-open-trades", "moon"], [], None])
def test_unknown_words_prove_nothing(check: Callable[..., Report], exchange: Exchange, key: Key, said: Any) -> None:
    """Balance is asked, and is what says that the permission is missing."""
    tells(exchange, key, permissions=said)
    assert causes(check()) == []
    answers(exchange, "/Balance", refused(DENIED))
    found = first(check())
    assert (found.cause, found.possible[0].text) == ("permission-missing", '"Query" under Funds is not ticked')


# --- A key that was edited a moment ago


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DENIED, "permission-missing"),
        ("EAPI:Invalid key", "key-invalid"),
        ("EAPI:Invalid signature", "signature-invalid"),
    ],
)
@pytest.mark.parametrize(("ago_s", "offset_s", "said"), [(120, 0, True), (120, -3600, True), (7200, 3600, False)])
def test_a_fresh_edit_stands_first(
    check: Callable[..., Report], exchange: Exchange, key: Key, error: str, cause: str, ago_s: float, offset_s: float,
    said: bool,
) -> None:  # fmt: skip
    """By the corrected clock: it may not have taken effect, which the user can rule out by waiting."""
    exchange.clock_offset_s += offset_s
    key.modified = exchange.now() - ago_s
    answers(exchange, "/Balance", refused(error))
    found = first(check())
    assert found.cause == cause
    assert any(fact.startswith("the key was edited") for fact in found.because) is said
    if said:
        assert "a moment ago" in found.possible[0].text
        assert found.remedy.text.startswith("Wait a few minutes")


def test_a_box_that_was_ticked_a_moment_ago(check: Callable[..., Report], key: Key, exchange: Exchange) -> None:
    """The key's list does not have it yet: wait, then tick it."""
    key.modified, key.permissions = exchange.now() - 60, ("query-ledger",)
    found = first(check())
    assert (found.cause, found.remedy.text.partition(",")[0]) == ("permission-missing", "Wait a few minutes")
    assert "tick" in found.remedy.otherwise


def test_an_edit_by_itself_is_nothing(check: Callable[..., Report], key: Key, exchange: Exchange) -> None:
    """No concern of a key that works."""
    key.modified = exchange.now()
    assert causes(check()) == []


# --- One public endpoint is not the connection


@pytest.mark.parametrize(
    ("response", "cause"),
    [
        (Response(b"<html>", 520), "edge-error"), (Response(b"", reset=True), "connection-reset"),
        (Response(b""), "response-invalid"), (Response(b"<html>", 403), "edge-blocked"),
        (refused("EService:Busy"), "exchange-busy"), (refused("EGeneral:Unknown method"), "call-rejected"),
    ],
)  # fmt: skip
def test_time_alone_is_down(check: Callable[..., Report], exchange: Exchange, response: Response, cause: str) -> None:
    """The other endpoint is asked before the path is called dead, and what that says is heard."""
    answers(exchange, "/public/Time", response)
    report = check()
    assert (report.outcome, causes(report), report.accounts[0].connected) == (Outcome.WARN, [cause], True)
    exchange.status = "maintenance"
    assert "exchange-maintenance" in causes(check())


def test_both_are_down(check: Callable[..., Report], exchange: Exchange) -> None:
    """Then the path is dead, and nothing of a key is sent."""
    answers(exchange, "/public/", Response(b"<html>", 520))
    report = check()
    assert (report.outcome, causes(report), report.accounts[0].private_calls) == (Outcome.FAIL, ["edge-error"], 0)


# --- What can't work is not sent, whatever is left out


@pytest.mark.parametrize("value", ["undefined", "/run/secrets/kraken_key", "“quoted”"])
@pytest.mark.parametrize("part", ["KEY", "SECRET"])
@pytest.mark.parametrize("skip", [("credentials",), ("credentials", "authentication")])
def test_without_the_check_of_credentials(
    exchange: Exchange, key: Key, server: SandboxServer, value: str, part: str, skip: tuple[str, ...]
) -> None:
    """Each call that fails counts towards a lockout."""
    from kraken_doctor.doctor.plan import choose

    environ = {"KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret}
    environ |= {f"KRAKEN_MASTER_API_{part}": value, "KRAKEN_NONCE_STORE": "memory://"}
    report = examine(environ=environ, master=True, api_url=server.url, use_ntp=False, checks=choose((), skip))
    assert (report.outcome, int(report.exit_status)) == (Outcome.INCONCLUSIVE, 3)
    assert not any("private" in request for request in exchange.requests)


# --- All findings of a key


def test_every_finding_of_a_key_is_shown(check: Callable[..., Report], exchange: Exchange, key: Key) -> None:
    """A key that may not query, may withdraw, expires tomorrow, and is limited in its history."""
    key.permissions = ("query-open-trades", "withdraw-funds")
    key.valid_until, key.query_from = exchange.now() + DAY_S, exchange.now() - DAY_S
    report = check()
    assert causes(report) == ["permission-missing", "key-expires-soon", "key-can-withdraw"]
    assert "key-range-limited" in [found.cause for found in report.diagnoses]
    assert "POST /0/private/Balance" not in exchange.requests


def test_an_expiry_is_said_without_permissions(check: Callable[..., Report], exchange: Exchange, key: Key) -> None:
    """It needs no list of them."""
    tells(exchange, key, validUntil=str(int(exchange.now() + DAY_S)))
    assert causes(check()) == ["key-expires-soon"]


@pytest.mark.parametrize("ntp", [True, False])
@pytest.mark.parametrize(
    ("offset_days", "valid_days", "said"),
    [(-20, 19, False), (-2, 1, True), (20, 2, True), (1, 13.5, True), (-10, 20, False), (0, 2, True), (0, 15, False)],
)
def test_an_expiry_is_judged_by_the_corrected_clock(
    check: Callable[..., Report],
    exchange: Exchange,
    key: Key,
    ntp: bool,
    offset_days: float,
    valid_days: float,
    said: bool,
) -> None:
    """A clock that is ahead does not call a good key expired, one that is behind does not hide an expiry."""
    from kraken_doctor.doctor.plan import choose

    exchange.clock_offset_s += offset_days * DAY_S
    key.valid_until = exchange.now() + valid_days * DAY_S
    report = check(checks=choose((), () if ntp else ("clock",)))
    found = [one for one in report.diagnoses if one.cause == "key-expires-soon"]
    assert bool(found) is said
    assert not any("expired" in one.summary for one in found)


# --- How long to wait


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Retry_After": "90"}, 429, "Wait 90 s,"), ({"Retry_After": "1.2"}, 429, "Wait 2 s,"),
        ({"Retry_After": "301"}, 429, "Wait 6 minutes,"), ({"Retry_After": "61"}, 503, "Wait 61 s,"),
        ({}, 429, "Wait a minute,"), ({"Retry_After": "soon"}, 429, "Wait a minute,"),
    ],
)  # fmt: skip
def test_a_private_call_says_for_how_long(
    check: Callable[..., Report], exchange: Exchange, headers: dict[str, str], status: int, says: str
) -> None:
    """Rounded up, and in the answer's own terms."""
    answers(exchange, "/private/", as_json({}, status, **headers))
    assert first(check()).remedy.text.startswith(says)


def test_a_date_to_wait_for(check: Callable[..., Report], exchange: Exchange) -> None:
    """Compared with the answer's own."""
    answers(
        exchange, "/private/", lambda _: Response(b"", 429, {"Retry-After": formatdate(time.time() + 95, usegmt=True)})
    )
    waits = re.match(r"Wait (9[3-6]) s,", first(check()).remedy.text)
    assert waits


@pytest.mark.parametrize("offset_s", [0, -3600, 3600])
@pytest.mark.parametrize("form", ["EService:Throttled:{0}", "EService: Throttled: {0}", "EService:Throttled:{0}000"])
def test_a_moment_to_wait_for(check: Callable[..., Report], exchange: Exchange, form: str, offset_s: float) -> None:
    """By the corrected clock, in seconds or in milliseconds."""
    exchange.clock_offset_s += offset_s
    answers(exchange, "/private/", lambda _: refused(form.format(int(exchange.now() + 61))))
    found = first(check(checks=_without_status()))
    assert found.cause == "exchange-throttled"
    assert re.match(r"Wait (59|6[0-2]) s,", found.remedy.text)


def _without_status() -> Any:
    from kraken_doctor.doctor.plan import choose

    return choose((), ("exchange",))


# --- Refusals that come with another status than 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503, 520])
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("EAPI:Invalid key", "key-invalid"), ("EAPI:Invalid signature", "signature-invalid"),
        ("EGeneral:Temporary lockout", "temporary-lockout"), ("EMoon:Phase", "error-unrecognised"),
    ],
)  # fmt: skip
def test_a_refusal_is_judged_by_its_string(
    check: Callable[..., Report], exchange: Exchange, status: int, error: str, cause: str
) -> None:
    """And shown."""
    answers(exchange, "/private/", refused(error, status))
    found = first(check())
    assert (found.cause, found.error) == (cause, error)


def test_a_gateway_s_words_are_none_of_kraken_s(check: Callable[..., Report], exchange: Exchange) -> None:
    """Whatever they are wrapped in."""
    answers(exchange, "/private/", as_json({"error": ["Forbidden"]}, 403))
    assert causes(check()) == ["edge-blocked"]


def test_a_refused_nonce_with_another_status_has_its_second_try(
    check: Callable[..., Report], exchange: Exchange
) -> None:
    """As one with 200 has."""
    answers(exchange, "/private/", refused("EAPI:Invalid nonce", 400))
    report = check()
    assert (causes(report), report.accounts[0].private_calls) == (["nonce-spent-higher"], 2)


# --- The exchange's status


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("ONLINE", ""), (" Online\n", ""), ("MAINTENANCE", "exchange-maintenance"),
        ("Cancel-Only", "exchange-restricted"),
        ("post only", "exchange-restricted"), ("degraded", "exchange-status-unknown"), ("", "exchange-status-unknown"),
        (None, "exchange-status-unknown"), (7, "exchange-status-unknown"), (["online"], "exchange-status-unknown"),
    ],
)  # fmt: skip
def test_a_status_in_any_spelling(check: Callable[..., Report], exchange: Exchange, status: object, cause: str) -> None:
    """A word that is not known is called so, and nothing else."""
    answers(exchange, "/SystemStatus", as_json({"error": [], "result": {"status": status}}))
    report = check()
    assert causes(report) == [cause] * bool(cause)
    assert report.accounts[0].connected


# --- What the bot needs


@pytest.mark.parametrize(
    ("needs", "outcome"),
    [
        (("ledger",), Outcome.PASS),
        (("query_funds",), Outcome.PASS),
        (("trade",), Outcome.FAIL),
        (("earn",), Outcome.FAIL),
    ],
)
def test_what_the_bot_needs(check: Callable[..., Report], key: Key, needs: tuple[str, ...], outcome: Outcome) -> None:
    """Compared without a further call; the account is connected all the same, and the box to tick is named."""
    report = check(needs=needs)
    account = report.accounts[0]
    assert (report.outcome, account.connected, account.private_calls) == (outcome, True, 2)
    if outcome is Outcome.FAIL:
        found = first(report)
        assert (found.cause, found.confidence.value) == ("permission-missing", "certain")
        assert ("Create & modify" if needs == ("trade",) else "Earn") in found.remedy.text


def test_a_need_that_can_t_be_compared_is_no_verdict(check: Callable[..., Report], exchange: Exchange) -> None:
    """The key's settings are not to be had: neither good nor bad."""
    answers(exchange, "/GetApiKeyInfo", refused("EGeneral:Unknown method"))
    report = check(needs=("trade",))
    assert (report.outcome, int(report.exit_status), report.accounts[0].connected) == (Outcome.INCONCLUSIVE, 3, True)
    told = next(result.summary for result in report.checks if result.id == "permissions")
    assert told == "modify-trades, close-trades, query-open-trades not known: the server does not say"


def test_a_need_without_the_call_that_tells_is_no_verdict(check: Callable[..., Report]) -> None:
    """Where that call is left out, the account is connected all the same."""
    from kraken_doctor.doctor.plan import choose

    report = check(needs=("trade",), checks=choose((), ("authentication",)))
    assert (report.outcome, report.accounts[0].connected) == (Outcome.INCONCLUSIVE, True)


def test_a_right_that_is_needed_is_no_concern(check: Callable[..., Report], key: Key) -> None:
    """A bot whose job is to withdraw."""
    key.permissions = ("query-funds", "withdraw-funds")
    assert causes(check()) == ["key-can-withdraw"]
    assert causes(check(needs=("withdraw-funds",))) == []


def test_a_need_that_is_none(check: Callable[..., Report]) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="--needs"):
        check(needs=("moon",))


def test_a_retry_waits_as_long_as_it_is_told(check: Callable[..., Report], exchange: Exchange) -> None:
    """An answer that asks for more than a minute is not asked again in this run."""
    answers(exchange, "/private/", as_json({}, 429, Retry_After="3600"))
    began = SystemClock().monotonic()
    report = check(retry_delays_s=(0.05, 0.05))
    assert report.accounts[0].private_calls == 1
    assert SystemClock().monotonic() - began < 60
