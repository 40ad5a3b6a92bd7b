"""Whose connection is examined, and where its credentials came from."""

from kraken_doctor.frozen import dataclass
from kraken_doctor.secret import Secret, key_id

DEMO_KEY_PREFIX = "SANDBOX"
"""Demo keys begin so: a reader sees at once that they open nothing, and no client takes one to another host."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """
    One account as the environment describes it; parts that are not set are None.

    Nothing here is checked yet: a damaged key is a finding, not a reason to refuse.
    """

    label: str
    """``MASTER`` or ``USER:<name>``."""
    key_variable: str
    """The variable that the key was, or should have been, read from."""
    secret_variable: str
    key: Secret | None = None
    secret: Secret | None = None
    otp: Secret | None = None
    nonce_unit: str | None = None
    """The unit that the user's bot counts in, as declared; ``ms``, ``us``, …"""
    nonce_unit_source: str = ""
    """The variable that declares it, and where that is set: ``KRAKEN_NONCE_UNIT (.env)``."""
    origin: str = ""
    """``environment``, or the name of the .env file."""
    elsewhere: tuple[str, ...] = ()
    """Its variables that a weaker origin has with another value, which is not used: ``KRAKEN_API_KEY in .env``."""
    damaged_lines: tuple[str, ...] = ()
    """Of .env, that set none of Kraken's variables or set one twice: ``.env, line 2: …``."""
    shares_first_name_with: tuple[str, ...] = ()
    """Other accounts that fall back to the same ``KRAKEN_USER_<FIRST>_*`` variables."""

    @property
    def key_id(self) -> str | None:
        """Return the key's fingerprint."""
        return key_id(self.key.reveal()) if self.key else None

    @property
    def is_demo(self) -> bool:
        """Return whether its key opens nothing but the sandbox: no bot lives on it."""
        return self.key is not None and self.key.reveal().startswith(DEMO_KEY_PREFIX)

    @property
    def source(self) -> str:
        """Return where the key came from: ``KRAKEN_MASTER_API_KEY (.env)``."""
        return f"{self.key_variable} ({self.origin})" if self.origin else self.key_variable
