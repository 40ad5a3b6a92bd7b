"""
Which places of a block are worth reading.

A log is read at the speed of this search, so its needles are rare: a word that stands in each line of a healthy bot
("version", "start", "connect") makes every line cost as much as an error. With google-re2 (``kraken-doctor[logs]``) one
pass finds all of them. Without it lines are compared by their shape, digits aside: a log has few, and each is
searched once.
"""

import functools
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Finder = Callable[[bytes], Iterator[int]]
"""Yields places of a block that have a needle in them, in order; more than one a line is allowed."""

_SHAPES_KEPT = 20_000
_LONGEST_SHAPE_BYTES = 1_000
"""Bounds of what the pure search remembers: 20 MB at worst, 2 MB in an ordinary log."""

_SHAPE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", b"abcdefghijklmnopqrstuvwxyz000000000")


@functools.cache
def words() -> dict[str, Any]:
    """Return what this package knows of how bots write: `words.toml`."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


@functools.cache
def patterns(group: str) -> dict[str, str]:
    """Return the regular expressions of a *group* of the words, with what stands for lists in them written out."""
    lists = {
        "<endpoints>": "|".join(sorted(words()["endpoints"], key=len, reverse=True)),
        "<categories>": "|".join(words()["categories"]),
        "<exchanges>": "|".join(map(re.escape, words()["services"]["exchanges"])),
        "<services>": "|".join(map(re.escape, words()["services"]["always"])),
        "<zones>": "|".join(words()["zones"]),
    }
    shorthands = {**words()["shorthands"], **lists}.items()
    return {
        name: functools.reduce(lambda text, pair: text.replace(*pair), shorthands, pattern)
        for name, pattern in words()[group].items()
    }


@functools.cache
def needles() -> tuple[bytes, ...]:
    """Return the needles, in lower case and without digits."""
    return tuple(needle.encode() for group in words()["needles"].values() for needle in group)


def finder() -> Finder:
    """Return the fastest search that is installed."""
    return compiled_finder() or ShapeFinder()


def compiled_finder() -> Finder | None:
    """Return the search by google-re2; None without it."""
    try:
        import re2  # type: ignore[import-untyped] # none are published
    except ImportError:
        return None
    options = re2.Options()
    options.case_sensitive = False
    options.encoding = re2.Options.Encoding.LATIN1  # bytes: what else a log has between them is nobody's business
    pattern = re2.compile(b"|".join(map(re.escape, needles())), options)

    def places(block: bytes) -> Iterator[int]:
        at = 0
        # The rest of a line that has been found is not searched.
        while (match := pattern.search(block, at)) is not None:
            yield match.start()
            at = block.find(b"\n", match.end()) + 1
            if at == 0:
                return

    return places


class ShapeFinder:
    """The same without compiled code."""

    def __init__(self) -> None:
        self._quiet: set[bytes] = set()
        self._pattern = re.compile(b"|".join(map(re.escape, needles())))

    def __call__(self, block: bytes) -> Iterator[int]:
        """Yield the places."""
        lowered = block.translate(_SHAPE)
        shapes = lowered.split(b"\n")
        speaking: dict[bytes, int] = {}
        for shape in set(shapes) - self._quiet:
            if match := self._pattern.search(shape):
                speaking[shape] = match.start()
            elif len(shape) <= _LONGEST_SHAPE_BYTES:
                if len(self._quiet) >= _SHAPES_KEPT:
                    self._quiet.clear()
                self._quiet.add(shape)
        if not speaking:
            return
        place = 0
        for shape in shapes:
            if shape in speaking:
                yield place + speaking[shape]
            place += len(shape) + 1
