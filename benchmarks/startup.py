"""
How long a user waits: start-up, and one check on loopback.

    python -m benchmarks.startup [--quick]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pairs import compare, header

DOCTOR = [str(Path(sys.executable).with_name("kraken-doctor")), "--no-env-file"]
BARE = """
import os
import krakenex
prefix = "KRAKEN_USER_DAIVON_FRAZIER_API_"
api = krakenex.API(os.environ[prefix + "KEY"], os.environ[prefix + "SECRET"])
api.uri = os.environ["KRAKEN_SPOT_URL"]
print(api.query_private("Balance"))
"""


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """The embedded exchange in a process of its own; the variables that lead to it."""
    process = subprocess.Popen([*DOCTOR, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    variables = {}
    for line in process.stdout:
        name, _, value = line.removeprefix("export ").strip().partition("=")
        variables[name] = value
        if name == "KRAKEN_DOCTOR_CLOCK_NTP_SERVER":  # the last one
            break
    try:
        yield variables
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def main() -> int:
    """Print the table; status 1 when a ratio is over its limit."""
    runs = 3 if "--quick" in sys.argv[1:] else 15
    header(runs)
    version = compare(
        "`--version` / `import click`",
        [*DOCTOR, "--version"],
        [sys.executable, "-c", "import click"],
        limit=1.5,
        runs=runs,
    )
    # A home of its own: a check reads what the audit log has of the key, which would grow from run to run.
    with tempfile.TemporaryDirectory() as home, sandbox() as variables:
        own = dict.fromkeys(("HOME", "XDG_STATE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"), home)
        check = compare(
            "`check` of one account / bare krakenex, one Balance",
            [*DOCTOR, "check", "--user", "daivon_frazier"],
            [sys.executable, "-c", BARE],
            limit=1.5,
            runs=runs,
            environ=variables | own,
        )
    return 0 if version and check else 1


if __name__ == "__main__":
    sys.exit(main())
