"""``python -m kraken_doctor`` and the ``kraken-doctor`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its status."""
    from kraken_doctor.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
