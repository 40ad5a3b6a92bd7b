"""
Draws docs/pictures/ from real output: the command line, against exchanges on loopback that are in order or not.

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
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.ntp import SandboxNtpServer
from kraken_doctor.sandbox.scenarios import healthy
from tests import chromium

FOLDER = Path(__file__).with_name("pictures")
COLUMNS = 80
PHONE_HEIGHT = 2600
"""Pixels: findings, accounts and the first checks."""
SPENT = 2 * 10**18
"""A nonce in nanoseconds, of about the year 2033: what Kraken's own command line leaves behind on a key."""

BEHIND_S = 3600
"""The host's clock in the picture where all fail, against time servers and exchange."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, spent, command in (
        ("all-well", (), ["check"]),
        ("one-failing", ("kraken_user_daivon_frazier",), ["check"]),
        ("all-failing", None, ["check"]),
        ("no-credentials", (), ["--no-env-file", "check"]),
    ):
        shown = output(command, spent, configured=name != "no-credentials")
        with Path(os.devnull).open("w") as nowhere:
            console = Console(record=True, width=COLUMNS, file=nowhere)
            console.print(Text("$ kraken-doctor check", style="bold"))
            console.print(Text.from_ansi(shown))
            picture = console.export_svg(title="kraken-doctor")
        (FOLDER / f"{name}.svg").write_text(without_fetching(picture), encoding="utf-8")

    if chromium.BINARY is not None:
        (FOLDER / "report-phone.png").write_bytes(phone())


def phone() -> bytes:
    """The page of a report with a failing account, on a screen of 390 pixels: as much as a thumb or two brings up."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        output(["report", "--file", str(file)], ("kraken_user_daivon_frazier",), configured=True)
        with chromium.browser(Path(folder) / "profile") as page:
            page.screen(390, PHONE_HEIGHT)
            page.open(file.as_uri())
            return page.picture(whole=False)


def without_fetching(picture: str) -> str:
    """Rich would have whoever looks at the picture fetch its font from a server: any that is there will do."""
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return picture.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def output(command: list[str], spent: tuple[str, ...] | None, *, configured: bool) -> str:
    """What the command prints; keys named in *spent* have used up their nonces, None is a clock an hour behind."""
    with exchange(spent) as variables, tempfile.TemporaryDirectory() as folder:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KRAKEN")},
            **(variables if configured else {}),
            "COLUMNS": str(COLUMNS),
            "FORCE_COLOR": "1",
            "KRAKEN_NONCE_STORE": f"sqlite:///{folder}/nonce.db",
        }
        arguments = [sys.executable, "-m", "kraken_doctor", *command]
        ended = on_a_terminal(arguments, environ)
    # The exchange stands in for the real one; nothing else in the picture is put on.
    return ended.replace(variables["KRAKEN_SPOT_URL"].partition("://")[2], "api.kraken.com")


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


@contextlib.contextmanager
def exchange(spent: tuple[str, ...] | None) -> Iterator[dict[str, str]]:
    """The demo's exchange and time servers; yields the variables that lead to them."""
    scenario = healthy()
    if spent is None:
        scenario.exchange.clock_offset_s = BEHIND_S
    for key in scenario.exchange.keys.values():
        if spent is None:  # used a moment ago by a bot whose clock is right, in the unit of each
            per_second = 10**6 if key.name == "kraken_user_grid_bot" else 10**3
            key.mark = round(scenario.exchange.now() * per_second)
        elif key.name in spent:
            key.mark = SPENT
    with (
        SandboxServer(scenario.exchange) as server,
        SandboxNtpServer(offset_s=BEHIND_S if spent is None else 0.012) as one,
        SandboxNtpServer(offset_s=BEHIND_S if spent is None else 0.013) as other,
    ):
        names = [f"KRAKEN_DOCTOR_{command}_NTP_SERVER" for command in ("CHECK", "REPORT")]
        servers = dict.fromkeys(names, f"{one.address} {other.address}")
        yield {"KRAKEN_SPOT_URL": server.url, **scenario.environ, **servers}


if __name__ == "__main__":
    main()
