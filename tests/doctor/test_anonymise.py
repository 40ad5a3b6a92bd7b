"""A report that can be posted: what is somebody's own is gone, and it judges the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kraken_doctor.doctor.anonymise import anonymise
from kraken_doctor.model import json_report
from kraken_doctor.model.findings import CheckResult, Evidence, Outcome
from tests.render.samples import account, diagnosis, report

PRIVATE = {"/home/daivon": "~", "bot-7.corp": "<this host>", "proxy.corp": "<proxy>"}


def shown(*results: CheckResult, **changed: Any) -> dict[str, Any]:
    full = replace(report(account(), diagnoses=(diagnosis(),)), checks=results, **changed)
    return anonymise(json_report.document(full), PRIVATE)


def result(label: str | None, summary: str = "", *evidence: Evidence, check: str = "credentials") -> CheckResult:
    return CheckResult(id=check, account=label, outcome=Outcome.PASS, summary=summary, evidence=evidence)


def test_users_are_numbered_in_their_order() -> None:
    """The same name gets the same number wherever it is mentioned; the master is nobody's name."""
    document = shown(
        result("MASTER"),
        result("USER:zoe", "the same key as USER:daivon_frazier", Evidence("x", ("USER:daivon_frazier", "USER:zoe"))),
        result("USER:daivon_frazier", "key from KRAKEN_USER_DAIVON_API_KEY (.env)"),
    )
    assert [check["account"] for check in document["checks"]] == ["MASTER", "USER:1", "USER:2"]
    assert document["checks"][1]["summary"] == "the same key as USER:2"
    assert document["checks"][1]["evidence"][0]["value"] == ["USER:2", "USER:1"]
    assert document["checks"][2]["summary"] == "key from KRAKEN_USER_<NAME>_API_KEY (.env)"
    text = json.dumps(document).lower()
    assert "daivon" not in text
    assert "zoe" not in text


def test_amounts_are_left_out() -> None:
    """In whatever form the check tells them; that there are none is kept, since a finding rests on it."""
    facts = [Evidence("balances.USD", "12480.55"), Evidence("balances.forms", ("ZUSD 12480.55",)),
             Evidence("balances.new_one", "12480.55"), Evidence("balances.empty", False)]  # fmt: skip
    document = shown(result("MASTER", "USD 12480.55, USDT 0", *facts, check="balances"))
    assert "12480" not in json.dumps(document)
    assert [item["name"] for item in document["checks"][0]["evidence"]] == ["balances.empty"]
    assert document["accounts"] == []


def test_keys_are_known_by_their_ids_alone() -> None:
    """No letter of a key; equal keys stay recognisable."""
    facts = [Evidence("credentials.key_tail", "…4tZA"), Evidence("credentials.key_id", "0123456789abcdef")]
    document = shown(result("A", "", *facts), result("B", "", *facts))
    assert "4tZA" not in json.dumps(document)
    assert json.dumps(document).count("0123456789abcdef") == 2


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("can't write /home/daivon/.local/state/nonce.db", "can't write ~/.local/state/nonce.db"),
        ("bot-7.corp says so", "<this host> says so"),
        ("a bot-7.corp-like name", "a bot-7.corp-like name"),
        ("proxy.corp:3128 refused", "<proxy>:3128 refused"),
        ("your address is 203.0.113.7.", "your address is <private IPv4 address>."),
        ("your address is 8.8.8.8", "your address is <public IPv4 address>"),
        ("10.1.2.3 and fe80::1%eth0", "<private IPv4 address> and <private IPv6 address>%eth0"),
        ("2001:4860:4860::8888 there", "<public IPv6 address> there"),
        ("127.0.0.1 and ::1 and localhost", "127.0.0.1 and ::1 and localhost"),
        ("krakenex 2.2.2 at 12:30:45, +12 ms", "krakenex 2.2.2 at 12:30:45, +12 ms"),
        ("mail a.b+c@example.co.uk now", "mail <e-mail address> now"),
        ("IIBAN AA88 N84G WOAK NMOI", "IIBAN <account number>"),
        ("EAPI:Invalid nonce", "EAPI:Invalid nonce"),
    ],
)
def test_words_of_this_host_and_its_network(said: str, left: str) -> None:
    """In summaries and in facts; what only looks like one stays."""
    document = shown(result("A", said, Evidence("x", said, source=said)))
    (check,) = document["checks"]
    assert (check["summary"], check["evidence"][0]["value"], check["evidence"][0]["source"]) == (left, left, left)


def test_the_environment() -> None:
    """A file's name without its path; that there is a proxy, not which."""
    environment = {
        "python": "3.11.7",
        "proxy": "http://proxy.corp:3128",
        "env_files": ["/srv/acme/.env", "C:\\bot\\x.env"],
    }
    document = shown(environment=environment, api_url="https://proxy.corp/kraken")
    assert document["environment"] == {"python": "3.11.7", "proxy": "set", "env_files": [".env", "x.env"]}
    assert document["target"]["api_url"] == "https://<proxy>/kraken"


def test_names_of_facts_are_ours() -> None:
    """A host that is called like a fact must not change what is judged by."""
    document = anonymise(
        json_report.document(replace(report(), checks=(result("A", "", Evidence("clock.offset", 1.0, "s")),))),
        {"clock.offset": "<this host>", "credentials": "<this host>"},
    )
    (check,) = document["checks"]
    assert (check["id"], check["evidence"][0]["name"]) == ("credentials", "clock.offset")


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a", ":", "KRAKEN_USER_", "a@", "1.", "AA11 ", "USER:"])
def test_a_megabyte_takes_no_minutes(unit: str) -> None:
    """The patterns look at each letter a bounded number of times; else the suite's time limit ends this."""
    full = json_report.document(report())
    full["checks"][0]["summary"] = unit * (1_000_000 // len(unit))
    assert anonymise(full, PRIVATE)["checks"][0]["summary"]
