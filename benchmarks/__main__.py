"""
All tables of the project, one after the other.

    python -m benchmarks [--quick] [NAME ...]

Nothing but loopback is asked. All of it takes an hour and a half on two cores that do nothing else; with ``--quick``
some minutes, and the figures are no more than a sign that each table can be made.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

PARTS: dict[str, tuple[str, str]] = {
    "startup": ("", "--quick"),
    "nonce": ("", "--quick"),
    "load": ("", "--quick"),
    "run": ("", "--only costs"),
    "logs": ("", "8"),
    "watch": ("", "60"),
    "network_faults": ("", "refused"),
    "live_bots": ("", "--runs 1"),
    "fuzz": ("", "200"),
    "soak": ("", "--minutes 0.2"),
}
"""The arguments of each module: all of it, and quick."""


def main() -> int:
    """Show the tables; status 1 when one of them says that something is not as it should be, or can't be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small one of each")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}")
    chosen = parser.parse_args()
    if strangers := sorted(set(chosen.names) - set(PARTS)):
        parser.error(f"no such table: {', '.join(strangers)}")
    statuses: dict[str, int] = {}
    for name in chosen.names or PARTS:
        arguments = PARTS[name][chosen.quick].split()
        print(f"\n# python -m benchmarks.{' '.join([name, *arguments])}\n", flush=True)
        began = time.monotonic()
        statuses[name] = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False
        ).returncode
        print(f"\nstatus {statuses[name]} after {time.monotonic() - began:.0f} s", flush=True)
    bad = [name for name, status in statuses.items() if status]
    print(
        f"\n# {len(statuses) - len(bad)} of {len(statuses)} in order" + (f"; look at {', '.join(bad)}" if bad else "")
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
