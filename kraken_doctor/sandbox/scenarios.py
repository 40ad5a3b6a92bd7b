"""What a run against the embedded exchange meets: accounts, servers, and the doctor's own host."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.sandbox import listeners
from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.keys import BOT_PERMISSIONS, Key, demo_credentials
from kraken_doctor.tables import load

MASTER, USER = "KRAKEN_MASTER", "KRAKEN_USER_DAIVON_FRAZIER"
"""Prefixes of variables: the master account, and the user on whom a fault of one account shows."""
MICROSECONDS = "KRAKEN_USER_GRID_BOT"
"""Has a bot with the custom generator, as its nonce unit says. Its key accepts no milliseconds any more."""

_LOOPBACK = ("127.0.0.1", "::1")


@dataclass
class Scenario:
    """The exchange and all around it. Faults change one, before it is served."""

    exchange: Exchange
    environ: dict[str, str]
    """The accounts' variables."""
    keys: dict[str, Key]
    """By the prefix of the variables, also when the exchange no longer knows them."""
    clocks: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    """One time server each: arguments of `SandboxNtpServer`."""
    wire: listeners.Wire = listeners.plain
    variables: dict[str, str] = field(default_factory=dict)
    """Variables that change the way there, in place of the process's own."""
    env_file_mode: int | None = None
    """The accounts' variables stand in a .env file of this mode; None: in the process's environment."""
    env_file_name: str = ".env"
    env_file_text: str = ""
    """What stands in that file before them."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Variables of the process, in front of those of the file."""
    store: Callable[[NonceStore], NonceStore] | None = None
    """What becomes of the nonce store."""
    krakenex: Callable[[Any], Any] | None = None
    """What becomes of the krakenex that is imported; may raise ImportError."""
    resources: ExitStack = field(default_factory=ExitStack)
    """What was opened for it; to be closed by whoever made it."""

    @property
    def in_doctor(self) -> bool:
        """Return whether part of it happens in the doctor's own process, so that another program would not meet it."""
        return self.store is not None or self.krakenex is not None or self.env_file_mode is not None

    def key(self, prefix: str = USER) -> Key:
        """Return the key of the account *prefix*."""
        return self.keys[prefix]

    def shift_clock(self, offset_s: float) -> None:
        """All other clocks are ahead of this host's by so many seconds: to the doctor its own is wrong."""
        self.exchange.clock_offset_s += offset_s
        for clock in self.clocks:
            clock["offset_s"] = clock.get("offset_s", 0.0) + offset_s


def healthy() -> Scenario:
    """Every account in order. Keys by variable prefix, so that the environment says whose is whose."""
    keys: dict[str, Key] = {}
    environ: dict[str, str] = {}
    for prefix, balances in load(__file__, "accounts.toml").items():
        api_key, secret = demo_credentials(prefix)
        key = keys[prefix] = Key(name=prefix.lower(), api_key=api_key, secret=secret, balances=dict(balances))
        key.permissions = BOT_PERMISSIONS
        key.ip_allowlist = _LOOPBACK
        environ |= {f"{prefix}_API_KEY": api_key, f"{prefix}_API_SECRET": secret}
    exchange = Exchange(keys.values())
    environ[f"{MICROSECONDS}_NONCE_UNIT"] = "us"
    keys[MICROSECONDS].mark = round((exchange.now() - 86_400) * 10**6)  # its bot's last call, a day ago
    return Scenario(exchange, environ, keys)
