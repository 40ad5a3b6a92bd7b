"""The demo: an exchange with a master account and a few users, and the environment that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import Key, demo_credentials


@dataclass
class Scenario:
    """What a run meets: the exchange, the time server, and the variables of the process."""

    exchange: Exchange
    environ: dict[str, str]
    ntp_offsets_s: list[float] = field(default_factory=lambda: [0.0])
    """One time server each, by its error in seconds."""


_BALANCES = {
    "KRAKEN_MASTER": {"ZUSD": "12480.5500", "USDT": "3000.00000000", "XXBT": "0.4500000000"},
    "KRAKEN_USER_DAIVON_FRAZIER": {"ZUSD": "100.0000", "USDT": "50.00000000"},
    # All in rewards, nothing under the plain code: read carelessly, this account looks empty.
    "KRAKEN_USER_GRID_BOT": {"ZUSD": "0.0000", "USD.F": "731.2000", "USDT": "0.00000000", "USDT.F": "1204.71000000"},
    "KRAKEN_USER_NEW_ACCOUNT": {},
}


def healthy(*, lockout_after: int | None = None) -> Scenario:
    """Every account in order. Keys by variable prefix, so that the environment says whose is whose."""
    keys: list[Key] = []
    environ: dict[str, str] = {}
    for prefix, balances in _BALANCES.items():
        api_key, secret = demo_credentials(prefix)
        keys.append(Key(name=prefix.lower(), api_key=api_key, secret=secret, balances=dict(balances)))
        environ |= {f"{prefix}_API_KEY": api_key, f"{prefix}_API_SECRET": secret}
    return Scenario(Exchange(keys, lockout_after=lockout_after), environ)
