"""The public side of an exchange: asked once, in time, and believed only where it is the API's."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from kraken_doctor.errors import KrakenUnavailable, TransportError
from kraken_doctor.network.connection import Timing
from kraken_doctor.network.public import PublicApi
from tests.client.listener import Listener, Reply
from tests.clocks import ManualClock


class Session(requests.Session):
    """Notes how it was asked; the clock goes on while it is, and the parts of the call may be known."""

    def __init__(self, clock: ManualClock, takes_s: float = 0.25, timing: Timing | None = None) -> None:
        super().__init__()
        self.clock, self.takes_s, self.timing = clock, takes_s, timing
        self.asked: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked.append(options)
        self.clock.step(self.takes_s)
        response = super().send(request, **options)
        if self.timing is not None:
            response.timing = self.timing  # type: ignore[attr-defined]
        return response


def test_it_is_asked_once(listener: Listener) -> None:
    """Whoever comes later gets the first one's answer; `again` asks anew, for all from then on."""
    clock = ManualClock()
    with Session(clock) as session:
        api = PublicApi(listener.url, session, 3.0, clock)
        assert api.answers() == []
        listener.say({"n": 1})
        first = api.ask("Time")
        assert api.ask("Time") is first
        assert first.result == {"n": 1}
        listener.say({"n": 2})
        second = api.ask("Time", again=True)
        assert (second.result, api.ask("Time")) == ({"n": 2}, second)
        assert api.ask("SystemStatus", again=True).result == {"n": 1}
        assert [answer.result for answer in api.answers()] == [{"n": 2}, {"n": 1}]
        assert [heard.path for heard in listener.heard] == ["/0/public/Time"] * 2 + ["/0/public/SystemStatus"]
        assert {asked["timeout"] for asked in session.asked} == {3.0}


def test_many_who_ask_at_once_make_one_call(listener: Listener) -> None:
    """The others wait for it."""
    clock = ManualClock()
    with Session(clock) as session:
        api = PublicApi(listener.url, session, 3.0, clock)
        begin = threading.Barrier(8)
        got: list[object] = []

        def ask() -> None:
            begin.wait()
            got.append(api.ask("Time"))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(listener.heard) == 1
    assert len({id(answer) for answer in got}) == 1


def test_a_failure_is_everybodys(listener: Listener) -> None:
    """And no reason to ask again."""
    clock = ManualClock()
    listener.replies.append(Reply(body=b'{"error":["EService:Unavailable"]}'))
    with Session(clock) as session:
        api = PublicApi(listener.url, session, 3.0, clock)
        for _ in range(2):
            with pytest.raises(KrakenUnavailable):
                api.ask("Time")
        assert api.answers() == []
    assert len(listener.heard) == 1


@pytest.mark.parametrize(
    ("timing", "sent_s"), [(None, 0.0), (Timing(0.05, 0.125, 0.01, 0.2), 0.175), (Timing(None, None, 0.01, 0.2), 0.0)]
)
def test_when_it_was_under_way(listener: Listener, timing: Timing | None, sent_s: float) -> None:
    """From when there was a connection, where that is known, to when the answer was there; by this host's clock."""
    clock = ManualClock()
    clock.monotonic_s = 1_000.0
    began_ns = clock.now_ns()
    listener.say({"n": 1}, X_Own="5")
    with Session(clock, 0.25, timing) as session:
        seen = PublicApi(listener.url, session, 3.0, clock).ask("Time")
    assert (seen.sent_ns - began_ns, seen.received_ns - began_ns) == (round(sent_s * 1e9), 250_000_000)
    assert seen.latency_s == pytest.approx(0.25)
    assert seen.timing is timing
    assert seen.headers["x-own"] == "5"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[1]", "Time: JSON, but not the API's: list"),
        (b'"text"', "Time: JSON, but not the API's: str"),
        (b'{"message":"Forbidden"}', "Time: JSON, but without the API's list of errors"),
        (b'{"result":{"unixtime":1}}', "Time: JSON, but without the API's list of errors"),
        (b'{"error":"text","result":{"unixtime":1}}', "Time: JSON, but without the API's list of errors"),
        (b'{"error":[1],"result":{"unixtime":1}}', "Time: JSON, but without the API's list of errors"),
        (b'{"error":[]}', "Time: JSON, but without the API's result"),
        (b'{"error":[],"result":[1]}', "Time: a result that is not an object"),
        (b"<html>", "HTTP 200 OK, not the API's JSON (a server)"),
        (b"", "HTTP 200 OK, empty (a server)"),
    ],
)
def test_what_is_not_the_apis(listener: Listener, body: bytes, detail: str) -> None:
    """Said as what it is."""
    clock = ManualClock()
    listener.replies.append(Reply(body=body))
    with Session(clock) as session, pytest.raises(TransportError) as caught:
        PublicApi(listener.url, session, 3.0, clock).ask("Time")
    assert (caught.value.kind, caught.value.detail) == ("response-invalid", detail)


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    """It is the answer; and no login of a .netrc file goes anywhere."""
    clock = ManualClock()
    listener.say({}, 302, Location=f"{listener.url}/elsewhere")
    with Session(clock) as session, pytest.raises(TransportError, match="302 Found, redirected to"):
        PublicApi(listener.url, session, 3.0, clock).ask("Time")
    assert len(listener.heard) == 1


def test_no_login_of_a_netrc_file_goes_along(
    listener: Listener, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange has no use for one."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password sesame\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    clock = ManualClock()
    with Session(clock) as session:
        PublicApi(listener.url, session, 3.0, clock).ask("Time")
    assert "authorization" not in listener.last.headers
