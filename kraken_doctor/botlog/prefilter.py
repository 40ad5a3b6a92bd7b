"""
Which places of a block are worth reading.

A log is read at the speed of this search, so its needles are rare: a word that stands in each line of a healthy bot
("version", "start", "connect") makes every line cost as much as an error. With google-re2 (``kraken-doctor[logs]``) one
pass finds all of them. Without it lines are compared by their shape, digits aside: a log has few, and each is searched
once. Where each line is new, its words are not: a shape is searched if it has a word that a part of a needle is in.
"""

import functools
import re
from collections.abc import Callable, Iterator

from kraken_doctor.tables import load

Finder = Callable[[bytes], Callable[[int], int]]
"""Of a block, what returns the first place from another one on that has a needle, or -1; it is asked in their order."""

_KEPT_BYTES = 4 << 20
"""A bound of what the pure search remembers; an ordinary log has a tenth of it."""

_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
_SHAPE = bytes.maketrans(_UPPER + b"123456789", _LOWER + b"000000000")
_NO_WORD = bytes(byte for byte in range(256) if byte not in _LOWER + b" \n")
"""What is left out of a shape, or of a needle, for its words."""


words = functools.partial(load, __file__, "words.toml")
"""What this package knows of how bots write."""


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
    return lambda block: lambda at: match.start() if (match := pattern.search(block, at)) else -1


class ShapeFinder:
    """The same without compiled code."""

    def __init__(self) -> None:
        self._pattern = re.compile(b"|".join(map(re.escape, needles())))
        self._part = re.compile(b"|".join({max(one.translate(None, _NO_WORD).split(), key=len) for one in needles()}))
        self._places: dict[bytes, int] = {}
        self._dull: set[bytes] = set()
        self._kept_bytes = 0

    def __call__(self, block: bytes) -> Callable[[int], int]:
        """Return the search of *block*."""
        places = self._in(block)
        return lambda at: next((place for place in places if place >= at), -1)

    def _in(self, block: bytes) -> Iterator[int]:
        if self._kept_bytes > _KEPT_BYTES:
            self._places, self._dull, self._kept_bytes = {}, set(), 0
        shapes = block.translate(_SHAPE).split(b"\n")
        distinct = set(shapes)
        self._learn(distinct.difference(self._places))
        speaking = {shape: place for shape in distinct if (place := self._places[shape]) >= 0}
        start = 0
        for shape in shapes if speaking else ():
            if shape in speaking:
                yield start + speaking[shape]
            start += len(shape) + 1

    def _learn(self, shapes: set[bytes]) -> None:
        """Search each of *shapes*, unless none of its words can be part of a needle."""
        said = set(b"\n".join(shapes).translate(None, _NO_WORD).split()).difference(self._dull)
        loud = set(filter(self._part.search, said))
        self._dull |= said - loud
        self._places.update(dict.fromkeys(shapes, -1))
        for shape in shapes if loud else ():
            if not loud.isdisjoint(shape.translate(None, _NO_WORD).split()) and (match := self._pattern.search(shape)):
                self._places[shape] = match.start()
        # A hundred bytes are what Python adds to each.
        self._kept_bytes += sum(map(len, shapes)) + 100 * (len(shapes) + len(said))
