"""A small file of somebody's settings, read whole: what is judged is what is read."""

import codecs
import os
import stat
from pathlib import Path
from typing import NamedTuple

from kraken_doctor.descriptors import effective_user, without_waiting
from kraken_doctor.errors import ConfigurationError

_MAX_BYTES = 1 << 20
"""A file of settings is a few kilobytes; a larger one was named by mistake."""


# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class TextFile(NamedTuple):
    """What is in a file, a byte order mark included, and whether others may read it."""

    text: str
    readable_by_others: bool

    def __repr__(self) -> str:
        return "TextFile()"  # it holds secrets


def read(path: Path, *, instead: str, found: bool = False) -> TextFile:
    """
    Return the text of *path*, which is opened once, whoever puts another file in its place meanwhile.

    Args:
        path: A symbolic link is followed.
        instead: How to name another file, for the error message.
        found: Nobody named it, so it must not be another user's, who could send this user's keys to another host.

    Raises:
        ConfigurationError: It can't be read, is no text file, or is another user's.
    """
    try:
        # A pipe by that name is opened at once, and then found to be none.
        with open(path, "rb", opener=without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
                raise ConfigurationError(f"{path}: not a settings file; name another one with {instead}")
            if found:
                _refuse_another_users(path, status.st_uid)
            raw = stream.read()
        if encoding := _wide(raw):
            raise ConfigurationError(f"{path}: {encoding} text, as written by PowerShell's >; save it as UTF-8")
        text = raw.decode()
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        why = f"line {line} has the byte 0x{exc.object[exc.start]:02X}, as in Windows-1252 or Latin-1"
        raise ConfigurationError(f"{path}: not UTF-8 text ({why}); save it as UTF-8") from None
    except (OSError, ValueError) as exc:  # the latter: a NUL in the name
        said = exc.strerror if isinstance(exc, OSError) else ""
        raise ConfigurationError(f"{path}: {said or exc}; name another with {instead}") from exc
    others = effective_user() is not None and bool(status.st_mode & (stat.S_IRGRP | stat.S_IROTH))
    return TextFile(text, others)


def _refuse_another_users(path: Path, owner: int) -> None:
    # Root is in a container as a rule, and the file a volume's of the host.
    user = effective_user()
    if user and owner not in (0, user):
        raise ConfigurationError(
            f"{path} belongs to another user ({owner}) and was not read: use --env-file to read it anyway, or "
            "--no-env-file"
        )


def _wide(raw: bytes) -> str:
    """The encoding, where it takes two or four bytes a character; empty if it does not."""
    marked = next((encoding for mark, encoding in _MARKS.items() if raw.startswith(mark)), "")
    # Without a mark each Latin letter has a NUL beside it, which is in no text.
    return marked or ("UTF-16" if b"\0" in (raw[1:2], raw[:1]) else "")
