"""A bot that is about to be killed: takes its turn, writes down its nonce, calls, writes down what came of it."""

from __future__ import annotations

import http.client
import os
import sys
import time
import urllib.parse

from kraken_doctor import NonceGenerator, NonceStoreError, TurnTimeoutError, open_store
from kraken_doctor.errors import TurnLostError
from kraken_doctor.sandbox.keys import demo_credentials, signature

LEASE_S = 0.5
_PATH = "/0/private/Balance"


def main(name: str, store_url: str, exchange: str, log: str) -> None:
    api_key, secret = demo_credentials(name)
    import base64

    key = base64.b64decode(secret)
    parts = urllib.parse.urlsplit(exchange)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 0, timeout=5)
    generator = NonceGenerator(name, store=open_store(store_url))
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        asked = time.monotonic()
        try:
            with generator.turn(60, lease_s=LEASE_S) as turn:
                waited_ms = round((time.monotonic() - asked) * 1000)
                nonce = turn.next(generator)
                os.write(lines, f"issued {nonce} {waited_ms}\n".encode())
                body = f"nonce={nonce}".encode()
                headers = {"API-Key": api_key, "API-Sign": signature(key, _PATH, str(nonce), body)}
                connection.request("POST", _PATH, body, headers)
                answer = connection.getresponse().read()
                os.write(lines, f"answer {nonce} {answer.decode()}\n".encode())
        except TurnLostError:
            os.write(lines, b"lost\n")
        except (NonceStoreError, TurnTimeoutError) as exc:
            os.write(lines, f"failed {type(exc).__name__} {exc}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
