"""What one line says, if anything: a refusal, a call that worked, a start, a nonce, a clock that was set."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from kraken_doctor.botlog.reading import HEAD_BYTES, Line
from kraken_doctor.diagnosis.recognise import recognise, unknown_error
from kraken_doctor.model.cause import Symptom
from kraken_doctor.model.endpoints import CHANGING, READ_ONLY
from kraken_doctor.redact import HIDDEN, redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line, read."""

    at: float | None
    """Seconds since 1970, by the log's own clock."""
    source: int = 0
    """Which of the files."""
    stamped: bool = True
    entry: int = 0
    worker: str = ""
    """The thread, task or process that wrote it; empty where it is not said."""
    endpoint: str = ""
    symptoms: tuple[Symptom, ...] = ()
    unknown: str = ""
    """An error in Kraken's form that this version does not know."""
    nonce: int | None = None
    worked: bool = False
    """A private call was answered without an error."""
    public_worked: bool = False
    started: bool = False
    installed: bool = False
    clock_set: bool = False
    versions: tuple[tuple[str, str], ...] = ()


_PROGRAM = (
    r"(?:bot|strateg\w+|trader|trading|worker|service|application|app|engine|daemon|scheduler|freqtrade|hummingbot)"
)
_STARTED = re.compile(
    rf"\b{_PROGRAM}\b.{{0,30}}\b(?:re)?start(?:ed|ing|up)\b|\b(?:re)?start(?:ed|ing)\b.{{0,30}}\b{_PROGRAM}\b"
    r"|systemd\[\d+\]: Started ",
    re.IGNORECASE,
)
_ENDPOINTS = "|".join(sorted(READ_ONLY | CHANGING, key=len, reverse=True))
_ENDPOINT = re.compile(rf"\b({_ENDPOINTS})\b")
_WORKED = re.compile(
    r"KRAKEN PRO CONNECTED|Connected to Kraken"
    r"|[\"']error[\"']\s*:\s*\[\s*\]"
    rf"|\b(?:{_ENDPOINTS})\b[^\n]{{0,40}}\b(?:ok|OK|success|succeeded|accepted)\b"
    r"|\b[Oo]rder\b[^\n]{0,40}\b(?:placed|created|accepted)\b"
    r"|\bBalance\b[^\n]{0,20}\$ ?\d"
)
_PUBLIC = re.compile(
    r"/0/public/|\b(?:Ticker|OHLC|Depth|AssetPairs|Assets|SystemStatus|Spread)\b|\bGET\b[^\n]{0,40}\bTime\b"
)

_INSTALLED = re.compile(r"[Cc]ustom nonce generator (?:was |is )?installed")
_NONCE = re.compile(r"\bnonce\b[\"']?(?:\s*[:=]\s*|\s+)[\"']?(\d{9,20})\b", re.IGNORECASE)
_WORKER = re.compile(
    r"\b(Thread-\d+|ThreadPoolExecutor-\d+_\d+|MainThread|asyncio_\d+|Task-\d+|[Ww]orker[-_ #]?\d+|SpawnProcess-\d+"
    r"|ForkProcess-\d+|(?:pid|PID|process)[\"']?[=: ]+\d+)|\[(\d{2,7})\]"
)
_CLOCK_SET = re.compile(
    r"\b(?:clock|time)\b[^\n]{0,40}\b(?:set (?:back|forward|to)|stepped|jumped|(?:was|has been) changed|corrected"
    r"|adjusted|resynchroni[sz]ed|wrong by)\b|\bclock (?:step|jump)|\bntpdate\b[^\n]{0,80}\bstep time",
    re.IGNORECASE,
)
_CLIENTS = ("krakenex", "ccxt", "freqtrade", "pykrakenapi", "python-kraken-sdk", "hummingbot")
_VERSION = re.compile(
    rf"\b({'|'.join(_CLIENTS)})\b(?:[ =:/@v]|version){{1,4}}(\d+\.\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_OTHER_EXCHANGE = re.compile(
    r"\b(?:binance|coinbase|bybit|okx|okex|bitstamp|bitfinex|kucoin|gemini|huobi|htx|bitmex|deribit|gateio|bitget|mexc)\b",
    re.IGNORECASE,
)

# No error of Kraken's has any of these; a bot that logs its headers or settings has.
_SECRET = re.compile(
    r"(?i:\b(?:api|secret|private|otp|password|passphrase|token|key)[-_ ]?(?:key|sign|secret)?[\"']?\s*[=:]\s*\S+)"
    r"|[A-Za-z0-9+/_-]{32,}={0,2}"
)

# The same error comes in a thousand lines that differ in their numbers: it is recognised once.
_NUMBERS = re.compile(r"\d{4,}|\d+[:.,]\d+")


def event_of(line: Line, source: int = 0) -> Event | None:
    """What *line* says; None where that is nothing, or is about another exchange."""
    text = line.text
    lowered = text.lower()
    symptoms, unknown = _errors(_NUMBERS.sub("0", text))
    nonce = _NONCE.search(text) if "nonce" in lowered else None
    worked = not (symptoms or unknown) and bool(_WORKED.search(text))
    endpoint = match[1] if (match := _ENDPOINT.search(text)) else ""
    public = worked and not endpoint and bool(_PUBLIC.search(text))
    event = Event(
        at=line.at,
        source=source,
        stamped=line.stamped,
        entry=line.entry,
        worker=_worker(text) or ("" if line.stamped else _worker(line.head)),
        endpoint=endpoint,
        symptoms=symptoms,
        unknown=unknown and _without_secrets(unknown_error(text)),
        nonce=int(nonce[1]) if nonce else None,
        worked=worked and not public,
        public_worked=public,
        started=not symptoms and "start" in lowered and bool(_STARTED.search(text)),
        installed="generator" in lowered and bool(_INSTALLED.search(text)),
        clock_set=not symptoms and ("clock" in lowered or "time" in lowered) and bool(_CLOCK_SET.search(text)),
        versions=_versions(text) if any(client in lowered for client in _CLIENTS) else (),
    )
    if not _says_something(event) or ("kraken" not in lowered and _OTHER_EXCHANGE.search(text)):
        return None
    return event


def _versions(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), number) for name, number in _VERSION.findall(text))


def _says_something(event: Event) -> bool:
    return bool(
        event.symptoms or event.unknown or event.nonce is not None or event.worked or event.public_worked
        or event.started or event.installed or event.clock_set or event.versions
    )  # fmt: skip


@functools.lru_cache(maxsize=2048)
def _errors(text: str) -> tuple[tuple[Symptom, ...], str]:
    symptoms = recognise(text)
    return symptoms, "" if symptoms else unknown_error(text)


def _without_secrets(error: str) -> str:
    """
    The one text that is quoted from a log, without what may be secret in it.

    Here, where it comes in: a form may fold it later, and a value that is cut in two is found by nobody.
    """
    return _SECRET.sub(HIDDEN, redactor()(error))


def _worker(text: str) -> str:
    match = _WORKER.search(text[:HEAD_BYTES])
    return (match[1] or match[2])[:40] if match else ""
