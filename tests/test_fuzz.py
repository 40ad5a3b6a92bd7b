"""A few hundred of the cases of benchmarks/fuzz.py, and that its judge can judge."""

from __future__ import annotations

import gzip
import io
import json

import pytest
import requests

from kraken_doctor.cli.params import OUTPUTS
from kraken_doctor.client.kraken import KrakenClient
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.errors import TransportError
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.messages import Response
from tests import canaries, fuzzing
from tests.fuzzing import Answers, BreachError, Fuzz
from tests.network import wild
from tests.network.wild import WildServer

CASES = 300


def test_no_answer_breaks_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, no broken check, no hang, no leak, a status of the contract; no redirect is followed."""
    fuzz = Fuzz(monkeypatch.setenv)
    statuses, answers = set(), 0
    with fuzz.serving():
        for number in range(CASES):
            case = fuzz.case(number)
            statuses.add(int(case.status))
            answers += case.answers
    assert statuses in ({0, 1}, {0, 1, 3})
    assert answers > 2 * CASES, "most runs reach the private calls"


def test_a_case_is_known_by_its_number() -> None:
    """The same answers each time, and others for another number."""
    paths = ["/0/public/Time", "/0/public/SystemStatus", "/0/private/GetApiKeyInfo", "/0/private/Balance"]

    def given(number: int) -> list[bytes]:
        answers = Answers(number, "http://elsewhere")
        return [answers.give(path)[0].split(b"unixtime")[0] for path in paths]

    assert given(7) == given(7)
    assert len({b"".join(given(number)) for number in range(50)}) > 40


@pytest.mark.parametrize(
    "what",
    [
        "Traceback (most recent call last)", "the check itself broke: ValueError", "kraken-doctor itself failed",
        "\x1b[31m", "\u202e", canaries.API_KEY, canaries.SECRET[20:50], "x" * 400_000, "\n::error::boo",
    ],
)  # fmt: skip
def test_the_judge_sees(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Each thing that may not be, in the output of a run that is otherwise well."""
    fuzz = Fuzz(monkeypatch.setenv)
    with fuzz.serving():
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(fuzzing, "run", lambda _, to=stream: _says(to, what))
            with pytest.raises(BreachError):
                fuzz.case(0)
        monkeypatch.setattr(fuzzing, "run", lambda _: 2)
        with pytest.raises(BreachError, match="status 2"):
            fuzz.case(0)
        monkeypatch.setattr(fuzzing, "run", lambda _: 0)
        with pytest.raises(BreachError, match="no json"):
            fuzz.case(OUTPUTS.index("json"))
        fuzz.followed.append(b"GET / HTTP/1.1")
        with pytest.raises(BreachError, match="redirect"):
            fuzz.case(0)


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
    assert len(fuzzing._BOMB) < 1000
    with gzip.GzipFile(fileobj=io.BytesIO(gzip.decompress(fuzzing._BOMB))) as stream:
        assert len(stream.read(2 << 20)) == 2 << 20
    assert json.loads(json.dumps(fuzzing._TRUE["Balance"]))["ZUSD"] == "100.0000"
