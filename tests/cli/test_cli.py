"""The command line as its users meet it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kraken_doctor.cli import main
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import refusal
from tests.conftest import Run

COMMAND = [sys.executable, "-m", "kraken_doctor"]


@pytest.fixture
def real(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> SandboxServer:
    """The environment of a user whose exchange happens to be on loopback."""
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_SECRET", key.secret)
    return server


def document(text: str) -> dict[str, Any]:
    parsed = json.loads(text)
    assert isinstance(parsed, dict)
    return parsed


def test_the_main_job_without_any_credentials(doctor: Run) -> None:
    """A table with balances, and status 0."""
    ended = doctor("check", "--sandbox")
    assert ended.status == 0, ended.stdout
    assert "✅ Connected to Kraken Pro API (USER:daivon_frazier)" in ended.stdout
    assert "USD Balance: $100.00" in ended.stdout
    assert re.search(r"MASTER +✓ yes +\$12480\.55", ended.stdout)
    assert "Total: $15480.55\n   and 2 other assets\n" in ended.stdout
    assert ended.stderr == ""


def test_the_main_job_with_credentials(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """One account, found by its first name; two private calls; the mark in the user's own store."""
    ended = doctor("check", "--user", "daivon_frazier", "-o", "json")
    report = document(ended.stdout)
    assert (ended.status, report["outcome"], report["exit_status"]) == (0, "pass", 0)
    (account,) = report["accounts"]
    assert account["account"] == "USER:daivon_frazier"
    assert account["source"] == "KRAKEN_USER_DAIVON_API_KEY (environment)"
    assert account["balances"] == {"USD": "100.0000", "USDT": "50.00000000", "total": "150.00000000"}
    assert account["nonce"]["store"] == "sqlite"
    assert account["private_calls"] == 2
    assert real.exchange.requests == [
        "GET /0/public/Time",
        "GET /0/public/SystemStatus",
        "POST /0/private/GetApiKeyInfo",
        "POST /0/private/Balance",
    ] or sorted(real.exchange.requests)[:2] == ["GET /0/public/SystemStatus", "GET /0/public/Time"]
    assert (tmp_path / "state" / "kraken-doctor" / "nonce.db").exists()


def test_an_unknown_user_is_one_line_and_status_2(doctor: Run, real: SandboxServer) -> None:
    """Naming the variables that were looked for."""
    ended = doctor("check", "--user", "nobody", "-o", "json")
    assert (ended.status, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "KRAKEN_USER_NOBODY_API_KEY" in ended.stderr


def test_nobody_configured_is_told_how_to_begin(doctor: Run) -> None:
    """In one line that names the sandbox; a usage error where there is nothing else to do."""
    ended = doctor("balances")
    assert (ended.status, ended.stdout) == (2, "")
    assert "kraken-doctor check --sandbox" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_refused_nonce_is_named(doctor: Run, real: SandboxServer, key: Key) -> None:
    """The contract's line, the cause, status 1; at most two attempts."""
    key.mark = 2 * 10**18
    ended = doctor("check")
    assert ended.status == 1
    assert "❌ Kraken connection test failed (USER:daivon): EAPI:Invalid nonce" in ended.stdout
    assert "nonce-spent-higher" in ended.stdout
    assert "create a new api key" in ended.stdout.lower()
    assert key.refused <= 2


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "short", "json"])
@pytest.mark.parametrize(
    ("fault", "arguments", "status"),
    [
        (None, (), 0),
        ("EAPI:Invalid key", (), 1),
        ("EAPI:Invalid key", ("--fail-on", "never"), 0),
        ("EService:Unavailable", (), 1),
    ],
)
def test_the_status_is_the_same_in_every_form(
    doctor: Run, real: SandboxServer, form: str, fault: str | None, arguments: tuple[str, ...], status: int
) -> None:
    """It is decided before a form is chosen."""
    if fault is not None:
        real.exchange.interceptors.append(lambda request: refusal(fault) if "private" in request.path else None)
    ended = doctor("check", "-o", form, *arguments)
    assert ended.status == status, ended.stdout + ended.stderr
    if form == "json":
        assert document(ended.stdout)["exit_status"] == status


def test_warnings_fail_only_when_asked_to(doctor: Run, real: SandboxServer, key: Key) -> None:
    """A key that may withdraw works."""
    key.permissions = (*key.permissions, "withdraw-funds")
    assert doctor("check").status == 0
    ended = doctor("check", "--fail-on", "warn")
    assert ended.status == 1
    assert "key-can-withdraw" in ended.stdout


def test_one_bad_account_hides_no_other(doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The good one's balances are there, and the status is 1."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", "changeme")
    monkeypatch.setenv("KRAKEN_MASTER_API_SECRET", "changeme")
    ended = doctor("check")
    assert ended.status == 1
    assert "USD Balance: $100.00" in ended.stdout
    assert "credentials-placeholder" in ended.stdout


@pytest.mark.parametrize("command", ["check", "balances"])
def test_no_call_is_made_with_a_one_time_password_that_is_none(
    doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Each would be refused, and count towards a lockout."""
    monkeypatch.setenv("KRAKEN_USER_DAIVON_OTP", "${OTP}")
    ended = doctor(command)
    assert ended.status == 1
    assert "KRAKEN_USER_DAIVON_OTP holds a placeholder" in " ".join(ended.stdout.split())
    assert "delete the variable" in " ".join(ended.stdout.split())
    assert not [request for request in real.exchange.requests if "private" in request]


@pytest.mark.posix("modes and owners of files")
def test_credentials_from_dotenv(doctor: Run, server: SandboxServer, key: Key, tmp_path: Path) -> None:
    """From a parent folder; the process wins; a readable file is a warning with its cure."""
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        f"KRAKEN_MASTER_API_KEY={key.api_key}\nKRAKEN_MASTER_API_SECRET={key.secret}\nKRAKEN_SPOT_URL={server.url}\n"
    )
    dotenv.chmod(0o600)
    assert document(doctor("check", "-o", "json").stdout)["accounts"][0]["source"] == "KRAKEN_MASTER_API_KEY (.env)"
    dotenv.chmod(0o644)
    ended = doctor("check")
    assert (ended.status, "dotenv-readable" in ended.stdout) == (0, True)
    assert doctor("--no-env-file", "balances").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--env-file", "missing.env", "check"),
        ("check", "--nonsense"),
        ("nonsense",),
        ("check", "--only", "nonsense", "--sandbox"),
        ("check", "--timeout", "0"),
        ("check", "--timeout", "nan"),
        ("check", "--deadline", "-1"),
        ("check", "-o", "yaml"),
        ("check", "--sandbox", "--user", "nobody"),
        ("check", "--sandbox", "--ntp-server", "host:port"),
        ("sandbox", "--host", "0.0.0.0"),
        ("sandbox", "--", "no-such-command-anywhere"),
    ],
)
def test_bad_usage_is_status_2_without_a_traceback(doctor: Run, arguments: tuple[str, ...]) -> None:
    """And nothing on stdout."""
    ended = doctor(*arguments)
    assert (ended.status, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


@pytest.mark.parametrize("url", ["http://api.kraken.com", "nonsense", "https://user:hunter2@api.kraken.com"])
def test_an_unusable_url_is_status_2(doctor: Run, real: SandboxServer, url: str) -> None:
    """Keys travel in the clear to this host alone."""
    ended = doctor("check", "--api-url", url)
    assert (ended.status, ended.stdout) == (2, "")
    assert "hunter2" not in ended.stderr


def test_an_unusable_unit_is_status_2(doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming the choices, also when it comes from a variable."""
    monkeypatch.setenv("KRAKEN_NONCE_UNIT", "minutes")
    ended = doctor("check")
    assert ended.status == 2
    assert "s, ms, us, 10ns, ns" in ended.stderr


def test_a_unit_that_is_none_sends_nothing_of_any_account(
    doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of those either whose unit is one."""
    monkeypatch.setenv("KRAKEN_USER_ZOE_API_KEY", "y" * 9)
    monkeypatch.setenv("KRAKEN_USER_ZOE_API_SECRET", "y" * 9)
    monkeypatch.setenv("KRAKEN_USER_ZOE_NONCE_UNIT", "minutes")
    assert (doctor("check", "--jobs", "1").status, real.exchange.requests) == (2, [])


def test_options_have_variables(doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """KRAKEN_DOCTOR_<COMMAND>_<OPTION>."""
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_OUTPUT", "json")
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_TIMEOUT", "3")
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NTP_SERVER", "nonsense:x")
    assert doctor("check").status == 2
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NO_NTP", "1")
    monkeypatch.delenv("KRAKEN_DOCTOR_CHECK_NTP_SERVER")
    assert document(doctor("check").stdout)["outcome"] == "pass"


def test_dry_run_lists_and_asks_nobody(doctor: Run, real: SandboxServer) -> None:
    """Each request once, with whose it is."""
    ended = doctor("check", "--dry-run")
    assert ended.status == 0
    assert "USER:daivon: POST /0/private/Balance" in ended.stdout
    assert "once: GET /0/public/Time" in ended.stdout
    assert real.exchange.requests == []


def test_only_and_skip(doctor: Run, real: SandboxServer) -> None:
    """A check brings what it needs; without accounts none is looked for."""
    ids = [check["id"] for check in document(doctor("check", "--only", "exchange", "-o", "json").stdout)["checks"]]
    assert ids == ["path", "exchange"]
    ids = [check["id"] for check in document(doctor("check", "--skip", "clock", "-o", "json").stdout)["checks"]]
    assert "clock" not in ids
    assert "balances" in ids


def test_quiet_says_nothing_when_all_is_well(doctor: Run, real: SandboxServer, key: Key) -> None:
    """And everything when it is not."""
    assert doctor("-q", "check").stdout == ""
    key.mark = 2 * 10**18
    assert "nonce-spent-higher" in doctor("-q", "check").stdout


@pytest.mark.slow
def test_no_secret_in_any_output(doctor: Run, real: SandboxServer, key: Key) -> None:
    """Healthy or not, in every form."""
    for mark in (0, 2 * 10**18):
        key.mark = mark
        for form in ("table", "short", "json"):
            ended = doctor("-vv", "check", "-o", form)
            for secret in (key.api_key, key.secret):
                assert secret not in ended.stdout + ended.stderr


def test_balances(doctor: Run, real: SandboxServer, key: Key) -> None:
    """One private call an account, after the time that its nonce must not be ahead of."""
    ended = doctor("balances")
    assert ended.status == 0
    assert re.search(r"USER:daivon +✓ yes +\$100\.00 +\$50\.00 +\$150\.00", ended.stdout)
    assert real.exchange.requests == ["GET /0/public/Time", "POST /0/private/Balance"]
    assert document(doctor("balances", "-o", "json").stdout)["command"] == "balances"
    key.mark = 2 * 10**18
    ended = doctor("balances")
    assert (ended.status, "nonce-spent-higher" in ended.stdout) == (1, True)


def test_clock(doctor: Run, real: SandboxServer, exchange: Exchange) -> None:
    """0 within the limit, 1 beyond it, 3 when nobody tells, or each something else."""
    from kraken_doctor.sandbox.ntp import SandboxNtpServer

    with SandboxNtpServer() as right, SandboxNtpServer(offset_s=30) as wrong:
        assert doctor("clock", "--ntp-server", right.address).status == 0
        ended = doctor("clock", "--ntp-server", wrong.address)
        assert (ended.status, "disagree" in ended.stdout) == (3, True)
        exchange.clock_offset_s = 30
        ended = doctor("clock", "--ntp-server", wrong.address)
        assert (ended.status, "clock-behind" in ended.stdout) == (1, True)
        assert doctor("clock", "--ntp-server", wrong.address, "--max-offset", "60").status == 0
        report = document(doctor("clock", "--ntp-server", wrong.address, "-o", "json").stdout)
        assert (report["command"], report["outcome"], report["exit_status"]) == ("clock", "fail", 1)
    exchange.interceptors.append(lambda request: refusal("EService:Unavailable"))
    assert doctor("clock", "--no-ntp").status == 3


def test_version(doctor: Run) -> None:
    """The tested krakenex, and what else is installed; asks nobody."""
    ended = doctor("version")
    assert ended.status == 0
    assert "2.2.2, nonce hook present" in ended.stdout
    assert document(doctor("version", "-o", "json").stdout)["versions"]["krakenex"] == "2.2.2"


@pytest.mark.slow
def test_nonce(doctor: Run, tmp_path: Path) -> None:
    """The seed's self-tests and the burst over processes, each with what was seen."""
    ended = doctor("nonce")
    assert ended.status == 0, ended.stdout
    assert "✅ Custom nonce generator installed" in ended.stdout
    report = document(doctor("nonce", "-o", "json").stdout)
    assert {check["id"]: check["outcome"] for check in report["checks"]} == {
        f"nonce.{name}": "pass" for name in ("installed", "rapid", "threads", "start", "isolation", "processes")
    }
    assert not (tmp_path / "state").exists(), "the user's own marks are left alone"


def test_accounts(doctor: Run, real: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each credential came from; nothing is asked and nothing secret shown."""
    monkeypatch.setenv("KRAKEN_MASTER_API_KEY", "changeme")
    ended = doctor("accounts")
    assert ended.status == 1
    assert "KRAKEN_USER_DAIVON_" in ended.stdout
    assert "credentials-missing" in ended.stdout
    assert real.exchange.requests == []
    assert key.api_key not in ended.stdout
    assert document(doctor("accounts", "-o", "json").stdout)["command"] == "accounts"


@pytest.mark.parametrize(("given", "missing"), [("KEY", "SECRET"), ("SECRET", "KEY")])
def test_the_variable_that_is_missing_is_named(
    doctor: Run, real: SandboxServer, given: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one that is there."""
    monkeypatch.setenv(f"KRAKEN_MASTER_API_{given}", "changeme")
    report = document(doctor("accounts", "-o", "json").stdout)
    (check,) = (check for check in report["checks"] if check["id"] == "credentials" and check["account"] == "MASTER")
    assert check["summary"] == f"KRAKEN_MASTER_API_{missing} is not set"
    told = {item["name"]: item["value"] for item in check["evidence"]}
    assert told["credentials.missing"] == [f"KRAKEN_MASTER_API_{missing}"]


@pytest.mark.posix("signals sent to a process")
@pytest.mark.slow
def test_ctrl_c_says_what_was_learned(server: SandboxServer, key: Key) -> None:
    """One JSON document, status 130, and no traceback."""
    from kraken_doctor.sandbox.messages import Response

    asked = []

    def silent(request: Any) -> Response | None:
        asked.append(request)
        return Response(b"", delay_s=30) if "private" in request.path else None

    server.exchange.interceptors.append(silent)
    environ = os.environ | {"KRAKEN_MASTER_API_KEY": key.api_key, "KRAKEN_MASTER_API_SECRET": key.secret}
    process = subprocess.Popen(
        [*COMMAND, "check", "--api-url", server.url, "-o", "json"], env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not any("private" in request.path for request in asked):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    report = document(stdout)
    assert (process.returncode, report["exit_status"], report["outcome"]) == (130, 130, "inconclusive")
    assert "Traceback" not in stderr
    outcomes = {check["id"]: check["outcome"] for check in report["checks"]}
    assert outcomes["path"] == "pass"
    assert outcomes["authentication"] == "inconclusive"


def test_a_deadline_does_not_count_what_the_process_did_before(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs the command line in a process of its own has computed much else; its start-up is not ours."""
    monkeypatch.setattr("kraken_doctor.cli.app.cpu_seconds", lambda: 3600.0)
    assert doctor("check", "--sandbox").status == 0


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error() -> None:
    """`kraken-doctor --help | head -1` and the like."""
    process = subprocess.Popen(
        [*COMMAND, "check", "--sandbox", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 0


def test_a_failure_of_the_doctor_itself_is_status_3(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line on stderr, one JSON document on stdout; where, with -vv."""
    from kraken_doctor.doctor.examine import Doctor

    def broken(self: Doctor, *arguments: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Doctor, "examine", broken)
    ended = doctor("check", "--sandbox", "-o", "json")
    assert (ended.status, document(ended.stdout)["outcome"]) == (3, "inconclusive")
    assert ended.stderr == "kraken-doctor itself failed: ZeroDivisionError: oops (-vv shows where)\n"
    assert "Traceback" in doctor("-vv", "check", "--sandbox").stderr


@pytest.mark.posix("signals sent to a process")
@pytest.mark.slow
def test_sandbox_serves_and_ends_with_sigterm() -> None:
    """Variables on stdout, as a shell would read them; a check in a shell that did so passes."""
    process = subprocess.Popen([*COMMAND, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    exported = {}
    while "NTP_SERVER" not in (line := process.stdout.readline()) or "CLOCK" not in line:
        name, _, value = line.removeprefix("export ").strip().partition("=")
        exported[name] = value
    check = subprocess.run(
        [*COMMAND, "check", "-o", "short"], env=os.environ | exported, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert "USER:daivon_frazier: pass" in check.stdout
    assert "Serving until Ctrl-C" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()
    process.stderr.close()


def test_sandbox_runs_a_command_and_ends_with_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the demo's variables and none of the user's own accounts."""
    monkeypatch.setenv("KRAKEN_USER_REAL_API_KEY", "real-key")
    code = (
        "import os, sys; assert 'KRAKEN_USER_REAL_API_KEY' not in os.environ;"
        "assert os.environ['KRAKEN_MASTER_API_KEY'].startswith('SANDBOX');"
        "assert os.environ['KRAKEN_SPOT_URL'].startswith('http://127.0.0.1:'); sys.exit(7)"
    )
    ended = subprocess.run(
        [*COMMAND, "sandbox", "--", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 7, ended.stderr
    if os.name == "posix":
        by_signal = [*COMMAND, "sandbox", "--", "sh", "-c", "kill -TERM $$"]
        assert subprocess.run(by_signal, capture_output=True, check=False).returncode == 128 + signal.SIGTERM


def test_the_listed_commands_are_the_real_ones(doctor: Run) -> None:
    """`--help` does not import them; so its lines are held to theirs."""
    import click

    context = click.Context(main.cli)
    for name, line in main.COMMANDS.items():
        command = main.cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(200) == line
    assert main.cli.get_command(context, "nonsense") is None
    assert doctor("--help").status == 0
    assert doctor("--version").stdout.startswith("kraken-doctor ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "arguments", "coloured"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
        ({"NO_COLOR": ""}, ("--color", "always"), True),
    ],
)
def test_colour(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], arguments: tuple[str, ...], coloured: bool
) -> None:
    """The flag, then NO_COLOR, then FORCE_COLOR; and never animation, whatever they say."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ended = doctor(*arguments, "check", "--sandbox")
    assert ("\x1b[" in ended.stdout) is coloured
    assert ended.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(encoding: str) -> None:
    """A symbol or a rule that can't be shown is replaced, not a traceback."""
    environ = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ended = subprocess.run([*COMMAND, "check", "--sandbox"], env=environ, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    sign, rule = ("✅", "─") if encoding == "utf-8" else ("[OK]", "-")
    page = ended.stdout.decode(encoding)
    assert f"{sign} Connected to Kraken Pro API (USER:daivon_frazier)" in page
    assert rule * 60 in page
    assert "?" not in page


@pytest.mark.parametrize(
    ("ahead_days", "left_days", "named"),
    [(20, 16, False), (20, 2, True), (-20, 2, True), (-20, 16, False), (0, 2, True)],
)
def test_an_expiry_is_judged_by_the_corrected_clock(
    doctor: Run, real: SandboxServer, exchange: Exchange, key: Key, ahead_days: int, left_days: int, named: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A host that is ahead must not call a good key expired, nor one that is behind pass over its last days."""
    from kraken_doctor.sandbox.ntp import SandboxNtpServer

    exchange.clock_offset_s = -ahead_days * 86_400.0
    key.valid_until = exchange.now() + left_days * 86_400 + 60
    with SandboxNtpServer(offset_s=exchange.clock_offset_s) as right:
        monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NTP_SERVER", right.address)
        report = document(doctor("check", "-o", "json").stdout)
    (account,) = report["accounts"]
    assert account["balances"] is not None
    assert ("key-expires-soon" in [d["cause"] for d in report["diagnoses"]]) is named
