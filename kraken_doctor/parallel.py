"""Jobs in parallel, in daemon threads: one that hangs can't keep the process from ending."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def start(jobs: Iterable[Callable[[], T]], *, workers: int) -> list[Future[T]]:
    """
    Start *jobs*, at most *workers* at a time, in their order.

    A ``ThreadPoolExecutor`` joins its threads when the interpreter ends, and a resolver or a socket that
    hangs would then hold up Ctrl-C and the deadline. These threads are left behind.

    Returns:
        A future a job, in the same order; it carries the job's result or its exception.
    """
    started: list[tuple[Callable[[], T], Future[T]]] = [(job, Future()) for job in jobs]
    waiting: queue.SimpleQueue[tuple[Callable[[], T], Future[T]]] = queue.SimpleQueue()
    for one in started:
        waiting.put(one)
    for _ in range(min(workers, len(started))):
        threading.Thread(target=_work, args=(waiting,), daemon=True).start()
    return [future for _, future in started]


def call_with_timeout(timeout_s: float, job: Callable[[], T]) -> T:
    """
    Return what *job* returns; for what has no time limit of its own, such as the system's resolver.

    After a timeout it goes on in its thread, and its result is lost.

    Raises:
        TimeoutError: It took longer than *timeout_s* seconds.
    """
    return start([job], workers=1)[0].result(timeout_s)


POLL_S = 0.05
"""Between two polls of whether to go on: a tenth of what Ctrl-C may take, and no load."""


def wait(future: Future[T], left_s: Callable[[], float], given_up: Callable[[], bool]) -> bool:
    """
    Wait for *future*; return whether it is done.

    Args:
        future: Of `start`.
        left_s: How long it may still take, in seconds.
        given_up: Polled; once it returns True, the wait ends.
    """
    while not future.done():
        seconds = left_s()
        if seconds <= 0 or given_up():
            return False
        futures.wait([future], timeout=min(seconds, POLL_S))
    return True


def _work(waiting: queue.SimpleQueue[tuple[Callable[[], T], Future[T]]]) -> None:
    while True:
        try:
            job, future = waiting.get_nowait()
        except queue.Empty:
            return
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(job())
        except BaseException as exc:  # noqa: BLE001 - handed on to whoever waits for the future
            future.set_exception(exc)
