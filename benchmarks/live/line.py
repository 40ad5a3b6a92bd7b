"""A line with a latency: a TCP proxy on loopback that delivers late, in order, and with jitter."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

T = TypeVar("T")

Hold = Callable[[bytes], Awaitable[None]]
"""Awaited before what a client sent is delivered."""

_CHUNK_BYTES = 1 << 16


class Delay(NamedTuple):
    """What one way takes: *least_s*, and up to *jitter_s* more, for each packet anew."""

    least_s: float
    jitter_s: float = 0.0


class Line:
    """
    Carries TCP connections to *port* of this host, as long as it is entered.

    A client connects at once: the kernel answers its SYN. TLS takes its round trips, like any other data.

    Args:
        port: Where to, on 127.0.0.1.
        delay: Each way.
        seed: Connection n of a line has the same delays in every run with this seed.
        hold: Delays single requests further.
    """

    def __init__(self, port: int, delay: Delay, *, seed: int | str = 0, hold: Hold | None = None) -> None:
        self._to, self._delay, self._seed, self._hold = port, delay, seed, hold
        self._numbers = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where clients connect to, on 127.0.0.1."""
        self.calls = Calls()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    async def _end(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)  # closed connections are let go in the loop's next round

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        # A task of our own, so that its end can be waited for.
        task = self._loop.create_task(self._connect(next(self._numbers), reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, number: int, reader: StreamReader, writer: StreamWriter) -> None:
        ends = [writer]
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._to)
            ends.append(onward_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(number, "there", reader, onward_writer))
                group.create_task(self._carry(number, "back", onward_reader, writer))
        except* OSError:
            pass  # either end may hang up whenever it likes
        finally:
            for end in ends:
                end.transport.abort()

    async def _carry(self, number: int, way: str, source: StreamReader, sink: StreamWriter) -> None:
        """One way of one connection: received at once, delivered when it is due."""
        chance = random.Random(f"{self._seed}/{number}/{way}")
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sink.transport.set_write_buffer_limits(0)  # `drain` waits for all, so that hanging up loses nothing

        async def receive() -> None:
            data = b"first"
            while data:
                data = await source.read(_CHUNK_BYTES)
                if way == "there":
                    self.calls.sent(number, data)
                takes_s = self._delay.least_s + chance.uniform(0, self._delay.jitter_s)
                under_way.put_nowait((self._loop.time() + takes_s, data))

        async with asyncio.TaskGroup() as group:
            group.create_task(receive())
            while True:  # one after the other, as TCP delivers
                due, data = await under_way.get()
                if way == "there" and self._hold is not None:
                    await self._hold(data)
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    break
                sink.write(data)
                if way == "back":
                    self.calls.answered(number)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()


class Calls:
    """How many private calls were under way at once, as their sender saw it; only where HTTP is not encrypted."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self.most_at_once = 0

    def sent(self, connection: int, data: bytes) -> None:
        """Told what a client sent."""
        if is_private(data):
            self._open.add(connection)
            self.most_at_once = max(self.most_at_once, len(self._open))

    def answered(self, connection: int) -> None:
        """Told that something came back to it."""
        self._open.discard(connection)


def is_private(data: bytes) -> bool:
    """Whether a private call begins with *data*."""
    return data.startswith(b"POST /0/private/")
