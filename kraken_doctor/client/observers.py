"""Observers of private calls: the audit log, the metrics, and functions of the caller's own."""

import contextlib
import functools
import logging
from collections.abc import Callable

from kraken_doctor.model.call import CallRecord

logger = logging.getLogger(__name__)

Observer = Callable[[CallRecord], None]


class SafeObserver:
    """
    Call an observer in such a way that it can't change what a call returns or raises.

    A record that it can't take is lost, and logged once: the call has been made, and its answer must reach the caller,
    who may otherwise place the same order again.

    Args:
        observer: What is to see the records.
        trouble: What to log when it fails.
    """

    def __init__(self, observer: Observer, trouble: str) -> None:
        self._observer = observer
        self._trouble = trouble
        self._failing = False

    def __call__(self, record: CallRecord) -> None:
        try:
            self._observer(record)
        except Exception as exc:  # noqa: BLE001 - of whatever kind, see above
            if not self._failing:
                log_safely(logger, logging.WARNING, "%s: %s: %s", self._trouble, type(exc).__name__, exc)
            self._failing = True
        else:
            self._failing = False


@functools.cache
def metrics_observer() -> Observer | None:
    """Return what counts calls for Prometheus; None without the extra ``kraken-doctor[metrics]``, or where it fails."""
    try:
        from kraken_doctor.client.metrics import observe
    except ImportError:
        return None
    except Exception as exc:  # noqa: BLE001 - a folder that is missing, a metric of the same name
        log_safely(logger, logging.WARNING, "no metrics of private calls: %s: %s", type(exc).__name__, exc)
        return None
    return SafeObserver(observe, "a call is missing from the metrics")


def log_safely(log: logging.Logger, level: int, message: str, *arguments: object) -> None:
    """Log *message*; a handler that raises must not replace the answer of a call."""
    with contextlib.suppress(Exception):
        log.log(level, message, *arguments)
