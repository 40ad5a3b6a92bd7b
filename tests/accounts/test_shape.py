"""Keys and secrets as people paste them."""

from __future__ import annotations

import base64
import urllib.parse
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_doctor.accounts.shape import inspect_key, inspect_secret, is_no_password
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
        (lambda text: f'"{text}"', "quotes around the value"),
        (lambda text: f"'{text}'", "quotes around the value"),
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


@pytest.mark.parametrize(
    "text",
    [
        *(
            "undefined",
            "null",
            "None",
            "NaN",
            "[object Object]",
            "true",
            "********",
            "●●●●●●●●",
            "replace-me",
            "REPLACE_WITH_KEY",
        ),
        *(
            "xxx",
            "XXXXXXXX-XXXX",
            "<your key>",
            "my-api-key",
            "your_api_key_here",
            "dummy",
            "test",
            "…",
            "abcd…wxyz",
            "12345",
        ),
        *(
            "dein-api-schlüssel",
            "votre clé",
            "tu-clave-aquí",
            "sua-chave",
            "il tuo",
            "twój-klucz",
            "ваш ключ",
            "你的密钥",
        ),
        *("not-set", "not_set", "TBC", "kraken", "mykey", "PUBLIC_KEY", "no", "unused", "hunter2", "key1", "Live"),
        *("__KRAKEN_KEY__", "YOURKEY", "no key yet", "1password", "abcdefghijklmnopqrstuvwxyz", "123-456-789"),
        *("x", "key=", "key:", "Secret =", "API_PUBLIC=", "kraken/key", "my.key"),
    ],
)
def test_placeholders_in_every_spelling(text: str) -> None:
    """Words of programs, masks and other languages; each call with one would count towards a lockout."""
    for around in ("{}", " {} ", "'{}'", "KRAKEN_API_KEY={}"):
        found = inspect_key(around.format(text))
        assert (found.placeholder, found.reference, found.unusable) == (True, False, True), around
        assert inspect_secret(around.format(text)).placeholder


@pytest.mark.parametrize(
    "text",
    [
        *(
            "${KRAKEN_KEY}",
            "$KRAKEN_KEY",
            "$(cat key)",
            "$env:KRAKEN_KEY",
            "%KRAKEN_KEY%",
            "{{ kraken_key }}",
            "${{ secrets.KEY }}",
        ),
        *(
            "op://vault/kraken/key",
            "process.env.KRAKEN_KEY",
            "!secret kraken_key",
            "arn:aws:secretsmanager:eu:1:secret:k",
        ),
        *(
            "/run/secrets/kraken_key",
            "./keys/kraken.key",
            "~/.kraken/key",
            "C:\\keys\\kraken.txt",
            "secret/data/kraken",
            "kv/data/kraken#key",
            "/home/bot/secrets/of/all/exchanges/kraken/production/key",
            "projects/1/secrets/kraken/versions/latest",
            "projects/1/secrets/the-key-of-the-trading-bot-in-production/versions/latest",
        ),
    ],
)
def test_a_reference_is_told_from_an_example(text: str) -> None:
    """What should have been replaced by a program has another remedy than what a person forgot."""
    found = inspect_key(text)
    assert (found.placeholder, found.reference, found.unusable) == (True, True, True)


DAMAGES: list[tuple[str, str]] = [
    ("KRAKEN_API_KEY={}", "KRAKEN_API_KEY= in front of the value"),
    ("KRAKEN_API_KEY = {}", "KRAKEN_API_KEY= in front of the value"),
    ("export KRAKEN_API_KEY='{}'", "a command (export, set, ENV) and KRAKEN_API_KEY= in front of the value"),
    ("set KRAKEN_API_KEY={}", "a command (export, set, ENV) and KRAKEN_API_KEY= in front of the value"),
    ('$env:KRAKEN_API_KEY="{}"', "PowerShell's $env: and KRAKEN_API_KEY= in front of the value"),
    ('{{"api_key": "{}"}}', "JSON's opening brace and api_key: in front of the value"),
    ("apiKey: {}", "apiKey: in front of the value"),
    ("- key: {}", "a YAML or Markdown list's dash and key: in front of the value"),
    ("{},", "a comma at the end"),
    ("{};", "a semicolon at the end"),
    ('{}"', "a quote at the end"),
    ("{}{}", "the value twice"),
    ("{}, {}", "the value twice"),
    ("{}\n{}", "the value twice"),
    ("{} {}", "the value twice"),
    (f"{KEY}:{SECRET}", "key and secret in one value"),
    (f"{KEY}\n{SECRET}", "key and secret in one value"),
]


@pytest.mark.parametrize(("damage", "flaw"), DAMAGES, ids=[flaw for _, flaw in DAMAGES])
def test_what_was_pasted_along_is_named(damage: str, flaw: str) -> None:
    """A part of the line it stood in, or more than one value; the credential itself is sound, and not shown."""
    for value, inspect in ((KEY, inspect_key), (SECRET, inspect_secret)):
        found = inspect(damage.replace("{}", value).replace("{{", "{").replace("}}", "}"))
        assert (found.flaws, found.placeholder, found.sound_inside) == ((flaw,), False, True)
    assert inspect_key(damage.replace("{}", KEY)).unusable


@pytest.mark.parametrize("value", [KEY, SECRET])
def test_encodings_around_a_credential(value: str) -> None:
    """Of a URL, and of a Secret of Kubernetes."""
    inspect = inspect_key if value == KEY else inspect_secret
    quoted = urllib.parse.quote(f"{value[:4]}+{value[5:]}", safe="")
    assert inspect(quoted).flaws[0].startswith("URL encoding (%2B")
    wrapped = inspect(base64.b64encode(value.encode()).decode())
    assert (wrapped.flaws, wrapped.sound_inside) == (("an extra base64 layer, as in a Kubernetes Secret",), True)


@given(st.binary(min_size=42, max_size=42), st.binary(min_size=64, max_size=64))
def test_random_credentials_have_no_flaws(key: bytes, secret: bytes) -> None:
    """Whatever letters chance gives; a name is shown only where it can be no part of a value."""
    texts = base64.b64encode(key).decode(), base64.b64encode(secret).decode()
    if all(len(set(text)) > 12 for text in texts):
        assert (inspect_key(texts[0]).flaws, inspect_secret(texts[1]).flaws) == ((), ())
        both = inspect_key(f"{texts[0]}={texts[1]}").flaws
        assert not any(texts[0][at : at + 8] in flaw for flaw in both for at in range(40))


def test_random_base64_is_no_path() -> None:
    """It has slashes too; one in a hundred keys would be a path if only they counted."""
    random = Random(16)
    whole = (base64.b64encode(random.randbytes(42)).decode() for _ in range(20_000))
    assert not any(inspect_key(key).placeholder for key in whole)


@pytest.mark.parametrize(
    "text",
    ["none", " None", "null", "undefined", "TODO", "changeme", "change-me", "your-otp", "<otp>", "********", "N/A",
     "${OTP}", "$OTP", "$KRAKEN_OTP", "$env:OTP", "%OTP%", "{{ otp }}", "$(pass otp)", "op://vault/otp",
     "/run/secrets/otp"],
)  # fmt: skip
def test_what_no_one_time_password_is(text: str) -> None:
    """What a program writes for nothing, what asks to be replaced, and references."""
    assert is_no_password(text)


@pytest.mark.parametrize(
    "text", ["735 demo", "123456", "test", "secret", "$ecret", "pa$$WORD", "Non3", "%20%", "and/or"]
)
def test_a_static_password_is_free_text(text: str) -> None:
    """A person may have chosen it, however badly."""
    assert not is_no_password(text)
