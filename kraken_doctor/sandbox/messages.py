"""What passes between the wire and the exchange."""

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Refused(Exception):  # noqa: N818 - an answer, no failure of ours
    """The exchange refuses a call that it has authenticated; the text is its error string."""


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    """Without the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    peer: str = "127.0.0.1"
    query: str = ""
    """What stands behind the ``?``."""

    def fields(self) -> dict[str, str]:
        """Return the parameters of the body, form-encoded or JSON; of a repeated name the last."""
        text = self.body.decode(errors="replace")
        # Kraken takes both: https://docs.kraken.com/exchange/guides/rest/introduction
        if "json" in self.headers.get("content-type", ""):
            try:
                data = json.loads(text or "{}")
            except ValueError:
                return {}
            return {str(name): _text(value) for name, value in data.items()} if isinstance(data, dict) else {}
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True))

    def parameters(self) -> dict[str, str]:
        """Return those of the query."""
        return dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))


def _text(value: object) -> str:
    """Return *value* as a form would hold it; what no form holds stays JSON."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Response:
    """What goes back."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """Seconds of silence before it is sent."""
    reset: bool = False
    """Cut the connection instead of answering."""
    length: int | None = None
    """A Content-Length other than the true one."""


def answer(*, result: Any = None, errors: tuple[str, ...] = ()) -> Response:
    """Return the API's envelope; a refused call carries no result."""
    envelope: dict[str, Any] = {"error": list(errors)}
    if not errors:
        envelope["result"] = result
    # As Kraken writes it: clients that look for `"error":[]` are out there.
    return Response(json.dumps(envelope, separators=(",", ":")).encode(), headers={"Content-Type": "application/json"})


def refusal(*errors: str) -> Response:
    """Return an answer that carries only errors, with status 200 as Kraken sends it."""
    return answer(errors=errors)
