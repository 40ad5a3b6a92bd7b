"""
The exchange: keys, marks and the order in which a call is judged. State only; the wire is in `http`.

Where Kraken's documents are silent (the order of signature and nonce check, the error for an address off the
allow-list) one answer is chosen, and said so: nothing in the doctor may depend on it.
"""

import threading
from collections.abc import Callable, Iterable

from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.sandbox import endpoints
from kraken_doctor.sandbox.keys import Key, matches, signature
from kraken_doctor.sandbox.messages import Refused, Request, Response, answer, refusal

LOCKOUT_S = 900.0
"""Support speaks of about 15 minutes: https://github.com/krakenfx/kraken-cli/issues/34"""

_REMEMBERED = 100_000
"""A bot may run against it for days."""

Interceptor = Callable[[Request], Response | None]


class Exchange:
    """
    What one embedded exchange knows.

    Args:
        keys: The API keys it accepts.
        clock: Its own clock; `clock_offset_s` moves it.
    """

    def __init__(self, keys: Iterable[Key] = (), *, clock: Clock | None = None) -> None:
        self.keys = {key.api_key: key for key in keys}
        self.status = "online"
        """``online``, ``maintenance``, ``cancel_only``, ``post_only`` or ``limit_only``."""
        self.maintenance: list[dict[str, object]] = []
        """Announced for the next 72 hours."""
        self.clock_offset_s = 0.0
        self.tells_time = True
        """Whether its answers say what time it is."""
        self.nonce_first = False
        """Judge the nonce before the signature; Kraken does not say which comes first."""
        self.lockout_after: int | None = None
        """Refused calls in a row after which a key is locked out; None for never."""
        self.interceptors: list[Interceptor] = []
        """Asked first, in order; the first response is sent as it is. Faults stand here."""
        self.requests: list[str] = []
        """``GET /0/public/Time``, …: the first that came in, for whoever wants to look at them."""
        self.arrived = self.unknown_key = 0
        """How many requests, and how many of them had a key that is none of ours."""
        self.lock = threading.Lock()
        self._clock = clock or SystemClock()

    def now(self) -> float:
        """Return unix time by the exchange's clock, in seconds."""
        return self._clock.now_ns() / 1e9 + self.clock_offset_s

    def handle(self, request: Request) -> Response:
        """Judge one request; the lock makes "arrival" mean one order for all."""
        with self.lock:
            if self.arrived < _REMEMBERED:
                self.requests.append(f"{request.method} {request.path}")
            self.arrived += 1
            # Told at the end: a bot with another key is refused whatever else is right, and looks like a broken one.
            self.unknown_key += request.headers.get("api-key", "") not in (*self.keys, "")
            for intercept in self.interceptors:
                if (response := intercept(request)) is not None:
                    return response
            return self._judge(request)

    def _judge(self, request: Request) -> Response:
        try:
            match request.path.split("/"):
                case ["", "0", "public", name]:
                    return self._public(request, name)
                case ["", "0", "private", *names]:
                    return self._private(request, "/".join(names))
        except Refused as exc:
            return refusal(str(exc))
        return Response(b"<html><title>404 Not Found</title></html>", 404, {"Content-Type": "text/html"})

    def _public(self, request: Request, name: str) -> Response:
        # Kraken takes GET alone here since January 2024, which broke clients that had always sent POST:
        # https://docs.kraken.com/exchange/changelog
        if request.method != "GET":
            return Response(b"<html><title>405 Not Allowed</title></html>", 405, {"Content-Type": "text/html"})
        if name not in endpoints.public():
            return refusal("EGeneral:Unknown method")
        return answer(result=endpoints.public()[name](self, request.parameters()))

    def _private(self, request: Request, name: str) -> Response:
        key = self.keys.get(request.headers.get("api-key", ""))
        if request.method != "POST" or key is None:
            return refusal("EAPI:Invalid key")
        now = self.now()
        if now < key.locked_until:
            key.locked_until = now + LOCKOUT_S  # each attempt restarts the wait
            return refusal("EGeneral:Temporary lockout")
        if error := self._refused(key, request, now):
            key.failures, key.refused = key.failures + 1, key.refused + 1
            if self.lockout_after is not None and key.failures >= self.lockout_after:
                key.locked_until = now + LOCKOUT_S
            return refusal(error)
        nonce = int(request.fields()["nonce"])
        # Before the counter: Kraken does not say whether a call over the rate has spent its nonce.
        key.mark, key.failures, key.last_used = max(key.mark, nonce), 0, now
        key.accepted += 1
        endpoint = endpoints.private().get(name)
        if not key.count(endpoint.cost if endpoint else 1, now):
            return refusal("EAPI:Rate limit exceeded")
        if endpoint is None:
            return refusal("EGeneral:Unknown method")
        if endpoint.permission and endpoint.permission not in key.permissions:
            return refusal("EGeneral:Permission denied")
        return answer(result=endpoint.answer(key, now, request.fields()))

    def _refused(self, key: Key, request: Request, now: float) -> str | None:
        if key.refusal:
            return key.refusal
        if key.valid_until and now >= key.valid_until:
            return "EAPI:Invalid key"
        if any(key.ip_allowlist) and request.peer not in key.ip_allowlist:
            return "EAPI:Invalid key"  # undocumented; the likeliest of two candidates
        fields = request.fields()
        by_signature, by_nonce = _refused_signature(key, request, fields), _refused_nonce(key, fields)
        return (by_nonce or by_signature) if self.nonce_first else (by_signature or by_nonce)


def _refused_signature(key: Key, request: Request, fields: dict[str, str]) -> str | None:
    if "nonce" not in fields:
        return None  # hashed and not sent: the nonce is what is wrong, see `_refused_nonce`
    expected = signature(key.secret_bytes, request.path, fields.get("nonce", ""), request.body)
    if not matches(expected, request.headers.get("api-sign", "")):
        return "EAPI:Invalid signature"
    if key.otp is None and "otp" in fields:
        return "EAPI:Invalid key"  # https://github.com/nothingisdead/npm-kraken-api/issues/64
    return None if fields.get("otp") == key.otp else "EAPI:Invalid signature"


def _refused_nonce(key: Key, fields: dict[str, str]) -> str | None:
    text = fields.get("nonce", "")
    valid = text.isascii() and text.isdigit() and len(text) <= 20 and key.accepts(int(text))
    return None if valid else "EAPI:Invalid nonce"
