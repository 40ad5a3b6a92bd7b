"""Values that must not be seen anywhere, and what finds them: in parts, folded, and in every encoding."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import urllib.parse
from pathlib import Path

from kraken_doctor.sandbox.keys import Key
from kraken_doctor.sandbox.messages import Request, Response, answer, refusal

_NOISE = base64.b64encode(hashlib.sha512(b"canary").digest()).decode()
API_KEY = (_NOISE[:20] + "/+" + _NOISE[22:])[:56]
SECRET = base64.b64encode(hashlib.sha512(b"canary secret").digest()).decode()
OTP = 'otp"canary/7391'
PROXY_PASSWORD = "proxy/canary@5521"
REDIS_PASSWORD = "redis/canary=8840"
WEBHOOK = "hook-canary-661055321"
IIBAN = "AA00 SAND BOXX 0000"
"""The one that the embedded exchange gives."""

VALUES = {
    "key": API_KEY, "secret": SECRET, "otp": OTP, "proxy": PROXY_PASSWORD, "redis": REDIS_PASSWORD, "iiban": IIBAN,
    "webhook": WEBHOOK,
}  # fmt: skip

_FRAGMENT_CHARS = 16
_BETWEEN_LINES = re.compile(r"[\s│┃║|`>#*_-]+")
"""What stands between the halves of a folded word."""


def found(text: str) -> set[str]:
    """The names of the canaries that *text* shows, wholly or in part, in any dress."""
    views = [text, _BETWEEN_LINES.sub("", text)]
    views += [urllib.parse.unquote(view) for view in views]
    views += [urllib.parse.unquote(view) for view in views[-2:]]
    views += [
        view.replace("\\/", "/").replace('\\"', '"').replace("&quot;", '"').replace("&#x27;", "'") for view in views
    ]
    views += [_decoded(run) for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", " ".join(dict.fromkeys(views)))]
    whole = "\n".join(dict.fromkeys(views))
    return {name for name, value in VALUES.items() if any(part in whole for part in _parts(value))}


def _parts(value: str) -> list[str]:
    # Our own frames' characters were taken out of the folded views: so they are here.
    spellings = {value, _BETWEEN_LINES.sub("", value)}
    length = _FRAGMENT_CHARS if len(value) > 40 else len(value)
    return [text[at : at + length] for text in spellings for at in range(len(text) - min(length, len(text)) + 1)]


def _decoded(run: str) -> str:
    standard = run.translate(str.maketrans("-_", "+/"))
    texts = []
    for skipped in range(4):  # the run may have begun with a letter that is not the encoding's
        letters = standard[skipped:]
        try:
            texts.append(base64.b64decode(letters[: len(letters) // 4 * 4]).decode("latin-1"))
        except binascii.Error:
            continue
    return "\n".join(texts)


def written_under(folder: Path, *known: Path) -> dict[Path, str]:
    """Every file below *folder* but the *known* ones, as text."""
    files = (path for path in folder.rglob("*") if path.is_file() and path not in known)
    return {path: path.read_bytes().decode("latin-1") for path in files}


def key() -> Key:
    """The account that the canaries open."""
    money = {"ZUSD": "100.0000", "USDT": "50.00000000"}
    return Key(name="canary", api_key=API_KEY, secret=SECRET, otp=OTP, balances=money)


def environ(url: str) -> dict[str, str]:
    """The variables of a process that knows all of them."""
    login = urllib.parse.quote(PROXY_PASSWORD, safe="")
    return {
        "KRAKEN_SPOT_URL": url,
        "KRAKEN_USER_CANARY_API_KEY": API_KEY,
        "KRAKEN_USER_CANARY_API_SECRET": SECRET,
        "KRAKEN_USER_CANARY_OTP": OTP,
        "HTTPS_PROXY": f"http://someone:{login}@127.0.0.1:9",
        "HTTP_PROXY": f"http://someone:{login}@127.0.0.1:9",
        "KRAKEN_DOCTOR_WATCH_ON_CHANGE": f"http://127.0.0.1:9/services/{WEBHOOK}",
        "DATABASE_URL": f"redis://:{urllib.parse.quote(REDIS_PASSWORD, safe='')}@127.0.0.1:1/0",
    }


def _heard(request: Request) -> str:
    """All that the server was told, as it may repeat it."""
    headers = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
    return f"{headers} {request.body.decode()} {SECRET} {IIBAN} {PROXY_PASSWORD} {REDIS_PASSWORD} {OTP} {WEBHOOK}"


def _encoded(request: Request) -> str:
    # The account's number is nothing that this process holds: it is known by its form, and in base64 has none.
    heard = _heard(request).replace(IIBAN, "")
    encoded = base64.b64encode(heard.encode()).decode()
    return f"{encoded} {urllib.parse.quote(heard)} {urllib.parse.quote_plus(API_KEY)} {urllib.parse.quote_plus(IIBAN)}"


def _page(request: Request, status: int) -> Response:
    page = f"<html><title>{_heard(request)}</title>{_encoded(request)}</html>".encode()
    quoted = urllib.parse.quote(API_KEY, safe="")
    return Response(
        page, status, {"Server": f"edge {API_KEY}", "CF-Ray": SECRET[:60], "Location": f"https://{quoted}.x/"}
    )


FAULTS = {
    "echo": lambda request: refusal(f"EAPI:Invalid key:{_heard(request)}"),
    "echo of parts": lambda request: refusal(f"EGeneral:Internal error:{'x' * 250}{API_KEY}", SECRET[:40], SECRET[30:]),
    "echo encoded": lambda request: refusal(f"EService:Busy:{_encoded(request)}"),
    "echo unknown": lambda request: refusal(_heard(request)),
    "echo nonce": lambda request: refusal(f"EAPI:Invalid nonce:{API_KEY}"),
    "page": lambda request: _page(request, 502),
    "blocked": lambda request: _page(request, 403),
    "redirect": lambda request: _page(request, 302),
    "page as answer": lambda request: _page(request, 200),
    "result": lambda request: answer(
        result={
            "unixtime": 1, "status": _heard(request), API_KEY: SECRET, "ZUSD": API_KEY, "permissions": [SECRET, IIBAN],
            "apiKey": API_KEY, "iban": IIBAN, "nonce": SECRET, "apiKeyName": SECRET,
        }
    ),
    "text": lambda request: answer(result=_heard(request)),
}  # fmt: skip
"""What a server may do with what it hears."""
