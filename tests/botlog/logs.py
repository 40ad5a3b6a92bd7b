"""Bot logs, written as bots write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO

from kraken_doctor.botlog.examine import LogAnalysis, examine

BEGAN_S = 1_795_392_000
"""2026-11-23 00:00:00 UTC."""
NOW_S = BEGAN_S + 10 * 86_400.0
REFUSED = "ERROR {call} failed: ['EAPI:Invalid nonce']"
WORKED = "INFO {call} ok"


def line(at_s: float, text: str) -> str:
    """One line, *at_s* seconds after the beginning, in the form of Python's logging."""
    moment = datetime.fromtimestamp(BEGAN_S + at_s, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03} {text}\n"


def refused(at_s: float, call: str = "Balance", who: str = "") -> str:
    return line(at_s, f"{who} {REFUSED.format(call=call)}".strip())


def worked(at_s: float, call: str = "Balance", who: str = "") -> str:
    return line(at_s, f"{who} {WORKED.format(call=call)}".strip())


def findings(*logs: str | Iterable[str] | bytes) -> LogAnalysis:
    """What the logs tell, one a file."""
    texts = [log if isinstance(log, (str, bytes)) else "".join(log) for log in logs]
    return examine([BytesIO(text.encode() if isinstance(text, str) else text) for text in texts], NOW_S)
