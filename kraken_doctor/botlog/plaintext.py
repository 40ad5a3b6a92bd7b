"""An entry as its words: without colours, JSON's escapes, and the code that tracebacks quote."""

from __future__ import annotations

import re

from kraken_doctor.botlog.reading import PREFIX

_PREFIXES = re.compile(rf"^{PREFIX}", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_FRAME = re.compile(r"^\W*File \"[^\"\n]*\", line \d+")
_STACK = re.compile(
    r"^[\s!]*(?:at |\.\.\. \d+ more|#\d+ |[~^]+\s*$|(?:raise|return|throw|await|yield|for|self\.\w+)\b)"
)
_DOCKER = re.compile(r'^\{"log": ?"(.*?)(?:\\n)?", ?"stream".*$', re.MULTILINE)
"""One line of a container, as Docker keeps it."""

_BRACES = re.compile(r"^(?:\S+ +\| ?|\S.{0,120}?: ?)?\s*\{\"")
_UNESCAPED = (("\\\\n", "\n"), ("\\\\", "\\"), ("\\n", "\n"), ("\\r", ""), ("\\t", "\t"), ('\\"', '"'), ("\\/", "/"))


def plain_text(text: str) -> str:
    """
    Return what *text* says itself.

    ``raise ConnectionError(err)`` is a line of somebody's source, and "at Request._callback (kraken.js)" the name of a
    file: neither is an error. The exception at the end of the traceback is.
    """
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
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
