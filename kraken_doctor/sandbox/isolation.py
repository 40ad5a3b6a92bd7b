# mypy: disable-error-code="attr-defined"
# Only Linux has what is used here; where it is called, that is asked first.
"""
A place that nothing leaves: Linux namespaces, in which this process and its children have a loopback of their own.

What runs in them has no route to another host, in whatever language it is written. No program is needed for it, and no
privilege where the system lets an ordinary user make a user namespace. The ports of a bot's own database are relayed
from the namespace's loopback to this host's, and no others.
"""

import contextlib
import ctypes
import errno
import itertools
import os
import re
import socket
import stat
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from kraken_doctor import child
from kraken_doctor.tables import load

# linux/sched.h, linux/mount.h, linux/sockios.h, linux/if.h
_NEWNS, _NEWUSER, _NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1

_KEPT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31}
"""
Capabilities that a root's program keeps (linux/capability.h): Docker's default but for CAP_MKNOD.

With the others it would take the mounts away again, or go into the namespace of another process.
"""

HOST = "api.kraken.com"


def available() -> bool:
    """Return whether this system lets this process `enter`; tried in a child, since there is no way back."""
    if sys.platform != "linux":
        return False
    forked = os.fork()
    if forked == 0:
        try:
            enter()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child of ours must not return into the parent's program
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0


def enter() -> None:
    """
    Leave this host's network and file system view for good; the user stays the same.

    Must be called in a process with one thread.

    Raises:
        OSError: The system forbids it.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "network namespaces are Linux's")
    import fcntl

    # Maps the caller to itself, and for root all users, so that files keep their owners.
    user, group, process = os.geteuid(), os.getegid(), os.getpid()
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    if user == 0:
        known = {name: map(str.split, _lines(f"/proc/self/{name}")) for name in ("uid_map", "gid_map")}
        maps = {name: "\n".join(f"{first} {first} {count}" for first, _, count in ids) for name, ids in known.items()}
    ours, theirs = socket.socketpair()
    if (outside := os.fork()) == 0:  # only from there may other users be mapped
        with contextlib.suppress(OSError):
            theirs.close()
            if ours.recv(1):
                for name, text in maps.items():
                    Path(f"/proc/{process}", name).write_text(text, encoding="ascii")
                os._exit(0)
        os._exit(1)
    with ours, theirs:
        # A user namespace as root too, who could otherwise go back into the network of any process.
        _call("unshare", _NEWUSER | _NEWNET | _NEWNS)
        theirs.send(b".")
    if os.waitpid(outside, 0)[1]:
        raise PermissionError(errno.EPERM, "this user can't be mapped")
    # Private, or what is mounted below would be seen outside.
    _call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def unix_sockets() -> list[str]:
    """
    Return the paths of this host's Unix sockets that programs may listen on; they are outside of any network.

    As they were bound: where a relative one is, only its program knows.
    """
    rows = (line.split(maxsplit=7) for line in list(_lines("/proc/net/unix"))[1:])
    here = {row[7] for row in rows if len(row) == 8 and not row[7].startswith("@")}  # "@": in this network alone
    # The kernel lists those of this network namespace alone. One of another, such as a container's docker.sock, is seen
    # as a file only: mounted for itself, or where services keep theirs.
    mounted = (
        re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
        for line in _lines("/proc/self/mountinfo")
    )
    kept = (os.path.join(folder, name) for folder, _, names in os.walk("/run") for name in names)  # noqa: PTH118
    return sorted(here.union(filter(_is_socket, itertools.chain(mounted, kept))))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116 - pathlib raises where another user's folder is closed
    except OSError:
        return False


def lead_home(folder: Path, authority: Path | None, unix_sockets: list[str]) -> list[str]:
    """
    Let Kraken's host name lead to loopback, no other name anywhere, and *authority* be the one that is trusted.

    What is executed from here on can't take that away again, as root neither.

    Args:
        folder: Keeps the files that take the place of the system's.
        authority: A certificate; None where none could be made.
        unix_sockets: Of `unix_sockets`, before `enter`.

    Returns:
        What of it could not be done.
    """
    failed = [path for path, text in _files().items() if not _replace(folder, path, text)]
    if authority is not None:
        failed += [path for path in load(__file__, "certificates.toml")["bundles"] if not _bind(authority, path)]
    failed += [f"Unix socket {path}" for path in unix_sockets if path[0] != "/" or not _bind(Path("/dev/null"), path)]
    if os.path.exists("/dev/vsock"):  # noqa: PTH110 - as below
        failed.append("virtual sockets (AF_VSOCK)")
    for capability in set(range(64)) - _KEPT:
        with contextlib.suppress(OSError):  # this kernel has fewer of them
            _call("prctl", 24, capability, 0, 0, 0)  # PR_CAPBSET_DROP (linux/prctl.h)
    return failed


def _files() -> dict[str, str]:
    hosts = [f"127.0.0.1 localhost {HOST}", "::1 localhost"]
    hosts += [line for line in _lines("/etc/hosts") if not re.search(r"\bkraken\.com\b|\blocalhost\b", line)]
    switch = [line for line in _lines("/etc/nsswitch.conf") if not line.startswith("hosts:")]
    return {
        "/etc/hosts": "\n".join(hosts),
        # Nobody listens there: a question fails at once.
        "/etc/resolv.conf": "nameserver 127.0.0.1",
        "/etc/nsswitch.conf": "\n".join(["hosts: files", *switch]),
    }


def _lines(path: str) -> Iterator[str]:
    try:
        yield from Path(path).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return


def _replace(folder: Path, path: str, text: str) -> bool:
    file = folder / Path(path).name
    file.write_text(f"{text}\n", encoding="utf-8", errors="surrogateescape")
    file.chmod(0o644)
    return _bind(file, path)


def _bind(source: Path, target: str) -> bool:
    """Mount *source* over *target*, where there is one; return whether nothing is left to do."""
    if not os.path.exists(target):  # noqa: PTH110 - a path of another user's may raise in pathlib
        return True
    try:
        _call("mount", os.fsencode(source), os.fsencode(os.path.realpath(target)), None, ctypes.c_ulong(_MS_BIND), None)
    except OSError:
        return False
    return True


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


_CHUNK_BYTES = 65536


@contextlib.contextmanager
def relay(ports: Sequence[int]) -> Iterator[socket.socket]:
    """Run a process that stays in this network, and waits for `offer_ports`; to be entered before the namespace is."""
    ours, theirs = socket.socketpair()
    program = "from kraken_doctor.sandbox.isolation import relay_main; relay_main()"
    command = child.python(program, str(theirs.fileno()), *map(str, ports))
    with ours, child.started(command, pass_fds=(theirs.fileno(),)):
        theirs.close()
        yield ours


def offer_ports(link: socket.socket, ports: Sequence[int]) -> None:
    """
    Have the other process of *link* serve *ports* of this namespace's loopback.

    Raises:
        OSError: One of them is taken.
    """
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", port))) for port in ports]
        socket.send_fds(link, [b"."], [listener.fileno() for listener in listeners])


def relay_main() -> None:
    """Relay until whoever started this has gone."""
    link = socket.socket(fileno=int(sys.argv[1]))
    ports = [int(text) for text in sys.argv[2:]]
    _, descriptors, _, _ = socket.recv_fds(link, 1, len(ports))
    for descriptor, port in zip(descriptors, ports, strict=True):
        listener = socket.socket(fileno=descriptor)
        threading.Thread(target=_serve, args=(listener, port), daemon=True).start()
    link.recv(1)
    os._exit(0)


def _serve(listener: socket.socket, port: int) -> None:
    while True:
        inner, _ = listener.accept()
        try:
            outer = socket.create_connection(("127.0.0.1", port))
        except OSError:
            inner.close()
            continue
        for source, target in ((inner, outer), (outer, inner)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_WR if end is target else socket.SHUT_RD)
