"""
Draws docs/check.svg from real output.

    python docs/picture.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMAND = ["check", "--sandbox"]
COLUMNS = 84


def main() -> None:
    environ = {**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
    arguments = [sys.executable, "-m", "kraken_doctor", *COMMAND]
    shown = subprocess.run(arguments, env=environ, capture_output=True, text=True, check=True).stdout  # noqa: S603
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        console.print(Text(f"$ kraken-doctor {' '.join(COMMAND)}", style="bold"))
        console.print(Text.from_ansi(shown))
        console.save_svg(str(Path(__file__).with_name("check.svg")), title="kraken-doctor")


if __name__ == "__main__":
    main()
