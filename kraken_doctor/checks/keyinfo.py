"""GetApiKeyInfo's answer, in the spellings that have been seen and their like, as plain facts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kraken_doctor.checks.base import known
from kraken_doctor.model import facts, permissions
from kraken_doctor.model.findings import Evidence

_SOURCE = "GetApiKeyInfo"

_MOST, _LONGEST, _DEEPEST = 64, 64, 4
"""Entries of a list, characters of each, and lists in lists: what goes on longer is no list of 13 permissions."""

_NUMBER = re.compile(r"\s*(\d{1,20})(?:\.\d{1,20})?\s*", re.ASCII)

_SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "enabled": True, "granted": True, "allowed": True}
_SWITCHES |= {"0": False, "false": False, "no": False, "off": False, "disabled": False, "denied": False, "none": False}
_NAMES = ("name", "permission", "id", "key", "code", "type", "scope")
"""Of an object that stands for one permission: the fields that may say which."""


def evidence(result: Mapping[str, Any]) -> list[Evidence]:
    """
    Return the facts of one answer; what is absent or of another shape gives none.

    The documents write ``nonceWindow``, an answer kept by Kraken.Net ``nonce_window``; numbers come as numbers or as
    strings: https://github.com/JKorf/Kraken.Net/blob/e597f1d/Kraken.Net.UnitTests/Endpoints/Spot/Account/GetApiKeyInfo.txt
    """
    plain = _plain(result)
    allowlist = _texts(plain.get("ipallowlist"))
    granted = plain.get("permissions")
    rights = dict.fromkeys(permissions.named(text) or text for text in _granted(granted))
    # What may be repeated in a report. The key itself and the IIBAN are in the answer too, and stay there.
    return known(
        facts.KEY_NONCE.of(_whole_number(plain.get("nonce")), source=_SOURCE),
        facts.KEY_NONCE_WINDOW.of(_whole_number(plain.get("noncewindow")), source=_SOURCE),
        facts.KEY_VALID_UNTIL.of(_moment(plain.get("validuntil")), source=_SOURCE),
        facts.KEY_QUERY_FROM.of(_moment(plain.get("queryfrom")), source=_SOURCE),
        facts.KEY_QUERY_TO.of(_moment(plain.get("queryto")), source=_SOURCE),
        facts.KEY_CREATED.of(_moment(plain.get("createdtime")), source=_SOURCE),
        facts.KEY_MODIFIED.of(_moment(plain.get("modifiedtime")), source=_SOURCE),
        facts.KEY_LAST_USED.of(_moment(plain.get("lastused")), source=_SOURCE),
        facts.KEY_PERMISSIONS.of(None if granted is None else tuple(rights)[:_MOST], source=_SOURCE),
        # One empty string stands for "no restriction" in the answer kept by Kraken.Net.
        facts.KEY_IP_ALLOWLIST.of(None if allowlist is None else sum(map(bool, allowlist)), source=_SOURCE),
    )


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in fields.items()}


def _granted(value: object, before: str = "", depth: int = 0) -> Iterator[str]:
    """Yield each permission that *value* grants: a list of words or of objects, a table of switches, or of lists."""
    if depth > _DEEPEST or value is None:
        return
    if isinstance(value, dict):
        own = _plain(value)
        switches = [_switch(item) for item in own.values()]
        if name := next((own[field] for field in _NAMES if isinstance(own.get(field), str)), None):
            yield from _granted(name if False not in switches else None, before, depth + 1)
            return
        for word, item in list(value.items())[:_MOST]:
            switch = _switch(item)
            more = f"{before} {word}".strip()
            yield from _granted(item if switch is None else "" if switch else None, more, depth + 1)
    elif isinstance(value, list):
        for item in value[:_MOST]:
            yield from _granted(item, before, depth + 1)
    else:
        words = [f"{before} {part}".strip()[:_LONGEST] for part in str(value).split(",")]
        yield from filter(None, words)


def _switch(value: object) -> bool | None:
    """Return what *value* says as a switch; None where it is none."""
    return _SWITCHES.get(str(value).strip().lower()) if not isinstance(value, (dict, list)) else None


def _whole_number(value: object) -> int | None:
    found = _NUMBER.fullmatch("" if isinstance(value, bool) else str(value))
    return int(found[1]) if found else None


def _moment(value: object) -> int | None:
    """Return a unix time in seconds, of which the milliseconds of this century are none."""
    number = _whole_number(value)
    return number // 1000 if number and 10**12 <= number < 10**13 else number


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(str(item).strip()[:_LONGEST] for item in value[:_MOST]) if isinstance(value, list) else None
