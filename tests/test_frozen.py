"""The frozen dataclasses that are cheap to define do what those of the standard library do."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from kraken_doctor import frozen
from tests.render.samples import call


def _made(dataclass: Any) -> Any:
    class Sample:
        """One of each kind of field."""

        name: str
        secret: str = dataclasses.field(repr=False)
        count: int = 3
        parts: list[int] = dataclasses.field(default_factory=list)

    Sample.__qualname__ = "Sample"
    return dataclass(frozen=True)(Sample)


OURS, THEIRS = _made(frozen.dataclass), _made(dataclasses.dataclass)

USES: dict[str, Callable[[Any], object]] = {
    "shown": lambda made: repr(made("a", "s")),
    "by position and name": lambda made: dataclasses.astuple(made("a", "s", parts=[1], count=2)),
    "equal": lambda made: (made("a", "s") == made("a", "s"), made("a", "s") == made("b", "s"), made("a", "s") == 1),
    "hashed": lambda made: hash(made("a", "s", parts=())) == hash(made("a", "s", 3, ())),
    "replaced": lambda made: dataclasses.asdict(dataclasses.replace(made("a", "s"), count=7)),
    "its own list": lambda made: made("a", "s").parts is made("a", "s").parts,
    "none is missing": lambda made: made("a"),
    "none is unknown": lambda made: made("a", "s", other=1),
    "not too many": lambda made: made("a", "s", 1, [], 5),
    "not changed": lambda made: setattr(made("a", "s"), "name", "b"),
    "not deleted": lambda made: delattr(made("a", "s"), "name"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_each_use_has_the_same_end(use: Callable[[Any], object]) -> None:
    """The same value, or the same kind of error."""

    def end(made: Any) -> object:
        try:
            return use(made)
        except (TypeError, AttributeError) as exc:
            return type(exc)

    assert end(OURS) == end(THEIRS)


def test_one_is_pickled() -> None:
    """To another process, with all that it holds."""
    record = call()
    assert pickle.loads(pickle.dumps(record)) == record
