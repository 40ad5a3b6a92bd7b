"""
Live bots, with the doctor's commands beside them on the same key: what becomes of the bots, and what the doctor says.

    python -m benchmarks.live_bots [--runs N] [--seed N] [--before REV] [--races NAME] [--json FILE]

Each run has an exchange that judges nonces by arrival (window 0), a real bot in a process of its own, a line with
latency and jitter between them, and one command in a process of its own. See docs/live-bots.md.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import itertools
import json
import multiprocessing
import os
import platform
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.live import bot, doctor, races
from benchmarks.live.run import ROOT, Result, Spec, document, run

RATES, LATENCIES_MS = (1.0, 4.0, 20.0), (5.0, 40.0, 150.0)
RUNS = 200

PAGE = ROOT / "docs" / "live-bots.md"
MEASURED = "<!-- python -m benchmarks.live_bots --write: do not edit below -->"


def plan(runs: int, seed: int, race: str = "") -> list[Spec]:
    """So many runs: every command beside every bot equally often, each time under other conditions."""
    chance = random.Random(seed)
    conditions = list(itertools.product(RATES, LATENCIES_MS, (False, True)))
    decks = {pair: chance.sample(conditions, len(conditions)) for pair in itertools.product(bot.KINDS, doctor.COMMANDS)}
    specs = []
    for number in range(runs):
        turn, which = divmod(number, len(decks))
        (kind, command), deck = list(decks.items())[which]
        per_second, latency_ms, tls = deck[turn % len(deck)]
        # What is encrypted can't be held back by its kind.
        specs.append(Spec(kind, command, per_second, latency_ms, 1000 * seed + number, race, tls and not race))
    return specs


def make(specs: Sequence[Spec], tree: Path, jobs: int) -> list[Result]:
    """All runs, some at once: mostly they wait. Each process of the pool is the exchange of its runs."""
    results = []
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(functools.partial(run, tree=tree), specs):
            results.append(result)
            if sys.stderr.isatty():
                print(f"\r{len(results)} of {len(specs)} runs", end="", file=sys.stderr, flush=True)
    return results


def table(results: Sequence[Result]) -> Iterator[str]:
    """A row for each bot and command, and one for all."""
    yield (
        "| bot | beside it | runs | bots lost for good | bot's calls refused, with the doctor | without | verdicts"
        " | private calls, at most | doctor's calls refused | finer nonces sent | at once, at most |"
    )
    yield "|---" * 11 + "|"
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        rows.setdefault((result.spec.bot, result.spec.command), []).append(result)
    for (kind, command), part in sorted(rows.items()):
        yield _row(kind, command, part)
    yield _row("all", "", results)


def _row(kind: str, command: str, results: Sequence[Result]) -> str:
    verdicts = Counter(result.verdict.name for result in results)
    cells = (
        kind, command, len(results), sum(result.lost for result in results),
        f"{sum(result.refused for result in results)} of {sum(result.calls for result in results)}",
        f"{sum(result.control_refused for result in results)} of {sum(result.control_calls for result in results)}",
        ", ".join(f"{name} {count}" for name, count in verdicts.most_common()),
        max(result.private_calls for result in results), sum(result.doctors_refused for result in results),
        sum(len(result.too_fine) for result in results), max(result.at_once for result in results),
    )  # fmt: skip
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def words(results: Sequence[Result], seconds: float) -> Iterator[str]:
    """What the table does not hold."""
    alive = [result for result in results if result.back_after_s is not None]
    back = sorted(result.back_after_s or 0.0 for result in alive)
    late = sum(result.refused_after > 0 and (result.back_after_s or 0.0) > 1 for result in alive)
    broken = [result for result in results if result.wrong]
    yield f"{len(broken)} of {len(results)} runs broke a promise. They took {seconds:.0f} s."
    if back:
        yield (
            f"A bot's first accepted call after the doctor's end: median {back[len(back) // 2]:.2f} s,"
            f" at most {back[-1]:.2f} s, {late} later than 1 s since others were refused before it."
        )
    if ahead := [result.ahead_s for result in results if result.ahead_s]:
        yield f"In {len(ahead)} runs a nonce of the doctor was ahead of the clock, by {max(ahead):.1f} s at most."
    for what, count in Counter(what for result in broken for what in result.wrong).most_common(12):
        yield f"- {count} times: {what[:160]}"


@contextlib.contextmanager
def revision(name: str) -> Iterator[Path]:
    """The package as it was at the Git revision *name*."""
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", name, "kraken_doctor"], stdout=subprocess.PIPE, check=True
    ).stdout
    with tempfile.TemporaryDirectory(prefix="live-bots-before-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def title(name: str, chosen: argparse.Namespace) -> str:
    """What was run."""
    lost = f", races lost: {chosen.races}" if chosen.races else ""
    return f"{name}, seed {chosen.seed}{lost}, Python {platform.python_version()}, {os.cpu_count()} processors"


def main() -> int:
    """Print the tables; status 1 when the code of this checkout breaks a promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--before", metavar="REV", help="make the same runs with the package of this Git revision too")
    parser.add_argument("--races", choices=races.LOST, help="let the doctor lose these races, in every run")
    parser.add_argument("--jobs", type=int, default=3 * (os.cpu_count() or 1), help="runs at once")
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {PAGE.name}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    chosen = parser.parse_args()
    specs = plan(chosen.runs, chosen.seed, chosen.races or "")
    kept: dict[str, list[Result]] = {}
    with contextlib.ExitStack() as stack:
        trees = {"this checkout": ROOT}
        if chosen.before:
            trees[chosen.before] = stack.enter_context(revision(chosen.before))
        said = []
        for name, tree in trees.items():
            began_s = time.monotonic()
            kept[name] = make(specs, tree, chosen.jobs)
            shown = [f"### {title(name, chosen)}", "", *table(kept[name]), ""]
            shown += words(kept[name], time.monotonic() - began_s)
            print("\n".join(shown), end="\n\n", flush=True)
            said += [*shown, ""]
    if chosen.write:
        above = PAGE.read_text(encoding="utf-8").partition(MEASURED)[0]
        PAGE.write_text("\n".join([above + MEASURED, "", *said]).rstrip() + "\n", encoding="utf-8")
    if chosen.json:
        found = {name: [document(result) for result in results] for name, results in kept.items()}
        chosen.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if any(result.wrong for result in kept["this checkout"]) else 0


if __name__ == "__main__":
    sys.exit(main())
