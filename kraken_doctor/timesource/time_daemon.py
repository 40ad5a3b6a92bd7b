"""What keeps this host's clock, from evidence: files, processes, platform. Nothing is guessed, nothing is run."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import NamedTuple

from kraken_doctor.frozen import dataclass
from kraken_doctor.tables import load


@dataclass(frozen=True, kw_only=True)
class HostFs:
    """What can be seen of a host; a test shows another one."""

    system: str = field(default_factory=platform.system)
    """``Linux``, ``Darwin``, ``Windows``, …"""
    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=dict)

    def has(self, *paths: str) -> str:
        """Return the first of *paths* that is there, with its slash; empty if none is."""
        return next((f"/{path}" for path in paths if (self.root / path).exists()), "")

    def leads_to(self, path: str) -> str:
        """Return the name of the file that is behind *path*, a symbolic link or not."""
        return (self.root / path).resolve().name

    def text(self, path: str) -> str:
        """Return a small file; empty if it can't be read."""
        try:
            return (self.root / path).read_text(errors="replace")[:4096].strip()
        except OSError:
            return ""

    def processes(self) -> set[str]:
        """Return the names of what runs, as the kernel keeps them: cut to 15 characters."""
        try:
            numbers = [entry.name for entry in (self.root / "proc").iterdir() if entry.name.isdigit()]
        except OSError:
            return set()
        return {self.text(f"proc/{number}/comm") for number in numbers}


class TimeDaemon(NamedTuple):
    """Who sets the clock here."""

    place: str
    """``linux``, ``container``, ``wsl``, ``macos``, ``windows`` or ``other``: decides where the clock can be set."""
    because: str
    """What shows the place: ``/.dockerenv``."""
    service: str = ""
    """``chrony``, ``systemd-timesyncd``, ``ntpd``, ``openntpd``, ``BusyBox ntpd``; empty if none is there."""
    running: bool = False
    unit: str = ""
    """Its systemd unit; empty without systemd, or without such a unit."""
    rivals: tuple[str, ...] = ()
    """Others that run beside it: each undoes what the other does."""
    packager: str = ""
    """The command that would install one."""


class _Service(NamedTuple):
    name: str
    process: str
    units: Sequence[str]
    programs: Sequence[str]


_SERVICES = tuple(_Service(name, **fields) for name, fields in load(__file__, "time_daemon.toml").items())
"""Where several are installed the first of them counts: the last comes with the system, the others were chosen."""

_PACKAGERS = ("apt-get", "dnf", "zypper", "pacman", "apk")


def detect(view: HostFs) -> TimeDaemon:
    """Return who keeps the clock of the host that *view* shows."""
    if view.system != "Linux":
        place = {"Darwin": "macos", "Windows": "windows"}.get(view.system, "other")
        return TimeDaemon(place, f"the platform is {view.system or 'unknown'}")
    if because := _container(view):
        return TimeDaemon("container", because)
    kernel = view.text("proc/sys/kernel/osrelease")
    # WSL 1 writes "Microsoft", WSL 2 "microsoft-standard".
    place, because = ("wsl", f"the kernel is {kernel}") if "microsoft" in kernel.lower() else ("linux", "")
    return _linux(view, place, because)


def _container(view: HostFs) -> str:
    """Return what shows that this is a container; its kernel, and so its clock, is the host's."""
    # Docker's, and Podman's.
    if found := view.has(".dockerenv", "run/.containerenv"):
        return f"{found} is there"
    # Kubernetes sets the first in each container, Podman and systemd-nspawn the second.
    variables = ("KUBERNETES_SERVICE_HOST", "container")
    return next((f"the variable {name} is set" for name in variables if view.environ.get(name)), "")


def _linux(view: HostFs, place: str, because: str) -> TimeDaemon:
    processes = view.processes()
    installed = [_real(view, service) for service in _SERVICES if view.has(*service.programs)]
    # By its process alone OpenNTPD is ntpd.
    running = [service for service in installed if service.process in processes]
    if {"openntpd", "ntpd"} <= {service.name for service in running}:
        running = [service for service in running if service.name != "ntpd"]
    if not (chosen := next(iter(running or installed), None)):
        packager = next((name for name in _PACKAGERS if view.has(f"usr/bin/{name}", f"sbin/{name}")), "")
        return TimeDaemon(place, because, packager=packager)
    because = because or f"{view.has(*chosen.programs)} is there"
    rivals = tuple(service.name for service in running if service is not chosen)
    return TimeDaemon(place, because, chosen.name, bool(running), unit=_unit(view, chosen), rivals=rivals)


def _real(view: HostFs, service: _Service) -> _Service:
    """BusyBox is an ``ntpd`` too, and knows none of the commands of the other."""
    busybox = service.name == "ntpd" and view.leads_to(service.programs[0]) == "busybox"
    return service._replace(name="BusyBox ntpd") if busybox else service


def _unit(view: HostFs, service: _Service) -> str:
    # The test of sd_booted(3).
    if not view.has("run/systemd/system"):
        return ""  # installed or not, systemd does not run here
    folders = [f"{folder}/systemd/system" for folder in ("etc", "usr/lib", "lib")]
    return next((unit for unit in service.units if view.has(*(f"{at}/{unit}.service" for at in folders))), "")
