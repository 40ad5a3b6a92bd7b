"""
Draws docs/pictures/ from real output: the command line, against the embedded exchange, as whoever types it sees it.

    python -m docs.pictures

The picture of a report on a phone needs a Chromium, and is left as it is without one.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests import chromium

FOLDER = Path(__file__).with_name("pictures")
COLUMNS = 80
PHONE_HEIGHT = 2600
"""Pixels: findings, accounts and the first checks."""
FAILING = "check --sandbox --fault nonce-spent-higher --user daivon_frazier"
PICTURES = {
    "one-failing": FAILING,
    "all-well": "check --sandbox",
    "all-failing": "check --sandbox --fault proxy-failed",
    "no-credentials": "accounts --no-env-file",
}
"""What is typed for each. The title says what is on the other side."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, command in PICTURES.items():
        title = "kraken-doctor against its embedded exchange" if "--sandbox" in command else "kraken-doctor"
        with Path(os.devnull).open("w") as nowhere:
            console = Console(record=True, width=COLUMNS, file=nowhere)
            console.print(Text(f"$ kraken-doctor {command}", style="bold"))
            console.print(Text.from_ansi(output(command.split())))
            picture = console.export_svg(title=title)
        (FOLDER / f"{name}.svg").write_text(without_fetching(picture), encoding="utf-8")

    if chromium.BINARY is not None:
        (FOLDER / "report-phone.png").write_bytes(phone())


def phone() -> bytes:
    """The page of a report with a failing account, on a screen of 390 pixels: as much as a thumb or two brings up."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        output([*FAILING.replace("check", "report").split(), "--file", str(file)])
        with chromium.browser(Path(folder) / "profile") as page:
            page.screen(390, PHONE_HEIGHT)
            page.open(file.as_uri())
            return page.picture(whole=False)


def without_fetching(picture: str) -> str:
    """Rich would have whoever looks at the picture fetch its font from a server: any that is there will do."""
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return picture.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def output(command: list[str]) -> str:
    """What the command prints where no variable of Kraken's is set."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")},
            "COLUMNS": str(COLUMNS),
            "FORCE_COLOR": "1",
            "KRAKEN_NONCE_STORE": f"sqlite:///{folder}/nonce.db",
        }
        return on_a_terminal([sys.executable, "-m", "kraken_doctor", *command], environ)


def on_a_terminal(arguments: list[str], environ: dict[str, str]) -> str:
    """stdout, and below it what stderr shows a person: folded, as on a terminal, and without the live view."""
    import fcntl
    import pty
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(arguments, env=environ | {"CI": "1"}, stdout=subprocess.PIPE, stderr=terminal)  # noqa: S603
    stdout = process.communicate()[0].decode()
    os.close(terminal)
    said = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while read := os.read(controller, 4096):
            said += read
    os.close(controller)
    return stdout + said.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
