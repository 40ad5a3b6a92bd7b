"""HTTP answers that are not the API's: what they are called, and who gave them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from kraken_doctor.errors import AnswerSeen, TransportError
from kraken_doctor.network.answer import as_transport_error
from kraken_doctor.network.edge import from_foreign_response
from kraken_doctor.redact import redactor
from tests.network.wild import Behaviour, WildServer, page, says

CLOUDFLARE = {"Server": "cloudflare", "CF_RAY": "8c1f00ba4-FRA"}
CHALLENGE = "<html><head><title>Just a moment...</title>"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        yield made


def judged(session: requests.Session, behaviour: Behaviour) -> TransportError:
    with WildServer(behaviour) as server:
        return from_foreign_response(session.get(server.url, timeout=5, allow_redirects=False))


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        ("403 Forbidden", "", {}, "edge-blocked"),
        ("451 Unavailable For Legal Reasons", "", {}, "edge-blocked"),
        ("403 Forbidden", "<title>Attention Required! | Cloudflare</title>", CLOUDFLARE, "edge-blocked"),
        ("503 Service Unavailable", CHALLENGE, CLOUDFLARE, "edge-blocked"),
        ("200 OK", CHALLENGE, CLOUDFLARE, "edge-blocked"),
        ("503 Service Unavailable", "", {**CLOUDFLARE, "cf_mitigated": "challenge"}, "edge-blocked"),
        ("503 Service Unavailable", "<title>503</title>", CLOUDFLARE, "edge-error"),
        ("520 Unknown", "", CLOUDFLARE, "edge-error"),
        ("502 Bad Gateway", "", {}, "edge-error"),
        ("500 Internal Server Error", "", {}, "edge-error"),
        ("499 Whatever", "", {}, "response-invalid"),
        ("201 Created", "<html>", CLOUDFLARE, "response-invalid"),
        ("200 OK", "  \n<html>", CLOUDFLARE, "edge-error"),
        ("200 OK", "not JSON <", CLOUDFLARE, "response-invalid"),
        ("503 Service Unavailable", "", {**CLOUDFLARE, "cf_mitigated": "other"}, "edge-error"),
        ("200 OK", "<html>", CLOUDFLARE, "edge-error"),
        ("200 OK", "<html>", {}, "response-invalid"),
        ("200 OK", "not JSON", CLOUDFLARE, "response-invalid"),
        ("200 OK", "", CLOUDFLARE, "response-invalid"),
        ("302 Found", "", {"Location": "http://portal.example/"}, "response-invalid"),
        ("404 Not Found", "", {}, "response-invalid"),
        ("511 Network Authentication Required", "", {}, "response-invalid"),
        ("407 Proxy Authentication Required", "", {}, "proxy-failed"),
        ("429 Too Many Requests", CHALLENGE, CLOUDFLARE, "exchange-throttled"),
    ],
)
def test_each_answer_has_its_cause(
    session: requests.Session, status: str, body: str, headers: dict[str, str], kind: str
) -> None:
    """By status, by the edge's marks, by the page; a page without a mark may be anybody's."""
    assert judged(session, page(status, body, **headers)).kind == kind


def test_who_answered_is_told(session: requests.Session) -> None:
    """Status, title, server and the number by which Cloudflare knows the request."""
    title = "api.kraken.com | 520: Web server\n is &quot;returning&quot; an unknown error"
    found = judged(session, page("520 Unknown", f"<TITLE lang=en>{title}</TITLE>", **CLOUDFLARE))
    shown = 'api.kraken.com | 520: Web server is "returning" an unknown error'
    assert found.detail == f'HTTP 520 Unknown: "{shown}" (cloudflare, 8c1f00ba4-FRA)'
    assert found.seen == AnswerSeen(status=520, server="cloudflare", ray="8c1f00ba4-FRA", title=shown)


@pytest.mark.parametrize(
    ("status", "body", "headers", "detail"),
    [
        ("200 OK", "text", {}, "HTTP 200 OK, not the API's JSON"),
        ("200 OK", "", {}, "HTTP 200 OK, empty"),
        ("200", "", {}, "HTTP 200, empty"),
        ("404 Not Found", "text", {}, "HTTP 404 Not Found"),
        ("404 Not Found", "<title>Gone</title>", {"Server": "a", "CF_RAY": "b"}, 'HTTP 404 Not Found: "Gone" (a, b)'),
        (
            "302 Found",
            "<title>Moved</title>",
            {"Location": "http://a.example"},
            "HTTP 302 Found, redirected to http://a.example",
        ),
        ("302 Found", "", {"Location": "http://a.example/b/c"}, "HTTP 302 Found, redirected to http://a.example"),
        ("403 Forbidden", "\n\nfirst\nsecond\nthird", {"Content_Type": "text/plain"}, 'HTTP 403 Forbidden: "first"'),
        ("403 Forbidden", "first\nsecond", {"Content_Type": "text/html"}, "HTTP 403 Forbidden"),
        ("403 Forbidden", "<title>" + "y" * 80 + "</title>", {}, f'HTTP 403 Forbidden: "{"y" * 80}"'),
        ("403 Forbidden", "<title>" + "y" * 81 + "</title>", {}, f'HTTP 403 Forbidden: "{"y" * 79}…"'),
    ],
)
def test_in_words(session: requests.Session, status: str, body: str, headers: dict[str, str], detail: str) -> None:
    """Status, where it leads, what the page calls itself, who gave it."""
    assert judged(session, page(status, body, **headers)).detail == detail


def test_a_page_in_another_encoding_is_read_as_far_as_it_can_be(session: requests.Session) -> None:
    """What is no UTF-8 is no reason to break."""
    found = judged(session, says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 23\r\n\r\n<title>Caf\xe9 :-)</title>"))
    assert found.seen.title == "Caf\ufffd :-)"


def test_foreign_text_is_cut(session: requests.Session) -> None:
    """A page may say what it likes, in a few words."""
    found = judged(session, page("500 " + "x" * 500, f"<title>{'y' * 500}</title>", Server="z" * 500))
    assert len(found.detail) < 300
    assert str(found.seen.title).endswith("…")


def test_a_redirect_is_told_without_what_it_carries(session: requests.Session) -> None:
    """Portals put addresses and tokens behind the host."""
    found = judged(session, page("302 Found", Location="https://portal.example/login?mac=00:11:22&token=secret"))
    assert found.detail == "HTTP 302 Found, redirected to https://portal.example"
    assert judged(session, page("302 Found", Location="/login?x=secret")).detail.endswith("another path")


def test_plain_text_has_a_first_line_for_a_title(session: requests.Session) -> None:
    """As Cloudflare's short errors are."""
    found = judged(session, page("403 Forbidden", "error code: 1020\nmore", Content_Type="text/plain; charset=UTF-8"))
    assert found.seen.title == "error code: 1020"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "30"}, 30),
        # A date is held against the answer's own: this host's clock may be wrong by years.
        ({"Retry_After": "Thu, 01 Jan 1970 00:02:00 GMT", "Date": "Thu, 01 Jan 1970 00:00:30 GMT"}, 90),
        ({"Retry_After": "Thu, 01 Jan 1970 00:00:00 GMT", "Date": "Thu, 01 Jan 1970 00:00:30 GMT"}, 0),
        ({"Retry_After": "Thu, 01 Jan 1970 00:02:00 GMT"}, 0),  # by this host's clock, where there is no other
        ({"Retry_After": "1.2"}, 2),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-1"}, None),
        ({"Retry_After": "9" * 40}, None),
        ({"Retry_After": "9999999"}, 9_999_999),
        ({"Retry_After": "10000000"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(session: requests.Session, headers: dict[str, str], wait_s: int | None) -> None:
    """In seconds, where it says so in a form that can be believed."""
    assert judged(session, page("429 Too Many Requests", **headers)).seen.retry_after_s == wait_s


def test_a_page_in_a_private_call_is_judged_alike(session: requests.Session) -> None:
    """krakenex raises a JSON error for it, which alone does not tell who answered."""
    import krakenex

    from kraken_doctor.client.transport import query

    api = krakenex.API()
    with WildServer(page("200 OK", "<html><title>Hello</title>", **CLOUDFLARE)) as server:
        api.uri = server.url
        with pytest.raises(requests.exceptions.JSONDecodeError) as caught:
            query(api, "/0/private/Balance", {}, {}, 5)
    api.close()
    found = as_transport_error(caught.value)
    assert (found.kind, found.seen.ray) == ("edge-error", "8c1f00ba4-FRA")


@pytest.mark.parametrize("before", range(60, 80))
def test_where_words_are_cut_a_secret_is_still_known(session: requests.Session, before: int) -> None:
    """A cut leaves less of it than is known anywhere: so each cut says that it is one."""
    secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSU"
    echo = f"{'x' * before}{secret}"
    failure = judged(session, page(f"502 {echo}", f"<title>{echo}</title>", Server=echo, CF_RAY=echo, Location="/"))
    shown = redactor(secret).everywhere((failure.detail, tuple(failure.seen)))
    assert not any(secret[:length] in repr(shown) for length in range(8, 20))
    failure = judged(session, page("302 Found", Location=f"https://{echo}.x/"))
    assert not any(secret[:length] in redactor(secret)(failure.detail) for length in range(8, 20))
