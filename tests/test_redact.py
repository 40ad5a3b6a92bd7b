"""What leaves is cleaned of secrets, however they are written."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import string
import urllib.parse
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.model.findings import CheckResult, Evidence, Outcome
from kraken_doctor.redact import Redactor, in_texts, redactor
from kraken_doctor.secret import HIDDEN, Secret, secrets_of

VALUE = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


@given(value=st.text(min_size=6), before=st.text(), after=st.text())
def test_known_values_are_hidden_in_every_spelling(value: str, before: str, after: str) -> None:
    """As they are, quoted for URLs and JSON, in base64."""
    if value.strip() != value or len(value) < 6:
        value = f"|{value}|"
    redact = Redactor([Secret(value)])
    raw = value.encode(errors="surrogatepass")
    quoted = urllib.parse.quote(value, safe="")
    exact = [
        value,
        json.dumps(value)[1:-1],
        json.dumps(value)[1:-1].replace("/", "\\/"),
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        urllib.parse.quote_plus(value),
        *(urllib.parse.quote(value, safe=safe) for safe in ("", "/", ":/", "/+=")),
        re.sub("%..", lambda match: match[0].lower(), quoted),
        urllib.parse.quote(quoted, safe=""),
        html.escape(value),
    ]
    for spelling in exact:
        assert redact(f"|{spelling}|") == f"|{HIDDEN}|", spelling
    for spelling in (
        base64.b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
    ):
        # The letters at either end depend on what stands beside the value in what was encoded: they may be left.
        kept = [part for part in redact(f"|{spelling}|").split(HIDDEN) if len(part) > 4]
        assert not kept, (spelling, kept)


@pytest.mark.parametrize("length", [24, 25, 29, 30, 56, 88])
def test_every_part_of_every_long_secret(length: int) -> None:
    """From sixteen characters on, wherever it begins; uncut, of a value of 23 characters only the whole."""
    value = VALUE[-length:]
    redact = Redactor([Secret(value)])
    for start in range(length - 15):
        assert redact(f"<{value[start : start + 16]}>") == f"<{HIDDEN}>", start
    short = Redactor([Secret(VALUE[:23])])
    assert short(f"<{VALUE[:22]}>") == f"<{VALUE[:22]}>"
    assert short(VALUE[:23]) == HIDDEN


@given(value=st.text(alphabet=string.ascii_letters + string.digits, min_size=20, max_size=20), at=st.integers(0, 3))
def test_inside_a_base64_of_more(value: str, at: int) -> None:
    """A Basic header encodes user and password together: what is known is found wherever it begins in it."""
    # Around it what no value has: a part of the frame is no part of the secret.
    whole = base64.b64encode(f"{'!' * at}:{value}:!!!!".encode()).decode()
    shown = Redactor([Secret(value)])(f"Authorized {whole}")
    assert HIDDEN in shown
    decoded = [_decoded(part) for part in shown.removeprefix("Authorized ").split(HIDDEN)]
    assert not any(value[start : start + 3] in text for text in decoded for start in range(18))


def _decoded(letters: str) -> str:
    return base64.b64decode(letters[: len(letters) // 4 * 4]).decode(errors="replace")


@given(start=st.integers(0, 72), length=st.integers(16, 88), before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_part_of_a_long_secret_is_hidden_too(start: int, length: int, before: str, after: str) -> None:
    """Sixteen characters in a row: what is left of it where a text was cut, or a table folded it."""
    part = VALUE[start : start + length]
    shown = Redactor([Secret(VALUE)])(f"{before}{part}{after}")
    assert HIDDEN in shown
    assert part[:16] not in shown
    assert part[-16:] not in shown
    assert Redactor([Secret(VALUE)])(f"<{VALUE[start : start + 11]}>") == f"<{VALUE[start : start + 11]}>"


def test_neighbours_leave_no_rest() -> None:
    """Two secrets that overlap, and one that follows another."""
    redact = Redactor([Secret("abcdefgh"), Secret("efghijkl")])
    assert redact("abcdefghijkl") == HIDDEN
    assert redact("xabcdefghefghijkly") == f"x{HIDDEN}y"


def test_digits_are_hidden_as_a_number_of_their_own() -> None:
    """A one-time password is no reason to break the nonces of a JSON document."""
    redact = Redactor([Secret("179539")])
    text = '{"nonce": 1795392000000000, "s": 0.179539}'
    assert redact(text) == text
    assert redact("code 179539, 179539") == f"code {HIDDEN}, {HIDDEN}"
    assert redact("179539") == HIDDEN, "at both ends of a text"
    for beside in ("1179539", "1795391", "1.179539", "179539.1"):
        assert redact(beside) == beside
    for beside in ("1 179539 1", "1x179539x1"):
        assert redact(beside) == beside.replace("179539", HIDDEN), beside


class _Pair(NamedTuple):
    left: str
    right: tuple[str, ...]


def test_everywhere_reaches_every_text_and_nothing_else() -> None:
    """Dataclasses, tuples with names, mappings, their keys; numbers and members of enums stay what they are."""
    redact = Redactor([Secret(VALUE)])
    facts = (Evidence("a", VALUE, source=f"<{VALUE}>"), Evidence("b", (VALUE, "x")), Evidence("c", 5))
    check = CheckResult(id="path", account=None, outcome=Outcome.FAIL, summary=f"said {VALUE}", evidence=facts)
    shown = redact.everywhere({VALUE: [check, _Pair(VALUE, (VALUE,)), 1.5, None]})
    assert VALUE[:16] not in repr(shown)
    cleaned, pair, number, nothing = shown[HIDDEN]
    assert isinstance(cleaned, CheckResult)
    assert (cleaned.outcome, cleaned.summary, cleaned.evidence[2].value) == (Outcome.FAIL, f"said {HIDDEN}", 5)
    assert (pair, number, nothing) == (_Pair(HIDDEN, (HIDDEN,)), 1.5, None)


@pytest.mark.parametrize("name", ["KRAKEN_API_KEY", "KRAKEN_USER_DAIVON_API_SECRET", "KRAKEN_MASTER_OTP"])
def test_a_variable_s_name_is_never_hidden(name: str) -> None:
    """Also where its value is a placeholder that is a part of it, or where it has none."""
    for value in (name, f"${{{name}}}", "KRAKEN_API", "API_KEY", "MASTER", "DAIVON", "API_SECRET"):
        redact = Redactor(secrets_of({name: value}))
        for text in (f"{name}=", f"{name}: not set", f"looked for {name}, KRAKEN_API_KEY and KRAKEN_SPOT_URL"):
            assert redact(text) == text, value
    text = f"{name}=\nKRAKEN_API_KEY=\nKRAKEN_MASTER_API_SECRET=\n{name}= KRAKEN_NONCE_STORE="
    assert Redactor()(text) == text
    assert Redactor()(f"{name}=kraken_9f8a7b6c") == f"{name}={HIDDEN}"


@given(st.text(min_size=6), st.booleans())
def test_in_hexadecimal_digits(value: str, upper: bool) -> None:
    """Of the text; of a secret, of what its base64 stands for too: a bot prints it as it signs."""
    for known, raw in ((f"|{value}|", f"|{value}|".encode(errors="surrogatepass")), (VALUE, base64.b64decode(VALUE))):
        digits = raw.hex().upper() if upper else raw.hex()
        assert Redactor([Secret(known)])(f"<{digits}>") == f"<{HIDDEN}>"


_DRESSED = {
    "as it is": VALUE,
    "quoted": urllib.parse.quote(VALUE, safe=""),
    "hex": VALUE.encode().hex(),
    "decoded": base64.b64decode(VALUE).hex().upper(),
    "base64": base64.b64encode(VALUE.encode()).decode().rstrip("=")[:-1],
}


@pytest.mark.parametrize("dress", _DRESSED)
def test_what_a_cut_leaves(dress: str) -> None:
    """At either end, in any dress: 16 characters anywhere, 8 where the text ends or says that it was cut."""
    redact, whole = Redactor([Secret(VALUE)]), _DRESSED[dress]
    for left in range(8, len(whole)):
        head, tail = whole[:left], whole[-left:]
        for text in (f"said {head}", f"{tail} said", f"<{head}… ", f" …{tail}>", f"<{head}...", f"...{tail}>"):
            assert head not in redact(text), text
            assert tail not in redact(text), text
        if left >= 16:
            assert redact(f"<{head}> <{tail}>") == f"<{HIDDEN}> <{HIDDEN}>"
    assert redact("key …4tZA, F1huXg==, kQH5HW") == "key …4tZA, F1huXg==, kQH5HW"


def test_what_a_cut_leaves_of_a_short_one() -> None:
    """Three quarters of it, and no less than eight characters: words occur by themselves."""
    redact = Redactor([Secret("redis-canary-8840")])
    assert redact("redis-canary") == HIDDEN
    assert redact("said redis-canary-8") == f"said {HIDDEN}"
    assert redact("anary-8840 said") == "anary-8840 said"
    assert redact("-canary-8840 said") == f"{HIDDEN} said"
    assert redact("<-canary-8840>") == "<-canary-8840>"
    assert redact("redis-can") == "redis-can"


@given(
    value=st.sampled_from([VALUE, VALUE.encode().hex(), "hunter2!", "p│w|d #1"]),
    width=st.integers(1, 40),
    between=st.sampled_from(["\n", "\r\n", "\n> ", " │\n│ ", "\n    ", "\\n", "  |\n|  ", "\n# "]),
    before=st.sampled_from(["", "said ", "said\n", "│ "]),
)
def test_folded_over_lines(value: str, width: int, between: str, before: str) -> None:
    """In a table, a quotation, a log: whatever the width, nothing of it is left."""
    known = "p│w|d #1" if value.startswith("p") else value if value == "hunter2!" else VALUE
    text = f"{before}{between.join(value[at : at + width] for at in range(0, len(value), width))}\nnonce 17953"
    shown = Redactor([Secret(known)])(text)
    if value.startswith("p") and width < len(value):
        return  # a password of what frames lines, folded where it has it: which of them is whose can't be told
    assert shown.startswith(f"{before}{HIDDEN}")
    assert shown.removeprefix(f"{before}{HIDDEN}").strip() == "nonce 17953"


def test_digits_are_one_number_a_line() -> None:
    """What stands on the line below is no part of it."""
    redact = Redactor([Secret("179539")])
    assert redact("code 179539\n1234\n56179539") == f"code {HIDDEN}\n1234\n56179539"


def test_a_redactor_is_made_once() -> None:
    """For the same secrets: making it takes longer than using it."""
    assert redactor("hunter2!", VALUE) is redactor("hunter2!", VALUE)
    assert redactor(VALUE)(VALUE) == HIDDEN


def test_a_secret_in_bytes_that_are_no_text() -> None:
    """A bot may keep anything in its key; what of it is text is hidden, and nothing is raised."""
    assert redactor(b"\xff" + VALUE.encode())(f"key {VALUE}.") == f"key {HIDDEN}."


def test_in_a_document() -> None:
    """In every text, however deep; in the names of fields where that is asked for, and then in all."""
    document = {"a": ["b", {"c": "d", "e": [["f"]]}], "g": 1, "h": None}
    assert in_texts(document, str.upper) == {"a": ["B", {"c": "D", "e": [["F"]]}], "g": 1, "h": None}
    assert in_texts(document, str.upper, names=True) == {"A": ["B", {"C": "D", "E": [["F"]]}], "G": 1, "H": None}


def test_many_secrets_cost_no_more_than_few() -> None:
    """A thousand accounts: a text is looked through once, not once a secret."""
    few, many = Redactor(), Redactor()
    for number in range(1000):
        secret = Secret(hashlib.sha512(str(number).encode()).hexdigest())
        many.learn(secret)
        if number == 7:
            few.learn(secret)
    text = "nonce 1795392000000000, refused " * 2000 + hashlib.sha512(b"7").hexdigest()
    assert few(text) == many(text)
    assert many(text).endswith(HIDDEN)


def test_longer_secrets_go_first() -> None:
    """A key inside another must not leave the rest of the longer one standing."""
    redact = Redactor([Secret("abcdef"), Secret("abcdefghij")])
    assert redact("abcdefghij") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        f"secret={VALUE}",
        "proxy http://user:hunter2@proxy:3128",
        "headers {'API-Key': 'k/ey+value', 'API-Sign': 'sig+value=='}",
        "API-Sign: sig+value==",
        '{"api-key": "k/ey+value", "API-Sign":"sig+value=="}',
        f"sign={urllib.parse.quote(VALUE, safe='')}&x=1",
        "Proxy-Authorization: Basic k/ey+value",
        "nonce=1&otp=k/ey+value&x",
        '{"apiKey":"k/ey+value","iban":"AA88 N84G WOAK NMOI"}',
    ],
)
def test_what_looks_like_a_secret_is_hidden_unknown(text: str) -> None:
    """Values that this process does not hold."""
    shown = Redactor()(text)
    for kept in (
        "proxy http://",
        "API-Key",
        "API-Sign",
        "api-key",
        "Proxy-Authorization",
        "nonce=1&otp=",
        '{"apiKey":"',
    ):
        assert (kept in shown) is (kept in text), "what it is of is still said"
    for part in (VALUE, urllib.parse.quote(VALUE, safe=""), "hunter2", "k/ey+value", "sig+value", "N84G"):
        assert part not in shown


def test_ordinary_text_stays_as_it_is() -> None:
    """Nonces, hashes, versions and URLs are what the reader needs."""
    text = (
        "nonce 1795392000000000 sha256 9f86d081884c7d659a2feaa0c55ad015 https://api.kraken.com/0/public/Time 2.2.2 "
        "KRAKEN_USER_DAIVON_API_KEY (.env) key 0123456789abcdef 8f0c1d2e3f405162-FRA EAPI:Invalid key: 2026-11-23T14:00"
    )
    assert Redactor([Secret("12345")])(text) == text


@pytest.mark.parametrize("name", ["KRAKEN_API_KEY", "KRAKEN_USER_DAIVON_FRAZIER_API_SECRET"])
def test_a_variables_name_is_shown_with_what_stands_around_it(name: str) -> None:
    """Where the whole line was pasted, the name is a part of the secret; it is what the reader needs."""
    redact = Redactor([Secret(f"export {name}='{VALUE}'")])
    text = f"holds a command and {name}= in front of the value"
    assert redact(text) == text
    for shown in (f"{name}='{VALUE}'", f"x {name}={VALUE[:30]}", f"{name}={VALUE[:20]}…"):
        assert VALUE[:10] not in redact(shown)
