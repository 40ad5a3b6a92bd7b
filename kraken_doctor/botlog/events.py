"""
What one entry says, if anything: a refusal, a call that worked, a start, a nonce, a clock that was set.

It is read as its words: without colours, JSON's escapes, and the code that tracebacks quote.
"""

import functools
import re
from dataclasses import dataclass, field, replace

from kraken_doctor.botlog.attribution import Attribution, attribute, client_of, versions_of
from kraken_doctor.botlog.prefilter import patterns, words
from kraken_doctor.botlog.reading import HEAD_BYTES, PREFIX, Entry
from kraken_doctor.diagnosis.causes.symptoms import EXCHANGE_SYMPTOMS
from kraken_doctor.diagnosis.recognise import exchange_symptoms, recognise
from kraken_doctor.model.cause import Symptom


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the words of one entry say, whenever they were written."""

    worker: str = ""
    """The thread, task or process that wrote it; empty where it is not said."""
    endpoint: str = ""
    symptoms: tuple[Symptom, ...] = ()
    quoted: bool = True
    """Whether Kraken's own string stands there, and not only a client's name for it."""
    unknown: str = ""
    """The category of an error in Kraken's form that this version does not know."""
    whose: Attribution
    """Whose trouble it is."""
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


@dataclass(slots=True)
class Event:
    """A statement, and when and where it was made."""

    says: Statement
    at: float | None = None
    """Seconds since 1970, by the log's own clock."""
    source: int = 0
    """Which of the files."""
    stamped: bool = True
    line: int = 0
    zoned: bool = True
    """Whether its time says which zone it is in."""
    again: tuple[float, ...] = ()
    """When it was made again, by the same, with nothing between."""
    nonce: int | None = None
    """Not in the statement, which is the same for each."""
    times: tuple[float | None, ...] = field(init=False)
    """When it was made, each time."""

    def __post_init__(self) -> None:
        self.times = (self.at, *self.again)


_PATTERNS = {name: re.compile(pattern) for name, pattern in patterns("patterns").items()}
_HINTS = {name: re.compile(pattern) for name, pattern in words()["hints"].items()}
_CALLED = re.compile(
    "|".join(rf"(?P<{name}>\b(?:{'|'.join(aliases)})\b)" for name, aliases in words()["endpoints"].items() if aliases),
    re.IGNORECASE,
)


# The same error comes in a thousand lines that differ in their numbers: it is recognised once.
@functools.lru_cache(maxsize=512)
def _without_numbers(line: str) -> str:
    """Of one line: those of a traceback are the same in the next one."""
    plain = _PATTERNS["numbers"].sub(lambda match: "00:00:00" if match[1] else "0", line)
    return _PATTERNS["counts"].sub(lambda match: "9" * len(match[0]), plain)


def parse_event(entry: Entry, source: int = 0) -> Event | None:
    """Return what *entry* says; None where that is nothing."""
    said = _statement(entry.text if entry.stamped else f"{entry.head}\0{entry.text}")
    if said is None:
        return None
    return Event(said[0], entry.at, source, entry.stamped, entry.line, entry.zoned, entry.again, said[1])


@functools.lru_cache(maxsize=1024)
def _statement(text: str) -> tuple[Statement, int | None] | None:
    """Return what is said, and the nonce that is named."""
    head, _, own = text.rpartition("\0")
    says = _statement_of_shape("\n".join(map(_without_numbers, own.split("\n"))))
    nonce = _PATTERNS["nonce"].search(own) if says.speaks_of_nonce else None
    worker, versions = _worker(own) or _worker(head), versions_of(own[:2_000]) if says.client else ()
    if worker or versions:
        says = replace(says, worker=worker, versions=versions)
    return (says, int(nonce[1]) if nonce else None) if nonce or _says_something(says) else None


@functools.lru_cache(maxsize=2048)
def _statement_of_shape(text: str) -> Statement:
    """Read what does not depend on the numbers."""
    text = ESCAPES.sub("", text) if "\x1b" in text else text
    client, hints = client_of(text), frozenset(name for name, hint in _HINTS.items() if hint.search(text))
    frames, text = text, plain_text(text)
    lowered = text.lower()
    symptoms, unknown, whose = _errors(text, frames)
    endpoint = _endpoint(text)
    failed = bool(symptoms or unknown)
    worked, public = (False, False) if failed else _worked(text, endpoint)
    return Statement(
        endpoint=endpoint, symptoms=symptoms, unknown=unknown, whose=whose, worked=worked, public_worked=public,
        client=client, hints=hints, quoted=_shows("quoted", text), gave_up=_shows("gave-up", text),
        speaks_of_nonce="nonce" in lowered,
        started=not failed and "start" in lowered and _shows("started", text),
        installed="generator" in lowered and _shows("installed", text),
        clock_set=not failed and ("clock" in lowered or "time" in lowered) and _shows("clock-set", text),
    )  # fmt: skip


def _shows(pattern: str, text: str) -> bool:
    return _PATTERNS[pattern].search(text) is not None


def _says_something(says: Statement) -> bool:
    return bool(
        says.symptoms or says.unknown or says.worked or says.public_worked or says.started
        or says.installed or says.clock_set or says.versions or says.gave_up
    )  # fmt: skip


def _errors(text: str, frames: str) -> tuple[tuple[Symptom, ...], str, Attribution]:
    whose = attribute(text, frames)
    krakens = replace(whose, elsewhere="", kraken=True)  # what quotes Kraken itself, whatever else it names
    if own := exchange_symptoms(text):
        return own, "", krakens if _shows("quoted", text) else whose
    found = recognise(text)
    if not (found and found[0].title.startswith("E")) and (match := _PATTERNS["unknown"].search(text)):
        known = _cut_off(text[match.start(match.lastindex or 0) :])
        return known, "" if known else match[1] or match[2], krakens
    return found, "", whose


def _cut_off(text: str) -> tuple[Symptom, ...]:
    """Return the error that the line breaks off in, where it can be only one: a pager and a terminal cut long lines."""
    said = f"E{text.partition(chr(10))[0].rstrip(' .…>')}".casefold()
    meant = tuple(symptom for symptom in EXCHANGE_SYMPTOMS if symptom.title.casefold().startswith(said))
    return meant if len(meant) == 1 else ()


def _worked(text: str, endpoint: str) -> tuple[bool, bool]:
    """Return whether *text* shows a private call that worked, and whether a public one."""
    if _shows("envelope", text):
        private = _shows("private-result", text) or (endpoint != "" and _shows("result", text))
        return private, not private and _shows("public", text)
    said = _PATTERNS["status-200"].sub("", text)
    placed = _shows("order-placed", said) and not _shows("denied", said)
    return placed or _shows("worked", said), False


def _endpoint(text: str) -> str:
    if match := _PATTERNS["endpoint"].search(text):
        return match[1]
    match = _CALLED.search(text)
    return match.lastgroup or "" if match else ""


def _worker(text: str) -> str:
    match = _PATTERNS["worker"].search(text[:HEAD_BYTES])
    return (match[1] or match[0])[:40] if match else ""


_PREFIXES = re.compile(rf"^{PREFIX}", re.MULTILINE)
ESCAPES, _FRAME, _STACK, _DOCKER, _BRACES = (re.compile(pattern) for pattern in patterns("not-said").values())
_UNESCAPED = (("\\\\n", "\n"), ("\\\\", "\\"), ("\\n", "\n"), ("\\r", ""), ("\\t", "\t"), ('\\"', '"'), ("\\/", "/"))


def plain_text(text: str) -> str:
    """
    Return what *text* says itself.

    ``raise ConnectionError(err)`` is a line of somebody's source, and "at Request._callback (kraken.js)" the name of a
    file: neither is an error. The exception at the end of the traceback is.
    """
    docker = '{"log":' in text
    if docker:
        text = _DOCKER.sub(r"\1", text)
    if "\\" in text and (docker or _BRACES.match(text)):
        for escaped, plain in _UNESCAPED:
            text = text.replace(escaped, plain)
    text = text.replace("\r", "").rstrip("\n")
    if "\n" in text:
        text = _PREFIXES.sub("", text)
    return _without_code(text) if "\n" in text or text[:1].isspace() else text


def _without_code(text: str) -> str:
    kept: list[str] = []
    # Inside a Python traceback every line that is set in is code, until the exception, which is not.
    indent = -1
    after_frame = False
    for line in text.split("\n"):
        frame = _FRAME.search(line)
        if frame:
            indent, after_frame = frame.end() - len(frame[0].lstrip()), True
            continue
        depth = len(line) - len(line.lstrip())
        if indent >= 0 and line.strip() and (depth > indent or (after_frame and depth >= indent > 0)):
            after_frame = False
            continue
        after_frame = False
        if line.strip():
            indent = -1
        if not _STACK.match(line):
            kept.append(line)
    return "\n".join(kept)
