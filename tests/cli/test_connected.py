"""Nobody says "connected" of an account without a private call that was accepted, whatever is asked and in any form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.doctor.plan import choose
from kraken_doctor.doctor.verdict import CALLING
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.sandbox.scenarios import MASTER, USER, healthy
from tests.conftest import Run
from tests.schema import OUTPUTS

IDS = [check.id for check in CATALOGUE]
LABELS = {"MASTER": MASTER, "USER:daivon_frazier": USER}

SAID = re.compile(r"Connected to Kraken|KRAKEN PRO CONNECTED|Connected, with|It works|All well")
"""Of a run without a connected account none of it may be said."""

FORBIDDEN = Response(b'{"message":"Forbidden"}', headers={"Content-Type": "application/json"})


class World(NamedTuple):
    """An exchange that two accounts are set for, and whether it answers private calls with something else."""

    keys: dict[str, Key]
    requests: list[str]
    answers: list[Response]
    arguments: tuple[str, ...]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """All on loopback; the accounts are in the environment, as a user's are."""
    scenario = healthy()
    answers: list[Response] = []

    def intercept(request: Request) -> Response | None:
        return answers[0] if answers and "/private/" in request.path else None

    scenario.exchange.interceptors.append(intercept)
    with SandboxServer(scenario.exchange) as server, SandboxNtpServer() as ntp:
        monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
        monkeypatch.setenv("KRAKEN_NONCE_STORE", "memory://")
        for prefix in LABELS.values():
            for name in ("API_KEY", "API_SECRET"):
                monkeypatch.setenv(f"{prefix}_{name}", scenario.environ[f"{prefix}_{name}"])
        keys = {label: scenario.key(prefix) for label, prefix in LABELS.items()}
        # A millisecond nonce a run would be spent twice by the next one.
        yield World(keys, scenario.exchange.requests, answers, ("--ntp-server", ntp.address, "--nonce-unit", "us"))


def arguments(only: set[str], skip: set[str]) -> list[str]:
    return [part for name, ids in (("--only", only), ("--skip", skip)) for id_ in sorted(ids) for part in (name, id_)]


def planned(only: set[str], skip: set[str]) -> set[str]:
    try:
        return {check.id for check in choose(sorted(only), sorted(skip))}
    except ConfigurationError:
        return set()


def accounts_of(world: World, document: dict[str, Any], before: dict[str, int]) -> dict[str, Any]:
    """The accounts of a JSON document, each held against what the exchange has accepted since *before*."""
    found = {account["account"]: account for account in document["accounts"]}
    for label, account in found.items():
        accepted = world.keys[label].accepted - before[label]
        assert account["connected"] in ((True,) if accepted else (None, False))
        assert account["private_calls"] >= accepted
        assert accepted or account["outcome"] not in ("pass", "warn")
    return found


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    only=st.sets(st.sampled_from(IDS)),
    skip=st.sets(st.sampled_from(IDS)),
    form=st.sampled_from(OUTPUTS),
    forbidden=st.booleans(),
)
def test_any_plan_in_any_form(
    doctor: Run, world: World, tmp_path: Path, only: set[str], skip: set[str], form: str, forbidden: bool
) -> None:
    """JSON, JUnit and the chosen form of one run agree; the status follows the checks that were planned."""
    world.answers[:] = [FORBIDDEN] if forbidden else []
    world.requests.clear()
    before = {label: key.accepted for label, key in world.keys.items()}
    files = ("--json-file", str(tmp_path / "a.json"), "--junit-file", str(tmp_path / "a.xml"))
    ended = doctor("check", *world.arguments, *arguments(only, skip), *files, "-o", form)
    checks = planned(only, skip)
    if not checks:
        assert (ended.status, ended.stdout, world.requests) == (2, "", [])
        assert ended.stderr.count("\n") == 1
        return
    private = [request for request in world.requests if "/private/" in request]
    assert bool(private) == bool(checks & CALLING)
    refused = forbidden and bool(private)
    document = json.loads((tmp_path / "a.json").read_text())
    assert (ended.status, document["outcome"]) == ((1, "fail") if refused else (0, "pass")), ended.stdout
    accounts = accounts_of(world, document, before)
    assert {account["connected"] for account in accounts.values()} <= {False if refused else bool(private) or None}, (
        "what was accepted is connected, what was refused is not, and what was not asked is unknown"
    )
    said_by_check = {(check["id"], check["account"]): check["outcome"] for check in document["checks"]}
    assert "inconclusive" not in said_by_check.values()
    suite = ET.parse(tmp_path / "a.xml").getroot()
    said = {item.attrib["name"]: item.attrib["value"] for item in suite.iter("property")}
    for label, account in accounts.items():
        word = {True: "yes", False: "no", None: "unknown"}[account["connected"]]
        assert said[f"connected {label}"] == word
        if form == "table":
            connected = f"Connected to Kraken Pro API ({label})"
            assert (connected in ended.stdout) == bool(account["connected"])
        if form == "short":
            words = {True: "pass", False: "failed", None: "no verdict"}[account["connected"]]
            assert f"\n{label}: {words}" in ended.stdout
    if not any(account["connected"] for account in accounts.values()):
        shown = "\n".join((ended.stdout, ended.stderr, said["verdict"]))
        assert not SAID.search(shown)
        if accounts and not refused and form in ("table", "markdown"):
            assert "All checks passed. The connection was not tested." in ended.stdout


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    only=st.sets(st.sampled_from(["krakenex", "store", "credentials", "balances"])),
    skip=st.sets(st.sampled_from(["krakenex", "store", "credentials", "balances"])),
)
def test_balances_of_any_plan(doctor: Run, world: World, only: set[str], skip: set[str]) -> None:
    """The same for the command that makes one call an account."""
    before = {label: key.accepted for label, key in world.keys.items()}
    for form in ("table", "json"):
        ended = doctor("balances", *world.arguments, *arguments(only, skip), "-o", form)
        if not (only or {"krakenex", "store", "credentials", "balances"}) - skip and ended.status == 2:
            return
        assert ended.status == 0
        if form == "json":
            accounts_of(world, json.loads(ended.stdout), before)
        else:
            assert ("✓ yes" in ended.stdout) == any(key.accepted > before[label] for label, key in world.keys.items())
        assert "no nonce was sent" not in ended.stdout
        before = {label: key.accepted for label, key in world.keys.items()}


@pytest.mark.parametrize("skip", ["balances", "credentials"])
def test_balances_without_the_call(doctor: Run, world: World, skip: str) -> None:
    """Where the call is left out nothing is connected; where only its prerequisite is, the call decides."""
    shown = doctor("balances", *world.arguments, "--skip", skip)
    assert shown.status == 0
    assert ("yes" in shown.stdout, "unknown" in shown.stdout) == (
        (False, True) if skip == "balances" else (True, False)
    )


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (("--only", "clock"), 0),
        (("--only", "store"), 0),
        (("--only", "credentials"), 0),
        (("--only", "nonce"), 0),
        (("--only", "nonce", "--skip", "authentication"), 0),
        (("--skip", "authentication", "--skip", "balances"), 0),
        (("--only", "clock", "--skip", "clock"), 2),
        (tuple(part for id_ in IDS for part in ("--skip", id_)), 2),
    ],
)
@pytest.mark.parametrize("form", OUTPUTS)
def test_the_runs_own_outcome(doctor: Run, world: World, given: tuple[str, ...], status: int, form: str) -> None:
    """It follows the checks that were planned, and is the same in every form."""
    assert doctor("check", *world.arguments, *given, "-o", form).status == status


def test_a_wrong_clock_keeps_its_status(doctor: Run) -> None:
    """`check --only clock` is a question about the clock."""
    found = json.loads(doctor("check", "--sandbox", "--fault", "clock-behind", "--only", "clock", "-o", "json").stdout)
    assert (found["outcome"], found["exit_status"], found["accounts"]) == ("warn", 0, [])


def test_the_nonce_is_proved_on_the_wire(doctor: Run, world: World) -> None:
    """Asked for alone, it brings the call that it judges; a failure of that call does not keep it from judging."""
    found = json.loads(doctor("check", *world.arguments, "--only", "nonce", "-o", "json").stdout)
    outcomes = {check["id"]: check["outcome"] for check in found["checks"] if check["account"] == "MASTER"}
    assert outcomes == {"credentials": "pass", "authentication": "pass", "nonce": "pass"}
    world.keys["MASTER"].mark = 2 * 10**18
    found = json.loads(doctor("check", *world.arguments, "--only", "nonce", "--master", "-o", "json").stdout)
    outcomes = {check["id"]: check["outcome"] for check in found["checks"] if check["account"] == "MASTER"}
    assert (outcomes["authentication"], outcomes["nonce"]) == ("fail", "pass")


@pytest.mark.parametrize("arguments", [("--skip", "authentication", "--skip", "balances"), ("--only", "credentials")])
def test_a_round_of_watch_without_a_call(doctor: Run, world: World, arguments: tuple[str, ...]) -> None:
    """Its line, its last words, its document."""
    watch = ("watch", "--count", "1", "--every", "1", *world.arguments, *arguments)
    ended = doctor(*watch)
    assert ended.status == 0
    assert re.search(r"PASS: All checks passed\. The connection was not tested\.\n", ended.stdout)
    assert not SAID.search(ended.stdout + ended.stderr)
    (account, _) = json.loads(doctor(*watch, "-o", "json").stdout)["accounts"]
    assert (account["outcome"], account["connected"]) == ("inconclusive", None)


@pytest.mark.parametrize("form", ["markdown", "html", "json", "short", "junit", "table", "github"])
def test_a_report_made_offline(doctor: Run, world: World, form: str) -> None:
    """It has asked nobody, and says so."""
    ended = doctor("report", "--offline", "-o", form)
    assert (ended.status, world.requests) == (0, [])
    assert not SAID.search(ended.stdout)
    if form == "json":
        found = json.loads(ended.stdout)
        assert {(account["outcome"], account["connected"]) for account in found["accounts"]} == {("inconclusive", None)}
    if form in ("markdown", "html"):
        assert "All checks passed. The connection was not tested." in ended.stdout


def test_a_report_in_public_says_the_same(doctor: Run, world: World, tmp_path: Path) -> None:
    """Judged again from its evidence, without the amounts; and from a file."""
    path = tmp_path / "report.json"
    assert doctor("report", *world.arguments, "--file", str(path)).status == 0
    saved = json.loads(path.read_text())
    again = json.loads(doctor("report", "--from", str(path), "-o", "json").stdout)
    for document in (saved, again):
        assert [account["connected"] for account in document["accounts"]] == [True, True]


@pytest.mark.parametrize("endpoint", ["SystemStatus", "Time"])
@pytest.mark.parametrize(
    "answer", [refusal("EGeneral:Too many requests"), refusal("EService:Market in post_only mode")]
)
def test_a_public_endpoint_that_fails_beside_private_calls_that_work(
    doctor: Run, world: World, monkeypatch: pytest.MonkeyPatch, server: SandboxServer, key: Key, endpoint: str,
    answer: Response,
) -> None:  # fmt: skip
    """A warning, in each form that has one; where no private call is accepted it is the failure that it was."""
    intercept = server.exchange.interceptors.append
    intercept(lambda request: answer if request.path.endswith(endpoint) else None)
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    for name in ("KRAKEN_MASTER", "KRAKEN_USER_DAIVON_FRAZIER"):
        monkeypatch.delenv(f"{name}_API_KEY")
        monkeypatch.delenv(f"{name}_API_SECRET")
    monkeypatch.setenv("KRAKEN_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
    run = ("check", *world.arguments, "--skip", "clock")
    found = json.loads(doctor(*run, "-o", "json").stdout)
    assert (found["outcome"], found["exit_status"], found["accounts"][0]["connected"]) == ("warn", 0, True)
    assert {d["severity"] for d in found["diagnoses"]} - {"info"} == {"warn"}
    shown = doctor(*run)
    assert "Connected to Kraken Pro API (MASTER)" in shown.stdout
    assert "Connected, with warnings. Fix first: exchange-" in shown.stdout.splitlines()[-1]
    intercept(lambda request: refusal("EAPI:Invalid key") if "/private/" in request.path else None)
    found = json.loads(doctor(*run, "-o", "json").stdout)
    assert (found["outcome"], found["exit_status"]) == ("fail", 1)
    assert {d["account"] for d in found["diagnoses"] if d["severity"] == "fail"} == {None, "MASTER"}


def test_an_account_without_a_result(doctor: Run, world: World) -> None:
    """It may be empty, and that is said."""
    world.answers[:] = [Response(b'{"error":[]}', headers={"Content-Type": "application/json"})]
    found = json.loads(doctor("balances", *world.arguments, "--master", "-o", "json").stdout)
    assert (found["outcome"], found["accounts"][0]["connected"]) == ("pass", True)
    assert next(check["summary"] for check in found["checks"] if check["id"] == "balances").endswith("may be empty")
    (empty,) = [d for d in found["diagnoses"] if d["cause"] == "account-empty"]
    assert empty["confidence"] == "likely"
    shown = doctor("balances", *world.arguments, "--master").stdout
    assert "MASTER: The account may be empty: Balance was answered without a result" in shown
    # In the whole check another endpoint comes first, of which such an answer is none.
    assert doctor("check", *world.arguments, "--master", "--skip", "authentication").stdout.count("may be empty") == 1
    assert doctor("check", *world.arguments, "--master").status == 1


def test_checks_that_call_are_known() -> None:
    """The verdict has their ids by heart, since it is loaded where no check is."""
    assert {check.id for check in CATALOGUE if check.private_calls} == CALLING


BROKEN: dict[str, tuple[str, int]] = {
    "credentials-placeholder": ("credentials", 0), "state-unwritable": ("store", 0),
    "key-invalid": ("authentication", 1),
    "nonce-spent-higher": ("authentication", 2), "krakenex-incompatible": ("krakenex", 0), "edge-error": ("path", 0),
    "permission-missing": ("permissions", 1),
}  # fmt: skip
"""Faults, with the check that finds each, and how many calls that takes at most."""


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--only", "--skip"])
@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("fault", BROKEN)
def test_any_plan_with_each_kind_of_fault(doctor: Run, fault: str, name: str, option: str) -> None:
    """It is found where its check, or one that needs what is broken, was planned; what is written wrong is not sent."""
    finder, most = BROKEN[fault]
    ended = doctor(
        "check", "--sandbox", "--fault", fault, "--user", "daivon_frazier", option, name, "--timeout", "0.5", "--skip",
        "nonce" if name != "nonce" else "clock", "-o", "json",
    )  # fmt: skip
    if ended.status == 2:
        assert (option, name) in (("--only", "clock"), ("--only", "nonce"))
        return
    report = json.loads(ended.stdout)
    planned_checks = {check["id"] for check in report["checks"]}
    calls = sum(account["private_calls"] for account in report["accounts"])
    if finder in planned_checks:
        assert (report["outcome"], ended.status) == ("fail", 1)
        assert [d["cause"] for d in report["diagnoses"] if d["severity"] == "fail"] == [fault]
        assert calls <= most
    elif not planned_checks & CALLING:
        assert (report["outcome"], ended.status, calls) == ("pass", 0, 0)


def test_balances_are_not_asked_with_what_can_not_work(doctor: Run) -> None:
    """Each failed call counts towards a lockout; and what was not tested is said so."""
    for fault in ("credentials-placeholder", "credentials-damaged", "secret-malformed", "key-secret-swapped"):
        ended = doctor(
            "balances", "--sandbox", "--fault", fault, "--user", "daivon_frazier", "-o", "json", "--skip", "krakenex"
        )
        report = json.loads(ended.stdout)
        assert [d["cause"] for d in report["diagnoses"]] == [fault]
        assert (report["accounts"][0]["private_calls"], ended.status) == (0, 1)
    page = doctor("balances", "--sandbox", "--skip", "balances").stdout
    assert page.endswith("All checks passed. The connection was not tested.\n")
    assert "unknown" in page
