"""`report`: one file that can be posted, judged again, and compared."""

from __future__ import annotations

import json
import os
import platform
import re
from pathlib import Path

import pytest

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Response
from tests.conftest import Run
from tests.schema import OUTPUTS, document


@pytest.fixture
def real(server: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SandboxServer:
    """A user with a name, a home and a proxy."""
    home = tmp_path / "home" / "daivon"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KRAKEN_SPOT_URL", server.url)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_DAIVON_API_SECRET", key.secret)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    return server


CANARIES = ("daivon", "100.0000", "150.00", "proxy.corp")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["markdown", "html", "json", "short", "junit", "github", "table"])
def test_nothing_of_the_user_s_own_is_in_it(doctor: Run, real: SandboxServer, key: Key, form: str) -> None:
    """Neither name nor amount, neither key nor its last letters, in any form; healthy or not."""
    for mark, status in ((0, 0), (2 * 10**18, 1)):
        key.mark = mark
        ended = doctor("report", "-o", form)
        assert ended.status == status, ended.stderr
        text = ended.stdout.lower()
        assert [canary for canary in (*CANARIES, key.api_key.lower(), key.api_key[-4:].lower()) if canary in text] == []
        assert "user:1" in text


def test_what_it_has(doctor: Run, real: SandboxServer, key: Key) -> None:
    """Versions, checks, findings, and this run's calls with their latencies."""
    report = document(doctor("report", "-o", "json").stdout)
    assert report["command"] == "report"
    assert report["versions"]["krakenex"] == "2.2.2"
    assert [(call["endpoint"], call["outcome"]) for call in report["calls"]] == [
        ("GetApiKeyInfo", "ok"),
        ("Balance", "ok"),
    ]
    (account,) = report["accounts"]
    assert {call["key_id"] for call in report["calls"]} == {account["key_id"]}
    assert (account["account"], account["outcome"], account["balances"], account["key"]) == ("USER:1", "pass", None, "")
    page = doctor("report").stdout
    assert "#### Private calls of the last hour" in page
    assert f"| `{account['key_id']}` | `Balance` | 2 | 0 | 0 |" in page  # that of the run before as well
    assert re.search(r"\| private \| 2 \| .* ms \(\d+ ms\) \|$", page, re.MULTILINE)


def test_equal_keys_have_equal_ids(doctor: Run, real: SandboxServer, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the finding about them is there, without either name."""
    monkeypatch.setenv("KRAKEN_USER_OTHER_API_KEY", key.api_key)
    monkeypatch.setenv("KRAKEN_USER_OTHER_API_SECRET", key.secret)
    report = document(doctor("report", "-o", "json").stdout)
    assert len({account["key_id"] for account in report["accounts"]}) == 1
    assert [found["cause"] for found in report["diagnoses"] if found["severity"] == "fail"] == ["key-duplicated"]


def test_offline_makes_no_network_call(doctor: Run, real: SandboxServer) -> None:
    """What this host can tell, and a verdict on that."""
    ended = doctor("report", "--offline", "-o", "json")
    assert ended.status == 0
    assert [check["id"] for check in document(ended.stdout)["checks"]] == ["krakenex", "store", "credentials"]
    assert real.exchange.requests == []
    assert doctor("report", "--offline", "--dry-run").stdout == ""


def test_who_is_who_is_kept_on_this_host(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """For its owner alone, and the user is told where; nothing of a demo is, and no report knows of it."""
    path = tmp_path / "state" / "kraken-doctor" / "report-names.json"
    assert "Which account" not in doctor("report", "--sandbox").stderr
    assert not path.exists()
    ended = doctor("report", "-o", "json")
    assert str(path) in ended.stderr
    assert str(path) not in ended.stdout
    assert json.loads(path.read_text()) == {"USER:1": "USER:daivon"}
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "saved.json").write_text(ended.stdout)
    assert "Which account" not in doctor("report", "--from", str(tmp_path / "saved.json")).stderr, "no names in there"
    path.unlink()
    path.mkdir()
    ended = doctor("report")
    assert (ended.status, ended.stderr.startswith("Names of the accounts not kept: ")) == (0, True)


def test_the_host_has_no_name_in_it(doctor: Run, real: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is a word that a report may use."""
    monkeypatch.setattr(platform, "node", lambda: "status")
    assert document(doctor("check", "-o", "json").stdout)["host"] == "status"
    assert document(doctor("report", "-o", "json").stdout)["host"] == "<this host>"


def test_the_form_follows_the_file_s_name(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """Unless -o says otherwise; stdout stays empty, and the file is the user's alone."""
    for name, begins in (
        ("r.html", "<!DOCTYPE html>"),
        ("r.md", "### kraken-doctor"),
        ("r.json", "{"),
        ("r.txt", "###"),
    ):
        ended = doctor("report", "--file", str(tmp_path / name))
        assert (ended.status, ended.stdout) == (0, "")
        assert ended.stderr.endswith(f"\nWritten: {tmp_path / name}\n")
        assert (tmp_path / name).read_text().startswith(begins)
    assert doctor("report", "--file", str(tmp_path / "r.md"), "-o", "json").status == 0
    document((tmp_path / "r.md").read_text())
    assert doctor("report", "--file", str(tmp_path / "no" / "r.md")).status == 2
    refused = doctor("report", "--file", str(tmp_path / "r.pdf"))
    assert (refused.status, ".md, .html" in refused.stderr, (tmp_path / "r.pdf").exists()) == (2, True, False)


@pytest.mark.slow
@pytest.mark.parametrize(("mark", "status"), [(0, 0), (2 * 10**18, 1)])
def test_a_saved_report_is_judged_again(
    doctor: Run, real: SandboxServer, key: Key, tmp_path: Path, mark: int, status: int
) -> None:
    """The same findings and status, without asking anybody; a check's JSON will do, and is made public on the way."""
    key.mark = mark
    doctor("report", "--file", str(tmp_path / "report.json"))
    doctor("check", "-o", "table", "--json-file", str(tmp_path / "check.json"))
    asked = len(real.exchange.requests)
    for name in ("report.json", "check.json"):
        saved = document((tmp_path / name).read_text())
        ended = doctor("report", "--from", str(tmp_path / name), "-o", "json")
        again = document(ended.stdout)
        assert ended.status == status
        findings = [(found["cause"], found["severity"], found["primary"]) for found in again["diagnoses"]]
        assert findings == [(found["cause"], found["severity"], found["primary"]) for found in saved["diagnoses"]]
        assert (again["outcome"], again["started_at"]) == (saved["outcome"], saved["started_at"])
        assert again.get("calls") == saved.get("calls", [])
        assert "daivon" not in ended.stdout
    assert len(real.exchange.requests) == asked


def test_judging_twice_changes_nothing(doctor: Run, real: SandboxServer, key: Key, tmp_path: Path) -> None:
    """The published form is a fixed point."""
    key.mark = 2 * 10**18
    first = doctor("report", "-o", "json").stdout
    (tmp_path / "r.json").write_text(first)
    assert doctor("report", "--from", str(tmp_path / "r.json"), "-o", "json").stdout == first


def test_a_baseline_says_what_is_new_gone_and_still_there(
    doctor: Run, real: SandboxServer, key: Key, tmp_path: Path
) -> None:
    """In Markdown, JSON and HTML."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    key.permissions = (*key.permissions, "withdraw-funds")
    doctor("report", "--file", str(before))
    key.mark = 2 * 10**18
    ended = doctor("report", "--baseline", str(before), "--file", str(after))
    assert ended.status == 1
    found = document(after.read_text())["comparison"]
    assert found["baseline_started_at"] == document(before.read_text())["started_at"]
    assert {item["cause"] for item in found["new"]} == {"nonce-spent-higher"}
    assert {item["cause"] for item in found["gone"]} == {"key-can-withdraw", "key-unrestricted"}
    assert found["new"][0]["account"] == "USER:1"
    page = doctor("report", "--from", str(after), "--baseline", str(before)).stdout
    assert "| New | `nonce-spent-higher` | `USER:1` |" in page
    assert "| Still there | nothing |  |" in page
    assert "What has changed" in doctor("report", "--from", str(after), "--baseline", str(before), "-o", "html").stdout
    kept = doctor("report", "--from", str(after), "--baseline", str(after), "-o", "json").stdout
    assert document(kept)["comparison"]["new"] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "not a JSON report"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[1]", "the document is no object"),
        (b'{"schema_version": 9}', "schema_version is 9; this version reads 1"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("option", ["--from", "--baseline"])
def test_a_file_that_is_no_report_is_one_line_and_status_2(
    doctor: Run, tmp_path: Path, content: bytes | None, said: str, option: str
) -> None:
    """Naming the file and what is wrong with it."""
    path = tmp_path / "r.json"
    if content is not None:
        path.write_bytes(content)
    ended = doctor("report", option, str(path))
    assert (ended.status, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "r.json" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_evidence_that_no_check_gives(doctor: Run, real: SandboxServer, tmp_path: Path) -> None:
    """A file may hold anything; the rules trust what checks wrote."""
    report = document(doctor("check", "-o", "json").stdout)
    for check in report["checks"]:
        for item in check["evidence"]:
            if item["name"].endswith(".unit"):
                item["value"] = "minutes"
    (tmp_path / "r.json").write_text(json.dumps(report))
    ended = doctor("report", "--from", str(tmp_path / "r.json"))
    assert ended.status == 2
    assert "its evidence can't be evaluated (ValueError)" in ended.stderr


@pytest.mark.slow
def test_the_status_is_the_same_in_every_form(doctor: Run, real: SandboxServer, key: Key) -> None:
    """As for `check`."""
    key.mark = 2 * 10**18
    assert {doctor("report", "-o", form).status for form in (*OUTPUTS, "html")} == {1}
    assert {doctor("report", "-o", form, "--fail-on", "never").status for form in (*OUTPUTS, "html")} == {0}


def test_a_server_s_page_with_the_user_s_address(doctor: Run, real: SandboxServer) -> None:
    """Edges like to tell visitors who they are."""
    page = b"<html>Your IP: 198.51.100.7, ray 1, daivon@example.com</html>"
    real.exchange.interceptors.append(
        lambda request: Response(page, 403, {"Content-Type": "text/html"}) if "private" in request.path else None
    )
    for form in ("html", "markdown", "json"):
        text = doctor("report", "-o", form).stdout
        assert "198.51.100.7" not in text
        assert "daivon@example" not in text


def test_every_command_with_accounts_takes_the_same_options(doctor: Run) -> None:
    """The contract's list, from the one place that has it."""
    wanted = {
        "--user", "--master", "--all", "--api-url", "--sandbox", "-o", "--output", "--json-file", "--junit-file",
        "--timeout", "--deadline", "--retry", "--no-retry", "--retry-base", "--nonce-unit", "--ntp-server", "--no-ntp",
        "--only", "--skip", "--fail-on", "--dry-run", "--jobs",
    }  # fmt: skip
    for command in ("check", "balances", "report", "watch"):
        listed = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", doctor(command, "--help").stdout))
        assert wanted <= listed, (command, wanted - listed)
