"""The texts of remedies.toml: each is asked for, and all that are asked for are there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kraken_doctor
from kraken_doctor.accounts import shape
from kraken_doctor.diagnosis import remedies
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.diagnosis.remedies import _OF_THE_HOST
from kraken_doctor.sandbox.keys import demo_credentials
from kraken_doctor.timesource import time_daemon
from tests.diagnosis.cases import keeper

PACKAGE = Path(kraken_doctor.__file__).parent

BY_EVIDENCE = {f"clock of {place}" for place in _OF_THE_HOST} | {
    f"{found.name} runs" for found in time_daemon._SERVICES
}
BY_EVIDENCE |= {"BusyBox ntpd runs"}
"""Headings that are put together from what was found."""


def asked_for() -> set[str]:
    """Every heading that is written out in a call of `remedy`."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    first = [call.args[0] for call in calls if getattr(call.func, "id", "") == "remedy" and call.args]
    written = [node for given in first for node in ast.walk(given) if isinstance(node, ast.Constant)]
    # Of an f-string only parts are constants, and of a condition what is compared with.
    return {node.value for node in written if isinstance(node.value, str)} - {"IPv6", " runs", "clock of "}


def test_headings() -> None:
    """A misspelt one would break a diagnosis, and one that nobody asks for is a text that nobody reads."""
    assert asked_for() | BY_EVIDENCE == set(remedies._texts())


def test_values_stand_in_their_places() -> None:
    """And what a value says is text, whatever braces are in it."""
    made = remedies.remedy("time services compete", "sudo true", service="{chrony}", rivals="ntpd and {0}")
    assert made.text == "{chrony} and ntpd and {0} both set this clock, against each other: keep only one."
    assert made.commands == ("sudo true",)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("nonce store redis: Error 111 connecting to 127.0.0.1:1. Connection refused.", "Start the Redis server"),
        ("nonce store redis: invalid username-password pair or user is disabled.", "Correct user and password"),
        ("nonce store redis: HELLO must be called with the client already authenticated", "Correct user and password"),
        ("nonce store redis: DB index is out of range", "database number"),
        ("nonce store redis: this server is a node of a Redis Cluster, which can't be the store", "of its own"),
        ("nonce store redis: You can't write against a read only replica.", "Name the primary"),
        ("nonce store redis: command not allowed when used memory > 'maxmemory'.", "on the Redis server: until then"),
        ("nonce store redis: Error -2 connecting to x:6379. Name or service not known.", "does not resolve"),
        ("nonce store redis: Timeout connecting to server", "rediss:// if it uses TLS"),
        (
            "nonce store redis: [SSL: WRONG_VERSION_NUMBER] wrong version number",
            "rediss:// if the server uses TLS",
        ),
        ("nonce store /x/n.db: database or disk is full", "Free space on the nonce store's disk"),
        ("nonce store /x/n.db: [Errno 28] No space left on device", "Free space on the nonce store's disk"),
        ("nonce store /x/n.db: database is locked", "Find the program"),
        ("nonce store /x/n.db: [Errno 1] the file belongs to another user (4242); to share it", "as the user"),
        ("nonce store /x/n.db: [Errno 1] everyone can write to the directory: run chmod o-w on it", "chmod o-w"),
        ("nonce store /x/n.db: file is not a database", "Name another file"),
        ("nonce store /x/n.db: not a file of this library, it has 't'", "Name another file"),
        ("nonce store /x/n.db: [Errno 22] not a regular file", "that path is not a file"),
        ("nonce store /x/n.db: [Errno 2] No such file or directory: '/x'", "whose directory exists"),
        ("nonce store /x/n.db: [Errno 30] Read-only file system: '/x'", "Let this user write"),
        ("nonce store /x/n.db: attempt to write a readonly database", "Let this user write"),
    ],
)
def test_a_store_s_remedy_is_of_its_kind(problem: str, words: str) -> None:
    """By what SQLite, Redis or the system said, in their own words."""
    found = remedies.remedy_for(problem, "store_problems")
    assert found is not None
    assert words in found.text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("export KRAKEN_API_KEY={}", "delete a command (export, set, ENV) and KRAKEN_API_KEY= before the value"),
        ("{},", "In K, delete a comma at the end"),
        ('"{}"', "Delete the quotes"),
        ("{}\n", "no blanks and no line breaks"),
        (" {}", "no blanks and no line breaks"),
        ("\ufeff{}", "can't be seen"),
        ("{}{}", "Delete the second copy"),
        ("{}:" + "A" * 86 + "==", "Split what K holds"),
    ],
)
def test_a_credential_s_remedy_says_what_stands_there(value: str, words: str) -> None:
    """Each damage has its own; "paste it again" is for what has no name."""
    key = demo_credentials("x")[0]
    flaws = shape.inspect_key(value.replace("{}", key)).flaws
    found = remedies.remedy_for(", ".join(flaws), "credential_problems", variable="K", flaws=", ".join(flaws))
    assert found is not None, flaws
    assert words in found.text


def test_a_service_that_no_text_is_about() -> None:
    """A report that was edited by hand has no remedy of its own there, and breaks nothing."""
    (found,) = diagnose(keeper("linux", "sundial", running=True))
    assert found.remedy == CAUSES["clock-behind"].remedy
