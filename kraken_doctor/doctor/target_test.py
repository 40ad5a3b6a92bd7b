"""The generator of the user's own bot, examined in a child process; and what is to be said of it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from kraken_doctor import child
from kraken_doctor.diagnosis.naming import name
from kraken_doctor.doctor.self_test import Findings, as_result
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.diagnosis import Confidence, Diagnosis, Remedy, Severity
from kraken_doctor.model.evidence import CheckResult, Evidence, Outcome
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.selftest import SelfTest
from kraken_doctor.sandbox.keys import demo_environ

_CHILD = "from kraken_doctor.inject.target import main; main()"


def examine_target(target: str, timeout_s: float, environ: Mapping[str, str]) -> Findings:
    """
    Import *target* in a child, and test it.

    Python's `socket` refuses to connect there. It is no cage: other ways out are open to whatever the module runs.

    Args:
        target: ``package.module:attribute``.
        timeout_s: For all of it; then the child ends, with the processes that it has started.
        environ: The variables that the bot has. The child gets demo keys in their place: it needs none of the real
            ones, and the marks of the real ones are left alone.

    Raises:
        ConfigurationError: It can't be imported, or is nothing that gives nonces.
    """
    facts = _ask_child(target, timeout_s, demo_environ(environ))
    if facts is None:
        summary = f"no answer within {timeout_s:g} s: the module does its work when it is imported"
        return (CheckResult(id="target", account=None, outcome=Outcome.INCONCLUSIVE, summary=summary),), (), {}
    if "unusable" in facts:
        raise ConfigurationError(f"target {target[:80]!r}: {facts['unusable']}")
    diagnoses = tuple(_diagnose(target, facts))
    return _checks(facts), diagnoses, {"generator": {"target": target, **facts}}


def _ask_child(target: str, timeout_s: float, environ: Mapping[str, str]) -> dict[str, Any] | None:
    nowhere = subprocess.DEVNULL
    # The answer comes by a file: a pipe is at its end only when the last process of the user's that holds it is.
    with (
        tempfile.TemporaryFile() as answer,
        child.started(child.python(_CHILD, target), stdin=nowhere, stdout=answer, stderr=nowhere, env=environ) as asked,
    ):
        try:
            status = asked.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        answer.seek(0)
        said = answer.read()
    try:
        facts = json.loads(said)
    except ValueError:
        return {"unusable": f"the process that imported it ended with status {status}"}
    return facts if isinstance(facts, dict) else None


def _checks(facts: dict[str, Any]) -> tuple[CheckResult, ...]:
    unit = NonceUnit(facts["unit"]).words if facts["unit"] else f"{len(str(facts['first']))} digits, no unit of time"
    replaced = facts["replaced"]
    hook = {None: f"{facts['kind']}, nonces from {facts['by']}", True: f"replaced by {facts['by']}"}
    origin = hook.get(replaced, "krakenex's own")
    results = [
        CheckResult(
            id="nonce.hook",
            account=None,
            outcome=Outcome.WARN if replaced is False else Outcome.PASS,
            summary=f"{origin}; {unit}",
            evidence=(Evidence("nonce.first", facts["first"]), Evidence("nonce.unit", facts["unit"])),
        )
    ]
    results += [as_result(SelfTest(test, *seen)) for test, seen in facts["tests"].items()]
    order = {
        True: (Outcome.PASS, "one request in flight at a time"),
        False: (Outcome.WARN, "requests of the key were in flight together"),
        None: (Outcome.SKIP, "can't be seen from outside: it is no client with a session"),
    }
    outcome, summary = order[facts["in_order"]]
    evidence = (Evidence("nonce.in_order", facts["in_order"]),)
    results.append(CheckResult(id="nonce.order", account=None, outcome=outcome, summary=summary, evidence=evidence))
    # krakenex's own generator is expected to repeat: that is the warning, not a second finding.
    if replaced is False:
        results = [_softened(result) for result in results]
    return tuple(results)


def _softened(result: CheckResult) -> CheckResult:
    if result.outcome is not Outcome.FAIL:
        return result
    return CheckResult(
        id=result.id, account=None, outcome=Outcome.WARN, summary=result.summary, evidence=result.evidence
    )


def _diagnose(target: str, facts: dict[str, Any]) -> list[Diagnosis]:
    broken = tuple(f"{test}: {saw}" for test, (passed, saw) in facts["tests"].items() if not passed)
    if facts["replaced"] is False:
        because = (f"{target} takes its nonces from {facts['by']}", *broken)
        return [name("nonce-generator-default", None, "", because)]
    if broken:
        return [name("nonce-generator-broken", None, "", (f"{target} takes its nonces from {facts['by']}", *broken))]
    if facts["in_order"] is False:
        return [
            name(
                "nonce-reordered",
                None,
                "The generator is right, but requests of the key overtake each other.",
                ("five threads called at once, and several requests were in flight together",),
                severity=Severity.WARN,
                confidence=Confidence.LIKELY,
                remedy=Remedy("Put kraken_doctor.install(api) in its place: it keeps one request in flight at a time."),
            )
        ]
    return []
