"""The generator of the user's own bot, examined in a child process; and what is to be said of it."""

import functools
import json
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any, cast

from kraken_doctor import child
from kraken_doctor.diagnosis.naming import finding
from kraken_doctor.diagnosis.remedies import remedy
from kraken_doctor.doctor.self_test import Findings, as_result
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult, Confidence, Diagnosis, Evidence, Outcome, Severity
from kraken_doctor.model.payloads import TargetPart
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.selftest import SelfTest
from kraken_doctor.sandbox.keys import demo_environ

_CHILD = (
    "import contextlib; from kraken_doctor.sandbox import isolation\n"
    "with contextlib.suppress(OSError): isolation.enter()\n"
    "from kraken_doctor.inject.target import main; main()"
)


def examine_target(target: str, timeout_s: float, environ: Mapping[str, str]) -> Findings:
    """
    Import *target* in a child, and test it.

    Where the system has network namespaces nothing leaves it; elsewhere Python's `socket` refuses to connect, and other
    ways out are open to whatever the module runs.

    Args:
        target: ``package.module:attribute``.
        timeout_s: For all of it; then the child ends, with the processes that it has started.
        environ: The variables that the bot has. The child gets demo keys in their place: it needs none of the real
            ones, and the marks of the real ones are left alone.

    Raises:
        ConfigurationError: It can't be imported, or is nothing that gives nonces.
    """
    answer = _ask_child(target, timeout_s, demo_environ(environ))
    if answer is None:
        summary = f"no answer within {timeout_s:g} s: the module probably does its work on import"
        return (CheckResult(id="target", account=None, outcome=Outcome.INCONCLUSIVE, summary=summary),), (), {}
    if "unusable" in answer:
        raise ConfigurationError(f"target {target[:80]!r}: {answer['unusable']}")
    seen = cast("TargetPart", {"target": target, **answer})
    diagnoses = tuple(_diagnose(target, seen))
    return _checks(seen), diagnoses, {"generator": seen}


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
        seen = json.loads(said)
    except ValueError:
        return {"unusable": f"the process that imported it exited with status {status}"}
    return seen if isinstance(seen, dict) else None


def _checks(seen: TargetPart) -> tuple[CheckResult, ...]:
    unit = NonceUnit(seen["unit"]).words if seen["unit"] else f"{len(str(seen['first']))} digits, not a time unit"
    replaced = seen["replaced"]
    hook = {None: f"{seen['kind']}, nonces from {seen['by']}", True: f"replaced by {seen['by']}"}
    origin = hook.get(replaced, "krakenex's own")
    named = functools.partial(CheckResult, account=None)
    outcome = Outcome.WARN if replaced is False else Outcome.PASS
    evidence: tuple[Evidence, ...] = (facts.NONCE_FIRST.of(seen["first"]), facts.NONCE_UNIT.of(seen["unit"]))
    results = [named(id="nonce.hook", outcome=outcome, summary=f"{origin}; {unit}", evidence=evidence)]
    results += [as_result(SelfTest(test, *ended)) for test, ended in seen["tests"].items()]
    order = {
        True: (Outcome.PASS, "one request in flight at a time"),
        False: (Outcome.WARN, "requests of the key were in flight together"),
        None: (Outcome.SKIP, "can't be observed: it is not a client with a session"),
    }
    outcome, summary = order[seen["in_order"]]
    evidence = (facts.NONCE_IN_ORDER.of(seen["in_order"]),)
    return (*results, named(id="nonce.order", outcome=outcome, summary=summary, evidence=evidence))


def _diagnose(target: str, seen: TargetPart) -> list[Diagnosis]:
    source = f"{target} takes its nonces from {seen['by']}{', which is its own' if seen['replaced'] is False else ''}"
    if broken := tuple(f"{test}: {saw}" for test, (passed, saw) in seen["tests"].items() if not passed):
        return [finding("nonce-generator-broken", source, *broken)]
    if seen["replaced"] is False:
        return [finding("nonce-generator-default", source)]
    if seen["in_order"] is False:
        return [
            finding(
                "nonce-reordered",
                "five threads made calls at once, and several requests were in flight together",
                summary="The generator is right, but requests of the key overtake each other.",
                severity=Severity.WARN,
                confidence=Confidence.LIKELY,
                remedy=remedy("install the generator"),
            )
        ]
    return []
