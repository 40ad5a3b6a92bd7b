"""The .env files: found, read, judged by their mode, and given new values without losing what is there."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from kraken_doctor.accounts import textfile
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.secret import STORE_VARIABLE

if TYPE_CHECKING:
    from dotenv.parser import Binding

_ASSIGNED = re.compile(r"\s*(?:export\s+)?\S[^=]*=[^\S\r\n]*")
_OWN = re.compile(r"(?:export\s+)?(KRAKEN_[A-Z0-9_]+)(?![A-Za-z0-9_])")
"""Of other variables nothing is said: their lines are another program's business."""

_INSIDE = re.compile(r"(?<![A-Z0-9_])(KRAKEN_[A-Z0-9_]{1,200})[\"'\]]*[:=>\s]{1,5}[\"']?[A-Za-z0-9+/]{20}")
"""A value in a line that does not set it as python-dotenv reads it: another shell's, JSON, a comment."""

NOT_SET = "is in this line, but not set by it: write NAME=value at its start"

_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_COMMENT = re.compile(r"\s\#")
_MAX_BLANKS = 1000
"""In a row: python-dotenv looks for a comment from each of them to the last."""


class EnvFile(NamedTuple):
    """A .env file that was read, or another file with a key in it, as the variables that it stands for."""

    path: Path
    values: dict[str, str]
    damaged_lines: tuple[str, ...]
    """Lines of Kraken's variables that are no assignment, or set one again; by number and name, without a value."""
    readable_by_others: bool
    text: str
    """All of it, to the letter."""

    def __repr__(self) -> str:
        return f"EnvFile({str(self.path)!r})"


def find(start: Path) -> Path | None:
    """The nearest ``.env`` in *start* or its parents; to be read as `found`."""
    candidates = (folder / ".env" for folder in (start, *start.parents))
    with contextlib.suppress(OSError):
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    return None


def read(path: Path, *, found: bool = False, environ: Mapping[str, str] = MappingProxyType({})) -> EnvFile:
    """
    The assignments in *path*; ``${NAME}`` is resolved as python-dotenv does, and left as it is where nothing sets it.

    Args:
        path: Opened once: what is judged is what is read, whoever puts another file in its place meanwhile.
        found: Nobody named it, so it must not be another user's, who could send this user's keys to another host.
        environ: The process's variables, for what is to be resolved.

    Raises:
        ConfigurationError: It can't be read, is no text file, or is another user's.
    """
    from dotenv.parser import parse_stream

    text, readable_by_others = textfile.read(path, instead="--env-file", found=found)
    if max(map(len, re.findall(r"\s+", text)), default=0) > _MAX_BLANKS:
        raise ConfigurationError(f"{path}: more than {_MAX_BLANKS} blanks in a row; name another file with --env-file")
    bindings = list(parse_stream(io.StringIO(text.removeprefix("\ufeff"), newline=None)))
    values = _resolved(bindings, environ, found=found)
    return EnvFile(path, values, tuple(_damaged(bindings)), readable_by_others, text)


def _resolved(bindings: Iterable[Binding], environ: Mapping[str, str], *, found: bool) -> dict[str, str]:
    from dotenv.variables import Variable as Reference
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    assigned = [(binding.key, binding.value) for binding in bindings if binding.key and binding.value is not None]
    # A file that nobody named, and that leads elsewhere, could take a key of the process along under its own name:
    # `refuse_led_elsewhere` goes by where a value comes from.
    leads = found and not {"KRAKEN_SPOT_URL", STORE_VARIABLE}.isdisjoint(name for name, _ in assigned)
    for name, value in assigned:
        known = values if leads else {**values, **environ} if "${" in value else {}
        atoms = list(parse_variables(value))
        lost = any(isinstance(atom, Reference) and atom.name not in known and atom.default is None for atom in atoms)
        values[name] = value if lost else "".join(atom.resolve(known) for atom in atoms)
    return values


def _damaged(bindings: Iterable[Binding]) -> Iterator[str]:
    """Lines that leave a variable of Kraken's unset, or set it to another value than a line before."""
    before: dict[str, tuple[int, str]] = {}
    inside: dict[str, int] = {}
    for binding in bindings:
        line, value = binding.original.line, binding.value
        # The parser hands the blank lines above along.
        line += len(re.findall(r"\A(?:[^\S\n]*\n)*", binding.original.string)[0].splitlines())
        name = _OWN.match(binding.original.string.strip())
        if name is None:
            if binding.value is None or not str(binding.key).isidentifier():
                inside |= {found[1]: line for found in _INSIDE.finditer(binding.original.string)}
            continue
        if value is None:
            behind = binding.original.string.strip()[name.end() :].lstrip()
            why = "is YAML: write NAME=value" if behind.startswith(":") else "has an unclosed quote"
            yield f"line {line}: {name[1]} {why if behind.startswith((':', '=')) else 'has no = after it'}"
        elif name[1] in before and before[name[1]][1] != value:
            first = before[name[1]][0]
            yield f"line {line}: {name[1]} again, with a different value from line {first}; this one is used"
        if value is not None:
            before[name[1]] = line, value
    yield from (f"line {line}: {name} {NOT_SET}" for name, line in inside.items() if name not in before)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """
    The content *text* of a .env file with *values* set: each where it is set already, else at the end.

    All else stays as it is, to the letter: order, comments, ``export``, blank lines, line ends. python-dotenv's
    own `set_key` drops the blank lines above what it sets and turns CRLF into LF, and it sets one at a time: a
    crash in between would leave a key with another key's secret.

    Args:
        text: May be empty.
        values: Without white space and quotes, as a key and a secret are.

    Raises:
        ConfigurationError: The file would not give these values back.
    """
    from dotenv.parser import parse_stream

    mark = "\ufeff" if text.startswith("\ufeff") else ""
    parts, missing = [], dict(values)
    # Line ends are not translated: what is not changed is written back as it was.
    for binding in parse_stream(io.StringIO(text.removeprefix(mark), newline="")):
        original = binding.original.string
        name = binding.key
        if name is not None and name in values:
            missing.pop(name, None)
            original = _assign(original, name, values[name])
        parts.append(original)
    body = "".join(parts)
    end = "\r\n" if "\r\n" in body else "\n"
    if missing and body and not body.endswith(("\n", "\r")):
        body += end
    body += "".join(f"{name}={value}{end}" for name, value in missing.items())
    found = {binding.key: binding.value for binding in parse_stream(io.StringIO(body, newline=""))}
    if any(found.get(name) != value for name, value in values.items()):
        raise ConfigurationError("the .env file can't hold these values; set the variables elsewhere")
    return mark + body


def _assign(original: str, name: str, value: str) -> str:
    """The line (or lines) of one assignment with another value: what stands before and behind it is kept."""
    head = _ASSIGNED.match(original)
    if head is None:  # the name alone, without "="
        blank = original[: len(original) - len(original.lstrip())]
        return f"{blank}{name}={value}{original[len(original.rstrip()) :]}"
    rest = original[head.end() :]
    quoted = _QUOTED.match(rest)
    comment = _COMMENT.search(rest, quoted.end() if quoted else 0)
    before = rest[: comment.start() if comment else None].rstrip()
    return f"{head[0]}{value}{rest[len(before) :]}"
