"""
A server that answers as a case of tests/answers.py says, and the judgement of what the command line makes of it.

One case is one whole run of `check`: it asks for four answers, and more where it tries again.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import time
import unittest.mock
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

from kraken_doctor.cli.main import run
from tests import canaries
from tests.answers import Answer, Case, right
from tests.network.wild import WildServer
from tests.runner import commands

TIMEOUT_S, DEADLINE_S = 0.5, 4.0
_GRACE_S = 1.0
"""Above the deadline; what the machine's other work may cost."""

_FORBIDDEN = ("\x1b", "\x07", "\0", "\u202e", "\u200b")


class BreachError(AssertionError):
    """A case that ended as none may."""


class Ended(NamedTuple):
    """What became of one."""

    status: int
    seconds: float
    answers: int


class Script:
    """The answers of one case, in the order in which each endpoint is asked."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def given(self) -> int:
        """How many answers were given."""
        return self._asked.total()

    def give(self, path: str) -> Answer:
        """Return the next answer for *path*: by endpoint, since two requests may come in either order."""
        endpoint = path.partition("?")[0].rpartition("/")[2]
        with self._lock:
            count = self._asked[endpoint]
            self._asked[endpoint] += 1
        answers = self._case.answers.get(endpoint) or [right("Time")]
        return answers[min(count, len(answers) - 1)]


class Fuzz:
    """Runs cases against one server on loopback, and notices whoever follows a redirect to the other one."""

    def __init__(self, environ: Callable[[str, str], None]) -> None:
        self._set = environ
        self._script = Script(Case("table", {}))
        self.elsewhere = ""
        self.followed: list[bytes] = []

    @contextlib.contextmanager
    def serving(self) -> Iterator[Fuzz]:
        """Until it is left."""
        with WildServer(self._elsewhere) as other, WildServer(self._behave) as server:
            self.elsewhere = other.url
            for name, value in canaries.environ(server.url).items():
                self._set(name, value)
            self._set("KRAKEN_NONCE_STORE", "memory://")
            # The deadline counts from the start of the process, which here is that of all cases.
            with unittest.mock.patch("kraken_doctor.cli.app.cpu_seconds", return_value=0.0):
                yield self

    def run(self, case: Case) -> Ended:
        """
        One run of `check`.

        Raises:
            BreachError: A traceback, a crash of a check, a hang, a leak, or a status outside the contract.
        """
        script = self._script = Script(case)
        stdout, stderr = io.StringIO(), io.StringIO()
        limits = ["--timeout", str(TIMEOUT_S), "--deadline", str(DEADLINE_S)]
        arguments = ["-vv", "check", "-o", case.output, *limits, "--no-ntp"]
        began = time.monotonic()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = run(arguments)
        seconds = time.monotonic() - began
        problem = _problem(case.output, status, stdout.getvalue(), stderr.getvalue())
        if seconds > DEADLINE_S + _GRACE_S:
            problem = f"took {seconds:.1f} s"
        if self.followed:
            problem = f"a redirect was followed: {self.followed[0][:200]!r}"
            self.followed.clear()
        if problem:
            raise BreachError(f"{problem}\n{stdout.getvalue()[:3000]}\n{stderr.getvalue()[:3000]}")
        return Ended(status, seconds, script.given)

    def _behave(self, connection: socket.socket, ended: threading.Event) -> None:
        connection.settimeout(5)
        heard = b""
        while b"\r\n\r\n" not in heard:
            part = connection.recv(1 << 16)
            if not part:
                return
            heard += part
        answer = self._script.give(heard.split(b" ", 2)[1].decode())
        connection.sendall(answer.sent())
        if answer.silent:
            ended.wait(2 * TIMEOUT_S)

    def _elsewhere(self, connection: socket.socket, _ended: threading.Event) -> None:
        # The server's own end connects too, and says nothing.
        if heard := connection.recv(1 << 16):
            self.followed.append(heard)


def _problem(form: str, status: int, stdout: str, stderr: str) -> str:
    both = stdout + stderr
    if status not in (0, 1, 3):
        return f"status {status}"
    for sign in ("Traceback", "itself broke", "itself failed", "withheld"):
        if sign in both:
            return f"{sign!r} in the output"
    if forbidden := [character for character in _FORBIDDEN if character in both]:
        return f"{forbidden} in the output"
    if names := canaries.found(both) - {"otp", "iiban"}:  # the first two characters of "otp" are in many words
        return f"shows {names}"
    if len(both) > 300_000:
        return f"{len(both)} characters"
    if form != "github" and commands(both):
        return f"speaks to the runner: {commands(both)}"
    return _unreadable(form, status, stdout)


def _unreadable(form: str, status: int, stdout: str) -> str:
    try:
        if form == "json" and json.loads(stdout)["exit_status"] != status:
            return "the document says another status"
        if form == "junit":
            ET.fromstring(stdout)
    except (ValueError, KeyError, ET.ParseError) as exc:
        return f"no {form}: {exc}"
    return ""
