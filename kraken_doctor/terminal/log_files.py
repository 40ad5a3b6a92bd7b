"""Logs as files: compressed, rotated, in Windows' UTF-16, or still being written."""

import codecs
import contextlib
import importlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.terminal import files

_ROTATED = re.compile(r"(.+?)\.(\d{1,4})(?:\.\w+)?")
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "lzma"}


def by_age(names: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return rotated files with the oldest first: bot.log.2.gz, bot.log.1, bot.log.

    Where a log has times, those decide.
    """

    def age(name: str) -> tuple[str, int]:
        match = _ROTATED.fullmatch(name)
        return (match[1], -int(match[2])) if match else (name, 0)

    # Files of different logs keep their places; those of one stand where its first one was given.
    bases = list(dict.fromkeys(age(name)[0] for name in names))
    return tuple(sorted(names, key=lambda name: (bases.index(age(name)[0]), age(name)[1])))


def opened(stack: contextlib.ExitStack, name: str, *, follow: bool) -> BinaryIO:
    """
    Return a log, unpacked where it is packed.

    Raises:
        ConfigurationError: It can't be opened.
    """
    try:
        if follow:
            return cast("BinaryIO", stack.enter_context(contextlib.closing(_Growing(Path(name)))))
        stream: Any = sys.stdin.buffer if name == "-" else stack.enter_context(files.opened(Path(name)))
        head = stream.peek(6)
    except OSError as exc:
        raise ConfigurationError(f"{name}: {exc.strerror or exc}") from exc
    for magic, module in _PACKED.items():
        if head.startswith(magic):
            # gzip.open, bz2.open and lzma.open are one function in three modules
            stream = stack.enter_context(importlib.import_module(module).open(stream))
            with contextlib.suppress(OSError, EOFError, ValueError, importlib.import_module("lzma").LZMAError):
                head = stream.peek(2)  # what is wrong with it is said when it is read
    return cast("BinaryIO", _Utf8(stream) if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else stream)


class _Growing:
    """A log that is still written, also after a rotation has put another file in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = files.opened(path)

    def close(self) -> None:
        """Close the file that is open now."""
        self._stream.close()

    def read(self, size: int) -> bytes:
        """Return what is new, at most *size* bytes; nothing where nothing is."""
        if data := self._stream.read(size):
            return data
        with contextlib.suppress(OSError):  # between the two steps of a rotation there is no file
            there, ours = self._path.stat(), os.fstat(self._stream.fileno())
            if (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev) or there.st_size < self._stream.tell():
                new = files.opened(self._path)
                self._stream.close()
                self._stream = new
                return self._stream.read(size)
        return b""


class _Utf8:
    """*stream*, which is UTF-16 as Windows PowerShell writes it, as it is read here."""

    def __init__(self, stream: BinaryIO) -> None:
        self._text = io.TextIOWrapper(stream, "utf-16", errors="replace", newline="")

    def read(self, size: int) -> bytes:
        """About so many bytes; as a file has it."""
        return self._text.read(size).encode(errors="replace")
