"""
Every regular expression of the package, on the text that is worst for it.

They meet what servers, logs and files say. One whose time grows with the square of a text holds Python's lock for
minutes, and neither a deadline nor Ctrl-C comes through. They are found by walking the package, so that a new one is
tried too. On a text of this size a square takes minutes and a line tens of milliseconds: nothing is measured.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kraken_doctor import errors
from kraken_doctor.accounts import shape
from kraken_doctor.botlog.prefilter import ShapeFinder, needles
from kraken_doctor.diagnosis import recognise, remedies
from kraken_doctor.error_strings import pattern_of
from kraken_doctor.tables import load

PACKAGE = Path(__file__).parent.parent / "kraken_doctor"
CHARACTERS = 100_000
LIMIT_S = 100

NAMES = ("compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
FUNCTIONS = {f"re.{name}" for name in NAMES}

_WORDS = "|".join(map(re.escape, ("/home/daivon", "host-1.example", "a" * 41, "a" * 40)))

# What is put together when it is needed, by the place where that is done, and what comes of it there.
MADE_WHEN_NEEDED: dict[tuple[str, str], list[re.Pattern[Any]]] = {
    ("diagnosis/recognise.py", "lowered"): [recognise._pattern(sign) for sign in recognise.SYMPTOMS],
    ("diagnosis/remedies.py", "fields['pattern']"): [
        re.compile(fields["pattern"], re.IGNORECASE)
        for table in ("credential_problems.toml", "store_problems.toml")
        for fields in load(remedies.__file__, table).values()
    ],
    ("error_strings.py", "pattern_of(string) + details"): [
        re.compile(pattern_of(string) + r"\s*(?::.*)?\Z", re.IGNORECASE) for string in errors.STRINGS
    ],
    ("accounts/shape.py", "'|'.join(data['parts'])"): [shape._vocabulary()[1]],
    ("accounts/shape.py", r"'\\A(?:' + '|'.join(data['references']) + ')\\Z'"): [shape._vocabulary()[2]],
    ("accounts/shape.py", "'|'.join(_damages()['no_passwords'])"): [
        re.compile("|".join(shape._damages()["no_passwords"]), re.IGNORECASE)
    ],
    ("accounts/shape.py", "pattern"): [
        re.compile(pattern, re.IGNORECASE) for pattern in shape._damages()["in_front"].values()
    ],
    ("botlog/prefilter.py", "b'|'.join(map(re.escape, needles()))"): [re.compile(b"|".join(map(re.escape, needles())))],
    ("botlog/prefilter.py", "b'|'.join({max(one.translate(None, _NO_WORD).split(), key=len) for one in needles()})"): [
        ShapeFinder()._part
    ],
    ("doctor/anonymise.py", "f'(?<![\\\\w-])(?:{ordered})(?![\\\\w-])'"): [
        re.compile(rf"(?<![\w-])(?:{_WORDS})(?![\w-])")
    ],
}


class Used(NamedTuple):
    """A pattern, and whether it is looked for from the beginning of a text alone."""

    pattern: re.Pattern[Any]
    method: str


def modules() -> Iterator[tuple[str, ast.Module, Any]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        dotted = ".".join(("kraken_doctor", *inside.with_suffix("").parts)).removesuffix(".__init__")
        yield inside.as_posix(), ast.parse(path.read_text(encoding="utf-8")), importlib.import_module(dotted)


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FUNCTIONS:
            yield node


def held_by(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """Patterns that a module's variable is, or holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, (tuple, list, set, frozenset, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from held_by(item, depth - 1)


def method(tree: ast.Module, variable: str) -> str:
    """Of those that are called on *variable*, the one that tries the most places: ``sub`` where none is known."""
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable
    }
    return called.pop() if len(called) == 1 and called <= {"match", "fullmatch"} else "sub"


def of_module(name: str, tree: ast.Module, module: Any) -> Iterator[Used]:
    for variable, value in vars(module).items():
        yield from (Used(pattern, method(tree, variable)) for pattern in held_by(value))
    for call in calls(tree):
        argument, called = call.args[0], call.func.attr  # type: ignore[attr-defined]
        how = called if called in ("match", "fullmatch") else "sub"
        if isinstance(argument, ast.Constant):
            if called != "compile":
                yield Used(re.compile(argument.value), how)
        elif called != "compile" or not _is_global(call, tree):
            yield from (Used(pattern, how) for pattern in MADE_WHEN_NEEDED[name, ast.unparse(argument)])


def _is_global(call: ast.Call, tree: ast.Module) -> bool:
    return id(call) in _in_assignments(tree)


@functools.cache
def _in_assignments(tree: ast.Module) -> frozenset[int]:
    """The nodes of a module's own assignments, by identity: walked once a module, and not once a call."""
    found = (node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)))
    return frozenset(id(inner) for node in found for inner in ast.walk(node))


def test_a_pattern_is_compiled_where_a_module_s_variable_holds_it() -> None:
    """Or the walk does not see it."""
    for name, tree, _ in modules():
        for call in calls(tree):
            if call.func.attr == "compile" and isinstance(call.args[0], ast.Constant):  # type: ignore[attr-defined]
                assert _is_global(call, tree), f"{name}: {ast.unparse(call)}"


FOUND = [(name, used) for name, tree, module in modules() for used in of_module(name, tree, module)]
PATTERNS = [used for _, used in FOUND]
# Not by what they are: one is made of a set, whose order is another one in each process.
IDS = [f"{number}-{name}" for number, (name, _) in enumerate(FOUND)]


def test_all_are_found() -> None:
    """`re` is used as `re.…` alone, and no other engine: else the walk would pass over some."""
    assert len(PATTERNS) > 80
    for name, tree, _ in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("re", "regex", "sre_compile"), name
            if isinstance(node, ast.Import):
                # RE2 takes linear time whatever it is given: https://github.com/google/re2/wiki/WhyRE2
                other = [alias for alias in node.names if alias.name in ("regex", "re2")]
                assert not other or name == "botlog/prefilter.py", name
                assert not [alias for alias in node.names if alias.name == "re" and alias.asname], name


# Texts that are bad for a pattern: what may stand before a repetition, then what it repeats, over and over.


def witness(parsed: Any) -> str:
    """A text that *parsed* matches, or most of one: each repetition as often as it must, or once."""
    return "".join(_of_one(str(operator), argument) for operator, argument in parsed)


def _of_one(name: str, argument: Any) -> str:
    if name.endswith("_REPEAT"):
        return witness(argument[2]) * max(int(argument[0]), 1)
    # Places, looks ahead or back and references are nothing to write.
    made: dict[str, Any] = {
        "LITERAL": lambda: chr(argument),
        "NOT_LITERAL": lambda: "~" if chr(argument) != "~" else "a",
        "ANY": lambda: "a",
        "IN": lambda: _of_set(argument),
        "SUBPATTERN": lambda: witness(argument[3]),
        "BRANCH": lambda: witness(argument[1][0]),
    }
    return str(made[name]()) if name in made else ""


def _of_set(items: Any) -> str:
    kinds = {str(kind): item for kind, item in reversed(items)}
    if "NEGATE" in kinds:
        refused = [chr(item) for kind, item in items if str(kind) == "LITERAL"]
        return next(character for character in "aA0~-" if character not in refused)
    if "LITERAL" in kinds:
        return chr(kinds["LITERAL"])
    if "RANGE" in kinds:
        return chr(kinds["RANGE"][0])
    return {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "1"}.get(str(kinds["CATEGORY"]), "a")


def pieces(parsed: Any, before: str = "") -> Iterator[tuple[str, str, str]]:
    """Of each repetition without a small bound: what stands before it, what it repeats, what stands behind it."""
    items = list(parsed)
    for number, (operator, argument) in enumerate(items):
        name = str(operator)
        if name.endswith("_REPEAT"):
            if argument[1] > 8:
                yield before, witness(argument[2]), witness(items[number + 1 :])[:1]
            yield from pieces(argument[2], before)
        elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from pieces(argument[3] if name == "SUBPATTERN" else argument, before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from pieces(branch, before)
        before += _of_one(name, argument)


def texts(pattern: re.Pattern[Any]) -> list[str]:
    """As recipes: what is repeated, and what stands before and behind."""
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    parsed = re._parser.parse(source, pattern.flags)  # type: ignore[attr-defined]
    whole = witness(parsed)
    found = {("", over) for over in (whole, whole[:-1], "a", " ", "1", "A", ":")}
    for before, body, behind in pieces(parsed):
        found |= {
            (before, body),
            (before, behind),
            (before, body + behind),
            ("", body),
            ("", before),
            ("", before + body),
        }
    return [json.dumps([before, over, end]) for before, over in sorted(found) if over for end in ("", "\n!")]


PROGRAM = """
import json, re, sys
source, flags, is_bytes, method, characters = json.loads(sys.argv[1])
pattern = re.compile(source.encode("latin-1") if is_bytes else source, flags)
for line in sys.stdin:
    before, over, behind = json.loads(line)
    text = before + over * (characters // len(over)) + behind
    print(repr((before, over[:40], behind)), flush=True)
    if is_bytes:
        text = text.encode("latin-1", "replace")
    getattr(pattern, method)(*([text[:0], text] if method == "sub" else [text]))
"""


def pump(pattern: re.Pattern[Any], method: str, limit_s: float = LIMIT_S) -> None:
    """Raises AssertionError, with the text, if it does not get done with all of them."""
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
    argument = json.dumps([source, int(pattern.flags), is_bytes, method, CHARACTERS])
    try:
        subprocess.run(
            [sys.executable, "-c", PROGRAM, argument], input="\n".join(texts(pattern)), text=True,
            stdout=subprocess.PIPE, timeout=limit_s, check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        on = (exc.stdout or b"").splitlines()[-1:]
        raise AssertionError(f"{source!r} takes too long on {on}") from None


def possessive(parsed: Any) -> Iterator[Any]:
    """What is repeated without a way back, at any depth."""
    for operator, argument in parsed:
        if str(operator) == "POSSESSIVE_REPEAT":
            yield argument[2]
        for inner in argument if isinstance(argument, (tuple, list)) else (argument,):
            for each in inner if isinstance(inner, list) else (inner,):
                if isinstance(each, re._parser.SubPattern):  # type: ignore[attr-defined]
                    yield from possessive(each)


@pytest.mark.parametrize("used", PATTERNS, ids=IDS)
def test_every_python_reads_it_alike(used: Used) -> None:
    """
    A group that is repeated without a way back is written ``(?>(?:...)*)``: with ``*+`` Python before 3.11.5, which is
    Debian 12's, does not find what it should: https://github.com/python/cpython/issues/106052
    """
    for repeated in possessive(re._parser.parse(used.pattern.pattern, used.pattern.flags)):  # type: ignore[attr-defined]
        assert str(repeated[0][0]) in ("LITERAL", "NOT_LITERAL", "IN", "ANY"), used.pattern.pattern
        assert len(repeated) == 1, used.pattern.pattern


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 20)
@pytest.mark.parametrize("used", PATTERNS, ids=IDS)
def test_it_is_linear(used: Used) -> None:
    """On all texts that are bad for it, together, in a process that can be ended."""
    pump(*used)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bad",
    [
        r"(?:\d+\.[SB]|\.(?:[SMPFB]|HOLD))$", r"E[A-Z][A-Za-z]*:", r"://([^/\s@]*:[^/\s]*)@", r"<title[^>]*>(.*?)</ti",
        r"\S*(?:@|://)\S*", r"\s*:\s*", r"(?:a|aa)+b", r"KrakenAuthentication\w*Error",
    ],
)  # fmt: skip
def test_the_texts_are_bad_enough(bad: str) -> None:
    """Patterns that were here, and froze a check; each is found out. The quickest took 3 s alone, without it 0.02 s."""
    with pytest.raises(AssertionError, match="takes too long"):
        pump(re.compile(bad, re.DOTALL), "sub", limit_s=1)
