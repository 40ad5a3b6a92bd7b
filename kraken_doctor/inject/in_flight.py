"""Whether a client keeps one request in flight at a time, seen at a transport that sends nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent import futures
from functools import partial
from typing import Any

import requests
from requests.adapters import BaseAdapter

from kraken_doctor import parallel
from kraken_doctor.client.adapters import find_adapter

_THREADS, _CALLS = 5, 3
_MEET_S = 0.05
"""Seconds that a request waits for another to join it: a client that lets them overlap does so within a time slice."""

_PLACEHOLDERS = ("key", "QUFB" * 21 + "QQ==")
"""Key and secret, 64 bytes in base64, of a client without credentials: it must sign with something."""


def keeps_one_in_flight(client: Any) -> bool | None:
    """
    Return True when one request of *client* was in flight at a time, False when several were, None when unknown.

    Five threads call at once; a transport in memory answers in place of the exchange, and sends nothing.
    """
    adapter = find_adapter(client)
    if adapter is None:
        return None
    session = getattr(client, adapter.session, None)
    if not isinstance(session, requests.Session):
        return None
    for attribute, placeholder in zip(adapter.credentials, _PLACEHOLDERS, strict=True):
        setattr(client, attribute, getattr(client, attribute) or placeholder)
    transport = _CountingTransport()
    # A session picks the adapter with the longest prefix: one of the bot's own would reach the network.
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, transport)
    calls = [partial(_call_repeatedly, partial(adapter.private_call, client))] * _THREADS
    futures.wait(parallel.start(calls, workers=_THREADS))
    return transport.most == 1 if transport.most else None


def _call_repeatedly(call: Callable[[], Any]) -> None:
    for _ in range(_CALLS):
        # What the client makes of the answer is not the question here.
        with contextlib.suppress(Exception):
            call()


class _CountingTransport(BaseAdapter):
    """Count how many requests are in flight, and answer each with an empty result."""

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
            # Answer late, so that a second request has time to come, and at once when it has.
            self._changed.wait_for(lambda: self.most > 1, timeout=_MEET_S)
            self._inside -= 1
        response = requests.Response()
        response.status_code = 200
        response._content = b'{"error":[],"result":{}}'  # noqa: SLF001 - what requests' own adapters set
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Do nothing: no connection is open."""
