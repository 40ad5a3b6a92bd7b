"""What people know from other command lines: where options may stand, what contradicts what, where the list is."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from kraken_doctor.checks.base import Instruments
from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.cli.command import options
from kraken_doctor.cli.main import COMMANDS, cli
from kraken_doctor.doctor import instruments
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.model.defaults import RETRY_BASE_S
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.schema import document


def test_the_roots_options_are_taken_behind_a_command_too(
    doctor: Run, key: Key, server: SandboxServer, tmp_path: Path
) -> None:
    """-q, -v, --color, --env-file, --no-env-file; those of both places add up."""
    assert doctor("check", "--sandbox", "-q").stdout == ""
    assert "\x1b[" in doctor("check", "--sandbox", "--color", "always").stdout
    assert "\x1b[" not in doctor("--color", "always", "check", "--sandbox", "--color", "never").stdout
    named = tmp_path / "named.env"
    named.write_text(f"KRAKEN_API_KEY={key.api_key}\nKRAKEN_API_SECRET={key.secret}\nKRAKEN_SPOT_URL={server.url}\n")
    Path(".env").write_text("KRAKEN_USER_X_API_KEY=x\n")
    for arguments in (["accounts", "--env-file", str(named)], ["--env-file", str(named), "accounts"]):
        found = document(doctor(*arguments, "-o", "json").stdout)
        assert [account["account"] for account in found["accounts"]] == ["MASTER"], arguments
    assert doctor("accounts", "--no-env-file").status == 3


def test_a_started_command_keeps_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run python bot.py -v` is the bot's -v, with and without --."""
    for name in ("run", "sandbox"):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        root = click.Context(cli, **cli.context_settings)
        for words in (["python", "bot.py", "-v", "--report", "x"], ["--", "python", "bot.py", "-v", "--report", "x"]):
            context = command.make_context(name, list(words), parent=root, resilient_parsing=True)
            assert context.params["arguments"] == ("python", "bot.py", "-v", "--report", "x")


def test_version_and_help_in_every_usual_way(doctor: Run) -> None:
    assert doctor("-V").stdout == doctor("--version").stdout
    assert doctor("help").stdout == doctor("--help").stdout
    assert doctor("help", "nonsense").status == 2
    assert "Did you mean" in doctor("help", "chek").stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(doctor: Run, name: str) -> None:
    """`help X` is `X --help`; each option stands in one group."""
    shown = doctor(name, "--help").stdout
    assert doctor("help", name).stdout == shown
    assert "Global options:" in shown
    assert shown.count("--no-env-file") == 1


def test_options_toml_names_options_that_there_are() -> None:
    """A misspelt name would do nothing."""
    context = click.Context(cli, **cli.context_settings)
    commands = [command for name in COMMANDS if (command := cli.get_command(context, name))]
    there = {param.name for command in commands for param in command.get_params(context)}
    relations = options()
    named = [*relations["groups"].values(), *relations["requires"].items()]
    for excludes in (relations["excludes"], *relations["excludes_in"].values()):
        named += [[name, *others] for name, others in excludes.items()]
    assert {name for names in named for name in names} <= there
    declared = {*relations["switches"], *relations["options"], *itertools.chain(*relations["only"].values())}
    assert declared <= there
    for command in commands:
        assert relations["only"].get(str(command.name), {}).keys() <= {param.name for param in command.params}


def test_options_toml_has_the_defaults_of_a_run() -> None:
    """What the library takes by itself and what a command takes are the same."""
    declared = options()["options"]
    said = {name: declared[name]["default"] for name in ("timeout", "deadline", "max_offset", "jobs", "retry_base")}
    run = RunRequest(command="check")
    assert said == {
        "timeout": run.timeout_s, "deadline": run.deadline_s, "max_offset": run.max_offset_s, "jobs": run.jobs,
        "retry_base": RETRY_BASE_S,
    }  # fmt: skip


def test_several_checks_in_one_option(doctor: Run) -> None:
    """With commas, several times, or both; an unknown one is named."""
    for arguments in (
        ["--only", "store,krakenex"],
        ["--only", "store", "--only", "krakenex"],
        ["--only", " store ,krakenex,"],
    ):
        found = document(doctor("check", "--sandbox", *arguments, "-o", "json").stdout)
        assert [check["id"] for check in found["checks"]] == ["krakenex", "store"], arguments
    skipped = document(doctor("check", "--sandbox", "--skip", "clock,nonce", "-o", "json").stdout)
    assert not {"clock", "nonce"} & {check["id"] for check in skipped["checks"]}
    assert "'stor'" in doctor("check", "--sandbox", "--only", "clock,stor").stderr


def test_the_list_of_checks(doctor: Run) -> None:
    shown = doctor("check", "--list")
    assert shown.status == 0
    assert re.findall(r"^([a-z]+) ", shown.stdout, re.M) == [check.id for check in CATALOGUE]


@pytest.mark.parametrize(
    "line",
    [
        "check --sandbox --api-url https://api.kraken.com", "check --all --user x", "check --all --master",
        "check --ntp-server a --no-ntp", "check --no-env-file --env-file .env", "--no-env-file --env-file .env check",
        "--env-file .env check --no-env-file", "check --dry-run --json-file x.json",
        "check --dry-run --junit-file x.xml",
        "report --dry-run --file x.md", "report --from r.json --user x", "report --from r.json --sandbox",
        "report --from r.json --offline", "report --from r.json --timeout 3", "report --from r.json --only clock",
        "clock --sandbox --api-url https://api.kraken.com", "nonce --target a:b --nonce-unit us",
        "sandbox --list-faults -- true", "sandbox --list-faults --fault nonce-shared-key",
        "sandbox --allow-network --allow-loopback 1 -- true", "check --list --only clock",
        "balances --sandbox --key-file k", "check --sandbox --from-env ccxt", "check --sandbox -o short --json-file -",
        "init --user x --master --secret-stdin",
    ],
)  # fmt: skip
def test_contradictory_options_are_usage_errors(doctor: Run, line: str) -> None:
    """Both are named, and nothing is done."""
    ended = doctor(*line.split())
    assert (ended.status, ended.stdout) == (2, "")
    assert "exclude each other" in ended.stderr


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("check --fault nonce-shared-key", "--sandbox"), ("check --retry-base 2", "--retry"),
        ("sandbox --pass-env X", "a command"), ("sandbox --allow-network", "a command"),
        ("check --only clock --needs trade", "the check permissions"),
        ("check --skip permissions --needs trade --dry-run", "the check permissions"),
        ("sandbox --allow-loopback 1", "a command"), ("nonce --timeout 3", "--target"), ("clock --every 3", "--watch"),
    ],
)  # fmt: skip
def test_an_option_without_what_it_needs(doctor: Run, line: str, needed: str) -> None:
    ended = doctor(*line.split())
    assert (ended.status, f"requires {needed}" in ended.stderr) == (2, True)


def test_a_need_of_a_variable_is_a_default(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops no plan that does not look at permissions; what is no permission stops each, a dry run too."""
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NEEDS", "trade")
    assert doctor("check", "--sandbox", "--only", "path").status == 0
    ended = doctor("check", "--sandbox", "--needs", "moon", "--dry-run")
    assert (ended.status, ended.stdout) == (2, "")
    assert "unknown permission 'moon'" in ended.stderr


def test_what_is_typed_wins_over_a_variable(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contradiction is what is typed; a variable is a default."""
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_API_URL", "https://api.kraken.com")
    monkeypatch.setenv("KRAKEN_DOCTOR_CHECK_NTP_SERVER", "nowhere.invalid")
    assert doctor("check", "--sandbox", "--no-ntp").status == 0


def test_a_dry_run_in_json_is_json(doctor: Run) -> None:
    planned = document(doctor("check", "--sandbox", "--dry-run", "-o", "json").stdout)["plan"]
    assert "MASTER: POST /0/private/Balance" in planned
    assert planned == doctor("check", "--sandbox", "--dry-run").stdout.splitlines()


def test_a_file_named_dash_is_stdout(doctor: Run, tmp_path: Path) -> None:
    """One document and nothing else; no file of that name."""
    ended = doctor("check", "--sandbox", "--json-file", "-")
    assert document(ended.stdout)["outcome"] == "pass"
    assert doctor("check", "--sandbox", "--junit-file", "-").stdout.startswith("<?xml")
    assert doctor("report", "--offline", "--sandbox", "--file", "-").stdout.startswith("### kraken-doctor")
    assert not Path("-").exists()


def test_two_outputs_in_one_file_are_refused(doctor: Run, tmp_path: Path) -> None:
    same = str(tmp_path / "r")
    ended = doctor("check", "--sandbox", "--json-file", same, "--junit-file", same)
    assert (ended.status, "another output" in ended.stderr) == (2, True)


@pytest.mark.parametrize(("arguments", "seconds"), [((), 2.0), (("--timeout", "5"), 5.0), (("--timeout", "10"), 10.0)])
def test_a_timeout_that_was_given_is_obeyed_with_faults(
    doctor: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], seconds: float
) -> None:
    """Without one, a fault is to be seen and not waited for."""
    obeyed: list[float] = []
    make = instruments.make_instruments

    def made(request: RunRequest, *rest: Any, **named: Any) -> Instruments:
        obeyed.append(request.timeout_s)
        return make(request, *rest, **named)

    monkeypatch.setattr(instruments, "make_instruments", made)
    doctor("check", "--sandbox", "--fault", "exchange-busy", "--user", "daivon_frazier", *arguments)
    assert obeyed == [seconds]


def test_version_begins_with_the_doctors_own(doctor: Run) -> None:
    """Then Python and platform: what a bug report needs first."""
    from kraken_doctor import __version__

    first = doctor("version").stdout.splitlines()[0]
    assert first.startswith(f"kraken-doctor {__version__} · Python {sys.version.split()[0]} · ")


def test_verbose_adds_something_on_a_healthy_account(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, times, and for each value where it comes from; the unit and who said so."""
    monkeypatch.setenv("COLUMNS", "120")
    plain = doctor("check", "--sandbox", "--user", "grid_bot").stdout
    shown = doctor("check", "--sandbox", "--user", "grid_bot", "-v").stdout
    assert "tcp.address" not in plain
    for line in (
        r"path\.tcp\.address +127\.0\.0\.1", r"path\.tcp\.seconds +\d+ ms",
        r"credentials\.source +KRAKEN_USER_GRID_BOT_API_KEY",
        r"nonce\.unit +us +KRAKEN_USER_GRID_BOT_NONCE_UNIT", r"call\.2\.latency +\d+ ms",
    ):  # fmt: skip
        assert re.search(line, shown), line


@pytest.mark.posix("a shell's redirections")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "2>&-"])
@pytest.mark.parametrize(
    "line", ["--help", "help check", "-V", "explain -", "init --master --secret-stdin", "check --list"]
)
def test_no_traceback_where_a_stream_is_closed(line: str, closed: str) -> None:
    ended = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} -m kraken_doctor {line} {closed}"],
        capture_output=True, text=True, check=False, env={**os.environ, "CI": "1"}, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    assert ended.returncode in (0, 2, 3)
