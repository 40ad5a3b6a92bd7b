"""The .env files: found, read, and judged by their mode."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from kraken_doctor.errors import ConfigurationError

_MAX_BYTES = 1 << 20
"""A file of settings is a few kilobytes; a larger one was named by mistake."""


class EnvFile(NamedTuple):
    """A .env file that was read."""

    path: Path
    values: dict[str, str]
    damaged_lines: tuple[int, ...]
    """Numbers of lines that are no assignment; what they were meant to set is missing."""
    readable_by_others: bool

    def __repr__(self) -> str:
        return f"EnvFile({str(self.path)!r})"


def find(start: Path) -> Path | None:
    """The nearest ``.env`` in *start* or its parents."""
    for folder in (start, *start.parents):
        candidate = folder / ".env"
        try:
            if candidate.is_file():
                return candidate
        except OSError:
            return None
    return None


def read(path: Path) -> EnvFile:
    """
    The assignments in *path*; values are taken as they stand, nothing is interpolated.

    Raises:
        ConfigurationError: It can't be read, or is no text file.
    """
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8-sig") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
                raise ConfigurationError(f"{path}: not a file of settings; name another with --env-file")
            bindings = list(parse_stream(stream))
    except UnicodeError:
        raise ConfigurationError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror or exc}; name another with --env-file") from exc
    return EnvFile(
        path,
        {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None},
        tuple(binding.original.line for binding in bindings if binding.error),
        os.name == "posix" and bool(status.st_mode & (stat.S_IRGRP | stat.S_IROTH)),
    )
