"""What keeps the clock of a host, from what can be seen of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_doctor.timesource.time_daemon import HostFs, TimeDaemon, detect


def host(root: Path, *files: str, running: tuple[str, ...] = (), kernel: str = "6.1.0-23-amd64") -> HostFs:
    """A Linux host with *files*, and processes of these names."""
    for number, name in enumerate(running, 100):
        put(root, f"proc/{number}/comm", f"{name}\n")
    put(root, "proc/sys/kernel/osrelease", f"{kernel}\n")
    for file in files:
        put(root, file)
    return HostFs(system="Linux", root=root)


def put(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


SYSTEMD = "run/systemd/system/x"
CHRONY = ("usr/sbin/chronyd", "lib/systemd/system/chrony.service")
TIMESYNCD = ("usr/lib/systemd/systemd-timesyncd", "usr/lib/systemd/system/systemd-timesyncd.service")


@pytest.mark.parametrize(
    ("files", "running", "service", "runs", "unit"),
    [
        ((*CHRONY, SYSTEMD), ("chronyd",), "chrony", True, "chrony"),
        ((*CHRONY, SYSTEMD), ("systemd",), "chrony", False, "chrony"),
        (("usr/sbin/chronyd", SYSTEMD, "etc/systemd/system/chronyd.service"), (), "chrony", False, "chronyd"),
        (CHRONY, ("chronyd",), "chrony", True, ""),
        ((*TIMESYNCD, SYSTEMD), ("systemd-timesyn",), "systemd-timesyncd", True, "systemd-timesyncd"),
        ((*TIMESYNCD, SYSTEMD), (), "systemd-timesyncd", False, "systemd-timesyncd"),
        ((*TIMESYNCD, *CHRONY, SYSTEMD), ("systemd-timesyn",), "systemd-timesyncd", True, "systemd-timesyncd"),
        (("usr/sbin/ntpd", SYSTEMD, "lib/systemd/system/ntpsec.service"), ("ntpd",), "ntpd", True, "ntpsec"),
        (("usr/sbin/ntpd", "usr/sbin/ntpctl"), ("ntpd",), "openntpd", True, ""),
        ((), ("chronyd",), "", False, ""),
        ((), (), "", False, ""),
    ],
)
def test_the_services_of_linux(
    tmp_path: Path, files: tuple[str, ...], running: tuple[str, ...], service: str, runs: bool, unit: str
) -> None:
    """The one that runs before the one that is only installed; its unit by its file."""
    daemon = detect(host(tmp_path, *files, running=running))
    assert (daemon.place, daemon.service, daemon.running, daemon.unit) == (
        "linux",
        service,
        runs,
        unit,
    )
    assert daemon.rivals == ()


@pytest.mark.posix("symbolic links")
def test_the_ntpd_of_busybox_is_another(tmp_path: Path) -> None:
    """Alpine's; it has the name, and none of the commands."""
    view = host(tmp_path, "bin/busybox", "usr/sbin/x", running=("ntpd",))
    (tmp_path / "usr/sbin/ntpd").symlink_to("../../bin/busybox")
    daemon = detect(view)
    assert (daemon.service, daemon.running) == ("BusyBox ntpd", True)


def test_two_services_at_once_are_rivals(tmp_path: Path) -> None:
    """Each undoes what the other does."""
    daemon = detect(host(tmp_path, *CHRONY, *TIMESYNCD, SYSTEMD, running=("chronyd", "systemd-timesyn")))
    assert (daemon.service, daemon.rivals) == ("chrony", ("systemd-timesyncd",))


def test_where_none_is_installed_the_packager_is_named(tmp_path: Path) -> None:
    """The one that is there."""
    assert detect(host(tmp_path, "usr/bin/apt-get")).packager == "apt-get"
    assert detect(HostFs(system="Linux", root=tmp_path / "nothing")) == TimeDaemon("linux", "")


@pytest.mark.parametrize(
    ("files", "environ", "because"),
    [
        ((".dockerenv",), {}, "/.dockerenv is there"),
        (("run/.containerenv",), {}, "/run/.containerenv is there"),
        ((), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "the variable KUBERNETES_SERVICE_HOST is set"),
        ((), {"container": "podman"}, "the variable container is set"),
    ],
)
def test_a_container_has_no_clock_of_its_own(
    tmp_path: Path, files: tuple[str, ...], environ: dict[str, str], because: str
) -> None:
    """Whatever is installed in it, and whoever's kernel it is."""
    view = host(tmp_path, *files, *CHRONY, kernel="5.15.90.1-microsoft-standard-WSL2")
    daemon = detect(HostFs(system="Linux", root=view.root, environ=environ))
    assert (daemon.place, daemon.because, daemon.service) == ("container", because, "")


def test_wsl_by_its_kernel(tmp_path: Path) -> None:
    """Microsoft's; the name says so."""
    daemon = detect(host(tmp_path, *TIMESYNCD, kernel="5.15.90.1-microsoft-standard-WSL2"))
    assert (daemon.place, daemon.service) == ("wsl", "systemd-timesyncd")
    assert "microsoft" in daemon.because


@pytest.mark.parametrize(
    ("system", "place"), [("Darwin", "macos"), ("Windows", "windows"), ("FreeBSD", "other"), ("", "other")]
)
def test_other_platforms(tmp_path: Path, system: str, place: str) -> None:
    """Known by their name alone."""
    assert detect(HostFs(system=system, root=tmp_path)).place == place


def test_this_host_is_seen_without_an_error() -> None:
    """Whatever it is."""
    assert detect(HostFs()).place
