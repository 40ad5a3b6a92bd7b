"""A client library that nobody has heard of, and all that supporting it takes: `FooAdapter` and its methods."""

from __future__ import annotations

import time
from typing import Any

import krakenex
import requests

from kraken_doctor.client.adapters import Adapter, FirstCall
from kraken_doctor.client.foreign import ForeignTracker
from kraken_doctor.model.unit import NonceUnit


class Foo:
    """The library: blocking, with nonces that repeat within a millisecond."""

    def __init__(self, token: str, secret: str, base: str) -> None:
        self.token, self.secret, self.base = token, secret, base
        self.http = requests.Session()

    def next_number(self) -> int:
        return int(time.time() * 1000)

    def post(self, endpoint: str) -> Any:
        path, form = f"/0/private/{endpoint}", {"nonce": str(self.next_number())}
        signature = krakenex.API(self.token, self.secret)._sign(form, path)
        headers = {"API-Key": self.token, "API-Sign": signature}
        return self.http.post(self.base + path, data=form, headers=headers, timeout=10).json()


class FooAdapter(Adapter):
    """Foo: ``post`` takes a nonce, signs and sends."""

    name = "foo"
    hooks = ("next_number", "post")
    nonce_method = "next_number"
    credentials = ("token", "secret")
    modules, classes, url = ("foolib",), ("Foo",), "base"
    sends, session = "post", "http"
    unit = NonceUnit.MS

    def methods(self, client: Any) -> Any:
        return _Methods

    def first_call(self, client: Any) -> type[FirstCall]:
        return _FirstPost

    def private_call(self, client: Any) -> Any:
        return client.post("Balance")


class _FirstPost(FirstCall, method="post"): ...


class _Methods:
    _kraken_doctor: ForeignTracker

    def next_number(self) -> int:
        return self._kraken_doctor.next_nonce(self.token)  # type: ignore[attr-defined]

    def post(self, endpoint: str) -> Any:
        with self._kraken_doctor.call(self, endpoint, 10):
            answer = super().post(endpoint)  # type: ignore[misc]
            self._kraken_doctor.judge(answer)
            return answer

    def doctor_key_and_url(self) -> tuple[str, str]:
        return self.token, self.base  # type: ignore[attr-defined]
