"""
What trades on keys: the clients of Kraken's Spot API, and the unit of their nonces.

Read from their sources at the versions named, late in 2026. docs/nonce.md has its table from here.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.unit import NonceUnit


class Family(NamedTuple):
    """One client, or several that make their nonces in the same way."""

    id: str
    """What ``init --trades`` takes."""
    name: str
    unit: NonceUnit | None
    """None where no unit of ours follows its nonces."""
    guard: str = "none"
    """Against repeated nonces, as its source has it."""
    counts: str = ""
    """How, where the unit does not say it all."""

    @property
    def needs_own_key(self) -> bool:
        """Whether the doctor can't count as it does: each call would be refused, or lock it out."""
        return self.unit is None and self is not NOTHING


NOTHING = Family("nothing", "nothing yet", None)

_S, _MS, _US, _TEN_NS, _NS = NonceUnit
FAMILIES = (
    Family("hummingbot", "hummingbot", _S, "raised by one where it would repeat; no lock"),
    Family("cryptex", "Cryptex", _S),
    Family("krakenex", "krakenex 2.2.2", _MS, "none: several calls in a millisecond repeat"),
    Family("pykrakenapi", "pykrakenapi, through krakenex", _MS, "none, as krakenex"),
    Family("ccxt", "ccxt 4.5", _MS, "one exchange object"),
    Family("freqtrade", "freqtrade, through ccxt", _MS, "one exchange object"),
    Family("xchange", "XChange, by default", _MS, "one exchange object"),
    Family("node-kraken-api", "node-kraken-api", _MS, "one process"),
    Family("kraken-api-java", "nyg's kraken-api-java", _MS),
    Family("kraken-async-rs", "kraken-async-rs", _MS, "one provider"),
    Family("rotki", "rotki", _MS, "a lock over taking and sending"),
    Family("api-go", "Kraken's Go client, api-go", _MS, "a mutex", "seconds and a counter of three digits"),
    Family("custom-generator", "a custom `_nonce` on krakenex: the clock's microseconds, or one above the last", _US, "one client object"),
    Family("kraken-doctor-install", "`kraken_doctor.install` on krakenex, `KrakenClient`", _US, "all that share its store"),
    Family("npm-kraken-api", "npm kraken-api", _US),
    Family("ts-kraken", "ts-kraken", _US),
    Family("kraken-ruby-client", "kraken_ruby_client (Ruby)", _US),
    Family("kraken-php", "Kraken's PHP client", _US),
    Family("krakenapi-cpp", "voidloop's krakenapi (C++)", _US),
    Family("kraken-api-client", "kraken-api-client (Rust)", _US, "one client object"),
    Family("python-kraken-sdk", "python-kraken-sdk", _TEN_NS),
    Family("kraken-cli", "Kraken's own CLI", _NS, "one process"),
    Family("kraken-go-api-client", "Beldur's kraken-go-api-client", _NS),
    Family("gocryptotrader", "gocryptotrader", _NS, "a mutex", "the clock at its start, then a counter: after the nonce of another program it is refused until it restarts"),
    Family("nautilus-trader", "nautilus_trader", _NS, "a mutex over sending"),
    Family("kraken-net", "Kraken.Net", None, "one process", "100-ns ticks since year 1: 18 digits, begins 63 or 64"),
    Family("crypto-vba", "crypto_vba (Excel)", None, "none", "local time, hours away from UTC: 16 digits"),
    Family("python-kraken-sdk-2022", "python-kraken-sdk, December 2022", None, "none", "milliseconds and four more digits: 17 digits"),
    Family("kraken-ruby-2018", "kraken_ruby, kraken_ruby_client before 2019", None, "none", "10,000ths of a second, shifted by 16 bits: 19 digits, about 1.18e18"),
    Family("shifted", "home-made ones", None, "none", "microseconds, shifted by 10 bits: 19 digits, about 1.84e18"),
)  # fmt: skip


def find(text: str) -> Family:
    """
    The client that *text* names, by its id in any spelling, or any client of a unit that it names.

    Raises:
        ConfigurationError: It names neither; a client is never guessed, since its unit can't be taken back.
    """
    wanted = re.sub(r"[^a-z0-9]+", "-", text.strip().lower()).strip("-")
    units = (Family(unit.value, f"a client in {unit.words}", unit) for unit in NonceUnit)
    known = {family.id: family for family in (NOTHING, *FAMILIES, *units)}
    if wanted not in known:
        similar = [name for name in known if wanted[1:] and wanted in name] or get_close_matches(wanted, known)
        meant = f"did you mean {', '.join(similar)}?" if similar else f"use one of {', '.join(known)}"
        raise ConfigurationError(f"{text[:40]!r} is no client that is known, and no nonce unit; {meant}")
    return known[wanted]


def by_unit() -> dict[NonceUnit | None, list[Family]]:
    """The clients of each unit, small to large; last those that none of ours follows."""
    return {unit: [family for family in FAMILIES if family.unit is unit] for unit in (*NonceUnit, None)}
