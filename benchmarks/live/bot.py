"""
A live bot in a process of its own: calls Balance at a rate, whatever becomes of the calls, as bots do.

    python -m benchmarks.live.bot KIND URL CALLS_PER_SECOND

Each line of stdin is a key and its secret, from then on to be used instead of the one before; an empty line is a
pause, and stdin's end is the end.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time

from benchmarks.bots import Call, ccxt_bot, krakenex_bot


def seconds_bot(url: str, key: str, secret: str, store: str) -> Call:
    """krakenex with a nonce that counts seconds, and one more where two calls share one: hummingbot's rule."""
    import krakenex

    class CountsSeconds(krakenex.API):  # type: ignore[misc] # krakenex has no types
        last = 0

        def _nonce(self) -> int:
            self.last = max(int(time.time()), self.last + 1)
            return self.last

    api = CountsSeconds(key, secret)
    api.uri = url
    return lambda: bool(api.query_private("Balance")["error"])


KINDS = {"krakenex": krakenex_bot, "ccxt": ccxt_bot, "seconds": seconds_bot}


def trade(call: Call, per_second: float, stop: threading.Event) -> None:
    """*call* again and again; one blocking client, so at most as often as the answers come."""
    due_s = time.monotonic()
    while not stop.wait(due_s - time.monotonic()):
        with contextlib.suppress(Exception):  # a refused call, a lost connection: a bot logs it and goes on
            call()
        due_s = max(due_s + 1 / per_second, time.monotonic())


def main(kind: str, url: str, per_second: str) -> None:
    stop, working = threading.Event(), threading.Thread()
    print("ready", flush=True)
    for line in sys.stdin:
        stop.set()
        if working.ident:
            working.join()
        if line.strip():
            key, secret = line.split()
            stop, call = threading.Event(), KINDS[kind](url, key, secret, "")
            working = threading.Thread(target=trade, args=(call, float(per_second), stop), daemon=True)
            working.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
