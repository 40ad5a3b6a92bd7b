"""
The HTTP session of the doctor: limits that hold whatever the other end does.

requests counts its timeout anew for each packet, so that a server which drips a byte a second is never too slow for it,
and it reads whatever comes, to the last gigabyte. Here the limit holds for the call as a whole, and an answer is
read to a bound. Bots keep the plain adapter: some public answers are larger.
"""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from kraken_doctor.errors import TransportError
from kraken_doctor.network.connection import BoundedConnection, HttpPool, HttpsPool, Timing
from kraken_doctor.network.route import missing_authorities, parse_proxy

MAX_ANSWER_BYTES = 1 << 20
"""Unpacked. What the doctor asks for is a few kilobytes; this bounds its memory against whoever answers instead."""

_CHUNK_BYTES = 1 << 14
"""Small, since a packed kilobyte can unpack to a megabyte, and older versions of urllib3 unpack a chunk in one go."""

_TIMINGS_KEPT = 4096


class AnswerTooLargeError(requests.exceptions.ContentDecodingError):
    """The answer went on beyond the bound; it was not read further."""


class BoundedAdapter(HTTPAdapter):
    """
    Send requests within a total time, and read answers to a bound.

    Its ``timeout``, a number, is for the whole of a call: name, connection, TLS, headers and body.

    Args:
        pool_maxsize: Connections kept open a host.
        environ: To say in which variable a setting was found.
    """

    def __init__(self, *, pool_maxsize: int = 10, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        self._environ = environ
        self.timings: deque[tuple[str, Timing]] = deque(maxlen=_TIMINGS_KEPT)
        """How long each call took that was answered: its path, and its parts."""
        super().__init__(pool_maxsize=pool_maxsize)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pool as requests does, with connections that keep to the limits."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Do the same for a proxy; but not for SOCKS, whose connections are PySocks's."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do as requests does, but that raises a plain OSError, which no caller expects, where a file is missing."""
        try:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        except OSError as exc:
            raise requests.exceptions.SSLError(missing_authorities(str(verify), self._environ)) from exc

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """
        Send as `HTTPAdapter.send` does; the body has been read when it returns, unless *stream*.

        Raises:
            requests.ReadTimeout: Also where the body was too slow, which requests itself calls a lost connection.
            AnswerTooLargeError: The answer went on beyond the bound.
        """
        if isinstance(timeout := options.get("timeout"), (int, float)):
            options["timeout"] = urllib3.Timeout(total=timeout)
        if proxy := requests.utils.select_proxy(request.url or "", options.get("proxies")):
            try:
                parse_proxy(proxy, self._environ, request.url or "")
            except TransportError as exc:  # requests itself ends in a TypeError, or connects to a host without a name
                raise requests.exceptions.InvalidProxyURL(exc, request=request) from exc
        response = super().send(request, *arguments, **options)  # requests itself passes all by name
        connection = getattr(response.raw, "connection", None)
        if not options.get("stream"):
            self._read(response)
        if isinstance(connection, BoundedConnection):
            response.timing = connection.timing  # type: ignore[attr-defined]
            self.timings.append((request.path_url.partition("?")[0], connection.timing))
        return response

    def _read(self, response: requests.Response) -> None:
        body = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    limit = f"{MAX_ANSWER_BYTES >> 10} KiB"
                    raise AnswerTooLargeError(f"the answer is larger than {limit}", response=response)
        except requests.RequestException as exc:
            response.close()
            if exc.args and isinstance(exc.args[0], urllib3.exceptions.ReadTimeoutError):
                raise requests.ReadTimeout(*exc.args, request=response.request) from exc
            raise
        response._content = bytes(body)  # noqa: SLF001 - where `Response.content` would have put it


def timing_of(response: requests.Response) -> Timing | None:
    """Return how long the parts of a call took; None where another adapter sent it."""
    timing = getattr(response, "timing", None)
    return timing if isinstance(timing, Timing) else None


def latency(session: requests.Session) -> dict[str, dict[str, float]]:
    """
    Return what the calls of *session* took, in seconds: how many there were, median and worst, by kind.

    Connecting, TLS, the first byte of the answer, and all of it. No verdict is drawn from it: how slow is too slow
    is for the user to say.
    """
    # Both schemes share one adapter.
    taken = [entry for adapter in set(session.adapters.values()) for entry in getattr(adapter, "timings", ())]
    by_kind = {kind: [timing for path, timing in taken if f"/{kind}/" in path] for kind in ("public", "private")}
    return {kind: _summary(timings) for kind, timings in by_kind.items() if timings}


def _summary(timings: list[Timing]) -> dict[str, float]:
    parts: dict[str, float] = {"samples": len(timings)}
    for name in ("connect_s", "tls_s", "first_byte_s", "total_s"):
        seconds = sorted(value for timing in timings if (value := getattr(timing, name)) is not None)
        if seconds:
            part = name.removesuffix("_s")
            parts[f"{part}_median_s"] = round((seconds[(len(seconds) - 1) // 2] + seconds[len(seconds) // 2]) / 2, 6)
            parts[f"{part}_worst_s"] = round(seconds[-1], 6)
    return parts
