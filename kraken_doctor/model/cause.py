"""A cause as the catalogue describes it, apart from any run."""

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from kraken_doctor.errors import STRINGS
from kraken_doctor.frozen import dataclass
from kraken_doctor.model.findings import Alternative, Remedy, Severity


class Transient(enum.Enum):
    """How soon a failure may be gone although nobody has changed anything."""

    INSTANT = "instant"
    """A single event may be it: a second attempt at once decides."""
    SOON = "soon"
    """Seconds or minutes later: what only reads may be tried again after a wait."""


class Everywhere(NamedTuple):
    """What it means when one cause is met in every account of a run."""

    summary: str
    possible: tuple[Alternative, ...]
    remedy: Remedy


@dataclass(frozen=True, kw_only=True)
class Cause:
    """
    What the doctor can name.

    The id is permanent: it may get a better text, never another meaning.
    """

    id: str
    severity: Severity
    title: str
    """One line, no full stop."""
    meaning: str
    proof: str
    """What evidence names it."""
    remedy: Remedy
    wrong_when: str
    """When the verdict can be wrong."""
    transient: Transient | None = None
    """None for what lasts until somebody changes something: to try that again can make it worse."""
    also: tuple[str, ...] = ()
    """Kraken's strings that point here too, though another cause is likelier."""
    links: tuple[str, ...] = ()
    possible: tuple[Alternative, ...] = ()
    """What it may come down to where the exchange has said no more."""
    possible_with_otp: tuple[Alternative, ...] = ()
    """The same where a one-time password was sent."""
    everywhere: Everywhere | None = None
    brings_about: tuple[str, ...] = ()
    """Causes that it always leads to. Where evidence decides, as with a clock and a certificate, a rule does."""
    hides: tuple[str, ...] = ()
    """Causes whose evidence, met beside it, proves nothing: they are to be judged when it is over."""

    @property
    def errors(self) -> tuple[str, ...]:
        """Return Kraken's own strings that point here, by the one table of them; families are left out."""
        own = (string for string, kind in STRINGS.items() if kind.cause == self.id and "*" not in string)
        return (*self.also, *own)


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """
    What a user has in hand: an error as the exchange, a client library or Python words it.

    One symptom may point to several causes, and then says what tells each from the others.
    """

    title: str
    """The words themselves, as short as they can be known by."""
    meaning: str
    """What is certain from these words alone."""
    causes: Mapping[str, str] = field(default_factory=dict)
    """Ids of causes, most likely first, each with what tells it from the others; empty where there is one."""
    command: str = "kraken-doctor check"
    """Which command of the doctor decides."""
    pattern: str = ""
    """Regular expression that finds it in a text, case ignored; made from the title where it is left out."""
    kind: str
    """What a log counts it as: ``nonce``, ``way``, ``key``, ``limit``, ``exchange``, ``host`` or ``order``."""
    links: tuple[str, ...] = ()
