"""What a service manager is told: sd_notify(3), without a library."""

import contextlib
import socket
import sys

READY, ALIVE = "READY=1", "WATCHDOG=1"


def notify_service_manager(address: str | None, state: str) -> None:
    """
    Send *state* to systemd, or to whoever has set NOTIFY_SOCKET.

    Args:
        address: What NOTIFY_SOCKET names: a path, or behind ``@`` a name without a file; None does nothing.
        state: `READY` or `ALIVE`.
    """
    # Python has no AF_UNIX there, and systemd, whose protocol it is, does not run there.
    if not address or sys.platform == "win32":
        return
    # A manager that is gone or does not listen must not stop the rounds.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)
        channel.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
