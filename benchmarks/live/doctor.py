"""The doctor's side of a run: its command line, started as a user would, and the verdict that it gave."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

USER = "live"
PREFIX = f"KRAKEN_USER_{USER.upper()}"
WATCH_ROUNDS = 5
COMMANDS = ("check", "watch", "balances", "report", "init")

LIMIT_S = 120.0
"""A command that takes longer hangs: its own deadline is 60 s, or 60 s a round."""

# An editable installation must not stand in for the revision that was asked for.
_START = """
import sys
import kraken_doctor
tree, *sys.argv[1:] = sys.argv[1:]
assert kraken_doctor.__file__.startswith(tree), f"{kraken_doctor.__file__} is not in {tree}"
from kraken_doctor.__main__ import main
main()
"""

_ANOTHERS = ("KRAKEN", "PROXY", "XDG_", "PYTHON", "CA_BUNDLE", "SSL_CERT")


class Given(NamedTuple):
    """What the doctor is given."""

    tree: Path
    """Where its package is: this checkout, or another revision's."""
    folder: Path
    """Its files, thrown away afterwards."""
    clock: str
    """A time server's address."""
    url: str
    key: str
    secret: str
    unit: str | None
    """The declared one."""
    authority: Path | None
    """Of the exchange's certificate."""


class Verdict(NamedTuple):
    """What the doctor made of it."""

    status: int
    name: str
    """``pass``, ``warn``, or the cause named first, with its confidence: ``nonce-spent-higher (possible)``."""
    objection: str
    """Why nobody may be told that of a live bot; "" where it is true, and its first step harms nobody."""
    text: str
    """What it wrote, where *name* does not say it all."""


def run(command: str, given: Given) -> Verdict:
    """*command* in a process of its own, from its start to its end."""
    variables = {f"{PREFIX}_API_KEY": given.key, f"{PREFIX}_API_SECRET": given.secret, **_settings(given)}
    globals_ = ["--no-env-file"]
    stdin = None
    if command == "init":
        # Everything in one place, as a user has it: the variables stand in the file that init completes.
        env_file = given.folder / ".env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in _settings(given).items()), encoding="utf-8")
        stdin, variables, globals_ = f"{given.key}\n{given.secret}\n", {}, ["--env-file", str(env_file)]
    folders = {f"XDG_{kind}_HOME": str(given.folder) for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
    variables |= {**folders, "PYTHONPATH": str(given.tree), "PYTHONUTF8": "1"}
    process = subprocess.run(
        [sys.executable, "-P", "-c", _START, str(given.tree), *globals_, *_arguments(command, given)],
        env={**environment(given.authority), **variables}, cwd=given.folder, input=stdin, capture_output=True,
        text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    report = given.folder / "report.json"
    text = report.read_text(encoding="utf-8") if command == "report" and report.exists() else process.stdout
    said = process.stderr + process.stdout
    return _of_text(process.returncode, said) if command == "init" else _of_json(process.returncode, text, said)


def _settings(given: Given) -> dict[str, str]:
    found = {"KRAKEN_SPOT_URL": given.url, "KRAKEN_NONCE_STORE": f"sqlite:///{given.folder}/nonce.db"}
    return found | ({f"{PREFIX}_NONCE_UNIT": given.unit} if given.unit else {})


def environment(authority: Path | None) -> dict[str, str]:
    """This process's variables, but for those that change what is done, and how; trusting *authority*."""
    inherited = {
        name: value for name, value in os.environ.items() if not any(word in name.upper() for word in _ANOTHERS)
    }
    return inherited | ({"REQUESTS_CA_BUNDLE": str(authority)} if authority else {})


def _arguments(command: str, given: Given) -> list[str]:
    common = ["--user", USER, "--api-url", given.url, "--ntp-server", given.clock]
    return {
        "check": ["check", *common, "--output", "json"],
        "watch": ["watch", *common, "--output", "json", "--every", "2", "--count", str(WATCH_ROUNDS)],
        "balances": ["balances", *common, "--output", "json"],
        "report": ["report", *common, "--file", "report.json"],
        "init": ["init", "--user", USER, "--secret-stdin", "--check"],
    }[command]


def _of_json(status: int, text: str, said: str) -> Verdict:
    try:
        report = json.loads(text)
    except ValueError:
        return Verdict(status, f"status {status}, no report", "gave no report", said[-2000:])
    found = sorted(report["diagnoses"], key=lambda diagnosis: not diagnosis["primary"])
    failing = [diagnosis for diagnosis in found if diagnosis["severity"] == "fail"]
    shared = [diagnosis for diagnosis in found if diagnosis["cause"] == "nonce-shared-key"]
    if not (failing or shared):
        outcome = str(report["outcome"])
        return Verdict(status, outcome, "" if outcome in ("pass", "warn") else "no verdict", _short(report))
    first: Mapping[str, Any] = (failing or shared)[0]
    return judged(status, first["cause"], first["confidence"], first["remedy"]["text"], _short(report))


def _of_text(status: int, said: str) -> Verdict:
    """Of `init`, whose test has no JSON: the words of its page."""
    if not (named := re.search(r"^ *([a-z]+(?:-[a-z]+)+) \((certain|likely|possible)\)$", said, re.M)):
        healthy = status == 0 and "Connected" in said
        name = f"status {status}" if not healthy else "warn" if "! warning:" in said else "pass"
        return Verdict(status, name, "" if healthy else "no verdict", said[-2000:])
    remedy = re.search(r"^ *(?:Do|Fix) +(.*)", said, re.M)
    return judged(status, named[1], named[2], remedy[1] if remedy else "", said[-2000:])


def judged(status: int, cause: str, confidence: str, remedy: str, text: str) -> Verdict:
    """The verdict *cause*, and what speaks against saying it while a bot lives."""
    objection = ""
    if cause == "nonce-spent-higher":
        first_step = re.split(r"[.;]\s", remedy)[0]
        objection = "surer than it can be" if confidence != "possible" else ""
        objection = objection or (
            "" if re.search(r"\bstop\b", first_step, re.I) else "does not say to stop the bot first"
        )
    elif cause != "nonce-shared-key":
        objection = "is not what is wrong"
    return Verdict(status, f"{cause} ({confidence})", objection, text)


def _short(report: Mapping[str, Any]) -> str:
    return json.dumps({"outcome": report["outcome"], "diagnoses": report["diagnoses"]}, ensure_ascii=False)[:4000]
