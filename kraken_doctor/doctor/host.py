"""What this host gives a run: its variables, its .env files, the nonce store they name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_doctor.accounts import dotenv
from kraken_doctor.accounts.discovery import refuse_led_elsewhere
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.network.url import checked_url
from kraken_doctor.nonce.stores import open_store
from kraken_doctor.redact import secrets_of

if TYPE_CHECKING:
    from kraken_doctor.model.account import Account
    from kraken_doctor.nonce.stores import NonceStore
    from kraken_doctor.redact import Redactor

DEFAULT_API_URL = "https://api.kraken.com"


class Host:
    """
    Read what the environment says, when it is first asked for.

    Args:
        environ: The process's variables.
        redact: Learns every secret that is read here, before anything can show it.
        env_files: Files to read instead of the nearest .env.
        use_env_file: Whether any file is read.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        redact: Redactor,
        *,
        env_files: tuple[Path, ...] = (),
        use_env_file: bool = True,
    ) -> None:
        self.environ = environ
        self._redact = redact
        self._env_files = env_files
        self._use_env_file = use_env_file
        self._stores: dict[str | None, NonceStore] = {}

    @cached_property
    def dotenv_files(self) -> tuple[dotenv.EnvFile, ...]:
        """
        The .env files that are read, strongest first.

        Raises:
            ConfigurationError: One can't be read.
        """
        if not self._use_env_file:
            return ()
        if self._env_files:
            return tuple(dotenv.read(path, environ=self.environ) for path in reversed(self._env_files))
        found = dotenv.find(Path.cwd())
        return (dotenv.read(found, found=True, environ=self.environ),) if found else ()

    @cached_property
    def environment(self) -> Environment:
        """
        Process variables over those of the .env files. From here on their secrets are redacted everywhere.

        Raises:
            ConfigurationError: A .env file can't be read.
        """
        layers = ((file.path.name, file.values) for file in self.dotenv_files)
        damaged = {file.path.name: file.damaged_lines for file in self.dotenv_files if file.damaged_lines}
        # What is not used is a secret all the same.
        for file in self.dotenv_files:
            self.with_secrets_known(Environment((file.path.name, file.values)))
        return self.with_secrets_known(Environment((PROCESS, self.environ), *layers, damaged_lines=damaged))

    def with_secrets_known(self, environment: Environment) -> Environment:
        """Return *environment* once its secrets are redacted everywhere."""
        for secret in secrets_of({name: environment.value(name) or "" for name in environment}):
            self._redact.learn(secret)
        return environment

    def variable(self, name: str) -> str | None:
        """Return a variable of the process, and of it alone; None if it is not set."""
        return self.environ.get(name)

    def api_url(self, given: str | None) -> str:
        """
        Return the API's base URL: *given*, else what the environment says, else Kraken's.

        Raises:
            ConfigurationError: It is no URL that can be called.
        """
        return checked_url(given or self.environment.value("KRAKEN_SPOT_URL") or DEFAULT_API_URL)

    def store(self, default: str | None = None) -> NonceStore:
        """
        Return the nonce store that the environment names, else *default*, else this user's file; the same each time.

        It is left open: the process is about to end, and closing would only make it wait for the disk.

        Raises:
            ConfigurationError: The URL names no store.
        """
        url = self.environment.value("KRAKEN_NONCE_STORE") or default
        if url not in self._stores:  # a watch would open one a round
            self._stores[url] = open_store(url)
        return self._stores[url]

    def store_reaches_over_network(self) -> bool:
        """Return whether the nonce store that the environment names is asked over a network."""
        return (self.environment.value("KRAKEN_NONCE_STORE") or "").partition("://")[0] in ("redis", "rediss")

    def refuse_led_elsewhere(self, accounts: tuple[Account, ...], url: str | None) -> None:
        """Raise ConfigurationError where a .env that was merely found leads a key of *accounts* to another host."""
        if not self._env_files and self.dotenv_files:
            refuse_led_elsewhere(self.environment, accounts, self.dotenv_files[0].path, url=url)
