"""Our own generator, examined: on a krakenex object, before an exchange, and alone."""

import tempfile
from pathlib import Path
from typing import Any

from kraken_doctor import parallel
from kraken_doctor.client.adapters import install
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.diagnosis.naming import finding
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Diagnosis, Outcome
from kraken_doctor.model.payloads import Extra
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce import selftest
from kraken_doctor.nonce.selftest import SelfTest
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials

_THREADS, _CALLS = 5, 10

Findings = tuple[tuple[CheckResult, ...], tuple[Diagnosis, ...], Extra]


def own_generator(unit: NonceUnit, krakenex: Any) -> Findings:
    """Run the self-tests, with the module *krakenex*, on a store that is deleted afterwards; and judge them."""
    with tempfile.TemporaryDirectory(prefix="kraken-doctor-") as folder:
        url = f"sqlite:///{Path(folder) / 'nonce.db'}"
        store = open_store(url)
        tests = [_installed(store, unit, krakenex), *selftest.run_all(store, url, unit)]
        # Before the folder is deleted: Windows deletes no file that is open.
        store.close()
    broken = tuple(f"{test.name}: {test.saw}" for test in tests if not test.passed)
    diagnoses = (finding("nonce-generator-broken", *broken),) if broken else ()
    extra: Extra = {"nonce": {"unit": unit.value, "in_order": not broken, "store": "sqlite"}}
    return tuple(as_result(test) for test in tests), diagnoses, extra


def as_result(test: SelfTest) -> CheckResult:
    """Return a self-test as a check's result."""
    outcome = Outcome.PASS if test.passed else Outcome.FAIL
    evidence = (facts.self_test_saw(test.name).of(test.saw),)
    return CheckResult(id=f"nonce.{test.name}", account=None, outcome=outcome, summary=test.saw, evidence=evidence)


def _installed(store: NonceStore, unit: NonceUnit, krakenex: Any) -> SelfTest:
    """The generator on a krakenex object, judged by the embedded exchange: five threads, one key, window 0."""
    api_key, secret = demo_credentials("self-test")
    key = Key(name="self-test", api_key=api_key, secret=secret)
    with SandboxServer(Exchange([key])) as server:
        api = krakenex.API(api_key, secret)
        api.uri = server.url
        # Loopback answers within milliseconds, or, where the server can open no connection, never.
        if not install(api, store=store, unit=unit, retry=RetryPolicy.none(), metrics=False, timeout=2.0):
            return SelfTest("installed", False, "krakenex has no nonce hook")
        for worker in parallel.start([lambda: _call(api)] * _THREADS, workers=_THREADS):
            worker.exception()  # the exchange has counted what became of its calls
        api.close()
    expected = _THREADS * _CALLS
    calls = f"{expected} calls from {_THREADS} threads on krakenex"
    saw = f"{calls}: the embedded exchange accepted {key.accepted} and refused {key.refused}"
    return SelfTest("installed", key.accepted == expected, saw)


def _call(api: Any) -> None:
    for _ in range(_CALLS):  # after one that fails no other is made: each might wait for its timeout
        api.query_private("Balance")
