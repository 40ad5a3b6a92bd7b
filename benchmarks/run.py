"""
What `run` and `sandbox -- COMMAND` do to bots as they are: refused calls, costs, broken bots named, ways out stopped.

    python -m benchmarks.run [--freqtrade /path/to/freqtrade]

freqtrade comes from an environment of its own (`pip install freqtrade==2026.9`); without it those rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kraken_doctor.inject.launch import with_hook
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import BOT_PERMISSIONS, Key, demo_credentials
from tests.inject import bots, observed
from tests.sandbox import escapes

DOCTOR = [sys.executable, "-m", "kraken_doctor"]
CLIENTS = ("krakenex", "ccxt", "ccxt async", "ccxt pro", "sdk", "sdk async")
_PROCESSES, _WORKERS = 3, 8
_RUNS = 9
_FREQTRADE_S = 75
_HOOK_LIMIT_MS, _CALL_LIMIT_US = 60, 100


@contextmanager
def bench() -> Iterator[tuple[Exchange, Key, dict[str, str]]]:
    """An exchange with one key, and the variables of the bots."""
    api_key, secret = demo_credentials("benchmark")
    key = Key(name="benchmark", api_key=api_key, secret=secret, balances={"ZUSD": "100.0"}, permissions=BOT_PERMISSIONS)
    exchange = Exchange([key])
    with SandboxServer(exchange) as server, tempfile.TemporaryDirectory() as folder:
        store = {"KRAKEN_NONCE_STORE": f"sqlite:///{folder}/nonce.db"}
        before = Path.cwd()
        os.chdir(folder)
        try:
            environ = {**bots.environ(server, key), **store, "PYTHONPATH": str(before)}
            environ.pop("PYTHONDONTWRITEBYTECODE", None)  # pip compiles what it installs; so does the first of the bots
            yield exchange, key, environ
        finally:
            os.chdir(before)


def refused(name: str, processes: int, calls: int, *, with_run: bool) -> int:
    """How many of *processes* times 8 times *calls* calls on one key are refused."""
    body = bots.BOTS[name].replace("range(15)", f"range({calls})")
    with bench() as (_, key, environ):
        path = bots.write(body)
        path.write_text(path.read_text().replace("calls=15", f"calls={calls}"))
        command = [*([*DOCTOR, "run", "--"] if with_run else []), sys.executable, str(path)]
        started = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(processes)]  # fmt: skip
        for process in started:
            process.wait()
        assert key.refused + key.accepted == processes * _WORKERS * calls, (name, key.refused, key.accepted)
        return key.refused


def show_refused() -> bool:
    """One row a client; whether none is refused with `run`."""
    print("## Refused calls on one key, window 0\n")
    print("| client | 1 × 8, plain | with run | 3 × 8, plain | with run |\n|---|---|---|---|---|")
    fine = True
    for name in CLIENTS:
        cells = [
            refused(name, processes, calls, with_run=with_run)
            for processes, calls in ((1, 50), (_PROCESSES, 25))
            for with_run in (False, True)
        ]
        fine = fine and cells[1] == cells[3] == 0
        print(f"| {name} | {cells[0]} of 400 | {cells[1]} | {cells[2]} of 600 | {cells[3]} |", flush=True)
    return fine


def _seconds(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Processor time: what other programs do on the machine is not in it, and a start waits for little else."""
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return used.ru_utime + used.ru_stime


def _pairs(plain: Sequence[str], hooked: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]) -> float:
    """What *hooked* takes longer than *plain*, each at its quickest: other programs only make it slower; in ms."""
    for command, environ in ((plain, before), (hooked, after)):
        _seconds(command, environ)
    pairs = [(_seconds(hooked, after), _seconds(plain, before)) for _ in range(_RUNS)]
    return (min(pair[0] for pair in pairs) - min(pair[1] for pair in pairs)) * 1000


# In one process, turn and turn about: the machine's moods meet both alike.
CALLS = """
import os, statistics, time, krakenex
from kraken_doctor import NonceUnit, install
hooked, installed = (krakenex.API(os.environ["BOT_ID"], os.environ["BOT_SIGNS_WITH"]) for _ in range(2))
hooked.uri = installed.uri = os.environ["BOT_URL"]
install(installed, unit=NonceUnit.MS, metrics=False)
times = [], []
for _ in range(1500):
    for api, took in zip((hooked, installed), times):
        began = time.thread_time()
        api.query_private("Balance")
        took.append(time.thread_time() - began)
print((statistics.median(times[0]) - statistics.median(times[1])) * 1e6)
"""
_MADE = """
import os, krakenex
a = krakenex.API(os.environ["BOT_ID"], os.environ["BOT_SIGNS_WITH"])
a.uri = os.environ["BOT_URL"]
"""
_INSTALLED = "from kraken_doctor import NonceUnit, install; install(a, unit=NonceUnit.MS)\n"
_LIMITED = ("one that makes a krakenex.API", "one that makes a call with it")
_CALLED = "assert a.query_private('Balance')['error'] == []"


def show_costs() -> bool:
    """What the hook costs a start, and a call."""
    print("\n## Costs\n\n| what | longer by | limit |\n|---|---|---|")
    with bench() as (_, _key, environ):
        store = {"KRAKEN_DOCTOR_HOOK_STORE": environ["KRAKEN_NONCE_STORE"], "KRAKEN_DOCTOR_HOOK_CHANNEL": "9:x"}
        hooked = with_hook(environ, "run", store)
        took = {
            what: _pairs([sys.executable, "-c", plain], [sys.executable, "-c", changed], environ, after)
            for what, plain, changed, after in (
                ("a Python that imports no client", "pass", "pass", hooked),
                ("one that makes a krakenex.API", _MADE, _MADE, hooked),
                ("one that makes a call with it", _MADE + _CALLED, _MADE + _CALLED, hooked),
                (
                    "the same with `install()` in it, without the hook",
                    _MADE + _CALLED,
                    _MADE + _INSTALLED + _CALLED,
                    environ,
                ),
            )
        }
        for what, milliseconds in took.items():
            limit = f"{_HOOK_LIMIT_MS} ms" if what in _LIMITED else ""
            print(f"| {what} | {milliseconds:.1f} ms | {limit} |", flush=True)
        Path("bot.py").write_text(CALLS)
        command = [*DOCTOR, "run", "--", sys.executable, "bot.py"]
        call = float(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)
    print(f"| a call, over `install()` | {call:.0f} µs | {_CALL_LIMIT_US} µs |", flush=True)
    return max(took[what] for what in _LIMITED) <= _HOOK_LIMIT_MS and call <= _CALL_LIMIT_US


def show_observed() -> bool:
    """Each broken bot, and what it is called; the healthy ones that had a word."""
    print("\n## `run --observe`\n\n| bot | named | its two calls |\n|---|---|---|")
    fine = True
    for name, (body, arrange, cause, _) in observed.BROKEN.items():
        with bench() as (exchange, key, environ):
            arrange(exchange, key)
            said = bots.run(environ, sys.executable, str(bots.write(body)), options=("--observe",)).stderr.splitlines()
        fine = fine and len(said) > 2 and said[1].startswith(cause)
        print(f"| {name} | {said[1]} | {said[2].strip()} |", flush=True)
    words = 0
    for body, arrange in observed.HEALTHY.values():
        with bench() as (exchange, key, environ):
            arrange(exchange, key)
            said = bots.run(environ, sys.executable, str(bots.write(body)), options=("--observe",)).stderr.splitlines()
        words += len(said) - 1
    print(f"\n{len(observed.HEALTHY)} healthy bots: {words} findings")
    return fine and not words


def show_escapes() -> bool:
    """Each way out of the sandbox, and what became of it."""
    print("\n## Ways out of `sandbox -- COMMAND`\n\n| way | in the namespace | with the hook alone |\n|---|---|---|")
    alone = (
        "import kraken_doctor.sandbox.isolation as i; i.available = lambda: False;"
        " from kraken_doctor.__main__ import main; main()"
    )
    arrived = []
    for start in (DOCTOR, [sys.executable, "-c", alone]):
        with tempfile.TemporaryDirectory() as folder, escapes.outside(Path(folder)) as host:
            proxy = f"http://127.0.0.1:{host.ports['proxy variables']}"
            command = [*start, "sandbox", "--", sys.executable, "-c", escapes.program(host)]
            subprocess.run(command, env=os.environ | {"http_proxy": proxy}, capture_output=True, check=False)
            arrived.append(set(host.arrived))
    for name in escapes.ways():
        told = "left, as told beforehand" if name in escapes.OTHERS else "LEFT"
        print(
            f"| {name} | {'LEFT' if name in arrived[0] else 'stopped'} | {told if name in arrived[1] else 'stopped'} |"
        )
    return not arrived[0] and arrived[1] <= set(escapes.OTHERS)


STRATEGY = """
from freqtrade.strategy import IStrategy
class Always(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 100}
    stoploss = -0.5
    startup_candle_count = 10
    process_only_new_candles = False
    def populate_indicators(self, dataframe, metadata): return dataframe
    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[:, "enter_long"] = 1
        return dataframe
    def populate_exit_trend(self, dataframe, metadata): return dataframe
    def custom_exit(self, *arguments, **named): return "at once"
"""
_PRICING = {"price_side": "other", "use_order_book": False}
CONFIGURATION = {
    "max_open_trades": 3, "stake_currency": "USD", "stake_amount": 50, "dry_run": False, "trading_mode": "spot",
    "entry_pricing": {**_PRICING, "price_last_balance": 0.0, "check_depth_of_market": {"enabled": False}},
    "exit_pricing": _PRICING, "bot_name": "benchmark", "initial_state": "running", "db_url": "sqlite://",
    "order_types": {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False,
                    "emergency_exit": "market"},
    "exchange": {"name": "kraken", "pair_whitelist": ["BTC/USD", "ETH/USD", "SOL/USD", "ADA/USD"],
                 "ccxt_config": {"enableRateLimit": False}},
    "pairlists": [{"method": "StaticPairList"}], "internals": {"process_throttle_secs": 1},
}  # fmt: skip


def show_freqtrade(freqtrade: str) -> bool:
    """Three live freqtrade bots on one demo key, as they are and under `run`, in the sandbox."""
    print("\n## Three freqtrade bots on one key\n\n| | refused | accepted | orders made |\n|---|---|---|---|")
    counts = [_freqtrade(freqtrade, with_run) for with_run in (False, True)]
    for label, (no, yes, orders) in zip(("as they are", "with `run`"), counts, strict=True):
        print(f"| {label}, {_FREQTRADE_S} s | {no} | {yes} | {orders} |", flush=True)
    return counts[1][0] == 0


def _freqtrade(freqtrade: str, with_run: bool) -> tuple[int, int, int]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "strategies").mkdir()
        (home / "strategies" / "always.py").write_text(STRATEGY)
        (home / "config.json").write_text(json.dumps(CONFIGURATION))
        run = " ".join([*DOCTOR, "run", "--"]) if with_run else ""
        script = f"""
export FREQTRADE__EXCHANGE__KEY="$KRAKEN_MASTER_API_KEY" FREQTRADE__EXCHANGE__SECRET="$KRAKEN_MASTER_API_SECRET"
for n in 1 2 3; do
    timeout -s INT {_FREQTRADE_S} {run} {freqtrade} trade -c config.json --userdir . -s Always --logfile $n.log \\
        > $n.out 2>&1 &
done
wait
"""
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        ended = subprocess.run([*DOCTOR, "sandbox", "--", "bash", "-c", script], cwd=home, env=environ,
                               capture_output=True, text=True, check=False)  # fmt: skip
        found = re.search(r"accepted: (\d+), refused: (\d+)", ended.stderr)
        assert found, ended.stderr
        made = sum((home / f"{n}.log").read_text().count("was created for") for n in (1, 2, 3))
        return int(found[2]), int(found[1]), made


PARTS = {"refused": show_refused, "costs": show_costs, "observe": show_observed, "escapes": show_escapes}


def main() -> int:
    """Print all of it; status 1 when something is not as promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--freqtrade", help="the executable, in an environment of its own")
    parser.add_argument("--only", choices=PARTS, nargs="*", default=list(PARTS))
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
    results = [PARTS[name]() for name in options.only]
    if options.freqtrade:
        results.append(show_freqtrade(options.freqtrade))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
