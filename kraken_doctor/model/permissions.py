"""What an API key may do: Kraken's names, the boxes on the key's page, and what a bot needs. The words are data."""

import re
from collections.abc import Iterable

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.format import did_you_mean
from kraken_doctor.tables import load

QUERY_FUNDS = "query-funds"
"""What Balance needs."""

_PERMISSIONS, _NEEDS, _EXCESS = load(__file__, "permissions.toml").values()

EXCESS: tuple[str, ...] = tuple(_EXCESS["rights"])
"""What no bot needs."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_EMPTY_WORDS = frozenset({"and", "permission", "permissions", "right", "rights"})


def _normal(text: str) -> tuple[str, ...]:
    # Sorted: "Funds: Query" on the key's page is "query-funds" in the API.
    return tuple(sorted({word.lower() for word in _WORD.findall(text)} - _EMPTY_WORDS))


# The second is how it looks in one word and one case, without seams to see.
_NAMES = {
    _normal(spelling): name
    for name, words in _PERMISSIONS.items()
    for spelling in (name, name.replace("-", ""), *words["also"])
}


def named(text: str) -> str | None:
    """Return Kraken's name of the permission that *text* spells (``query_funds``, ``Funds: Query``), if it is known."""
    return _NAMES.get(_normal(text))


def known(names: Iterable[str]) -> bool:
    """Return whether *names* are Kraken's, and at least one: other words prove nothing by what they lack."""
    found = set(names)
    return bool(found) and found <= set(_PERMISSIONS)


def boxes(names: Iterable[str]) -> str:
    """Return the boxes to tick for *names*, in words."""
    return ", ".join(_PERMISSIONS[name]["box"] if name in _PERMISSIONS else name for name in names)


def needed(wants: Iterable[str]) -> tuple[str, ...]:
    """
    Return the permissions for *wants*: ``trade``, ``ledger``, …, or permissions in any spelling.

    Raises:
        ConfigurationError: One of them is neither.
    """
    found: list[str] = []
    for want in wants:
        names = _NEEDS.get(want.strip().lower()) or [named(want)]
        if None in names:
            words = [*_NEEDS, *_PERMISSIONS]
            meant = did_you_mean(want.lower(), words, otherwise=f"; there are {', '.join(words)}")
            raise ConfigurationError(f"--needs: unknown permission {want[:40]!r}{meant}")
        found += names
    return tuple(dict.fromkeys(found))
