"""Keys and secrets as people paste them: tidied, and refused where they can't work."""

from collections.abc import Callable
from typing import Any

import click

from kraken_doctor.errors import ConfigurationError


def again(sound: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make of *sound* what `click.prompt` asks again for."""

    def value(text: str) -> Any:
        try:
            return sound(text)
        except ConfigurationError as exc:
            # Of all errors `click.prompt` asks again for this one alone.
            raise click.UsageError(str(exc)) from exc

    return value


def sound_key(text: str) -> str:
    """
    The key without what a paste brings along.

    Raises:
        ConfigurationError: It can't work.
    """
    from kraken_doctor.accounts.shape import inspect_key

    text = _tidy(text)
    shape = inspect_key(text)
    if not text or shape.placeholder:
        raise ConfigurationError("that is a placeholder: copy the API key from the key's page on Kraken")
    if shape.shape == "secret":
        raise ConfigurationError("that looks like a secret: the API key is the shorter of the two")
    if shape.flaws:
        raise ConfigurationError(f"the API key contains {', '.join(shape.flaws)}: copy it again")
    return text


def sound_secret(text: str) -> str:
    """
    The same for a secret. The message never repeats it.

    Raises:
        ConfigurationError: It can't work.
    """
    from kraken_doctor.accounts.shape import SECRET_BYTES, inspect_secret

    text = _tidy(text)
    shape = inspect_secret(text)
    if not text or shape.placeholder:
        raise ConfigurationError("that is a placeholder: Kraken shows the secret once, when the key is created")
    if shape.shape == "key":
        raise ConfigurationError("that looks like an API key: the secret is the longer of the two")
    if shape.flaws:
        raise ConfigurationError(f"the secret contains {', '.join(shape.flaws)}: copy it again")
    if shape.decoded_bytes != SECRET_BYTES:
        raise ConfigurationError(
            f"the secret is not base64 for {SECRET_BYTES} bytes ({shape.characters} characters): its end may be missing"
        )
    return text


def _tidy(text: str) -> str:
    """Without blanks, a line's end, a byte order mark or a pair of quotes around it: they come with the paste."""
    text = text.strip().strip("\ufeff").strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" else text
