"""
Answers made by chance, to the real command over a real socket: nothing may break, hang or leak.

    python -m benchmarks.fuzz [ANSWERS] [FIRST CASE]

A run of `check` asks for four answers, and more where it tries again; it goes on until so many answers (100,000 by
default) were given. A case that broke is made again by its number: ``python -m benchmarks.fuzz 1 NUMBER``.
"""

from __future__ import annotations

import collections
import os
import resource
import sys
import tempfile
import time

from tests.fuzzing import DEADLINE_S, TIMEOUT_S, BreachError, Fuzz


def main(wanted: int = 100_000, first: int = 0) -> int:
    """Run cases and print what became of them; 1 if one broke."""
    os.chdir(tempfile.mkdtemp())  # no .env above it
    fuzz = Fuzz(os.environ.__setitem__)
    statuses: collections.Counter[int] = collections.Counter()
    breaches: list[str] = []
    answers, slowest_s, number, began = 0, 0.0, first, time.monotonic()
    after_warming_up = 0
    with fuzz.serving():
        while answers < wanted:
            try:
                case = fuzz.case(number)
            except BreachError as breach:
                breaches.append(str(breach))
                answers += 1
            else:
                statuses[int(case.status)] += 1
                answers += case.answers
                slowest_s = max(slowest_s, case.seconds)
            number += 1
            if number - first == 500:
                after_warming_up = _resident_mib()
    for told in breaches[:10]:
        print(told, file=sys.stderr)
    runs = number - first
    print(f"answers          {answers}")
    each_ms = 1000 * (time.monotonic() - began) / runs
    print(f"runs of check    {runs}, cases {first} to {number - 1}, {each_ms:.0f} ms each")
    print(f"exit status      {', '.join(f'{status}: {count}' for status, count in sorted(statuses.items()))}")
    print(f"slowest          {slowest_s:.2f} s (--timeout {TIMEOUT_S} --deadline {DEADLINE_S})")
    print(f"redirects followed {len(fuzz.followed)}")
    print(f"memory           {after_warming_up} MiB after 500 runs, {_resident_mib()} MiB at most")
    print(f"broken           {len(breaches)}")
    return bool(breaches)


def _resident_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
