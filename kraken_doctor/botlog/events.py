"""What one entry says, if anything: a refusal, a call that worked, a start, a nonce, a clock that was set."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from kraken_doctor.botlog.attribution import Attribution, attribute, client_of, versions_of
from kraken_doctor.botlog.plaintext import plain_text
from kraken_doctor.botlog.prefilter import words
from kraken_doctor.botlog.reading import HEAD_BYTES, Entry
from kraken_doctor.diagnosis.recognise import exchange_symptoms, recognise
from kraken_doctor.model.cause import Sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the words of one entry say, whenever they were written."""

    worker: str = ""
    """The thread, task or process that wrote it; empty where it is not said."""
    endpoint: str = ""
    signs: tuple[Sign, ...] = ()
    quoted: bool = True
    """Whether Kraken's own string stands there, and not only a client's name for it."""
    unknown: str = ""
    """The category of an error in Kraken's form that this version does not know."""
    elsewhere: str = ""
    """Whose trouble it is where it is not Kraken's: a service that is known by name, or ``another host``."""
    names_kraken: bool = False
    names_exchange: bool = False
    """Another one."""
    nonce: int | None = None
    worked: bool = False
    """A private call was answered without an error."""
    public_worked: bool = False
    started: bool = False
    installed: bool = False
    clock_set: bool = False
    gave_up: bool = False
    versions: tuple[tuple[str, str], ...] = ()
    client: str = ""
    speaks_of_nonce: bool = False
    hints: frozenset[str] = frozenset()
    """What else bears on the advice: ``otp``, ``long-url``, ``futures``, ``until``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A statement, and when and where it was made."""

    says: Statement
    at: float | None = None
    """Seconds since 1970, by the log's own clock."""
    source: int = 0
    """Which of the files."""
    stamped: bool = True
    place: int = 0
    line: int = 0


_PROGRAM = (
    r"(?:bot|strateg\w+|trader|trading|worker|service|application|app|engine|daemon|scheduler|freqtrade|hummingbot)"
)
_STARTED = re.compile(
    rf"\b{_PROGRAM}\b.{{0,30}}\b(?:re)?start(?:ed|ing|up)\b|\b(?:re)?start(?:ed|ing)\b.{{0,30}}\b{_PROGRAM}\b"
    r"|systemd\[\d+\]: Started ",
    re.IGNORECASE,
)
_ENDPOINTS = "|".join(sorted(words()["endpoints"], key=len, reverse=True))
_ENDPOINT = re.compile(rf"\b({_ENDPOINTS})\b")
_CALLED = re.compile(
    "|".join(rf"(?P<{name}>\b(?:{'|'.join(aliases)})\b)" for name, aliases in words()["endpoints"].items() if aliases),
    re.IGNORECASE,
)
_WORKED = re.compile(
    r"KRAKEN PRO CONNECTED|(?<![Nn]ot )Connected to Kraken(?! (?:[Ww]s|[Ww]eb|[Pp]ublic|[Ff]eed))|\bWallets synced\b"
    rf"|\b(?:{_ENDPOINTS})\b[^\n]{{0,40}}\b(?:ok|OK|success|succeeded|accepted)\b"
    r"|\bBalance\b[^\n]{0,20}\$ ?\d"
)
_ORDER_PLACED = re.compile(r"\b[Oo]rder\b[^\n]{0,40}\b(?:placed|created|accepted)\b")
_DENIED = re.compile(r"\b(?:not|fail\w*|error|unable|reject\w*|cannot|can't|retry\w*)\b", re.IGNORECASE)
# A gateway, a proxy and a client's log of its requests say "200" also where Kraken refuses: Kraken answers errors so.
_STATUS_200 = re.compile(r"\b200 OK\b|\bOK \(200\)|\bstatus(?:[ _]?code)?\W{1,3}200(?: OK)?", re.IGNORECASE)
_ENVELOPE = re.compile(r"[\"']?\berror[\"']?\s*(?::|=>?)\s*\[\s*\]")
_RESULT = r"[\"']?\bresult[\"']?\s*(?::|=>?)\s*"
_HAS_RESULT = re.compile(_RESULT)
_PRIVATE_RESULT = re.compile(
    _RESULT + r"\{\s*[\"']?(?:(?:open|closed|txid|descr|ledger|trades|eb|tb|token|apiKey|api_key)\b"
    r"|[A-Z0-9]{2,8}(?:\.[A-Z])?[\"']?\s*(?::|=>?)\s*(?:[\"']?-?\d|\{\s*[\"']?balance))"
)
_PUBLIC = re.compile(
    r"/0/public/|\b(?:Ticker|OHLC|Depth|AssetPairs|Assets|SystemStatus|Spread)\b|\bGET\b[^\n]{0,40}\bTime\b|"
    + _RESULT + r"\{\s*[\"']?(?:[A-Z0-9.]{5,12}[\"']?\s*(?::|=>?)\s*[\[{]|unixtime|status)"
)  # fmt: skip
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
_GAVE_UP = re.compile(
    r"\b(?:giving up|gave up|permanently failed|fatal(?: exception)?|exiting|shutting down|out of retries"
    r"|retries exhausted)\b",
    re.IGNORECASE,
)
_HINTS = {
    "otp": re.compile(r"\botp\b|two.?factor|\b2fa\b", re.IGNORECASE),
    "futures": re.compile(r"futures\.kraken\.com|/derivatives/api|krakenfutures|FuturesAsync|futures\b", re.IGNORECASE),
    # Longer ones are cut off in front of Kraken and answered 520, for ever: https://github.com/home-assistant/core/issues/142910
    "long-url": re.compile(r"kraken\.com/0/public/\S{1000}"),
    "until": re.compile(r"Throttled\s*:\s*\d"),
    "macos": re.compile(r"/Users/|/Library/Frameworks/|\bDarwin\b|/usr/local/Cellar|/opt/homebrew"),
    "async": re.compile(r"aiohttp|ccxt[./]async|ssl:(?:True|default)"),
    "help-page": re.compile(r"(?:support\.kraken\.com|zendesk\.com)/hc/"),
    "retry": re.compile(r"\battempt \d+ ?(?:/|of) ?\d+|\bretr(?:y|ies|ying)\b", re.IGNORECASE),
}
_CATEGORIES = "|".join(words()["categories"])
_UNKNOWN = re.compile(rf"(?<![A-Za-z0-9_.])E({_CATEGORIES}): ?[A-Z]|(?:error|returned)\W{{1,6}}({_CATEGORIES}):[A-Z]")
"""Kraken's form, ``E<category>:<text>``, in the case in which it occurs: https://docs.kraken.com/exchange/guides/rest/introduction"""

_QUOTED = re.compile(rf"(?<![A-Za-z0-9_])E?(?:{_CATEGORIES}): ?[A-Za-z]", re.IGNORECASE)

# The same error comes in a thousand lines that differ in their numbers: it is recognised once.
_NUMBERS = re.compile(r"\d{6,}|(?<![\d.])\d+[:.,]\d+(?!\.?\d)")


def parse_event(entry: Entry, source: int = 0) -> Event | None:
    """Return what *entry* says; None where that is nothing."""
    says = _statement(entry.text if entry.stamped else f"{entry.head}\0{entry.text}")
    if says is None:
        return None
    return Event(says=says, at=entry.at, source=source, stamped=entry.stamped, place=entry.place, line=entry.line)


@functools.lru_cache(maxsize=1024)
def _statement(text: str) -> Statement | None:
    head, _, own = text.rpartition("\0")
    says = _statement_of_shape(_NUMBERS.sub("0", own))
    nonce = _NONCE.search(own) if says.speaks_of_nonce else None
    says = replace(
        says,
        worker=_worker(own) or _worker(head),
        nonce=int(nonce[1]) if nonce else None,
        versions=versions_of(own[:2_000]) if says.client else (),
    )
    return says if _says_something(says) else None


@functools.lru_cache(maxsize=2048)
def _statement_of_shape(text: str) -> Statement:
    """Read what does not depend on the numbers."""
    client, hints = client_of(text), frozenset(name for name, hint in _HINTS.items() if hint.search(text))
    text = plain_text(text)
    lowered = text.lower()
    signs, unknown, whose = _errors(text)
    endpoint = _endpoint(text)
    failed = bool(signs or unknown)
    worked, public = (False, False) if failed else _worked(text, endpoint)
    return Statement(
        endpoint=endpoint,
        signs=signs,
        quoted=bool(_QUOTED.search(text)),
        unknown=unknown,
        elsewhere=whose.elsewhere,
        names_kraken=whose.kraken,
        names_exchange=whose.exchange,
        worked=worked,
        public_worked=public,
        started=not failed and "start" in lowered and bool(_STARTED.search(text)),
        installed="generator" in lowered and bool(_INSTALLED.search(text)),
        clock_set=not failed and ("clock" in lowered or "time" in lowered) and bool(_CLOCK_SET.search(text)),
        gave_up=bool(_GAVE_UP.search(text)),
        client=client,
        speaks_of_nonce="nonce" in lowered,
        hints=hints,
    )


def _says_something(says: Statement) -> bool:
    return bool(
        says.signs or says.unknown or says.nonce is not None or says.worked or says.public_worked or says.started
        or says.installed or says.clock_set or says.versions or says.gave_up
    )  # fmt: skip


def _errors(text: str) -> tuple[tuple[Sign, ...], str, Attribution]:
    whose = attribute(text)
    if own := exchange_symptoms(text):
        return own, "", whose.as_krakens() if _QUOTED.search(text) else whose
    found = recognise(text)
    if not (found and found[0].title.startswith("E")) and (match := _UNKNOWN.search(text)):
        return (), match[1] or match[2], whose.as_krakens()
    return found, "", whose


def _worked(text: str, endpoint: str) -> tuple[bool, bool]:
    """Whether *text* shows a private call that worked, and whether a public one."""
    if _ENVELOPE.search(text):
        if _PRIVATE_RESULT.search(text) or (endpoint and _HAS_RESULT.search(text)):
            return True, False
        return False, bool(_PUBLIC.search(text))
    said = _STATUS_200.sub("", text)
    worked = bool(_WORKED.search(said)) or (bool(_ORDER_PLACED.search(said)) and not _DENIED.search(said))
    return worked, False


def _endpoint(text: str) -> str:
    if match := _ENDPOINT.search(text):
        return match[1]
    match = _CALLED.search(text)
    return match.lastgroup or "" if match else ""


def _worker(text: str) -> str:
    match = _WORKER.search(text[:HEAD_BYTES])
    return (match[1] or match[2])[:40] if match else ""
