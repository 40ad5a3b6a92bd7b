"""
Every kind of client on shared keys, for a long time, while all goes wrong that can; judged from the exchange's own log.

    python -m benchmarks.soak [--minutes 10] [--calls 1000000] [--keys 3]

Processes are killed (SIGKILL) and stopped beyond a lease, clocks step by half an hour (with libfaketime, where it is
installed: so that everything in the process sees it), a disk is full, Redis fails over by Sentinel. As root also: two
users of one file, and a small disk. Every bot of a ground is on every key of it.

Status 1 where a nonce was repeated, one fell below another, two calls of a key were in flight, one was refused for its
nonce, or one was executed that the audit log calls not sent. What belongs to a process that was killed or stopped in
the middle of its call, to a failover, or to a call whose client had given it up when its time was over, is counted
beside that: no lock can hold back what has been sent.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.hostclock import HostClock
from benchmarks.sentinels import Sentinels
from benchmarks.soak_bots import KINDS, STEP_EVERY_S, STEP_S, TIMEOUT_S, main
from kraken_doctor import key_id, open_store
from kraken_doctor.errors import NonceStoreError
from kraken_doctor.model.call import NOT_SENT, UNKNOWN
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key, demo_credentials
from kraken_doctor.sandbox.messages import Request, Response

LONGEST_ANSWER_S = 0.004
STOP_S, BEYOND_LEASE_S = 0.3, 9.0
"""A lease is two timeouts of a call and five seconds."""

MARGIN_S = 2.0
"""So long after a process was killed or went on, what it had begun may still arrive."""

FAILOVER_S = 10.0
"""So long after a failover a holder of a lease that the new primary never heard of may be on its way."""

START_S = 90.0
"""Until each bot must have made a call; importing a client takes seconds where many do so at once."""

NOBODY = 65534

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["benchmarks.soak_bots"])
_Bot = subprocess.Popen[bytes] | ForkServerProcess


class Arrival(NamedTuple):
    """One private request, as the exchange saw it."""

    began: float
    ended: float
    key: str
    nonce: int
    """-1 where its sender was killed before it came to that."""
    accepted: bool
    error: str
    door: int


class Strike(NamedTuple):
    """What was done to one bot, or to all of them (-1), and how long it may show."""

    door: int
    began: float
    ended: float

    def explains(self, arrival: Arrival) -> bool:
        """Whether *arrival* is of a bot that this was done to, and of that time."""
        return self.door in (-1, arrival.door) and arrival.began <= self.ended and arrival.ended >= self.began


class Watched(Exchange):
    """Keeps a log of what arrived, in the order in which it was judged."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.log: list[Arrival] = []
        self.by_door: Counter[int] = Counter()
        self._one = threading.Lock()

    def arrive(self, request: Request, door: int) -> Response:
        """Judge a request that came by *door*, and take some time for the answer."""
        key = request.headers.get("api-key", "")
        if key not in self.keys:
            return self.handle(request)
        with self._one:  # what is judged first stands first in the log
            began = time.monotonic()
            response = self.handle(request)
            errors = json.loads(response.body)["error"]
            place = len(self.log)
            self.by_door[door] += 1
            nonce = int(request.fields().get("nonce", -1))
            self.log.append(Arrival(began, began, key, nonce, not errors, ", ".join(errors), door))
        time.sleep(random.uniform(0, LONGEST_ANSWER_S))
        self.log[place] = self.log[place]._replace(ended=time.monotonic())
        return response


class Door(Exchange):
    """One bot's own address of the exchange: by it the log knows whose a request is."""

    def __init__(self, watched: Watched, number: int) -> None:
        super().__init__()
        self._watched, self._number = watched, number

    def handle(self, request: Request) -> Response:
        return self._watched.arrive(request, self._number)


class Verdict(NamedTuple):
    """What the log of one ground says."""

    calls: int
    executed: int
    violations: list[str]
    excused: Counter[str]


def judge(
    log: Sequence[Arrival],
    not_sent: Mapping[str, set[int]],
    strikes: Sequence[Strike],
    given_up: Mapping[str, set[int]] = {},
) -> Verdict:
    """
    Look through what the exchange saw: knows nothing of stores, clients or turns.

    Args:
        log: In the order in which the exchange judged.
        not_sent: The nonces that the audit calls not sent, by API key.
        strikes: What was done to the bots.
        given_up: The nonces of calls that had no answer within their timeout, by API key.
    """
    case = _Case(strikes, given_up)
    for key in {arrival.key for arrival in log}:
        mine = [arrival for arrival in log if arrival.key == key]
        case.nonces(mine, not_sent.get(key, set()))
        case.one_at_a_time(mine)
    return Verdict(len(log), sum(arrival.accepted for arrival in log), case.violations, case.excused)


class _Case:
    """What is found, and what excuses it."""

    def __init__(self, strikes: Sequence[Strike], given_up: Mapping[str, set[int]]) -> None:
        self.violations: list[str] = []
        self.excused: Counter[str] = Counter()
        self._strikes, self._given_up = strikes, given_up

    def nonces(self, arrivals: Sequence[Arrival], not_sent: set[int]) -> None:
        """Judge the nonces of one key."""
        last: Arrival | None = None
        seen: dict[int, Arrival] = {}
        for arrival in arrivals:
            if arrival.nonce in seen and arrival.nonce >= 0:  # nothing excuses that, nor the next two
                self.violations.append(f"repeated: {_named(seen[arrival.nonce], arrival)}")
            seen[arrival.nonce] = arrival
            if not arrival.accepted:
                self._found("refused", arrival)
                continue
            if last is not None and arrival.nonce <= last.nonce:
                self.violations.append(f"fell: {_named(last, arrival)}")
            if arrival.nonce in not_sent:
                self.violations.append(f"executed, and called not sent: {_named(arrival)}")
            last = arrival

    def one_at_a_time(self, arrivals: Sequence[Arrival]) -> None:
        """Judge what was in flight at once of one key."""
        latest = arrivals[0]
        for arrival in arrivals[1:]:
            if arrival.began < latest.ended:
                self._found("two in flight", latest, arrival)
            latest = max(latest, arrival, key=lambda one: one.ended)

    def _found(self, what: str, *arrivals: Arrival) -> None:
        if any(strike.explains(arrival) for arrival in arrivals for strike in self._strikes):
            self.excused[what] += 1
        elif any(arrival.nonce in self._given_up.get(arrival.key, ()) for arrival in arrivals):
            self.excused[f"{what} after its timeout"] += 1
        else:
            self.violations.append(f"{what}: {_named(*arrivals)}")


def _named(*arrivals: Arrival) -> str:
    return ", ".join(f"{arrival.nonce} by {arrival.door} ({arrival.error or 'ok'})" for arrival in arrivals)


class Ground:
    """Some bots on the same keys and one store, and what is done to them."""

    def __init__(
        self, name: str, folder: Path, stores: Sequence[str], kinds: Sequence[str], keys: int, **how: Any
    ) -> None:
        self.name, self.stores, self.how = name, list(stores), how
        self.keys = [demo_credentials(f"soak {name} {number}") for number in range(keys)]
        self.exchange = Watched(
            Key(name=name, api_key=key, secret=secret, balances={"ZUSD": "1.0000"}) for key, secret in self.keys
        )
        self.clock: HostClock | None = how.get("clock")
        self.folder, self.kinds = folder, list(kinds)
        self.strikes: list[Strike] = []
        self.done: Counter[str] = Counter()
        self._key_of = {key_id(key): key for key, _ in self.keys}
        self._not_sent: defaultdict[str, set[int]] = defaultdict(set)
        self._given_up: defaultdict[str, set[int]] = defaultdict(set)
        self._doors = ExitStack()
        self._bots: list[_Bot] = []
        self._urls: list[str] = []
        self._called: dict[int, int] = {}
        """How often a bot's door had been used when it was started: a bot that only starts is no victim yet."""

    def __enter__(self) -> Ground:
        for number in range(len(self.kinds)):
            self._urls.append(self._doors.enter_context(SandboxServer(Door(self.exchange, number))).url)
            self._bots.append(self._start(number))
        return self

    def calling(self) -> list[int]:
        """The bots that have made a call since they were started."""
        return [number for number, called in self._called.items() if self.exchange.by_door[number] > called]

    def __exit__(self, *_raised: object) -> None:
        self.strikes.append(Strike(-1, time.monotonic(), math.inf))
        for bot in self._bots:
            _end(bot)
        self._doors.close()

    def _start(self, number: int) -> _Bot:
        self._called[number] = self.exchange.by_door[number]
        user = NOBODY if self.how.get("users") and number % 2 else 0
        # Every other bot has two client objects; the second names the file by another path.
        stores = self.stores if number % 2 else self.stores[:1]
        task = {"kind": self.kinds[number], "url": self._urls[number], "keys": self.keys,
                "stores": stores, "user": user, "group": NOBODY, "steps": bool(self.how.get("steps"))}  # fmt: skip
        if not self.clock:
            # A fork of a process that has imported every client: half of all computing went into that.
            bot = FORKS.Process(target=main, args=(task,), daemon=True)
            bot.start()
            return bot
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.soak_bots", json.dumps(task)]
        environment = os.environ | self.clock.environment
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)

    def kill(self, chance: random.Random) -> None:
        """As `kill -9` does; another process takes its place."""
        number = chance.choice(self.calling() or [0])
        began = time.monotonic()
        _end(self._bots[number])
        self.strikes.append(Strike(number, began - MARGIN_S, time.monotonic() + MARGIN_S))
        self._bots[number] = self._start(number)
        self.done["kills"] += 1

    def stop(self, chance: random.Random, stop_s: float) -> None:
        """As `kill -STOP` does, and `kill -CONT` after *stop_s*."""
        number = chance.choice(self.calling() or [0])
        began = time.monotonic()
        with _stopped(self._bots[number]):
            time.sleep(stop_s)
        self.strikes.append(Strike(number, began - MARGIN_S, time.monotonic() + MARGIN_S))
        self.done["stops"] += 1

    def fill_disk(self) -> None:
        """Leave no room for a page, for a moment."""
        filler = self.folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096) == 4096:
                pass
        time.sleep(STOP_S)
        filler.unlink()
        self.done["full disks"] += 1

    def tick(self, second: float) -> None:
        """Set the clock of the host, every few seconds: ahead, right, behind, right."""
        turn = int(second / STEP_EVERY_S)
        if self.clock and turn > self.done["clock steps"]:
            self.clock.step((0, STEP_S, 0, -STEP_S)[turn % 4])
            self.done["clock steps"] += 1

    def verdict(self) -> Verdict:
        """Judge, when all has ended."""
        self.read_audit()
        sentinels: Sentinels | None = self.how.get("sentinels")
        changes = sentinels.changes if sentinels else []
        if more := len(changes) - self.done["failovers"]:
            self.done["failovers by themselves"] = more
        failovers = [Strike(-1, began - MARGIN_S, began + FAILOVER_S) for began in changes]
        return judge(self.exchange.log, self._not_sent, self.strikes + failovers, self._given_up)

    def read_audit(self) -> None:
        """Keep what it calls not sent, or given up: it forgets the oldest after some 100,000 calls."""
        for record in open_store(self.stores[0]).records():
            key = self._key_of.get(record.key_id)
            if key and record.outcome == NOT_SENT:
                self._not_sent[key].add(record.nonce)
            elif key and record.outcome == UNKNOWN and record.latency_s >= TIMEOUT_S:
                self._given_up[key].add(record.nonce)


def _end(bot: _Bot) -> None:
    bot.kill()
    if isinstance(bot, subprocess.Popen):
        bot.wait()
    else:
        bot.join()


@contextmanager
def _stopped(bot: _Bot) -> Iterator[None]:
    assert bot.pid is not None
    os.kill(bot.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(bot.pid, signal.SIGCONT)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system with room for the longest audit log, and little more; None where only root may make one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "soak", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


def shared(folder: Path, *, users: bool) -> list[str]:
    """A folder with a store, by its own name and by a link; with *users* for a common group."""
    folder.mkdir()
    if users:
        os.chown(folder, 0, NOBODY)
        folder.chmod(0o2770)
    folder.with_name(f"{folder.name}-link").symlink_to(folder)
    return [f"sqlite:///{folder}/nonce.db", f"sqlite:///{folder}-link/nonce.db"]


def _grounds(stack: ExitStack, base: Path, keys: int) -> Iterator[Ground]:
    every, root = list(KINDS), hasattr(os, "geteuid") and os.geteuid() == 0
    ground = partial(Ground, keys=keys)
    yield ground("SQLite, two users" if root else "SQLite", base, shared(base / "users", users=root), every, users=root)
    clock = HostClock.found(base / "clock")
    steps = "SQLite, clock steps" + (" (libfaketime)" if clock else "")
    yield ground(steps, base, shared(base / "steps", users=False), every[:3], clock=clock, steps=not clock)
    if disk := stack.enter_context(small_disk(base / "disk")):
        yield ground("SQLite, full disk", disk, [f"sqlite:///{disk}/nonce.db"] * 2, every[:2], full=True)
    if sentinels := Sentinels.started(stack, base):
        yield ground("Redis, Sentinel", base, [sentinels.url] * 2, every, sentinels=sentinels)


def soak(minutes: float, calls: int, seed: int, keys: int) -> int:
    """Print the table; 1 where there was a violation."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, seed {seed}, {keys} keys a ground\n", flush=True)
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base.chmod(0o711)
        grounds = list(_grounds(stack, base, keys))
        for ground in grounds:
            stack.enter_context(ground)
        _wait_for_all(grounds)
        began = time.monotonic()
        until = began + minutes * 60
        workers = [
            threading.Thread(target=_trouble, args=(ground, random.Random(f"{seed} {ground.name}"), until), daemon=True)
            for ground in grounds
        ]
        for worker in workers:
            worker.start()
        _watch(grounds, began, until, calls or math.inf)
        enough.set()
        for worker in workers:
            worker.join()
        for ground in grounds:
            ground.__exit__()
        return _table(grounds, time.monotonic() - began)


def _watch(grounds: Sequence[Ground], began: float, until: float, calls: float) -> None:
    """Step the clocks; each minute read the audits, and say how far it is."""
    said = 0
    while (now := time.monotonic()) < until and _calls(grounds) < calls:
        for ground in grounds:
            ground.tick(now - began)
        if (minute := int((now - began) / 60)) > said:
            said = minute
            for ground in grounds:
                with suppress(NonceStoreError):  # in the middle of a failover; it is read again
                    ground.read_audit()
            rate = _calls(grounds) / (now - began)
            print(f"{minute} min: {_calls(grounds)} calls, {rate:.0f} a second", file=sys.stderr, flush=True)
        time.sleep(0.1)


def _calls(grounds: Sequence[Ground]) -> int:
    return sum(len(ground.exchange.log) for ground in grounds)


enough = threading.Event()


def _wait_for_all(grounds: Sequence[Ground]) -> None:
    end = time.monotonic() + START_S
    while not all(len(ground.calling()) == len(ground.kinds) for ground in grounds):
        if time.monotonic() > end:
            silent = {g.name: sorted(set(range(len(g.kinds))) - set(g.calling())) for g in grounds}
            raise TimeoutError(f"bots that make no call: {silent}")
        time.sleep(0.1)


def _trouble(ground: Ground, chance: random.Random, until: float) -> None:
    """One mishap after the other."""
    sentinels: Sentinels | None = ground.how.get("sentinels")
    acts: list[Callable[[], None]] = [lambda: ground.kill(chance), lambda: ground.stop(chance, STOP_S)]
    acts += [ground.fill_disk] if ground.how.get("full") else []
    if sentinels:
        acts += [lambda: ground.stop(chance, BEYOND_LEASE_S), lambda: _failover(ground, sentinels)]
    for act in itertools.cycle(acts):
        pause_s = chance.uniform(1, 4)
        if enough.wait(min(pause_s, max(0.0, until - time.monotonic()))) or time.monotonic() >= until:
            return
        act()


def _failover(ground: Ground, sentinels: Sentinels) -> None:
    began = time.monotonic()
    sentinels.fail_over()
    ground.strikes.append(Strike(-1, began, time.monotonic() + FAILOVER_S))
    ground.done["failovers"] += 1


def _table(grounds: Sequence[Ground], seconds: float) -> int:
    print("| ground | bots | calls | executed | done to them | excused | violations |\n|---|---|---|---|---|---|---|")
    bad = 0
    for ground in grounds:
        try:
            verdict = ground.verdict()
        except NonceStoreError as exc:
            verdict = Verdict(len(ground.exchange.log), 0, [f"the audit log can't be read: {exc}"], Counter())
        done, excused = (
            ", ".join(f"{number} {what}" for what, number in counter.items()) or "-"
            for counter in (ground.done, verdict.excused)
        )
        print(
            f"| {ground.name} | {len(ground.kinds)} | {verdict.calls} | {verdict.executed} | {done} | {excused} "
            f"| {len(verdict.violations)} |"
        )
        # Each ground must have got somewhere: where nobody calls, nothing goes wrong.
        bad += len(verdict.violations) + (verdict.executed == 0)
        for line in verdict.violations[:5]:
            print(f"  {line}", file=sys.stderr)
    print(f"\n{_calls(grounds)} calls in {seconds:.0f} s, {_calls(grounds) / seconds:.0f} a second", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--calls", type=int, default=0, help="End after so many calls, if that is sooner.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keys", type=int, default=3, help="Of each ground; one alone bounds how fast it goes.")
    chosen = parser.parse_args()
    # By the way of the exit stack: else servers and the small disk would stay.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(soak(chosen.minutes, chosen.calls, chosen.seed, chosen.keys))
