"""What this host gives a run: its variables, its .env files, the nonce store they name."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from kraken_doctor.accounts import dotenv, sources
from kraken_doctor.accounts.discovery import refuse_led_elsewhere
from kraken_doctor.accounts.dotenv import EnvFile
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.account import Account
from kraken_doctor.network.url import checked_url
from kraken_doctor.nonce.stores import NonceStore, open_store
from kraken_doctor.redact import Redactor
from kraken_doctor.secret import CREDENTIALS_FOLDER, STORE_VARIABLE, Secret, secrets_of

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
        self.environ, self._redact = environ, redact
        self._env_files, self._use_env_file = env_files, use_env_file
        self._pointed_at: tuple[str, str] | None = None
        self._stores: dict[str | None, NonceStore] = {}

    def use_env_files(self, *paths: Path, none: bool = False) -> None:
        """
        Read these files too, instead of the nearest .env; *none* is no file at all.

        Raises:
            ConfigurationError: Both were asked for.
        """
        self._env_files += paths
        self._use_env_file = self._use_env_file and not none
        if self._env_files and not self._use_env_file:
            raise ConfigurationError("--env-file and --no-env-file exclude each other: give only one")

    def use_credentials(self, option: str, value: str) -> None:
        """
        Take key and secret from there alone: *option* is ``key_file``, ``config`` or ``from_env``.

        Raises:
            ConfigurationError: Another was given before.
        """
        if self._pointed_at:
            raise ConfigurationError("--key-file, --config and --from-env exclude each other: give only one")
        self._pointed_at = option, value

    @property
    def env_files(self) -> tuple[Path, ...] | None:
        """Return the files that were named, none if the nearest is to be found; None where none is to be read."""
        return self._env_files if self._use_env_file else None

    def skip_unreadable_env_file(self) -> str:
        """
        Go on without a .env that was found and can't be read, and return why; empty where it can.

        Raises:
            ConfigurationError: A file that was named can't be read.
        """
        try:
            _ = self._found_env_file
        except ConfigurationError as exc:
            self._use_env_file = False
            return str(exc)
        return ""

    @cached_property
    def _found_env_file(self) -> EnvFile | None:
        if self.env_files != ():
            return None
        found = dotenv.find(Path.cwd())
        return dotenv.read(found, found=True, environ=self.environ) if found else None

    @cached_property
    def dotenv_files(self) -> tuple[EnvFile, ...]:
        """
        The files that are read, strongest first: what the user has pointed at, then .env files.

        Raises:
            ConfigurationError: One can't be read.
        """
        option, value = self._pointed_at or ("", "")
        readers = {"key_file": sources.key_file, "config": sources.config}
        given = (readers[option](Path(value)),) if option in readers else ()
        # Of several files the last one given wins; of layers the first.
        named = tuple(dotenv.read(path, environ=self.environ) for path in reversed(self.env_files or ()))
        return given + (named or ((self._found_env_file,) if self._found_env_file else ()))

    @cached_property
    def environment(self) -> Environment:
        """
        What was given over process variables over those of the .env files; their secrets are redacted everywhere.

        Raises:
            ConfigurationError: A file can't be read.
        """
        option, value = self._pointed_at or ("", "")
        own = [(file.path.name, file.values) for file in self.dotenv_files]
        given = own[:1] if option in ("key_file", "config") else []
        layers = [*given, (PROCESS, self.environ), *sources.mounted(self.environ)]
        for name, values in own[len(given) :]:
            layers += [(name, values), *((f"{origin} in {name}", read) for origin, read in sources.mounted(values))]
        damaged = {file.path.name: file.damaged_lines for file in self.dotenv_files if file.damaged_lines}
        # What is not used is a secret all the same.
        for layer in layers:
            self.with_secrets_known(Environment(layer))
        names = sources.CLIENT_VARIABLES[value] if option == "from_env" else sources.GIVEN if option else None
        found = Environment(*layers, damaged_lines=damaged, given=names, looked_at=tuple(self._looked_at(layers)))
        for name in names or ():
            self._redact.learn(Secret(found.value(name) or ""))
        return self.with_secrets_known(found)

    def _looked_at(self, layers: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[tuple[str, str]]:
        """Yield each place of credentials, with what is there: names, never values."""
        paths = {file.path.name: str(file.path) for file in self.dotenv_files}
        for origin, values in layers:
            names = [name for name in values if sources.is_credential(name) or sources.NEAR.fullmatch(name.upper())]
            more = f" and {len(names) - 2} more" if names[2:] else ""
            yield paths.get(origin, origin), f"{', '.join(names[:2])}{more}" if names else "no account variables"
        if self.env_files == () and not self._found_env_file:
            yield f".env in {Path.cwd()} and its parent directories", "not there"
        if not self.environ.get(CREDENTIALS_FOLDER):
            yield f"${CREDENTIALS_FOLDER}", "not set"
        if Path(sources.KEY_FILE).is_file() and not self._pointed_at:
            yield sources.KEY_FILE, f"not read: --key-file {sources.KEY_FILE}"

    def with_secrets_known(self, environment: Environment) -> Environment:
        """Return *environment* once its secrets are redacted everywhere."""
        for secret in secrets_of({name: environment.value(name) or "" for name in environment}):
            self._redact.learn(secret)
        return environment

    def api_url(self, given: str | None) -> str:
        """
        Return the API's base URL: *given*, else what the environment says, else Kraken's.

        Raises:
            ConfigurationError: It is no URL that can be called.
        """
        return checked_url(given or self.environment.value("KRAKEN_SPOT_URL") or DEFAULT_API_URL)

    def store(self, default: str | None = None, *, of_process: bool = False) -> NonceStore:
        """
        Return the nonce store that the environment names, else *default*, else this user's file; the same each time.

        It is left open: the process is about to end, and closing would only make it wait for the disk.

        Args:
            default: URL of a store.
            of_process: Whether to ask the process's variables alone, and no .env file.

        Raises:
            ConfigurationError: The URL names no store.
        """
        url = (self.environ.get(STORE_VARIABLE) if of_process else self.environment.value(STORE_VARIABLE)) or default
        if url not in self._stores:  # a watch would open one a round
            self._stores[url] = open_store(url)
        return self._stores[url]

    def store_reaches_over_network(self) -> bool:
        """Return whether the nonce store that the environment names is asked over a network."""
        return (self.environment.value(STORE_VARIABLE) or "").partition("://")[0] in ("redis", "rediss")

    def refuse_led_elsewhere(self, accounts: tuple[Account, ...], url: str | None) -> None:
        """Raise ConfigurationError where a .env that was merely found leads a key of *accounts* to another host."""
        if self._found_env_file:
            refuse_led_elsewhere(self.environment, accounts, self._found_env_file.path, url=url)
