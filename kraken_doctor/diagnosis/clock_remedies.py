"""How to set the clock of the very system at hand, from what was found to keep it. No evidence, no command."""

from __future__ import annotations

from kraken_doctor.model import facts
from kraken_doctor.model.diagnosis import Remedy
from kraken_doctor.model.evidence import EvidenceSet

_RUNNING: dict[str, tuple[str, tuple[str, ...]]] = {
    "chrony": (
        "chrony runs here, and the clock is wrong all the same: see what it reaches, then let it set the clock.",
        ("chronyc sources", "sudo chronyc makestep"),
    ),
    "systemd-timesyncd": (
        "systemd-timesyncd runs here, and the clock is wrong all the same: see what it reaches, then restart it.",
        ("timedatectl timesync-status", "sudo systemctl restart systemd-timesyncd"),
    ),
    "ntpd": (
        "ntpd runs here, and the clock is wrong all the same: see which peers it reaches; at a restart it may step.",
        ("ntpq -p",),
    ),
    "openntpd": (
        "OpenNTPD runs here, and the clock is wrong all the same: see which peers it reaches, then restart it.",
        ("ntpctl -s all",),
    ),
    "BusyBox ntpd": (
        "BusyBox's ntpd runs here, and the clock is wrong all the same: restart it with servers that can be reached.",
        (),
    ),
}

_PLACES: dict[str, Remedy] = {
    "container": Remedy(
        "This is a container, and has no clock of its own: correct that of the host that runs it.",
        otherwise="With a virtual machine in between (Docker Desktop), restart that: it can fall behind in sleep.",
    ),
    "macos": Remedy(
        "Let macOS keep the clock (Date & Time settings), or set it now.", ("sudo sntp -sS time.apple.com",)
    ),
    "windows": Remedy(
        "In a terminal as administrator, see where the Windows Time service has its time from, and let it synchronise.",
        ("w32tm /query /status", "w32tm /resync"),
    ),
    "wsl": Remedy(
        "WSL falls behind while the computer sleeps: set its clock from the hardware clock, which Windows keeps.",
        ("sudo hwclock --hctosys",),
        otherwise="In Windows: wsl --shutdown, with the bots stopped; and w32tm /resync where Windows itself is wrong.",
    ),
}

_NONE = "No time service was found on this host: install one, and let it correct the clock."


def clock_remedy(evidence: EvidenceSet, cause: str) -> Remedy | None:
    """
    The remedy for ``clock-behind`` or ``clock-ahead`` on this system; None where nothing is known of it.

    Setting a clock forward harms no nonce. Setting it back does: whoever takes nonces from it is refused until the time
    that was already used is reached again.
    """
    remedy = _remedy(evidence)
    if remedy is None or cause != "clock-ahead":
        return remedy
    return Remedy(
        f"Stop the bots first, and keep the nonce store: with it kraken_doctor goes on from the mark. {remedy.text}",
        remedy.commands,
        otherwise=remedy.otherwise,
        avoid="Don't delete the nonce store now: it is what remembers how far ahead the key is.",
    )


def _remedy(evidence: EvidenceSet) -> Remedy | None:
    place = evidence.get(facts.CLOCK_PLACE)
    if place in _PLACES:
        return _PLACES[place]
    if place != "linux":
        return None
    service, unit = evidence.get(facts.KEEPER), evidence.get(facts.KEEPER_UNIT)
    restart = (f"sudo systemctl restart {unit}",) if unit else ()
    if not service:
        packager = evidence.get(facts.KEEPER_PACKAGER)
        return Remedy(_NONE, (f"sudo {packager} {_VERBS[packager]} chrony",) if packager in _VERBS else ())
    if rivals := evidence.get(facts.KEEPER_RIVALS):
        return Remedy(
            f"{service} and {' and '.join(rivals)} both set this clock, one against the other: keep one of them."
        )
    if evidence.get(facts.KEEPER_RUNNING):
        text, commands = _RUNNING[service]
        return Remedy(text, commands if service in ("chrony", "systemd-timesyncd") else (*commands, *restart))
    if service == "systemd-timesyncd":
        return Remedy(
            "systemd-timesyncd is installed and does not run: switch it on.", ("sudo timedatectl set-ntp true",)
        )
    start = (f"sudo systemctl enable --now {unit}",) if unit else ()
    return Remedy(f"{service} is installed and does not run: start it, and let it correct the clock.", start)


_VERBS = {"apt-get": "install", "dnf": "install", "zypper": "install", "pacman": "-S", "apk": "add"}
