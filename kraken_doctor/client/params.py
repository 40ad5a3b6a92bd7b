"""The parameters of one call, in a shape on which the signature and the wire agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class PostParams(Mapping[str, str]):
    """
    Hold the parameters of a call as pairs of strings, in the order given.

    krakenex signs ``urllib.parse.urlencode(data)``, requests sends its own encoding of the same dict. The two
    differ for lists, None and dicts, and Kraken answers such a call with ``EAPI:Invalid key``. Both ask a
    mapping for its `items`: here these are plain pairs, so both encode the same bytes.

    Lists become repeated names and None is left out, as requests does it.

    Raises:
        TypeError: A value is a dict; Kraken's spelling is a name with brackets, ``close[ordertype]``.
    """

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        self._pairs = [(str(name), text) for name, value in (data or {}).items() for text in _texts(name, value)]

    def with_fields(self, **fields: str) -> PostParams:
        """Return new parameters with *fields* set; the caller's dict and these stay as they are."""
        params = PostParams(None)
        params._pairs = [pair for pair in self._pairs if pair[0] not in fields]
        params._pairs.extend(fields.items())
        return params

    def __getitem__(self, name: str) -> str:
        for own, text in self._pairs:
            if own == name:
                return text
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override] # with repeated names, unlike a dict
        return list(self._pairs)


def _texts(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        raise TypeError(f"parameter {name!r} is a dict; spell its entries as '{name}[entry]' parameters")
    if isinstance(value, bytes):
        return [value.decode()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for item in value for text in _texts(name, item)]
    return [str(value)]
