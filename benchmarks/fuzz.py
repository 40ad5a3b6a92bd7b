"""
Answers of any kind, made by Hypothesis, to the real command over a real socket: nothing may break, hang or leak.

    python -m benchmarks.fuzz [RUNS] [FIRST SEED]

A run of `check` asks for four answers, and more where it tries again. The runs are made in batches, each with a seed
of its own; a case that broke is made as small as it gets, and printed with its seed. That batch again:
``python -m benchmarks.fuzz 1 SEED``.
"""

from __future__ import annotations

import collections
import os
import resource
import sys
import tempfile
import time

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.answers import Case, cases
from tests.fuzzing import DEADLINE_S, TIMEOUT_S, BreachError, Ended, Fuzz
from tests.schema import OUTPUTS

BATCH = 250
"""Runs with one seed. Hypothesis remembers what it tried in one; a new one forgets it, so that memory is ours."""

SETTINGS = settings(
    max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink), print_blob=False,
)  # fmt: skip


def main(wanted: int = 25_000, first: int = 0) -> int:
    """Make the runs and print what became of them; 1 if one broke."""
    os.chdir(tempfile.mkdtemp())  # no .env above it
    fuzz = Fuzz(os.environ.__setitem__)
    ended: list[Ended] = []
    broken, seed, began, after_warming_up = 0, first, time.monotonic(), 0
    with fuzz.serving():
        while len(ended) < wanted:
            try:
                batch(fuzz, seed, ended)
            except BreachError as breach:
                broken += 1
                notes = "\n".join(getattr(breach, "__notes__", ()))
                print(f"seed {seed}: {breach}\n{notes}", file=sys.stderr)
            seed += 1
            after_warming_up = after_warming_up or _resident_mib()
    statuses = collections.Counter(int(one.status) for one in ended)
    each_ms = 1000 * (time.monotonic() - began) / len(ended)
    print(f"answers          {sum(one.answers for one in ended)}")
    print(f"runs of check    {len(ended)}, seeds {first} to {seed - 1}, {each_ms:.0f} ms each")
    print(f"exit status      {', '.join(f'{status}: {count}' for status, count in sorted(statuses.items()))}")
    print(f"slowest          {max(one.seconds for one in ended):.2f} s (--timeout {TIMEOUT_S} --deadline {DEADLINE_S})")
    print(f"memory           {after_warming_up} MiB after the first batch, {_resident_mib()} MiB at most")
    print(f"broken           {broken}")
    return bool(broken)


def batch(fuzz: Fuzz, seed: int, ended: list[Ended]) -> None:
    """
    Make the runs of one seed.

    Raises:
        BreachError: One of them broke; the case is in its notes.
    """

    @hypothesis.seed(seed)
    @SETTINGS
    @given(case=cases(OUTPUTS, fuzz.elsewhere))
    def holds(case: Case) -> None:
        ended.append(fuzz.run(case))

    holds()


def _resident_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
