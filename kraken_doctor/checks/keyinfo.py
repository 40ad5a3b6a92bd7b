"""GetApiKeyInfo's answer, in both naming styles that have been seen, as plain facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kraken_doctor.model.evidence import Evidence

# What may be repeated in a report. The key itself and the IIBAN are in the answer too, and stay there.
_FIELDS = {
    "nonce": "key.nonce",
    "noncewindow": "key.nonce_window",
    "validuntil": "key.valid_until",
    "createdtime": "key.created",
    "modifiedtime": "key.modified",
    "lastused": "key.last_used",
}
_UNIX_TIMES = ("key.valid_until", "key.created", "key.modified", "key.last_used")


def facts(result: Mapping[str, Any]) -> Iterator[Evidence]:
    """
    The facts of one answer; what is absent or of another shape gives none.

    The documents write ``nonceWindow``, an answer kept by Kraken.Net ``nonce_window``; numbers come as numbers or as
    strings: https://github.com/JKorf/Kraken.Net/blob/e597f1d/Kraken.Net.UnitTests/Endpoints/Spot/Account/GetApiKeyInfo.txt
    """
    plain = {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in result.items()}
    for name, fact in _FIELDS.items():
        number = _whole_number(plain.get(name))
        if number is not None:
            yield Evidence(fact, number, "s" if fact in _UNIX_TIMES else "", source="GetApiKeyInfo")
    permissions = _texts(plain.get("permissions"))
    if permissions is not None:
        yield Evidence("key.permissions", permissions, source="GetApiKeyInfo")
    # One empty string stands for "no restriction" in the answer kept by Kraken.Net.
    allowlist = _texts(plain.get("ipallowlist"))
    if allowlist is not None:
        yield Evidence("key.ip_allowlist", len([entry for entry in allowlist if entry]), source="GetApiKeyInfo")


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(str(item).strip()[:64] for item in value[:64]) if isinstance(value, list) else None
