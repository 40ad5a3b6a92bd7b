"""Answers that are not the API's: who gave them, and which step of the connection they make the failing one."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from kraken_doctor.clock import SystemClock
from kraken_doctor.errors import AnswerSeen, TransportError
from kraken_doctor.redact import shortened
from kraken_doctor.tables import load

_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.I)
_PAGE_LIMIT_CHARACTERS = 1 << 16

_SECONDS = re.compile(r"\d{1,7}(?:\.\d{1,6})?", re.ASCII)

_CHALLENGES = ("attention required!", "just a moment")
"""Titles of Cloudflare's challenge pages; newer ones say it in a header, see
https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/"""

_KINDS: dict[int, str] = {int(status): kind for status, kind in load(__file__, "answer.toml")["kinds"].items()}


def from_foreign_response(response: Any) -> TransportError:
    """Return the failure that *response*, a ``requests.Response``, is."""
    headers: Mapping[str, str] = response.headers
    page = _page(response)
    title = _title(page, headers.get("Content-Type", ""))
    status = response.status_code
    proxy_status = status if status == 407 else None  # from a proxy that forwards instead of tunnelling
    seen = AnswerSeen(status, *edge_headers(headers), title or None, _retry_after_s(headers), proxy_status)
    return TransportError(_kind(status, headers, title, page), _words(response, title), seen)


def edge_headers(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return server and Cloudflare's id of the request, from *headers* (names in any case, or all in lower case)."""
    server, ray = (shortened(headers[name].strip()) if name in headers else None for name in ("server", "cf-ray"))
    return server, ray


def _kind(status: int, headers: Mapping[str, str], title: str, page: str) -> str:
    # A challenge is a block whatever its status; of 429 the status says more: how long to wait.
    challenged = headers.get("cf-mitigated", "").lower() == "challenge" or title.lower().startswith(_CHALLENGES)
    if challenged and status != 429:
        return "edge-blocked"
    if status in _KINDS:
        return _KINDS[status]
    # With 200 a page is as little an answer as with 520; without the edge's mark it may be anybody's.
    if status >= 500 or (status == 200 and "cf-ray" in headers and page.lstrip()[:1] == "<"):
        return "edge-error"
    return "response-invalid"


def _words(response: Any, title: str) -> str:
    words = f"HTTP {response.status_code} {shortened(response.reason or '')}".rstrip()
    if location := response.headers.get("Location"):
        words += f", redirected to {_host(location)}"
    elif title:
        words += f': "{title}"'
    elif response.status_code == 200:
        words += ", not the API's JSON" if response.content else ", empty"
    by = ", ".join(found for found in edge_headers(response.headers) if found is not None)
    return f"{words} ({by})" if by else words


def _host(location: str) -> str:
    """Return where a redirect leads, without what it carries: portals put addresses and tokens behind the host."""
    scheme, _, rest = location.partition("://")
    return shortened(f"{scheme}://{rest.partition('/')[0]}") if rest else "another path"


def _page(response: Any) -> str:
    # A title stands in the first kilobytes, and whoever answers may send as many as he likes.
    content: bytes = response.content[:_PAGE_LIMIT_CHARACTERS]
    return content.decode("utf-8", "replace")


def _title(page: str, content_type: str) -> str:
    """Return the page's title; of a plain text its first line ("error code: 1020")."""
    if found := _TITLE.search(page):
        import html  # large, and the API's own answers have no page

        text = html.unescape(found[1])
    elif "text/plain" in content_type:
        text = page.lstrip().partition("\n")[0]
    else:
        return ""
    return shortened(" ".join(text.split()))


def _retry_after_s(headers: Mapping[str, str]) -> int | None:
    """Return ``Retry-After`` in seconds, rounded up; a date less the answer's own, since this clock may be wrong."""
    said = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(said):
        return math.ceil(float(said))
    try:
        until = parsedate_to_datetime(said)
        here = datetime.fromtimestamp(SystemClock().now_ns() / 1e9, UTC)
        now = parsedate_to_datetime(headers["Date"]) if "Date" in headers else here
        return max(0, math.ceil((until - now).total_seconds()))
    except (TypeError, ValueError):
        return None
