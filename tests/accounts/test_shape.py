"""Keys and secrets as people paste them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.accounts.shape import inspect_key, inspect_secret
from kraken_doctor.sandbox.keys import demo_credentials

KEY, SECRET = demo_credentials("form")


def test_kraken_form_is_in_order() -> None:
    """56 characters, 64 bytes, nothing to say."""
    key, secret = inspect_key(KEY), inspect_secret(SECRET)
    assert (key.shape, key.flaws, key.unusable, key.unusual) == ("key", (), False, False)
    assert (secret.shape, secret.flaws, secret.unusable, secret.decoded_bytes) == ("secret", (), False, 64)


@given(st.binary(min_size=42, max_size=42), st.binary(min_size=64, max_size=64))
def test_random_credentials_are_never_placeholders(key: bytes, secret: bytes) -> None:
    """Whatever letters chance gives; but for one letter all the way, which chance does not."""
    texts = base64.b64encode(key).decode(), base64.b64encode(secret).decode()
    if all(len(set(text)) > 12 for text in texts):
        assert not inspect_key(texts[0]).placeholder
        assert not inspect_secret(texts[1]).placeholder
        assert not inspect_secret(texts[1]).unusable


@pytest.mark.parametrize(
    "text",
    [
        "your-api-key",
        "<your-api-key>",
        "<...>",
        "changeme",
        "CHANGE_ME",
        "xxxxxxxxxxxx",
        "your_api_secret_here",
        "TODO",
        "'secret'",
    ],
)
def test_placeholders(text: str) -> None:
    """Words and brackets of an example."""
    assert inspect_key(text).placeholder
    assert inspect_secret(text).placeholder
    assert inspect_key(text).unusable


@pytest.mark.parametrize(
    ("damage", "flaw"),
    [
        (lambda text: text + "\n", "a line break at the end"),
        (lambda text: text + "\r", "a line break at the end"),
        (lambda text: " " + text, "white space at the start"),
        (lambda text: text[:10] + " " + text[10:], "white space at position 11"),
        (lambda text: f'"{text}"', "quotes around it"),
        (lambda text: f"'{text}'", "quotes around it"),
        (lambda text: "\ufeff" + text, "a byte order mark at the start"),
        (lambda text: text + "\u200b", "an invisible character (U+200B) at the end"),
        (lambda text: text + "\x00", "an invisible character (U+0000) at the end"),
        (lambda text: text + "“", "a quote at the end"),
        (lambda text: "é" + text, "latin small letter e with acute (U+00E9) at the start"),
    ],
)
def test_damage_is_named_with_its_place(damage: object, flaw: str) -> None:
    """In the key it is fatal; a secret may still decode to the same bytes."""
    assert callable(damage)
    key, secret = inspect_key(damage(KEY)), inspect_secret(damage(SECRET))
    assert key.flaws == secret.flaws == (flaw,)
    assert key.unusable
    assert key.sound_inside
    assert secret.sound_inside
    assert secret.unusable is (secret.decoded_bytes != 64)


def test_a_wrong_file_pasted_whole_is_not_listed_character_by_character() -> None:
    """A few, and how many more."""
    flaws = inspect_key("a b c d e f g").flaws
    assert len(flaws) == 5
    assert flaws[-1] == "and 2 more"


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        (SECRET[:-2], None),
        (SECRET[:80], 60),
        (KEY, 42),
        (base64.b64encode(b"x" * 66).decode(), 66),
        ("not base64!", None),
        (SECRET.replace("/", "%2F"), None),
    ],
)
def test_what_does_not_decode_to_64_bytes_is_unusable(text: str, decoded: int | None) -> None:
    """A truncated paste, a key, a Futures secret."""
    found = inspect_secret(text)
    assert found.unusable
    assert decoded is None or found.decoded_bytes == decoded


def test_a_secret_in_the_keys_place_is_recognised() -> None:
    """Before it travels as a header."""
    assert inspect_key(SECRET).shape == "secret"
    assert inspect_key(SECRET).unusable
    assert inspect_secret(KEY).shape == "key"


def test_another_length_is_unusual_and_usable() -> None:
    """Kraken promises no lengths."""
    found = inspect_key(KEY[:50])
    assert found.unusual
    assert not found.unusable
