"""Answers of any kind, made by Hypothesis, to the real command over a real socket; and that the judge can judge."""

from __future__ import annotations

import gzip
import io
import json
import time

import pytest
import requests
from hypothesis import HealthCheck, Phase, example, find, given, settings

from kraken_doctor.client.kraken import KrakenClient
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.errors import TransportError
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import Response
from tests import canaries, fuzzing
from tests.answers import TRUE, Case, bomb, cases, right
from tests.fuzzing import BreachError, Fuzz
from tests.network import wild
from tests.network.wild import WildServer
from tests.schema import OUTPUTS

EXAMPLES = 60
"""In each run of the suite, others each time; `python -m benchmarks.fuzz` makes as many as wanted."""

# The explain phase varies all that does not matter to a failure, which here takes longer than all else.
CASES = settings(suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.explain})

HEALTHY = {endpoint: [right(endpoint)] for endpoint in TRUE}


@pytest.mark.slow
def test_no_answer_breaks_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, no broken check, no hang, no leak, a status of the contract; no redirect is followed."""
    fuzz = Fuzz(monkeypatch.setenv)
    ended: list[fuzzing.Ended] = []
    with fuzz.serving():

        @settings(CASES, max_examples=EXAMPLES)
        @given(case=cases(OUTPUTS, fuzz.elsewhere))
        @example(case=Case("json", HEALTHY))
        def holds(case: Case) -> None:
            ended.append(fuzz.run(case))

        holds()
    assert {one.status for one in ended} in ({0, 1}, {0, 1, 3})
    assert sum(one.answers for one in ended) > 2 * EXAMPLES, "most runs reach the private calls"


@pytest.mark.slow
def test_a_case_that_breaks_is_made_small() -> None:
    """What is reported has one wrong answer, and all others right."""
    wrong = find(
        cases(("table",), "http://elsewhere"),
        lambda case: any(not answer.right for answers in case.answers.values() for answer in answers),
        settings=settings(CASES, database=None),
    )
    given_answers = [answer for answers in wrong.answers.values() for answer in answers]
    assert sorted(answer.right for answer in given_answers) == [False, True, True, True]


def test_an_answer_is_right_at_the_moment_it_is_sent() -> None:
    """Else each case would have a wrong clock as well, which hides other findings."""
    at = json.loads(right("Time").sent().partition(b"\r\n\r\n")[2])["result"]["unixtime"]
    assert abs(at - time.time()) < 5
    assert len(right("Time").sent()) == len(right("Time").data), "the length in the header still holds"


@pytest.mark.parametrize(
    "what",
    [
        "Traceback (most recent call last)", "the check itself failed: ValueError", "kraken-doctor itself failed",
        "\x1b[31m", "\u202e", canaries.API_KEY, canaries.SECRET[20:50], "x" * 400_000, "\n::error::boo",
    ],
)  # fmt: skip
def test_the_judge_sees(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Each thing that may not be, in the output of a run that is otherwise well."""
    fuzz, case = Fuzz(monkeypatch.setenv), Case("table", HEALTHY)
    with fuzz.serving():
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(fuzzing, "run", lambda _, to=stream: _says(to, what))
            with pytest.raises(BreachError):
                fuzz.run(case)
        monkeypatch.setattr(fuzzing, "run", lambda _: 2)
        with pytest.raises(BreachError, match="status 2"):
            fuzz.run(case)
        monkeypatch.setattr(fuzzing, "run", lambda _: 0)
        with pytest.raises(BreachError, match="no json"):
            fuzz.run(Case("json", HEALTHY))
        fuzz.followed.append(b"GET / HTTP/1.1")
        with pytest.raises(BreachError, match="redirect"):
            fuzz.run(case)


def _says(stream: str, text: str) -> int:
    import sys

    getattr(sys, stream).write(text)
    return 0


def client_for(url: str) -> KrakenClient:
    retry = RetryPolicy.none()
    return KrakenClient(
        canaries.API_KEY, canaries.SECRET, url=url, store=open_store("memory://"), retry=retry, timeout=5
    )


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_gets_no_key(status: str) -> None:
    """
    Neither from `call` nor from krakenex's own two methods, neither to another host nor to another path.

    requests by itself would follow, and repeat API-Key and API-Sign: it takes away Authorization, and no other header.
    """
    heard: list[bytes] = []
    with WildServer(lambda connection, _: heard.append(connection.recv(1 << 16))) as other:
        location = f"http://localhost:{other.port}/0/private/Balance"
        with WildServer(wild.page(status, Location=location)) as server:
            client = client_for(server.url)
            with pytest.raises(TransportError):
                client.call("Balance")
            for query in (client.query_private, client.query_public):
                with pytest.raises(requests.HTTPError):
                    query("Balance")
            assert [text for text in heard if text] == []
            # What requests does by itself, so that this test is known to be able to fail.
            headers = {"API-Key": canaries.API_KEY, "Authorization": "x"}
            with pytest.raises(requests.ConnectionError):  # the other host hears, and says nothing
                requests.get(server.url, headers=headers, timeout=5)
    (followed,) = [text for text in heard if text]
    assert canaries.API_KEY.encode() in followed
    assert b"Authorization" not in followed


@pytest.mark.parametrize(
    "location", ["http://[", "http://[::1", "//[", "http://x:99999999/", "\x1b]8;;", "http://" + "a" * 9000]
)
def test_a_redirect_to_no_url(location: str) -> None:
    """requests looks where it leads also when it is not to follow, and fails with a ValueError of Python's own."""
    with WildServer(wild.page("302 Found", Location=location)) as server:
        client = client_for(server.url)
        with pytest.raises(TransportError) as caught:
            client.call("Balance")
        assert caught.value.kind == "response-invalid"
        for query in (client.query_private, client.query_public):
            with pytest.raises(requests.RequestException):
                query("Balance")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"error":[],"result":' + b"9" * 5000 + b"}", b'{"error":[],"result":{"a":' * 30_000,
        b"\xff\xfe", b"", '{"error":[]}'.encode("utf-16-be")[:-1],
    ],
)  # fmt: skip
@pytest.mark.parametrize("charset", ["utf-8", "idna", "no-such", "utf-16"])
def test_what_json_can_t_be_is_a_typed_error(
    exchange: Exchange, server: SandboxServer, body: bytes, charset: str
) -> None:
    """Nesting, numbers and charsets on which Python itself gives up, in a bot's hands."""
    response = Response(body, headers={"Content-Type": f"application/json; charset={charset}"})
    exchange.interceptors.append(lambda request: response)
    client = client_for(server.url)
    with pytest.raises(TransportError) as caught:
        client.call("Balance")
    assert caught.value.kind == "response-invalid"
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.query_private("Balance")


def test_the_last_of_two_equal_names_counts(exchange: Exchange, server: SandboxServer) -> None:
    """As for everybody who reads JSON in Python: no name is taken for two."""
    body = b'{"error":["EAPI:Invalid key"],"error":[],"result":{"ZUSD":"1"},"result":{"ZUSD":"2"}}'
    exchange.interceptors.append(lambda request: Response(body))
    assert client_for(server.url).call("Balance") == {"ZUSD": "2"}


def test_the_bomb_is_one() -> None:
    """Sixty-four MiB out of a few hundred bytes; and what the finder of leaks takes for one is one."""
    assert len(bomb()) < 1000
    with gzip.GzipFile(fileobj=io.BytesIO(gzip.decompress(bomb()))) as stream:
        assert len(stream.read(2 << 20)) == 2 << 20
    assert json.loads(json.dumps(TRUE["Balance"]))["ZUSD"] == "100.0000"
