"""What a call says, as the other end hears it: whichever client, whichever way in, nothing is lost on the way."""

from __future__ import annotations

import asyncio
import os
import urllib.parse
from collections.abc import Callable
from typing import Any

import ccxt
import ccxt.async_support
import krakenex
import pytest
import requests
import trustme
from kraken.spot import SpotAsyncClient, SpotClient

from kraken_doctor import KrakenClient, RetryPolicy, install, key_id, open_store
from kraken_doctor.client.transport import query
from kraken_doctor.errors import TransportError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.nonce.stores.memory import MemoryStore
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.client.listener import Listener, Reply
from tests.network import certificates
from tests.network.proxies import Proxy
from tests.network.wild import WildServer
from tests.wine import skip_under_wine

KEY, SECRET = "a-key-of-nobody", "QUFB" * 21 + "QQ=="


def parameters() -> dict[str, Any]:
    """For each call its own: some clients write into them."""
    return {"pair": "XBTUSD", "trades": "true"}


class Watching(MemoryStore):
    """Keeps how long each turn was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.leases_s: list[float] = []

    def turn(self, key_id: str, timeout_s: float, lease_s: float = 30.0) -> Any:
        self.leases_s.append(lease_s)
        return super().turn(key_id, timeout_s, lease_s)


class Bot:
    """What a test gives to a client, and looks at afterwards."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.records: list[CallRecord] = []
        self.store = Watching()
        self.options: dict[str, Any] = {
            "store": self.store, "observers": (self.records.append,), "retry": RetryPolicy.none(), "metrics": False,
        }  # fmt: skip


@pytest.fixture
def bot(listener: Listener) -> Bot:
    return Bot(listener.url)


Calls = tuple[Callable[[], object], Callable[[], object], float]
"""A private call and a public one, both with `parameters`; and the lease for a call of that client."""


def _client(bot: Bot) -> Calls:
    client = KrakenClient(KEY, SECRET, url=bot.url, timeout=3.0, **bot.options)
    return (
        lambda: client.query_private("OpenOrders", parameters()),
        lambda: client.query_public("Time", parameters()),
        11.0,
    )


def _typed(bot: Bot) -> Calls:
    client = KrakenClient(KEY, SECRET, url=bot.url, timeout=3.0, **bot.options)
    return lambda: client.call("OpenOrders", parameters()), lambda: client.query_public("Time", parameters()), 11.0


def _installed(bot: Bot, kind: Any = krakenex.API) -> Calls:
    api = kind(KEY, SECRET)
    api.uri = bot.url
    assert install(api, timeout=3.0, **bot.options)
    return lambda: api.query_private("OpenOrders", parameters()), lambda: api.query_public("Time", parameters()), 11.0


class Polite(krakenex.API):  # type: ignore[misc]
    """Has a way of sending of its own."""

    def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
        assert timeout == (3.0 if "/private/" in urlpath else None)
        return super()._query(urlpath, data, headers, timeout)


def _polite(bot: Bot) -> Calls:
    return _installed(bot, Polite)


def _ccxt(bot: Bot) -> Calls:
    exchange = _ccxt_of(ccxt, bot)
    return (
        lambda: exchange.private_post_openorders(parameters()), lambda: exchange.public_get_time(parameters()), 25.0,
    )  # fmt: skip


def _ccxt_of(module: Any, bot: Bot) -> Any:
    exchange = module.kraken({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    for section in ("public", "private"):
        exchange.urls["api"][section] = bot.url
    assert install(exchange, **bot.options)
    return exchange


def _ccxt_async(bot: Bot) -> Calls:
    def run(call: Callable[[Any], Any]) -> object:
        async def inside() -> object:
            exchange = _ccxt_of(ccxt.async_support, bot)
            try:
                return await call(exchange)
            finally:
                await exchange.close()

        return asyncio.run(inside())

    return (
        lambda: run(lambda exchange: exchange.private_post_openorders(parameters())),
        lambda: run(lambda exchange: exchange.public_get_time(parameters())),
        25.0,
    )


def _sdk(bot: Bot) -> Calls:
    client = SpotClient(key=KEY, secret=SECRET, url=bot.url)
    assert install(client, **bot.options)
    return (
        lambda: client.request("POST", "/0/private/OpenOrders", parameters(), 9, do_json=False),
        lambda: client.request("GET", "/0/public/Time", parameters(), auth=False),
        25.0,
    )


def _sdk_async(bot: Bot) -> Calls:
    def run(*arguments: Any, **named: Any) -> object:
        async def inside() -> object:
            client = SpotAsyncClient(key=KEY, secret=SECRET, url=bot.url)
            assert install(client, **bot.options)
            try:
                return await client.request(*arguments, **named)
            finally:
                await client.close()

        return asyncio.run(inside())

    return (
        lambda: run("POST", "/0/private/OpenOrders", parameters(), 9, do_json=False),
        lambda: run("GET", "/0/public/Time", parameters(), auth=False),
        25.0,
    )


CLIENTS = [_client, _typed, _installed, _polite, _ccxt, _ccxt_async, _sdk, _sdk_async]


@pytest.mark.parametrize("make", CLIENTS)
def test_a_private_call(listener: Listener, bot: Bot, make: Callable[[Bot], Calls]) -> None:
    """Its path, its parameters, one nonce, the key; recorded by its endpoint; with a lease for its timeout."""
    private, _, lease_s = make(bot)
    private()
    (heard,) = listener.heard
    assert (heard.method, heard.path.partition("?")[0]) == ("POST", "/0/private/OpenOrders")
    fields = urllib.parse.parse_qs(heard.body, strict_parsing=True)
    assert fields == {"pair": ["XBTUSD"], "trades": ["true"], "nonce": [str(bot.records[0].nonce)]}
    assert heard.headers["api-key"] == KEY
    assert len(heard.headers["api-sign"]) == 88
    assert bot.records[0].endpoint == "OpenOrders"
    assert bot.store.mark(key_id(KEY)) == bot.records[0].nonce
    assert bot.store.leases_s == [lease_s]


@pytest.mark.parametrize("make", CLIENTS)
def test_a_public_call(listener: Listener, bot: Bot, make: Callable[[Bot], Calls]) -> None:
    """Its parameters as well; and neither the key, nor a nonce, nor a turn."""
    _, public, _ = make(bot)
    listener.say({"unixtime": 5})
    public()
    (heard,) = listener.heard
    assert (heard.method, heard.path) == ("GET", "/0/public/Time?pair=XBTUSD&trades=true")
    assert not {"api-key", "api-sign"} & heard.headers.keys()
    assert (bot.records, bot.store.leases_s) == ([], [])


def test_ccxt_keeps_what_its_caller_adds(listener: Listener, bot: Bot) -> None:
    """Headers and a body for a request that it does not sign; other ways of naming the section."""
    skip_under_wine("it can't load the cryptography that this ccxt needs")
    exchange = _ccxt_of(ccxt, bot)
    exchange.fetch(f"{bot.url}/elsewhere", "POST", {"X-Own": "1"}, "body")
    assert (listener.last.method, listener.last.path, listener.last.body) == ("POST", "/elsewhere", "body")
    assert listener.last.headers["x-own"] == "1"
    exchange.fetch(f"{bot.url}/plain")
    assert (listener.last.method, listener.last.body) == ("GET", "")
    assert exchange.sign("Time")["url"] == f"{bot.url}/0/public/Time"
    assert exchange.sign("Balance", ["private"], "POST")["url"] == "Balance"
    assert exchange.sign("Time", ["public"], "GET", {"a": "b"})["url"].endswith("?a=b")
    assert exchange.sign("Time", api=("public",), params={"a": "b"})["url"].endswith("?a=b")
    signed = exchange.sign("Balance", api=["private"], params={"a": "b"})["headers"].sign()
    assert signed["body"].endswith("&a=b")


def test_asynchronous_ccxt_keeps_it_too(listener: Listener, bot: Bot) -> None:
    """The same in an event loop."""

    async def inside() -> None:
        exchange = _ccxt_of(ccxt.async_support, bot)
        try:
            await exchange.fetch(f"{bot.url}/elsewhere", "POST", {"X-Own": "1"}, "body")
            await exchange.fetch(f"{bot.url}/plain")
        finally:
            await exchange.close()

    asyncio.run(inside())
    first, second = listener.heard
    assert (first.method, first.path, first.body, first.headers["x-own"]) == ("POST", "/elsewhere", "body", "1")
    assert (second.method, second.body) == ("GET", "")


def test_a_session_of_the_callers_stays_open() -> None:
    """It was not ours to make; our own is closed, once the client is."""
    closed: list[str] = []

    class Session(requests.Session):
        def close(self) -> None:
            closed.append("theirs")

    theirs = Session()
    with KrakenClient(session=theirs, store=open_store("memory://")) as client:
        assert client.session is theirs
        assert (client.key, client.secret) == ("", "")
    assert closed == []
    with KrakenClient(store=open_store("memory://")) as client:
        client.session.close = lambda: closed.append("ours")  # type: ignore[method-assign]
    assert closed == ["ours"]


def test_how_json_is_read_is_the_callers(listener: Listener, bot: Bot) -> None:
    """krakenex's `json_options` goes on working: amounts as decimals, say."""
    client = KrakenClient(KEY, SECRET, url=bot.url, **bot.options)
    client.json_options(parse_int=str)
    assert client.query_public("Time") == {"error": [], "result": {"n": "1"}}
    assert client.query_private("Balance") == {"error": [], "result": {"n": "1"}}


@pytest.mark.parametrize("status", [200, 201, 202])
def test_the_statuses_of_an_answer(listener: Listener, bot: Bot, status: int) -> None:
    """Those that krakenex takes for one."""
    listener.say({"n": 1}, status)
    listener.say({"n": 2}, status)
    client = KrakenClient(KEY, SECRET, url=bot.url, **bot.options)
    assert client.query_public("Time")["result"] == {"n": 1}
    assert client.call("Balance") == {"n": 2}


@pytest.mark.parametrize("status", [203, 302, 404, 500])
def test_other_statuses_are_errors_that_keep_the_answer(listener: Listener, bot: Bot, status: int) -> None:
    """Public and private; and no redirect is followed."""
    client = KrakenClient(KEY, SECRET, url=bot.url, **bot.options)
    calls: tuple[Callable[[], object], ...] = (
        lambda: client.query_public("Time"), lambda: client.query_private("Balance"),
    )  # fmt: skip
    for call in calls:
        listener.say({}, status, Location=f"{bot.url}/elsewhere")
        with pytest.raises(requests.HTTPError, match=str(status)) as caught:
            call()
        assert caught.value.response is not None
        assert caught.value.response.status_code == status
    assert [heard.path for heard in listener.heard] == ["/0/public/Time", "/0/private/Balance"]


def test_krakenex_own_way_of_posting(listener: Listener) -> None:
    """`_query` is what other code may call: data and headers go with it, and its redirects are not followed."""
    api, client = krakenex.API(), KrakenClient(url=listener.url, store=open_store("memory://"))
    api.uri = listener.url
    query(api, "/0/private/Balance", {"a": "b"}, {"X-Own": "1"}, 5)
    assert (listener.last.body, listener.last.headers["x-own"]) == ("a=b", "1")
    client._query("/0/private/Balance", {"a": "c"}, {"X-Own": "2"})
    assert (listener.last.body, listener.last.headers["x-own"]) == ("a=c", "2")
    listener.say({}, 307, Location=f"{listener.url}/elsewhere")
    with pytest.raises(requests.HTTPError, match="307"):
        query(api, "/0/private/Balance", {}, None, 5)
    assert listener.last.path == "/0/private/Balance"
    api.close()
    client.close()


@pytest.mark.parametrize("way", ["query_private", "call", "query_public"])
def test_a_timeout_for_one_call(listener: Listener, bot: Bot, way: str) -> None:
    """Beats the client's own, which holds where none is named."""
    client = KrakenClient(KEY, SECRET, url=bot.url, timeout=7.0, **bot.options)
    seen: list[Any] = []
    send = client.session.send

    def spy(request: Any, **options: Any) -> Any:
        seen.append(options["timeout"])
        return send(request, **options)

    client.session.send = spy  # type: ignore[method-assign]
    getattr(client, way)("Time", timeout=2.5)
    getattr(client, way)("Time")
    assert seen == [2.5, 7.0]


def test_no_login_of_a_netrc_file_goes_along(
    listener: Listener, bot: Bot, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests would look for one, and replace the header that says who calls."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password sesame\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    KrakenClient(KEY, SECRET, url=bot.url, **bot.options).call("Balance")
    assert "authorization" not in listener.last.headers
    requests.get(f"{bot.url}/", timeout=5)
    assert "authorization" in listener.last.headers, "it would have"


def test_the_settings_of_the_environment_hold(listener: Listener, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for the exchange's host is used for private calls too."""
    proxy = Proxy(refusal="503 Service Unavailable")
    with WildServer(proxy) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url)
        client = KrakenClient(KEY, SECRET, url="https://exchange.test", **bot.options)
        for call in (client.call, client.query_public):
            with pytest.raises((TransportError, requests.exceptions.ProxyError)):
                call("Balance", timeout=5)
    assert proxy.asked == ["CONNECT exchange.test:443"] * 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_call_to_loopback_goes_by_no_proxy_of_the_environment(
    listener: Listener, bot: Bot, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    """It would get the key, and look for the exchange on its own loopback."""
    proxy = Proxy(refusal="503 Service Unavailable")
    with WildServer(proxy, host="127.0.0.2") as between:
        monkeypatch.setenv(variable, between.url)
        url = bot.url.replace("127.0.0.1", host)
        client = KrakenClient(KEY, SECRET, url=url, **bot.options)
        api = krakenex.API(KEY, SECRET)
        api.uri = url
        install(api, **bot.options)
        for made in (client, api):
            assert made.query_private("Balance")["result"] == {"n": 1}
            assert made.query_public("Time")["result"] == {"n": 1}
        # One that is set on the session was meant.
        client.session.proxies = {"http": between.url}
        with pytest.raises(requests.HTTPError):
            client.query_private("Balance")
    assert {"NO_PROXY", "no_proxy"}.isdisjoint(os.environ)
    assert [asked for asked in proxy.asked if "private/Balance" not in asked] == []
    assert len(proxy.asked) == 1


def test_the_authorities_of_the_environment_are_trusted(
    key: Key, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In private calls as in public ones."""
    authority = trustme.CA()
    with (
        SandboxServer(exchange, tls=certificates.server_context(authority)) as server,
        authority.cert_pem.tempfile() as bundle,
        KrakenClient(
            key.api_key, key.secret, url=server.url, store=open_store("memory://"), retry=RetryPolicy.none()
        ) as client,
    ):
        with pytest.raises(TransportError) as caught:
            client.call("Balance")
        assert caught.value.kind == "tls-untrusted"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        assert client.call("Balance")["ZUSD"] == "100.0000"
        assert client.query_public("Time")["error"] == []


def test_json_of_another_shape_is_said(listener: Listener, bot: Bot) -> None:
    """With what it is instead."""
    listener.replies.append(Reply(body=b"[1]"))
    with pytest.raises(TransportError) as caught:
        KrakenClient(KEY, SECRET, url=bot.url, **bot.options).call("Balance")
    assert (caught.value.kind, caught.value.detail) == ("response-invalid", "JSON, but not the API's: list")


def test_failures_keep_their_words_and_facts(listener: Listener, bot: Bot) -> None:
    """Cleaned of what was sent, and of nothing else."""
    listener.replies.append(Reply(502, f"<title>Bad {KEY}</title>".encode()))
    client = KrakenClient(KEY, SECRET, url=bot.url, **bot.options)
    with pytest.raises(TransportError) as caught:
        client.call("Balance")
    assert caught.value.detail == 'HTTP 502 Bad Gateway: "Bad [hidden]" (a server)'
    assert caught.value.seen.title == "Bad [hidden]"
    listener.replies.append(Reply(body=f'{{"error":["EFoo:{KEY}"]}}'.encode()))
    with pytest.raises(Exception, match=r"EFoo:\[hidden\]"):
        client.call("Balance")


def _of_its_own(session: requests.Session) -> None:
    session.params = {"of": "the session"}
    session.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    session.headers["X-Bot"] = "mine"
    session.cookies.set("__cf_bm", "a cookie")


@pytest.mark.parametrize("change", [lambda _session: None, _of_its_own], ids=["as made", "of its own"])
def test_a_call_arrives_as_krakenexs_own(listener: Listener, change: Callable[[requests.Session], None]) -> None:
    """Its path, headers and fields, whatever a bot has put into the session."""
    bare = krakenex.API(KEY, SECRET)
    bare.uri = listener.url
    ours = KrakenClient(KEY, SECRET, url=listener.url, store=open_store("memory://"), metrics=False)
    for api in (bare, ours):
        change(api.session)
        api.query_private("OpenOrders", parameters() | {"name": "ü &=+"})
        api.session.close()
    theirs, mine = (
        (
            heard.method,
            heard.path,
            {name: value for name, value in heard.headers.items() if name not in ("api-sign", "content-length")},
            {name: value for name, value in urllib.parse.parse_qs(heard.body).items() if name != "nonce"},
        )
        for heard in listener.heard
    )
    assert mine == theirs
