"""Prometheus metrics with the extra, and no cost without it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from prometheus_client import REGISTRY

from kraken_doctor import KrakenClient, RetryPolicy, key_id, open_store
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_calls_are_counted(server: SandboxServer, key: Key) -> None:
    """Issued, refused, by outcome; waits, latencies and the mark's lead; nothing secret in a label."""
    identity = key_id(key.api_key)
    counted: dict[tuple[Any, ...], int] = {
        ("kraken_doctor_nonces_issued_total", ("key_id", identity), ("unit", "us")): 3,
        ("kraken_doctor_nonces_refused_total", ("key_id", identity), ("unit", "us")): 1,
        **{
            ("kraken_doctor_private_calls_total", ("key_id", identity), ("endpoint", endpoint), ("outcome", outcome)): 1
            for endpoint, outcome in (
                ("Balance", "ok"),
                ("Balance", "nonce-refused"),
                ("Nonesuch", "call-rejected"),
            )
        },
        ("kraken_doctor_turn_wait_seconds_count", ("key_id", identity)): 3,
        ("kraken_doctor_call_latency_seconds_count", ("endpoint", "Balance")): 2,
    }
    before = {metric: value(metric[0], **dict(metric[1:])) for metric in counted}  # other tests have called, too
    store = open_store("memory://")
    with KrakenClient(key.api_key, key.secret, url=server.url, store=store, retry=RetryPolicy.none()) as client:
        client.query_private("Balance")
        client.query_private("Nonesuch")
        key.mark += 10**9
        client.query_private("Balance")
    for metric, expected in counted.items():
        assert value(metric[0], **dict(metric[1:])) - before[metric] == expected, metric
    assert abs(value("kraken_doctor_mark_lead_seconds", key_id=identity)) < 1
    shown = "".join(str(metric) for metric in REGISTRY.collect())
    assert key.api_key not in shown


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [True, False])
def test_without_the_extra_nothing_is_missed(server: SandboxServer, key: Key, hidden: bool) -> None:
    """No import that fails, no warning; and a client that wants none does not load it."""
    blocked = "import sys; sys.modules['prometheus_client'] = None; " if hidden else ""
    wanted = "" if hidden else ", metrics=False"
    code = (
        f"{blocked}from kraken_doctor import KrakenClient, open_store;"
        f"c = KrakenClient('{key.api_key}', '{key.secret}', url='{server.url}', store=open_store('memory://'){wanted});"
        "assert c.query_private('Balance')['error'] == [];"
        "import sys; assert not sys.modules.get('prometheus_client')"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
