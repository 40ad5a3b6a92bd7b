"""``sandbox``: every client of a known library leads to the sandbox, whatever URL it is given."""

import os
from types import ModuleType
from typing import Any

from kraken_doctor.client.adapters import classes_in


def loaded(module: ModuleType) -> None:
    """Change the client classes of *module*; certifi gives the authority of the sandbox."""
    if module.__name__ == "certifi.core":
        if authority := os.environ.get("SSL_CERT_FILE"):
            module.where = lambda: authority  # type: ignore[attr-defined]
        return
    for cls, adapter in classes_in(module):
        setattr(cls, adapter.url, _Urls() if adapter.url == "urls" else _Url())


class _Url:
    """An attribute that is the sandbox's URL; what is assigned to it is passed over."""

    def __get__(self, client: Any, owner: type) -> Any:
        return self if client is None else os.environ["KRAKEN_DOCTOR_HOOK_URL"]

    def __set__(self, client: Any, value: Any) -> None:
        pass


class _Urls:
    """ccxt's dictionary of URLs, those of the REST API replaced whenever it is looked at."""

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self
        urls = vars(client).get("urls")
        if isinstance(urls, dict) and (api := urls.get("api")):
            url = os.environ["KRAKEN_DOCTOR_HOOK_URL"]
            sections = {name: at for name, at in api.items() if name == "ws"} if isinstance(api, dict) else {}
            urls["api"] = {**sections, "public": url, "private": url}
        return urls

    def __set__(self, client: Any, value: Any) -> None:
        vars(client)["urls"] = value
