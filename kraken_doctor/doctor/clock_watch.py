"""``clock --watch``: this host's clock, measured again and again, and what that comes to."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future

from kraken_doctor import parallel
from kraken_doctor.checks.clockwatch import ClockSample, ClockWatch
from kraken_doctor.clock import Deadline
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.doctor.examine import Doctor, Stop
from kraken_doctor.doctor.instruments import environment_facts
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.ticker import Ticker
from kraken_doctor.model.findings import CheckResult
from kraken_doctor.model.format import utc_timestamp
from kraken_doctor.model.payloads import ClockWatchPart
from kraken_doctor.model.report import Report


def watch_clock(
    doctor: Doctor,
    request: RunRequest,
    *,
    every_s: float,
    count: int | None,
    deadline_s: float,
    observe: Callable[[ClockSample], None],
) -> Report:
    """
    Measure the clock every *every_s* seconds, *count* times or until Ctrl-C or *deadline_s*.

    Args:
        doctor: Has the instruments, and knows whether the user wants the end.
        request: What is asked for.
        every_s: Seconds between polls.
        count: How many polls; None for no bound.
        deadline_s: Seconds for all of them.
        observe: Told of each poll as it is made.

    Raises:
        ConfigurationError: A URL or a server is named that can't be used.
    """
    with doctor.instruments(request) as instruments:
        seen, stop = ClockWatch(instruments), doctor.stop
        started, deadline = Started.now(doctor.clock), Deadline(doctor.clock, deadline_s)
        # Ctrl-C is the usual end of a watch, and no reason to lose what it has seen.
        with contextlib.suppress(KeyboardInterrupt):
            _poll(seen, stop, Ticker(doctor.clock, every_s, count, _pause(stop, deadline)), deadline, observe)
        with stop.deferred():
            duration_s = started.duration_s()
            result = CheckResult(id="clock", account=None, **seen.finding()._asdict(), duration_s=duration_s)
            return finished(
                request.command,
                started,
                [result],
                diagnose([result]),
                duration_s=duration_s,
                api_url=instruments.settings.api_url,
                sandbox=request.sandbox,
                environment=environment_facts(instruments, (result,), doctor.host.dotenv_files),
                extra={"watch": _document(seen, every_s)},
                interrupted=stop.requested(),
            )


def _poll(
    seen: ClockWatch, stop: Stop, ticker: Ticker, deadline: Deadline, observe: Callable[[ClockSample], None]
) -> None:
    for _ in ticker.ticks():
        with stop.deferred():
            # In a thread of its own: a poll that hangs must outlast neither the deadline nor Ctrl-C.
            (look,) = parallel.start([seen.look], workers=1)
            if not parallel.wait(look, deadline.remaining, stop.requested):
                return
        observe(look.result())


def _pause(stop: Stop, deadline: Deadline) -> Callable[[float], bool]:
    """Return what waits until the next poll is due; False where Ctrl-C or the deadline comes first."""

    def pause(seconds: float) -> bool:
        if deadline.remaining() <= seconds or stop.requested():
            return False
        # Not the clock's sleep: with signals deferred Ctrl-C is a flag alone, and this is what looks at it.
        never: Future[None] = Future()
        with stop.deferred():
            parallel.wait(never, Deadline(deadline.clock, seconds).remaining, stop.requested)
        return not stop.requested()

    return pause


def _document(seen: ClockWatch, every_s: float) -> ClockWatchPart:
    found = seen.rate_ppm()
    return {
        "every_s": every_s,
        "samples": [
            {
                "at": utc_timestamp(sample.at_ns),
                "offset_s": round(sample.consensus.sample.offset_s, 6) if sample.consensus else None,
                "bound_s": round(sample.consensus.sample.bound_s, 6) if sample.consensus else None,
                "step_s": round(sample.step_s, 6),
                "summary": sample.summary,
            }
            for sample in seen.samples
        ],
        "rate_ppm": {"least": round(found[0], 3), "most": round(found[1], 3)} if found else None,
        "steps": [{"at": utc_timestamp(sample.at_ns), "seconds": round(sample.step_s, 6)} for sample in seen.steps],
    }
