"""Every fault of the lab gets its name, alone and beside others; nothing odd and healthy gets one."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from docs.fault_table import PAGE, USER, arguments, named_first, row
from kraken_doctor.diagnosis.causes import CAUSES
from kraken_doctor.sandbox.faults import FAULTS, SECTIONS, Fault
from tests.conftest import Run

pytestmark = pytest.mark.slow

ODD = SECTIONS["Odd, and healthy"]
FIRST = [fault for fault in FAULTS.values() if fault.severity == "fail" and fault.of_run and fault not in ODD]
"""What no account can get past."""
LATER = [*SECTIONS["The key"], *SECTIONS["The nonce"]]
"""What is only seen where the exchange is reached."""
OF_A_BOTS_CLIENT = {"client-outdated"}
"""Needs no fault: the exchange answers a POST to a public endpoint with 405 as it is, and the doctor sends none."""
WITHHELD = {"nonce-mark-finer", "nonce-noted-finer", "nonce-mark-ahead"}
"""Faults of the store itself, for which nothing is sent: no verdict on the account."""


def examine(doctor: Run, *more: str, timeout: str = "0.4") -> tuple[dict[str, Any], int]:
    quick = ("--timeout", timeout) if "check" in more else ()  # what does not answer is not waited for
    ended = doctor("--no-env-file", *more, *quick, "-o", "json")
    return json.loads(ended.stdout), ended.status


def test_causes_and_faults_are_one_list() -> None:
    """Every cause that can be named can be shown, and every fault has a cause."""
    shown = set(CAUSES) - OF_A_BOTS_CLIENT
    assert {fault.cause for fault in FAULTS.values() if fault not in ODD} == shown
    assert shown <= set(FAULTS), "the plainest form of a cause has its name"
    assert len(FAULTS) == sum(len(section) for section in SECTIONS.values()), "names are unique"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_each_fault_gets_its_name_and_its_line_in_the_table(doctor: Run, fault: Fault) -> None:
    """The cause, its severity, the exit status; no other account is blamed; and docs/fault-table.md says the same."""
    if fault.cause == "dotenv-readable" and os.name != "posix":
        pytest.skip("needs posix: modes and owners of files")
    report, status = examine(doctor, *arguments(fault))
    found = named_first(fault, report)
    said = (found["cause"], found["severity"]) if found else ("", "fail")
    assert said == (fault.cause, fault.severity)
    assert status == (1 if fault.cause and fault.severity == "fail" else 3 if fault.name in WITHHELD else 0)
    assert row(fault, report, status) in PAGE.read_text(encoding="utf-8").splitlines(), "run make regen"
    blamed = {d["account"] for d in report["diagnoses"] if d["severity"] != "info"} - {None, USER}
    assert blamed == ({"USER:grid_bot"} if fault.name == "key-duplicated" else set())
    outcomes = {check["outcome"] for check in report["checks"]}
    assert "error" not in outcomes, "a check broke"


def test_the_table_has_no_line_too_many() -> None:
    """A fault that is gone leaves none behind."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(lines) == len(FAULTS)


@pytest.mark.parametrize("first", FIRST, ids=[fault.name for fault in FIRST])
def test_what_stands_in_the_way_of_all_is_named_and_nothing_behind_it_is_guessed(doctor: Run, first: Fault) -> None:
    """With faults of key and nonce behind it: what can't be seen can't be said."""
    for later in LATER[FIRST.index(first) % 3 :: 3]:  # each comes behind a third of them: all pairs take minutes
        if not later.changes or not can_be_together(first, later):
            continue
        faults = ("--fault", first.name, "--fault", later.name)
        timeout = "0.1" if first.name.endswith("-timeout") else "0.4"
        report, status = examine(doctor, "check", "--sandbox", *faults, timeout=timeout)
        failing = {found["cause"] for found in report["diagnoses"] if found["severity"] == "fail"}
        assert (failing, status) == ({first.cause}, 1), later.name


def can_be_together(first: Fault, later: Fault) -> bool:
    """Not where both change the same thing, or the first is on private calls alone, and so stands beside the key's."""
    if first.cause == "state-unwritable" and later.name in WITHHELD | {"nonce-ahead-of-clock"}:
        return False
    alone = ("account-ambiguous", "key-invalid-everywhere", "exchange-throttled", "exchange-maintenance-key")
    return first.name not in alone


BAD_CREDENTIALS = [
    fault for fault in SECTIONS["Credentials"] if fault.severity == "fail" and not fault.of_run
]  # fmt: skip


@pytest.mark.parametrize("first", BAD_CREDENTIALS, ids=[fault.name for fault in BAD_CREDENTIALS])
def test_what_is_written_wrong_is_not_sent(doctor: Run, first: Fault) -> None:
    """No fault of the key is seen behind it, and none is guessed."""
    for later in LATER[BAD_CREDENTIALS.index(first) % 3 :: 3]:
        if not later.changes or later.of_run:
            continue
        report, _ = examine(doctor, "check", "--sandbox", "--fault", later.name, "--fault", first.name)
        failing = {found["cause"] for found in report["diagnoses"] if found["account"] == USER}
        assert failing == {first.cause}, later.name


@pytest.mark.parametrize(
    ("faults", "cause", "explains"),
    [
        (("exchange-maintenance", "rate-limited"), "exchange-maintenance", ["exchange-unavailable"]),
        (("clock-behind-nonce", "nonce-window-wide"), "clock-behind", []),
        (("clock-ahead", "nonce-ahead-of-clock"), "clock-ahead", []),
        (("temporary-lockout", "key-can-withdraw"), "temporary-lockout", []),
        (("temporary-lockout", "nonce-spent-higher"), "temporary-lockout", []),
        (("key-invalid", "nonce-spent-higher"), "key-invalid", []),
        (("key-invalid-expired", "signature-invalid"), "key-invalid", []),
        (("nonce-spent-higher", "permission-missing"), "nonce-spent-higher", []),
        (("nonce-spent-higher", "nonce-shared-key"), "nonce-spent-higher", []),
        (("nonce-generator-broken", "nonce-shared-key"), "nonce-generator-broken", []),
        (("nonce-spent-higher", "clock-unverified"), "nonce-spent-higher", []),
        (("key-expires-soon", "nonce-shared-key"), "nonce-shared-key", []),
        (("rate-limited", "nonce-spent-finer"), "nonce-spent-higher", []),
        (("nonce-mark-finer", "signature-invalid"), "nonce-spent-higher", []),
    ],
)
def test_pairs_of_which_one_explains_or_hides_the_other(
    doctor: Run, faults: tuple[str, str], cause: str, explains: list[str]
) -> None:
    """The one to mend first is named first, whichever was there first."""
    for one, other in (faults, faults[::-1]):
        report, _ = examine(doctor, "check", "--sandbox", "--fault", one, "--fault", other)
        (primary, *_) = [d for d in report["diagnoses"] if d["primary"] and d["account"] in (None, USER)]
        assert (primary["cause"], primary["explains"]) == (cause, explains)


def test_a_nonce_is_not_blamed_on_a_clock_that_nobody_has_verified(doctor: Run) -> None:
    """Without a time source the clock stays possible, and the verdict is not more than that."""
    report, _ = examine(doctor, "check", "--sandbox", "--fault", "nonce-spent-higher", "--fault", "clock-unverified")
    (found,) = [d for d in report["diagnoses"] if d["account"] == USER]
    assert (found["cause"], found["confidence"]) == ("nonce-spent-higher", "possible")
    assert "this host's clock is behind" in [other["text"] for other in found["possible"]]


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (("check", "--fault", "key-invalid"), 2, "--fault requires --sandbox"),
        (("check", "--sandbox", "--fault", "key-invlid"), 2, "did you mean key-invalid?"),
        (("check", "--sandbox", "--fault", "nonce-reordered"), 2, "kraken-doctor nonce --target"),
        (("sandbox", "--fault", "krakenex-missing", "--", "true"), 2, "inside the doctor"),
        (("sandbox", "--fault", "key-invalid", "--", sys.executable, "-c", ""), 3, "no request arrived"),
    ],
)
def test_how_a_fault_is_asked_for(doctor: Run, given: tuple[str, ...], status: int, words: str) -> None:
    """One line that says what is wrong, and how to mend it."""
    ended = doctor(*given)
    assert ended.status == status
    assert words in ended.stderr


def test_they_are_listed(doctor: Run) -> None:
    """Every one, with what it is."""
    listed = doctor("sandbox", "--list-faults").stdout
    assert all(name in listed for name in FAULTS)


def test_an_otp_that_was_sent_is_weighed(doctor: Run) -> None:
    """With one set it is the first thing to look at; without, nobody is told to take it away."""
    for fault, first in (("key-invalid-otp", "an OTP was sent"), ("key-invalid", "Kraken Futures")):
        report, _ = examine(doctor, "check", "--sandbox", "--fault", fault)
        (found,) = [d for d in report["diagnoses"] if d["account"] == USER]
        assert first in found["possible"][0]["text"]


def test_keys_refused_together_are_one_finding(doctor: Run) -> None:
    """It is about what they share, and does not tell anybody to make four new keys."""
    report, _ = examine(doctor, "check", "--sandbox", "--fault", "key-invalid-everywhere")
    (found,) = [d for d in report["diagnoses"] if d["severity"] == "fail"]
    assert found["account"] is None
    assert "in common" in found["summary"]
    assert "in all 4 accounts" in found["because"]


def test_the_account_of_a_bot_in_microseconds(doctor: Run) -> None:
    """Its unit is declared, and needed: the key has accepted what no millisecond reaches."""
    label = "USER:grid_bot"
    report, status = examine(doctor, "check", "--sandbox")
    units = {account["account"]: account["nonce"]["unit"] for account in report["accounts"]}
    others = ("MASTER", USER, "USER:new_account")
    assert (status, units) == (0, {**dict.fromkeys(others, "ms"), label: "us"})
    assert [d["account"] for d in report["diagnoses"] if d["severity"] != "info"] == []
    report, status = examine(doctor, "check", "--sandbox", "--nonce-unit", "ms")
    failed = {d["account"]: d["cause"] for d in report["diagnoses"] if d["severity"] == "fail"}
    assert (status, failed) == (1, {label: "nonce-spent-higher"})


def test_what_was_not_sent_is_not_put_down_to_the_server(doctor: Run) -> None:
    """The permissions were not refused: nobody was asked. And the page says what not to do about it."""
    ended = doctor("check", "--sandbox", "--fault", "nonce-mark-finer", "--user", "daivon_frazier", "-o", "json")
    checks = {check["id"]: check for check in json.loads(ended.stdout)["checks"]}
    assert (checks["permissions"]["outcome"], checks["permissions"]["summary"]) == ("skip", "nothing was sent")
    page = doctor("check", "--sandbox", "--fault", "nonce-mark-finer", "--user", "daivon_frazier").stdout
    assert "Don't declare microseconds on a guess" in " ".join(page.split())
