"""The versions of what this package works with."""

from importlib import metadata

_DEPENDENCIES = ("krakenex", "click", "ntplib", "platformdirs", "python-dotenv", "requests", "rich")
_EXTRAS = ("redis", "prometheus-client")


def versions() -> dict[str, str | None]:
    """What this package works with, as installed; None where it is not."""
    return {name: _installed(name) for name in (*_DEPENDENCIES, *_EXTRAS)}


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
