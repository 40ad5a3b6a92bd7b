"""GetApiKeyInfo's answer, in both naming styles that have been seen, as plain facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kraken_doctor.model import facts
from kraken_doctor.model.evidence import Evidence

_SOURCE = "GetApiKeyInfo"


def evidence(result: Mapping[str, Any]) -> Iterator[Evidence]:
    """
    Return the facts of one answer; what is absent or of another shape gives none.

    The documents write ``nonceWindow``, an answer kept by Kraken.Net ``nonce_window``; numbers come as numbers or as
    strings: https://github.com/JKorf/Kraken.Net/blob/e597f1d/Kraken.Net.UnitTests/Endpoints/Spot/Account/GetApiKeyInfo.txt
    """
    plain = {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in result.items()}
    allowlist = _texts(plain.get("ipallowlist"))
    # What may be repeated in a report. The key itself and the IIBAN are in the answer too, and stay there.
    found = (
        facts.KEY_NONCE.of(_whole_number(plain.get("nonce")), source=_SOURCE),
        facts.KEY_NONCE_WINDOW.of(_whole_number(plain.get("noncewindow")), source=_SOURCE),
        facts.KEY_VALID_UNTIL.of(_whole_number(plain.get("validuntil")), source=_SOURCE),
        facts.KEY_CREATED.of(_whole_number(plain.get("createdtime")), source=_SOURCE),
        facts.KEY_MODIFIED.of(_whole_number(plain.get("modifiedtime")), source=_SOURCE),
        facts.KEY_LAST_USED.of(_whole_number(plain.get("lastused")), source=_SOURCE),
        facts.KEY_PERMISSIONS.of(_texts(plain.get("permissions")), source=_SOURCE),
        # One empty string stands for "no restriction" in the answer kept by Kraken.Net.
        facts.KEY_IP_ALLOWLIST.of(None if allowlist is None else sum(map(bool, allowlist)), source=_SOURCE),
    )
    return (item for item in found if item.value is not None)


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(str(item).strip()[:64] for item in value[:64]) if isinstance(value, list) else None
