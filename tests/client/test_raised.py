"""What a call raises: of the type that its client raises, and without a secret, however it is looked at."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterator
from typing import Any, cast

import ccxt
import ccxt.async_support
import krakenex
import pytest
import requests
from kraken.spot import SpotAsyncClient, User

from kraken_doctor import KrakenClient, RetryPolicy, install, open_store
from kraken_doctor.client.safety import redact_exception
from kraken_doctor.errors import TransportError
from kraken_doctor.network.failures import layers
from tests import canaries
from tests.canaries import API_KEY, OTP, SECRET
from tests.network import wild
from tests.network.wild import Behaviour, WildServer
from tests.wine import skip_under_wine

_ECHO = f"{API_KEY} {OTP} {SECRET}"
OWN = ("call", "query_private", "krakenex")
CLIENTS = (*OWN, "ccxt", "ccxt async", "sdk", "sdk async")
_PAGE = f"<html><title>{API_KEY}</title>{_ECHO}</html>"


def shown(exc: BaseException) -> str:
    """All that a bot, its logger or its error reporter may see of *exc* and of what is behind it."""
    parts = traceback.format_exception(exc)
    for inner in layers(exc):
        parts += [str(inner), repr(inner), repr(inner.args), repr(vars(inner)), *getattr(inner, "__notes__", ())]
        parts += [repr(getattr(inner, name, "")) for name in ("object", "strerror", "filename", "filename2", "doc")]
        response = getattr(inner, "response", None)
        for request in (getattr(inner, "request", None), getattr(response, "request", None)):
            parts += [repr(vars(request))] if request is not None else []
        if response is not None:
            parts += [repr(vars(response)), response.text, str(response.headers), str(response.reason)]
    return "\n".join(parts)


def secrets_in(exc: BaseException, client: str = "call") -> set[str]:
    # The others' own way of a one-time password is not ours.
    return canaries.found(shown(exc)) & {"key", "secret", *(("otp",) if client in OWN else ())}


def _keyword(client: str) -> dict[str, Any]:
    otp = {"otp": OTP} if client in OWN else {}
    return {"store": open_store("memory://"), "retry": RetryPolicy.none(), "metrics": False, **otp}


def raised(client: str, url: str, key: str = API_KEY, secret: str = SECRET) -> BaseException:
    """What *client* raises when it asks for the balance at *url*."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any type
        _call(client, url, key, secret)
    return caught.value


def _call(client: str, url: str, key: str, secret: str) -> None:
    if client in ("call", "query_private", "public"):
        with KrakenClient(key, secret, url=url, timeout=0.5, **_keyword(client)) as own:
            (own.query_public if client == "public" else getattr(own, client))("Balance")
    elif client.startswith("krakenex"):
        api = krakenex.API(key, secret)
        api.uri = url
        install(api, timeout=0.5, **_keyword(client))
        with api.session:
            (api.query_public if "public" in client else api.query_private)("Balance")
    elif client == "sdk":
        user = User(key=key, secret=secret, url=url)
        user.TIMEOUT = 0.5
        install(user, **_keyword(client))
        user.get_account_balance()
    elif client == "ccxt":
        _ccxt(ccxt, url, key, secret).private_post_balance()
    else:
        asyncio.run(_asynchronous(client, url, key, secret))


async def _asynchronous(client: str, url: str, key: str, secret: str) -> None:
    if client == "ccxt async":
        exchange = _ccxt(ccxt.async_support, url, key, secret)
        try:
            await exchange.private_post_balance()
        finally:
            await exchange.close()
    else:
        user = SpotAsyncClient(key=key, secret=secret, url=url)
        install(user, **_keyword(client))
        try:
            await user.request("POST", "/0/private/Balance")
        finally:
            await user.close()


def _ccxt(module: Any, url: str, key: str, secret: str) -> Any:
    exchange = module.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False, "timeout": 500})
    for section in ("public", "private"):
        exchange.urls["api"][section] = url
    install(exchange, **_keyword("ccxt"))
    return exchange


ANSWERS: dict[str, Behaviour] = {
    "a reason that repeats it": wild.says(f"HTTP/1.1 520 {_ECHO}\r\nContent-Length: 0\r\n\r\n".encode()),
    "a page that repeats it": wild.says(
        f"HTTP/1.1 502 Bad\r\nServer: {API_KEY}\r\nContent-Length: {len(_PAGE)}\r\n\r\n{_PAGE}".encode()
    ),
    "no JSON": wild.says(f"HTTP/1.1 200 OK\r\nContent-Length: {len(_PAGE)}\r\n\r\n{_PAGE}".encode()),
    "a status line that repeats it": wild.says(f"{_ECHO}\r\n\r\n".encode()),
    "a redirect that repeats it": wild.says(
        f"HTTP/1.1 307 {API_KEY}\r\nLocation: http://127.0.0.1:9/{API_KEY}\r\nContent-Length: 0\r\n\r\n".encode()
    ),
    "an end": wild.reset_at_once,
}


@pytest.fixture(params=ANSWERS)
def hostile(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server that answers so."""
    with WildServer(ANSWERS[request.param]) as server:
        yield f"{server.url}/text" if request.param == "no JSON" else server.url


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_server_repeats_is_in_no_exception(hostile: str, client: str) -> None:
    """In reason, header, page, status line; nor is the request, which has key and OTP, behind it."""
    if hostile.endswith("/text") and client.startswith("ccxt"):
        return  # takes it for an answer
    exc = raised(client, hostile)
    assert secrets_in(exc, client) == set(), shown(exc)


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("damage", ["\n", "\u20ac", "\ud800"])
def test_a_key_that_can_not_be_sent(client: str, damage: str) -> None:
    """requests quotes it, and Python's error of an encoding holds it."""
    with WildServer(wild.silent) as server:
        exc = raised(client, server.url, key=f"{API_KEY[:30]}{damage}{API_KEY[30:]}")
    assert secrets_in(exc, client) == set(), shown(exc)
    if client == "call":
        assert isinstance(exc, TransportError)
        assert exc.kind == "credentials-damaged"


@pytest.mark.parametrize("damage", ["\n", "!", "\u20ac"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_secret_that_can_not_be_decoded(client: str, damage: str) -> None:
    """Whoever says so does not repeat it."""
    with WildServer(wild.reset_at_once) as server:
        assert secrets_in(raised(client, server.url, secret=f"{SECRET[:30]}{damage}{SECRET[30:-3]}"), client) == set()


def test_the_type_stays_and_what_a_bot_looks_at() -> None:
    """Bots catch RequestException and look at the status; the answer itself, on the object, is left as it came."""
    with (
        WildServer(ANSWERS["a page that repeats it"]) as server,
        KrakenClient(API_KEY, SECRET, url=server.url, **_keyword("call")) as client,
    ):
        with pytest.raises(requests.HTTPError) as caught:
            client.query_private("Balance")
        response = caught.value.response
        assert (response.status_code, response.headers["server"]) == (502, "[hidden]")
        assert str(caught.value).startswith("502 Server Error: Bad for url: http://127.0.0.1:")
        assert response.request.headers["api-key"] == "[hidden]"
        assert "otp=[hidden]" in str(response.request.body)
        assert client.response.request.headers["API-Key"] == API_KEY
        assert API_KEY in client.response.text
    with pytest.raises(requests.exceptions.InvalidHeader):
        KrakenClient("a\nb", SECRET, url="http://127.0.0.1:9", **_keyword("call")).query_private("Balance")


def test_a_login_of_a_proxy_is_in_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """In none of the forms that requests takes; some can't be read, and the message repeats them."""
    forms: list[Callable[[str], str]] = [
        lambda login: f"http://{login}@127.0.0.1:{wild.closed_port()}",
        lambda login: f"{login}@127.0.0.1:{wild.closed_port()}",
        lambda login: f"HTTP://{login}@127.0.0.1:port",
        lambda login: f"{login}@:x",
        lambda login: f"socks5h://{login}@127.0.0.1:1",
    ]
    for form in forms:
        for login in ("someone:hunter2/hunter2", "someone:hunter2hunter2", ":hunter2hunter2", "hunter2hunter2"):
            monkeypatch.setenv("HTTPS_PROXY", form(login))
            for client in (*OWN, "public", "krakenex public"):
                exc = raised(client, "https://exchange.test")
                assert "hunter2" not in shown(exc), (form(login), client)


@pytest.mark.parametrize("login", ["someone:hunter2/hunter2", ":hunter2hunter2"])
def test_a_login_of_a_session_s_own_proxy(login: str) -> None:
    """The same, where the caller has set it; also on a client of another maker."""
    url = f"http://{login}@127.0.0.1:{wild.closed_port()}"
    with KrakenClient(API_KEY, SECRET, url="https://exchange.test", **_keyword("call")) as client:
        client.session.proxies = {"https": url}
        exchange = _ccxt(ccxt, "https://exchange.test", API_KEY, SECRET)
        exchange.httpsProxy = url
        user = User(key=API_KEY, secret=SECRET, url="https://exchange.test", proxy=url)
        install(user, **_keyword("sdk"))
        calls: tuple[Callable[[], object], ...] = (
            lambda: client.call("Balance"), lambda: client.query_private("Balance"),
            lambda: client.query_public("Time"), exchange.private_post_balance, user.get_account_balance,
        )  # fmt: skip
        for number, call in enumerate(calls):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - of any type
                call()
            assert "hunter2" not in shown(caught.value), number


class _Bare:
    """A session of a subclass's own: of requests it has what that subclass uses."""

    def post(self, *_arguments: object, **_named: object) -> None:
        raise requests.ReadTimeout(f"{API_KEY} was sent")


class _OwnWay(krakenex.API):  # type: ignore[misc]
    def _query(self, urlpath: str, data: Any, headers: Any = None, timeout: Any = None) -> Any:
        return self.session.post(self.uri + urlpath, data=data, headers=headers, timeout=timeout)


@pytest.mark.parametrize("odd", ["bytes", "number", "no proxies", "no session of requests"])
def test_what_is_no_text_does_not_replace_what_was_raised(odd: str) -> None:
    """A bot that is told of another error than a timeout may place its order twice."""
    otp = cast("str", 123456) if odd == "number" else OTP
    api = (_OwnWay if odd.startswith("no session") else krakenex.API)(API_KEY, SECRET)
    api.uri = f"http://127.0.0.1:{wild.closed_port()}"
    assert install(api, store=open_store("memory://"), retry=RetryPolicy.none(), metrics=False, otp=otp)
    if odd == "bytes":
        api.secret = SECRET.encode()
    elif odd == "no proxies":
        api.session.proxies = None
    elif odd != "number":
        api.session = _Bare()
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)) as caught:
        api.query_private("AddOrder")
    assert secrets_in(caught.value) == set()


def test_of_a_large_page_the_beginning_is_kept() -> None:
    """To look through all of it would take longer than the call; on the object it is whole."""
    skip_under_wine("a connection closed with data under way is reset")
    body = f"{API_KEY}{'x' * (1 << 20)}{API_KEY}"
    head = f"HTTP/1.1 502 Bad\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        WildServer(wild.says(f"{head}{body}".encode())) as server,
        KrakenClient(API_KEY, SECRET, url=server.url, **_keyword("call")) as client,
    ):
        with pytest.raises(requests.HTTPError) as caught:
            client.query_private("Balance")
        assert caught.value.response.text == f"[hidden]{'x' * ((1 << 16) - len(API_KEY))}"
        assert client.response.text == body


def test_what_has_no_secret_is_not_touched() -> None:
    """Neither text nor objects; and what can't be set is let be."""

    class StubbornError(Exception):
        @property
        def fixed(self) -> str:
            return f"{API_KEY}"

    inner = KeyError("a", 5, {"b": [b"c"]})
    exc = StubbornError("plain", inner)
    held = exc.args
    redact_exception(exc, API_KEY)
    assert exc.args is held
    assert inner.args == ("a", 5, {"b": [b"c"]})
    exc.args = (f"{API_KEY}".encode(), [API_KEY])
    redact_exception(exc, API_KEY)
    assert exc.args == (b"[hidden]", ["[hidden]"])


@pytest.mark.parametrize(
    "exc",
    [
        ValueError(f"no {_ECHO}"),
        OSError(2, f"no {_ECHO}"),
        OSError(2, "no such file", f"/run/{API_KEY}"),
        OSError(2, "no such file", "/run/a", None, f"/run/{API_KEY}"),
        UnicodeEncodeError("latin-1", f"€{_ECHO}", 0, 1, "not in it"),
    ],
    ids=["args", "strerror", "filename", "filename2", "object"],
)
def test_what_an_exception_keeps_outside_its_dictionary(exc: Exception) -> None:
    """Each attribute of those that are made in C, also behind another."""
    outer = RuntimeError("it failed")
    outer.__cause__ = exc
    assert secrets_in(outer)
    redact_exception(outer, API_KEY, SECRET, OTP)
    assert not secrets_in(outer)
