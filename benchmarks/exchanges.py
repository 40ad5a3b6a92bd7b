"""The embedded exchange in a process of its own, with many accounts, latency and TLS: what load is measured against."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import trustme

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, Response


def environ_of(accounts: int) -> dict[str, str]:
    """The variables of a process with so many accounts."""
    environ: dict[str, str] = {}
    for number in range(accounts):
        api_key, secret = demo_credentials(f"load {number}")
        environ |= {f"KRAKEN_USER_U{number:04}_API_KEY": api_key, f"KRAKEN_USER_U{number:04}_API_SECRET": secret}
    return environ


class Watched(Exchange):
    """Counts what came, when, and how many requests of one key were under way at once."""

    def __init__(self, accounts: int, latency_s: float, slow: int, slow_s: float) -> None:
        named = ((f"u{number:04}", *demo_credentials(f"load {number}")) for number in range(accounts))
        money = {"ZUSD": "100.0000", "USDT": "50.00000000"}
        super().__init__([Key(name=name, api_key=key, secret=secret, balances=money) for name, key, secret in named])
        self._slow = {key for number, key in enumerate(self.keys) if number < slow}
        self._latency_s, self._slow_s = latency_s, slow_s
        self._guard = threading.Lock()
        self._under_way: dict[str, int] = {}
        self.most_at_once = 0
        self.ended: dict[str, float] = {}
        self.began = 0.0

    def handle(self, request: Request) -> Response:
        self.began = self.began or time.monotonic()
        key = request.headers.get("api-key", "")
        if not key:
            response = super().handle(request)
            time.sleep(self._latency_s)
            return response
        with self._guard:
            self._under_way[key] = self._under_way.get(key, 0) + 1
            self.most_at_once = max(self.most_at_once, self._under_way[key])
        try:
            response = super().handle(request)
            time.sleep(self._slow_s if key in self._slow else self._latency_s)
            return response
        finally:
            with self._guard:
                self._under_way[key] -= 1
                self.ended[key] = time.monotonic() - self.began

    def summary(self) -> dict[str, object]:
        """What was seen, as JSON values."""
        fast = [ended for key, ended in self.ended.items() if key not in self._slow]
        slow = [ended for key, ended in self.ended.items() if key in self._slow]
        return {
            "public": sum("/public/" in line for line in self.requests),
            "private": sum("/private/" in line for line in self.requests),
            "refused": sum(key.refused for key in self.keys.values()),
            "most_of_a_key_at_once": self.most_at_once,
            "last_fast_s": max(fast, default=0.0),
            "last_slow_s": max(slow, default=0.0),
        }


class _FarAway(ssl.SSLContext):
    """A server whose packets take their time: one round trip for TCP and one for TLS 1.3, before the first request."""

    round_trip_s = 0.0

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        time.sleep(2 * self.round_trip_s)
        return super().wrap_socket(*arguments, **options)


def main() -> None:
    """Serve until stdin ends: the URL on the first line of stdout, the summary on the second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--slow-s", type=float, default=0.0)
    parser.add_argument(
        "--authority", type=Path, help="Speak TLS; where to write the certificate that is to be trusted."
    )
    chosen = parser.parse_args()
    context = None
    if chosen.authority:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(chosen.authority)
        context = _FarAway(ssl.PROTOCOL_TLS_SERVER)
        context.round_trip_s = chosen.latency_s
        authority.issue_cert("127.0.0.1").configure_cert(context)
    exchange = Watched(chosen.accounts, chosen.latency_s, chosen.slow, chosen.slow_s)
    with SandboxServer(exchange, tls=context) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        print(json.dumps(exchange.summary()), flush=True)


if __name__ == "__main__":
    main()
