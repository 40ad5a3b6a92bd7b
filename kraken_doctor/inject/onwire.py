"""Whether a client lets its requests overtake each other, seen at the wire, which is not there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

_THREADS, _CALLS = 5, 3
_MEET_S = 0.05
"""How long a request waits for another to join it: a client that lets them overlap does so within a time slice."""

# 64 bytes in base64: a client without credentials of its own must sign with something.
_SECRET = "QUFB" * 21 + "QQ=="


def overlaps(client: Any) -> bool | None:
    """
    True when one request of *client* was in flight at a time, False when several were, None when it can't be seen.

    Five threads call at once; a transport in memory answers in place of the exchange, and sends nothing.
    """
    call, session = _understand(client)
    if call is None or not isinstance(session, requests.Session):
        return None
    wire = _Wire()
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, wire)
    workers = [threading.Thread(target=_work, args=(call,)) for _ in range(_THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return wire.most == 1 if wire.most else None


def _understand(client: Any) -> tuple[Callable[[], Any] | None, Any]:
    """A private call of *client*, and the session through which it goes."""
    if callable(getattr(client, "query_private", None)):
        client.key, client.secret = client.key or "key", client.secret or _SECRET
        return lambda: client.query_private("Balance"), getattr(client, "session", None)
    if callable(getattr(client, "private_post_balance", None)):
        client.apiKey, client.secret = client.apiKey or "key", client.secret or _SECRET
        # It spaces the calls of a thread by a second and keeps no two threads apart: only the test would take longer.
        client.enableRateLimit = False
        return client.private_post_balance, getattr(client, "session", None)
    if callable(getattr(client, "get_nonce", None)) and hasattr(client, "_key"):
        client._key, client._secret = client._key or "key", client._secret or _SECRET  # noqa: SLF001
        return lambda: client.request("POST", "/0/private/Balance"), getattr(client, "_SpotClient__session", None)
    return None, None


def _work(call: Callable[[], Any]) -> None:
    for _ in range(_CALLS):
        # Refusals and surprises of the client are not the question here.
        with contextlib.suppress(Exception):
            call()


class _Wire(BaseAdapter):
    """Counts how many requests are in flight, and answers each with nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._inside = 0
        self._changed = threading.Condition()

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        with self._changed:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most > 1, timeout=_MEET_S)
            self._inside -= 1
        response = requests.Response()
        response.status_code = 200
        response._content = b'{"error":[],"result":{}}'  # noqa: SLF001 - what requests' own adapters set
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""
