"""
What the adapters for ccxt and python-kraken-sdk share: each call inside its turn, with its nonce and record.

In an event loop too, which does not stand still meanwhile.
"""

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from kraken_doctor import parallel
from kraken_doctor.client.options import CallOptions
from kraken_doctor.client.safety import redact_exception, refuse_demo_key
from kraken_doctor.client.tracker import CallAttempt, CallTracker
from kraken_doctor.errors import TurnHeldError
from kraken_doctor.model.call import UNKNOWN
from kraken_doctor.network.sessions import refuse_redirects
from kraken_doctor.nonce.turn import HELD, Turn


class AsyncTurns:
    """
    Wait for turns without holding up the event loop.

    One task at a time waits in a thread; the others queue before it, in order. The loop's own threads
    would not do: all of them waiting for the turn, none would be left to resolve the name that the request of
    its holder needs.
    """

    def __init__(self) -> None:
        self._queues: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, key: str, take: Callable[[], AbstractContextManager[Turn]]) -> AsyncIterator[Turn]:
        """
        Enclose the turn of *key*; see `NonceGenerator.turn` for its errors.

        Args:
            key: Whose turn.
            take: Makes the context manager of one turn.
        """
        # A lock of asyncio belongs to the loop that used it first, and bots call `asyncio.run` again and again.
        for gone in [other for other in self._queues if other[0].is_closed()]:
            del self._queues[gone]
        queue = self._queues.setdefault((asyncio.get_running_loop(), key), asyncio.Lock())
        # One thread a key, whatever the number of tasks: a gather of a thousand calls must not start as many threads.
        async with queue:
            manager = take()
            entering = parallel.start([manager.__enter__], workers=1)[0]
            try:
                turn = await asyncio.wrap_future(entering)
            except asyncio.CancelledError:
                # Nobody will use it: it is given back when, and if, the thread gets it.
                entering.add_done_callback(functools.partial(_give_back, manager))
                raise
            try:
                yield turn
            finally:
                manager.__exit__(None, None, None)


def _give_back(manager: AbstractContextManager[Turn], entering: Future[Turn]) -> None:
    if not entering.cancelled() and entering.exception() is None:
        manager.__exit__(None, None, None)


# A variable of the context: threads and tasks alike see the call that they are in themselves.
_current: ContextVar[tuple[CallAttempt, Turn] | None] = ContextVar("current", default=None)


class ForeignTracker(CallTracker):
    """Track the calls of another library's client and of its copies; timeouts and retries stay the client's own."""

    refuse_redirects = staticmethod(refuse_redirects)

    def __init__(self, options: CallOptions, network_error: type[Exception]) -> None:
        super().__init__(options, network_error)
        self._async_turns = AsyncTurns()

    def next_nonce(self, key: str, client: Any = None, method: str = "") -> int:
        """Return the nonce of the call that the caller is in; outside of any, the next one, see `nonce`."""
        # A client object may be shared: its key may have changed since, or another client signs inside this call.
        current = _current.get()
        if current is None or current[0].key != key:
            return self.nonce(key, client, method)
        attempt, turn = current
        nonce = attempt.take_nonce(turn)
        attempt.sending()  # it signs now; when it sends is not seen from here
        return nonce

    def judge(self, answer: object) -> None:
        """Take *answer* as that of the call that the caller is in."""
        if current := _current.get():
            current[0].judge(answer)

    @contextmanager
    def call(self, client: Any, endpoint: str, timeout_s: float) -> Iterator[None]:
        """Enclose a call of *client*, from its turn to its answer."""
        with self._begun(client, endpoint) as begun, self.turn(begun.key, timeout_s) as turn, _inside(begun, turn):
            yield

    @asynccontextmanager
    async def call_async(self, client: Any, endpoint: str, timeout_s: float) -> AsyncIterator[None]:
        """Do the same in an event loop."""
        with self._begun(client, endpoint) as attempt, self.under_way_in_loop(attempt.key):
            take = functools.partial(self.turn_elsewhere, attempt.key, timeout_s)
            async with self._async_turns.turn(attempt.key, take) as turn:
                with _inside(attempt, turn):
                    yield

    @contextmanager
    def _begun(self, client: Any, endpoint: str) -> Iterator[CallAttempt]:
        # Put there after ours, which stays in charge, as it does over one that was there before.
        for name in getattr(client, "doctor_nonces", ()):
            vars(client).pop(name, None)
        key, url = client.doctor_key_and_url()
        refuse_demo_key(key, url)
        attempt = CallAttempt(self, key, endpoint)
        outer = _current.get()
        with self.also_network_error:  # outermost: what it makes of an exception has the redacted one behind it
            # A task that waits for itself would wait for ever, and with it every other call of the key.
            if self.options.in_order and outer and outer[0].key == key and outer[0].ended is None:
                raise TurnHeldError(HELD)
            try:
                yield attempt
            except Exception as exc:
                secrets = (getattr(client, name, None) for name in ("apiKey", "secret", "password", "_key", "_secret"))
                redact_exception(exc, self.options.otp, *secrets, settings=vars(client))
                if attempt.outcome == UNKNOWN:
                    attempt.failed(functools.partial(_error_in, exc))
                raise
            finally:
                attempt.close()


@contextmanager
def _inside(attempt: CallAttempt, turn: Turn) -> Iterator[None]:
    token = _current.set((attempt, turn))
    try:
        yield
    finally:
        # Also after an exception: the next nonce that this thread or task takes is another call's.
        _current.reset(token)
        attempt.answered()


def _error_in(exc: Exception) -> str:
    """Return the API's errors that *exc* quotes; if there are none, its type says what happened."""
    return ", ".join(re.findall(r"E[A-Z][A-Za-z]{0,20}:[^\"'\],]{1,200}", str(exc))) or type(exc).__name__
