"""Foreign text as data, numbers and marks as people read them."""

import codecs
import re
import unicodedata
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from kraken_doctor.model.findings import Outcome
from kraken_doctor.redact import shortened

FOREIGN_LIMIT_CHARACTERS = 300
"""What a server or a label may take up; nothing that Kraken says is near that."""

PROSE_LIMIT_CHARACTERS = 600
"""Our own sentences with a server's words in them: longer than one foreign text, and still bounded."""


class Terminal(NamedTuple):
    """What the reader's screen can do."""

    width: int = 80
    colour: bool = False
    unicode: bool = True


class Symbols(NamedTuple):
    """The symbols; a word always stands beside one that does not mean "fine"."""

    connected: str
    refused: str
    passed: str
    failed: str
    warned: str
    unknown: str
    skipped: str
    dot: str

    def of(self, outcome: Outcome) -> str:
        """Return the mark of an outcome."""
        marks = {Outcome.PASS: self.passed, Outcome.WARN: self.warned, Outcome.FAIL: self.failed}
        return (marks | {Outcome.SKIP: self.skipped}).get(outcome, self.unknown)


UNICODE_SYMBOLS = Symbols("✅", "❌", "✓", "✗", "!", "?", "-", "·")
ASCII_SYMBOLS = Symbols("[OK]", "[FAIL]", "ok", "x", "!", "?", "-", "|")

OUTCOME_WORDS = {
    Outcome.PASS: "pass", Outcome.WARN: "warning", Outcome.FAIL: "failed", Outcome.SKIP: "skipped",
    Outcome.INCONCLUSIVE: "no verdict", Outcome.ERROR: "broken",
}  # fmt: skip


def symbols_for(terminal: Terminal) -> Symbols:
    """Return the symbols that the terminal can show."""
    return UNICODE_SYMBOLS if terminal.unicode else ASCII_SYMBOLS


def escape(text: str, limit: int = FOREIGN_LIMIT_CHARACTERS) -> str:
    """
    *text* as data: one line, no terminal escapes, no invisible or direction-changing characters, cut at *limit*.

    What is not printable is spelled out (``\\x1b``), so that the reader sees it was there.
    """
    return shortened("".join(_spelled(character) for character in text[: limit + 1]), limit)


def _spelled(character: str) -> str:
    # Cf: zero-width and bidi controls; Cs: lone surrogates, which no stream can encode.
    if character.isprintable() and unicodedata.category(character) not in ("Cf", "Cs"):
        return character
    return " " if character.isspace() and character != "\x85" else character.encode("unicode_escape").decode()


# What a CI runner obeys in whatever a step writes: GitHub takes a line that begins with "::error::", blanks before it
# or not, and "##[error]" anywhere in one (https://github.com/actions/runner, ActionCommand.cs); Azure "##vso[",
# TeamCity "##teamcity[". Lines, since folding a long text may put any part of it first.
_COMMANDS = re.compile(r"^([^\S\n]*:)(?=:[A-Za-z][A-Za-z-]*(?: .*)?::)|(#)(?=#\w*\[)", re.MULTILINE)


def neutralise_ci_commands(text: str) -> str:
    """*text* with a blank inside whatever a CI runner would take for a command."""
    return _COMMANDS.sub(lambda match: f"{match[0]} ", text)


def money(amount: Decimal) -> str:
    """Dollars with two decimals, rounded down: a balance is never shown larger than it is."""
    return f"${amount.quantize(Decimal('0.01'), ROUND_DOWN)}"


_STAND_INS = {
    "✅": "[OK]", "❌": "[FAIL]", "✓": "ok", "✗": "x", "…": "...", "±": "+/-", "·": "|", "µ": "u", "–": "-", "×": "x",
    "─": "-",  # of Rich's tables
}  # fmt: skip
_IN_ASCII = str.maketrans(_STAND_INS)


def shows_symbols(encoding: str | None) -> bool:
    """Return whether a stream of this *encoding* can show every symbol: the one place where that is decided."""
    try:
        "".join(_STAND_INS).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def ascii_only(text: str) -> str:
    """Replace the symbols in *text* by ASCII. What else the stream can't encode `register_stand_ins` is for."""
    return text.translate(_IN_ASCII)


def register_stand_ins() -> str:
    """Return the name of an error handler for streams: ASCII for a symbol, ``?`` for any other character."""
    codecs.register_error("kraken-doctor", _stand_in)
    return "kraken-doctor"


def _stand_in(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeEncodeError)  # noqa: S101 - streams that are written to know no other
    unknown = problem.object[problem.start : problem.end]
    return "".join(_STAND_INS.get(character, "?") for character in unknown), problem.end
