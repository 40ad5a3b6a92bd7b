"""Ways in which a program may try to leave the sandbox. Each tries to reach a port of this host; none may get there."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

# In Python, with the start-up hook; PORT and PATH are replaced.
PYTHON = {
    "socket": "import socket; socket.create_connection(('127.0.0.1', PORT), 3)",
    "connect_ex": "import socket, sys; sys.exit(socket.socket().connect_ex(('127.0.0.1', PORT)))",
    "_socket": "import _socket; _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0).connect(('127.0.0.1', PORT))",
    "asyncio": "import asyncio; asyncio.run(asyncio.open_connection('127.0.0.1', PORT))",
    "http.client": "import http.client; http.client.HTTPConnection('127.0.0.1', PORT, timeout=3).request('GET', '/')",
    "urllib": "import urllib.request; urllib.request.urlopen('http://localhost:PORT/', timeout=3)",
    "requests": "import requests; requests.get('http://127.0.0.1:PORT/', timeout=3)",
    "aiohttp": "import aiohttp, asyncio\nasync def main():\n    async with aiohttp.ClientSession() as session:\n"
    "        await session.get('http://127.0.0.1:PORT/')\nasyncio.run(main())",
    "UDP": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "UDP connected": "import socket; s = socket.socket(type=socket.SOCK_DGRAM)\n"
    "s.connect(('127.0.0.1', PORT)); s.send(b'x')",
    "sendmsg": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', PORT))",
    "IPv6": "import socket; socket.create_connection(('::1', PORT), 3)",
    "IPv4 in IPv6": "import socket; socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', PORT))",
    "named like a pair": "import socket\ndef socketpair():\n"
    "    socket.socket().connect(('127.0.0.1', PORT))\nsocketpair()",
    "Unix socket": "import socket; socket.socket(socket.AF_UNIX).connect('PATH')",
    "fork": "import os, socket\nif os.fork() == 0:\n    socket.create_connection(('127.0.0.1', PORT), 3)\nos.wait()",
    "spawn": "import subprocess, sys; subprocess.run([sys.executable, '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT), 3)\"], check=True)",
    "subclass": "import socket\nclass Own(socket.socket): pass\nOwn().connect(('127.0.0.1', PORT))",
    "sock_connect": "import asyncio, socket\nasync def main():\n"
    "    link = socket.socket()\n    link.setblocking(False)\n"
    "    await asyncio.get_running_loop().sock_connect(link, ('127.0.0.1', PORT))\nasyncio.run(main())",
    "fast open": "import socket; socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', PORT))",
    "any address": "import socket; socket.socket().connect(('0.0.0.0', PORT))",
    "Unix datagram": "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', 'DATAGRAM')",
    "daemon": "import os, socket\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        socket.create_connection(('127.0.0.1', PORT), 3)\n    os._exit(0)\nos.wait()",
    "mask taken away": "import socket, subprocess; subprocess.run(['umount', 'PATH'])\n"
    "socket.socket(socket.AF_UNIX).connect('PATH')",
    "proxy variables": "import requests; requests.get('http://203.0.113.9/', timeout=3)",
}
# Around the hook: only a namespace stops these, and where there is none they are named beforehand.
OTHERS = {
    "ctypes": "import ctypes, socket, struct; libc = ctypes.CDLL(None); s = libc.socket(2, 1, 0)\n"
    "address = struct.pack('=H', 2) + struct.pack('>H', PORT) + socket.inet_aton('127.0.0.1') + bytes(8)\n"
    "assert libc.connect(s, address, 16) == 0",
    "python -I": "import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT), 3)\"], check=True)",
    "python -S": "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT), 3)\"], check=True)",
    "env -i": "import subprocess, sys; subprocess.run(['env', '-i', sys.executable, '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT), 3)\"], check=True)",
    "curl": "import subprocess; subprocess.run(['curl', '-m3', 'http://127.0.0.1:PORT/'], check=True)",
    "bash": "import subprocess; subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/PORT'], check=True)",
    "PYTHONPATH": "import os, subprocess, sys; subprocess.run([sys.executable, '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT), 3)\"], env=os.environ | {'PYTHONPATH': ''})",
    "setns": "import ctypes, os; ctypes.CDLL(None).setns(os.open('/proc/HOST/ns/net', 0), 0)\n"
    "os.execlp('curl', 'curl', '-m3', 'http://127.0.0.1:PORT/')",
    "perl": "import subprocess; subprocess.run(['perl', '-MIO::Socket', '-e', "
    "'IO::Socket::INET->new(PeerAddr => \"127.0.0.1:PORT\")'])",
    "node": "import subprocess\n"
    "subprocess.run(['node', '-e', \"require('net').connect(PORT, '127.0.0.1')\"], check=True)",
}
NEEDS = {"curl": "curl", "bash": "bash", "node": "node", "setns": "curl", "perl": "perl"}


def ways() -> dict[str, str]:
    """Return those for which this host has what they need."""
    return {name: code for name, code in (PYTHON | OTHERS).items() if shutil.which(NEEDS.get(name, sys.executable))}


class Outside:
    """A port of each protocol for each way, on this host's loopback, and who arrived there."""

    def __init__(self, names: list[str], folder: Path) -> None:
        self.arrived: set[str] = set()
        self.ports: dict[str, int] = {}
        self.unix_path = folder / "host.sock"
        self._stack = contextlib.ExitStack()
        for name in names:
            self.ports[name] = self._serve(name)
        unix = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(self.unix_path))
        self._accept("Unix socket", unix)
        datagram = self._stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagram.bind(f"{self.unix_path}.log")
        threading.Thread(target=self._receive, args=("Unix datagram", datagram), daemon=True).start()

    def _serve(self, name: str) -> int:
        tcp = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = int(tcp.getsockname()[1])
        tcp6 = self._stack.enter_context(socket.socket(socket.AF_INET6))
        tcp6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        tcp6.bind(("::1", port))
        udp = self._stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", port))
        for listener in (tcp, tcp6):
            self._accept(name, listener)
        threading.Thread(target=self._receive, args=(name, udp), daemon=True).start()
        return port

    def _accept(self, name: str, listener: socket.socket) -> None:
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()
                    self.arrived.add(name)

        threading.Thread(target=serve, daemon=True).start()

    def _receive(self, name: str, udp: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while udp.recv(10):
                self.arrived.add(name)

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def outside(folder: Path) -> Iterator[Outside]:
    """This host's ports, while it is entered."""
    opened = Outside(list(ways()), folder)
    try:
        yield opened
    finally:
        opened.close()


def program(host: Outside) -> str:
    """A program that tries all ways, one process each, and prints the names of those that found nobody in the way."""
    tries = {
        name: code.replace("PORT", str(host.ports[name]))
        .replace("'PATH'", repr(str(host.unix_path)))
        .replace("'DATAGRAM'", repr(f"{host.unix_path}.log"))
        .replace("HOST", str(os.getpid()))
        for name, code in ways().items()
    }
    return (
        "import subprocess, sys\n"
        f"for name, code in {tries!r}.items():\n"
        "    tried = subprocess.run([sys.executable, '-c', code], capture_output=True, timeout=60)\n"
        "    print(name, tried.returncode, flush=True)\n"
    )
