"""`sandbox -- COMMAND` on Windows: its asyncio connects through the Proactor, of which no audit hook hears."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="needs Windows: the Proactor")

BOT = """
import asyncio, socket, sys

import aiohttp
import ccxt.async_support as ccxt

ADDRESS = ("127.0.0.1", int(sys.argv[1]))

class Told(asyncio.DatagramProtocol):
    def __init__(self):
        self.told = loop().create_future()

    def error_received(self, exc):
        self.told.set_exception(exc)

def loop():
    return asyncio.get_running_loop()

def unblocking(kind):
    link = socket.socket(type=kind)
    link.setblocking(False)
    return link

async def datagram(connected):
    far = {"remote_addr": ADDRESS} if connected else {"local_addr": ("127.0.0.1", 0)}
    transport, protocol = await loop().create_datagram_endpoint(Told, **far)
    transport.sendto(b"x", None if connected else ADDRESS)
    await protocol.told

async def get():
    async with aiohttp.ClientSession() as session:
        await session.get("http://%s:%d/" % ADDRESS)

async def main():
    exchange = ccxt.kraken()
    print(await exchange.fetch_time() > 0)
    await exchange.close()
    bound = unblocking(socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    for way in (
        asyncio.open_connection(*ADDRESS), loop().create_connection(asyncio.Protocol, *ADDRESS), get(),
        loop().sock_connect(unblocking(socket.SOCK_STREAM), ADDRESS), loop().sock_sendto(bound, b"x", ADDRESS),
        datagram(True), datagram(False),
    ):
        try:
            await way
        except OSError as exc:
            print("blocked by kraken-doctor sandbox" in str(exc))
        else:
            print("it got out")

asyncio.run(main())
"""


def test_nothing_leaves_through_the_proactor() -> None:
    """Streams and datagrams to a number, by whoever; and a client that asks the sandbox gets its answer."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(tcp.getsockname())
        port = tcp.getsockname()[1]
        command = [sys.executable, "-m", "kraken_doctor", "sandbox", "--", sys.executable, "-c", BOT, str(port)]
        ended = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=110, check=False)
        for arrival in (tcp, udp):
            arrival.setblocking(False)
        with pytest.raises(BlockingIOError):
            tcp.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(1)
    assert ended.stdout.split() == ["True"] * 8, ended.stderr
    assert "requests: 1;" in ended.stderr
