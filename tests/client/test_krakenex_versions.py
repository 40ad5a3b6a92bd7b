"""Two versions of krakenex side by side: the tested one, and the one before public calls became GET."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key

PROGRAM = """
import json, sys, threading
import krakenex
from kraken_doctor import KrakenClient, RetryPolicy, install, open_store

url, key, secret, store = sys.argv[1:]
api = krakenex.API(key, secret)
api.uri = url
assert install(api, store=open_store(store), retry=RetryPolicy.none())
client = KrakenClient(key, secret, url=url, store=open_store(store), retry=RetryPolicy.none())
answers = []
def work(target):
    for _ in range(20):
        answers.append(target.query_private("Balance", {"assets": ["a", "b"], "none": None})["error"])
workers = [threading.Thread(target=work, args=(target,)) for target in (api, client) for _ in range(3)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
refused = [answer for answer in answers if answer]
print(json.dumps({"version": krakenex.version.__version__, "refused": refused, "calls": len(answers)}))
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """krakenex 2.1.0 in a folder of its own, from the package registry."""
    folder = tmp_path_factory.mktemp("krakenex-2.1.0")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        "krakenex==2.1.0",
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("krakenex 2.1.0 can't be had from the package registry")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.2.2", "2.1.0"])
def test_install_and_client_work_with_both(
    version: str, server: SandboxServer, key: Key, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Six threads, an installed object and a client on one key: in order, and signed rightly."""
    environ = dict(os.environ)
    if version == "2.1.0":
        environ["PYTHONPATH"] = str(request.getfixturevalue("older"))
    arguments = [server.url, key.api_key, key.secret, f"sqlite:///{tmp_path / 'nonce.db'}"]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"version": version, "refused": [], "calls": 120}
    assert (key.accepted, key.refused) == (120, 0)


@pytest.mark.slow
def test_the_other_version_is_a_warning(older: Path) -> None:
    """`version` names both, and that the hook is there."""
    environ = os.environ | {"PYTHONPATH": str(older)}
    command = [sys.executable, "-m", "kraken_doctor", "version", "-o", "json"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["outcome"]) == (0, "warn")
    assert [diagnosis["cause"] for diagnosis in report["diagnoses"]] == ["krakenex-untested"]
