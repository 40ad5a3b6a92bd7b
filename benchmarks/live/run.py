"""One run: an exchange, a line, a live bot, and one of the doctor's commands beside it."""

from __future__ import annotations

import contextlib
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.live import doctor, races
from benchmarks.live.exchange import Entrance, Recorded, Seen
from benchmarks.live.line import Delay, Line
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.ntp import SandboxNtpServer

ROOT = Path(__file__).parent.parent.parent

JITTER = 0.5
"""Of a line's latency: each packet takes so much less, or more, or anything between."""

DEAD_AFTER_CALLS, DEAD_AFTER_S = 10, 6.0
"""A bot is lost for good when none of so many calls, over so many seconds, is accepted after the doctor's end."""

_START_S = 60.0
"""For a bot to import its client and have a call accepted, on a busy machine."""

READ_ONLY = frozenset({"GetApiKeyInfo", "Balance", "BalanceEx", "OpenOrders"})
_DIGITS = {"s": 10, "ms": 13}
_PER_SECOND = {"s": 1, "ms": 1000}


@dataclass(frozen=True)
class Spec:
    """What a run is."""

    bot: str
    command: str
    per_second: float
    latency_ms: float
    seed: int
    race: str = ""
    """Which of the doctor's private calls lose the race on purpose: see `races`."""
    tls: bool = False

    @property
    def unit(self) -> str | None:
        """What the user has declared: seconds must be, the others count as the doctor does."""
        return "s" if self.bot == "seconds" else None


@dataclass(frozen=True)
class Result:
    """What became of it."""

    spec: Spec
    verdict: doctor.Verdict
    seconds: float
    """The doctor's, from start to end."""
    lost: bool
    """Whether no call of the bot was accepted after the doctor's end."""
    back_after_s: float | None
    """When the bot's first accepted call after the doctor's end arrived."""
    refused_after: int
    """The bot's calls that arrived between the two."""
    calls: int
    """The bot's, while the doctor ran and until the first accepted one afterwards."""
    refused: int
    control_calls: int
    control_refused: int
    """For as long, without the doctor."""
    private_calls: int
    """The doctor's; with `watch` the most in a round."""
    doctors_refused: int
    too_fine: tuple[str, ...]
    """Nonces of the doctor in a finer unit than declared, or than milliseconds."""
    ahead_s: float
    """By how much a nonce of the doctor, accepted or not, was ahead of the clock at most."""
    not_read_only: tuple[str, ...]
    at_once: int
    """The most private calls of the doctor under way at once; 0 where TLS hides it."""

    @property
    def wrong(self) -> list[str]:
        """Which promises were broken."""
        most = {"balances": 2}.get(self.spec.command, 4)
        broken = {
            "bot lost for good": self.lost,
            f"{self.verdict.name} {self.verdict.objection}": bool(self.verdict.objection),
            f"{self.private_calls} private calls": self.private_calls > most,
            "nonces in a finer unit": bool(self.too_fine),
            f"called {', '.join(self.not_read_only)}": bool(self.not_read_only),
            f"{self.at_once} calls at once": self.at_once > 1,
        }
        return [what for what, is_so in broken.items() if is_so]


def run(spec: Spec, tree: Path = ROOT) -> Result:
    """Make the run *spec*, with the doctor of *tree*."""
    keys = [Key(name=name, api_key=pair[0], secret=pair[1], balances={"ZUSD": "100.0000", "USDT": "50.00000000"})
            for name in ("live", "control") for pair in [demo_credentials(f"{name} {spec.seed}")]]  # fmt: skip
    exchange = Recorded(keys)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="live-bots-")))
        authority, tls = _certificate(folder) if spec.tls else (None, None)
        held = races.Races(exchange, spec.race)
        lines = {}
        for who, hold in (("bot", None), ("doctor", held.hold if spec.race else None)):
            server = stack.enter_context(SandboxServer(Entrance(exchange, who), tls=tls))
            latency_s = spec.latency_ms / 1000
            delay = Delay((1 - JITTER) * latency_s, 2 * JITTER * latency_s)
            port = int(server.url.rpartition(":")[2])
            lines[who] = stack.enter_context(Line(port, delay, seed=f"{spec.seed} {who}", hold=hold))
        url = {who: f"{'https' if tls else 'http'}://127.0.0.1:{line.port}" for who, line in lines.items()}
        clock = stack.enter_context(SandboxNtpServer()).address
        bot = stack.enter_context(_bot(spec, url["bot"], authority))
        _go(bot, keys[0])
        if not exchange.wait_for(lambda: any(call.accepted for call in exchange.seen), _START_S):
            raise RuntimeError(f"{spec}: the bot has no accepted call before the doctor starts")
        time.sleep(random.Random(spec.seed).uniform(0, 1 / spec.per_second))
        given = doctor.Given(tree, folder, clock, url["doctor"], keys[0].api_key, keys[0].secret, spec.unit, authority)
        first, began_s = len(exchange.seen), time.monotonic()
        verdict = doctor.run(spec.command, given)
        ended, ended_s = len(exchange.seen), time.monotonic()
        alive = _wait_for_life(exchange, ended, ended_s)
        beside = [call for call in exchange.of("bot", since=first) if alive is None or call.at_s <= alive.at_s]
        _go(bot, None)
        control = _control(exchange, bot, keys[1], ended_s - began_s)
        own = exchange.of("doctor")
    unit = spec.unit or "ms"
    coarse = [call for call in own if len(call.nonce) <= _DIGITS[unit]]
    return Result(
        spec=spec, verdict=verdict, seconds=ended_s - began_s,
        lost=alive is None, back_after_s=None if alive is None else alive.at_s - ended_s,
        refused_after=sum(call.at_s >= ended_s and not call.accepted for call in beside),
        calls=len(beside), refused=sum(not call.accepted for call in beside),
        control_calls=len(control), control_refused=sum(not call.accepted for call in control),
        private_calls=most_private(exchange.seen, spec.command),
        doctors_refused=sum(not call.accepted for call in own),
        too_fine=tuple(call.nonce for call in own if call not in coarse),
        ahead_s=max([0.0, *(int(call.nonce) / _PER_SECOND[unit] - call.unix_s for call in coarse)]),
        not_read_only=tuple({call.endpoint for call in own} - READ_ONLY),
        at_once=0 if spec.tls else lines["doctor"].calls.most_at_once,
    )  # fmt: skip


@contextlib.contextmanager
def _bot(spec: Spec, url: str, authority: Path | None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live.bot", spec.bot, url, str(spec.per_second)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=doctor.environment(authority),
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _go(bot: subprocess.Popen[str], key: Key | None) -> None:
    """Let the bot use *key*; None: pause."""
    assert bot.stdin is not None
    bot.stdin.write(f"{key.api_key} {key.secret}\n" if key else "\n")
    bot.stdin.flush()


def _wait_for_life(exchange: Recorded, since: int, since_s: float) -> Seen | None:
    """The bot's first accepted call after that; None if there is none among all that it makes."""

    def accepted() -> Iterator[Seen]:
        return (call for call in exchange.of("bot", since=since) if call.accepted)

    while not exchange.wait_for(lambda: any(True for _ in accepted()), DEAD_AFTER_S):
        if len(exchange.of("bot", since=since)) >= DEAD_AFTER_CALLS or time.monotonic() > since_s + _START_S:
            return None
    return next(accepted())


def _control(exchange: Recorded, bot: subprocess.Popen[str], key: Key, seconds: float) -> list[Seen]:
    """The calls of the same bot on a key of its own, for so long."""
    _go(bot, key)
    exchange.wait_for(lambda: key.last_used > 0, _START_S)
    since = len(exchange.seen)
    time.sleep(seconds)
    return exchange.of("bot", key=key.name, since=since)


def most_private(seen: list[Seen], command: str) -> int:
    """The doctor's private calls; the most of a round of `watch`, which begins with the time, and asks the status."""
    own = [call for call in seen if call.who == "doctor"]
    if command != "watch":
        return sum(call.key != "" for call in own)
    rounds = [0]
    for number, call in enumerate(own):
        # A second try asks for the time too, to have a connection.
        following = next((later.endpoint for later in own[number + 1 :] if not later.key), "")
        if (call.endpoint, following) == ("Time", "SystemStatus"):
            rounds.append(0)
        rounds[-1] += call.key != ""
    return max(rounds)


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    import trustme

    authority, path = trustme.CA(), folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return path, context


def document(result: Result) -> dict[str, Any]:
    """*result* for JSON."""
    return {**asdict(result), "verdict": result.verdict._asdict(), "wrong": result.wrong}
