"""A bot of the soak: one kind of client in threads or tasks of a process that does not end by itself."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import os
import sys
import threading
import time
import warnings
from importlib import import_module
from typing import Any

import benchmarks.hostclock  # noqa: F401 - sets right what libfaketime breaks
from kraken_doctor import open_store
from kraken_doctor.clock import SystemClock
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.sandbox.keys import demo_credentials
from tests.client.kinds import CCXT, CCXT_ASYNC, CLIENT, KRAKENEX, SDK, SDK_ASYNC, Kind

KINDS = {kind.name: kind for kind in (CLIENT, KRAKENEX, CCXT, CCXT_ASYNC, SDK, SDK_ASYNC)}
AT_ONCE = 2
"""Threads, or tasks, of each client object."""

TIMEOUT_S = 1.0
"""Of a call: a lease in Redis is longer than two of them."""

STEP_EVERY_S, STEP_S = 3, 1800
"""A clock that steps is so far ahead, then right, then so far behind."""


class SteppingClock(SystemClock):
    """As of a host whose time is set again and again, by a program that is wrong."""

    @staticmethod
    def now_ns() -> int:
        return time.time_ns() + (int(time.monotonic() / STEP_EVERY_S) % 3 - 1) * STEP_S * 10**9


def main(task: dict[str, Any]) -> None:
    """Call with each key until stdin or the parent ends. A second store URL is a second client object of each."""
    kind = KINDS[task["kind"]]
    if task["user"]:
        # What is imported at the first use must be there before: the interpreter may be closed to this user. The
        # exchange does not know this key.

        import_module("kraken_doctor.nonce.stores.sqlite")
        with contextlib.suppress(Exception):
            key, secret = demo_credentials("nobody")
            asyncio.run(kind.ask(kind.installed(key, secret, task["url"])))
        os.setgroups([])
        os.setgid(task["group"])
        os.setuid(task["user"])
    os.umask(0o077)
    options = {"unit": NonceUnit.US, "clock": SteppingClock() if task["steps"] else SystemClock(), "turn_timeout": 20}
    options |= {"timeout": TIMEOUT_S} if kind in (CLIENT, KRAKENEX) else {}
    stores = [open_store(url) for url in task["stores"]]
    if kind.is_async:
        threading.Thread(target=lambda: asyncio.run(_tasks(kind, task, stores, options)), daemon=True).start()
    else:
        for store, (key, secret) in itertools.product(stores, task["keys"]):
            client = kind.installed(key, secret, task["url"], store=store, **options)
            for _ in range(AT_ONCE):
                threading.Thread(target=lambda c=client: _calls(kind, c), daemon=True).start()
    if parent := multiprocessing.parent_process():
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        warnings.simplefilter("ignore")
        parent.join()
    else:
        sys.stdin.read()
    os._exit(0)


def _calls(kind: Kind, client: Any) -> None:
    while True:
        try:
            kind.call(client)
        except Exception:  # noqa: BLE001 - the exchange's log and the audit say what happened
            time.sleep(0.01)


async def _tasks(kind: Kind, task: dict[str, Any], stores: list[Any], options: dict[str, Any]) -> None:
    clients = [
        kind.installed(key, secret, task["url"], store=store, **options)
        for store, (key, secret) in itertools.product(stores, task["keys"])
    ]

    async def calls(client: Any) -> None:
        while True:
            try:
                await kind.ask(client)
            except Exception:  # noqa: BLE001
                await asyncio.sleep(0.01)

    await asyncio.gather(*(calls(client) for client in clients for _ in range(AT_ONCE)))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
