"""Secrets show themselves nowhere; which variables hold one."""

from __future__ import annotations

import base64
import copy
import io
import logging
import os
import pickle
import re
import traceback
from dataclasses import asdict, dataclass

import pytest

from kraken_doctor.model.account import Account
from kraken_doctor.redact import Redactor
from kraken_doctor.secret import HIDDEN, Secret, is_secret, key_id, secrets_of, without_secrets

VALUE = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


@dataclass
class Holder:
    secret: Secret


def test_every_way_of_printing_gives_a_placeholder() -> None:
    """repr, str, format, %, f-string, dataclass, containers."""
    secret = Secret(VALUE)
    shown = f"{secret} {secret!r} {secret:>30} {[secret]} {Holder(secret)}" + str(secret) + "%s" % secret  # noqa: UP031
    assert VALUE[:8] not in shown
    assert "[hidden]" in shown
    assert f"<{secret:>10}>" == "<  [hidden]>"
    assert secret.reveal() == VALUE


def test_a_traceback_with_locals_gives_a_placeholder() -> None:
    """What an error reporter would send."""
    secret = Secret(VALUE)
    try:
        _ = 1 / 0
    except ZeroDivisionError as exc:
        frames = traceback.StackSummary.extract(traceback.walk_tb(exc.__traceback__), capture_locals=True)
        text = "".join(frames.format())
    assert "secret = Secret" in text
    assert VALUE[:8] not in text.replace(repr(VALUE), "")
    assert secret.reveal() == VALUE


def test_is_not_pickled() -> None:
    """By no protocol, nor as part of something; nor does it hand out its state."""
    for thing in (Secret(VALUE), [Secret(VALUE)], Holder(Secret(VALUE))):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="not pickled"):
                pickle.dumps(thing, protocol)
    with pytest.raises(TypeError, match="no state to hand out"):
        Secret(VALUE).__getstate__()


def test_a_copy_is_the_secret_itself() -> None:
    """So that asdict() and replace() of what holds one go on working, and there is no second value about."""
    secret = Secret(VALUE)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    held = asdict(Holder(secret))
    assert held == {"secret": secret}
    assert VALUE[:8] not in repr(held)


def test_logging_shows_a_placeholder(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the form of the line asks for."""
    logging.getLogger("t").warning("%s %r %-40s %a", *[Secret(VALUE)] * 4)
    assert caplog.messages[0].count(HIDDEN) == 4
    assert VALUE[:8] not in caplog.text


def test_rich_shows_a_placeholder() -> None:
    """In a traceback with the locals of each frame, as bots install it."""
    from rich.console import Console
    from rich.pretty import pretty_repr
    from rich.traceback import Traceback

    def fail(secret: Secret, account: Account) -> None:
        raise ValueError("boo")

    account = Account(label="MASTER", key_variable="K", secret_variable="S", key=Secret(VALUE), secret=Secret(VALUE))
    try:
        fail(Secret(VALUE), account)
    except ValueError:
        console = Console(file=io.StringIO(), width=200)
        console.print(Traceback(show_locals=True, locals_max_string=10_000, max_frames=100))
        shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "boo" in shown
    assert "secret" in shown
    for text in (shown, pretty_repr(account)):
        assert VALUE[:8] not in text


def test_bytes_that_are_no_utf8_are_a_value_too() -> None:
    """As a variable of the process may hold them."""
    value = os.fsdecode(b"k\xff\xfe") + VALUE
    assert Secret(value) == Secret(value) != Secret(VALUE)
    assert len(key_id(value)) == 16
    assert VALUE not in Redactor([Secret(value)])(f"x{value}x")


def test_equal_values_are_equal_secrets() -> None:
    """So that two accounts with one key are noticed."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a").__eq__("a") is NotImplemented
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_tail_of_a_short_value_is_not_shown() -> None:
    """Four characters of twenty tell little; four of six tell too much."""
    assert Secret("x" * 52 + "4tZA").tail == "…4tZA"
    assert Secret("abc123").tail == "…"
    assert (Secret("x" * 19).tail, Secret("x" * 20).tail) == ("…", "…xxxx")


def test_what_of_the_environment_is_secret() -> None:
    """Credentials by name, logins in URLs as they stand and decoded; nothing else."""
    environ = {
        "KRAKEN_API_KEY": "one-key-1", "KRAKEN_USER_A_API_SECRET": "two-secret", "KRAKEN_MASTER_OTP": "three-otp",
        "HTTPS_PROXY": "http://user:p%40ss%2Fword@proxy:3128",
        "HTTP_PROXY": "http://user:colon:inside@proxy", "KRAKEN_NONCE_STORE": "redis://:fourfour@host/0",
        "KRAKEN_SPOT_URL": "https://api.kraken.com", "HOME": "/home/user", "GIT": "ssh://git@host/x",
        "KRAKEN_USER_A_NONCE_UNIT": "ms",
    }  # fmt: skip
    revealed = {secret.reveal() for secret in secrets_of(environ)}
    assert {
        "one-key-1",
        "two-secret",
        "three-otp",
        "p@ss/word",
        "p%40ss%2Fword",
        "fourfour",
        "colon:inside",
    } <= revealed
    assert not revealed & {"https://api.kraken.com", "/home/user", "git", "ms"}
    assert not is_secret("HOME")
    assert without_secrets(environ).keys() == {"KRAKEN_SPOT_URL", "HOME", "GIT", "KRAKEN_USER_A_NONCE_UNIT"}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("HTTPS_PROXY", "http://someone:hunter2!@proxy:3128", "proxy:3128"),
        ("https_proxy", "HTTP://someone:hunter2!@proxy:3128", "proxy:3128"),
        ("ALL_PROXY", "socks5h://someone:hunter2!@proxy:1080", "proxy:1080"),
        ("HTTP_PROXY", "someone:hunter2!@proxy:3128", "proxy:3128"),
        ("HTTP_PROXY", "http://:hunter2!@proxy:3128", "proxy:3128"),
        ("HTTP_PROXY", "http://hunter2!@proxy:3128", "proxy:3128"),
        ("HTTP_PROXY", "http://someone:hunter2%21@proxy", "proxy"),
        ("HTTP_PROXY", "http://someone:hunter2!/x@proxy", "proxy"),
        ("HTTP_PROXY", "http://someone:a@hunter2!@proxy", "proxy"),
        ("HTTP_PROXY", "http://someone:hunter2!#x@proxy", "proxy"),
        ("KRAKEN_NONCE_STORE", "redis://:hunter2!@redis:6379/0", "redis:6379/0"),
        ("KRAKEN_NONCE_STORE", "rediss://bot:hunter2%21@redis:6379/0", "redis:6379/0"),
        ("KRAKEN_NONCE_STORE", "redis://redis:6379/0?username=bot&password=hunter2!", "redis:6379/0"),
        ("KRAKEN_NONCE_STORE", "redis://redis/0?password=hunter2%21&db=1", "db=1"),
        ("KRAKEN_NONCE_STORE", "rediss://redis/0?ssl_password=hunter2!", "redis/0"),
        ("KRAKEN_NONCE_STORE", "unix://bot:hunter2!@/run/redis.sock?db=1", "/run/redis.sock"),
        ("KRAKEN_NONCE_STORE", "unix:///run/redis.sock?password=hunter2!", "/run/redis.sock"),
        ("KRAKEN_NONCE_STORE", ":hunter2!@redis:6379", "redis:6379"),
        ("DATABASE_URL", "postgres://bot:hunter2!@db/x", "db/x"),
    ],
)
def test_a_login_in_every_form_that_is_accepted(name: str, value: str, kept: str) -> None:
    """As it stands, decoded, and in the header that requests makes of it; the host is still named."""
    redact = Redactor(secrets_of({name: value}))
    headers = [f"Basic {base64.b64encode(f'{user}:{word}'.encode()).decode()}" for user in ("someone", "bot", "", "x")
               for word in ("hunter2!", "hunter2!/x", "a@hunter2!", "hunter2!#x")]  # fmt: skip
    for text in (value, f"{name}={value}", "said hunter2! twice, hunter2!", "hunter2%21", *headers):
        shown = redact(text)
        assert "hunter2" not in shown
        assert (kept in shown) is (kept in text)
        letters = [part for part in re.findall(r"[A-Za-z0-9+/]{4,}", shown) if text in headers]
        for part in ("A" * skipped + part for part in letters for skipped in range(4)):
            assert b"unter" not in base64.b64decode(part[: len(part) // 4 * 4]), shown
    assert is_secret(name, value)
    assert without_secrets({name: value, "HOME": "x"}) == {"HOME": "x"}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_login_that_is_no_ascii_in_a_header(encoding: str) -> None:
    """requests makes it of latin-1, curl of what the terminal has."""
    redact = Redactor(secrets_of({"HTTPS_PROXY": "http://jemand:schlüssel-wört@proxy"}))
    header = base64.b64encode("jemand:schlüssel-wört".encode(encoding)).decode()
    assert len(redact(f"<{header}>").replace(HIDDEN, "")) <= 2 + 2 + header.count("=")


def test_a_webhook_is_a_secret() -> None:
    """Its path, and of some services the host's name; also within a command. Where it is set alone, nothing is."""
    variable = "KRAKEN_DOCTOR_WATCH_ON_CHANGE"
    url = "https://eo8zs1x3.webhooks.example/T000/B000/abcdef?sig=123456"
    for value in (url, f"curl -d @- '{url}'"):
        redact = Redactor(secrets_of({variable: value}))
        for text in (url, "to host eo8zs1x3.webhooks.example", "with url: /T000/B000/abcdef?sig=123456 (Caused by)"):
            assert not re.search("eo8zs1x3|abcdef|123456", redact(text)), text
    assert Redactor(secrets_of({variable: "notify-send"}))("notify") == "notify"
    local = Redactor(secrets_of({variable: "http://localhost/hook-1"}))
    assert local("http://localhost:9/0/private, /hook-1") == f"http://localhost:9/0/private, {HIDDEN}"
    assert is_secret(variable)


def test_a_key_that_an_option_s_variable_holds() -> None:
    """`init --key` has one, as each option has."""
    assert [secret.reveal() for secret in secrets_of({"KRAKEN_DOCTOR_INIT_KEY": "k/ey"})] == ["k/ey"]


def test_key_id_names_without_telling() -> None:
    """The same for the same key, short, and nothing of the key in it."""
    assert key_id(VALUE) == key_id(VALUE) != key_id(VALUE + " ")
    assert len(key_id(VALUE)) == 16
    assert int(key_id(VALUE), 16) >= 0
    # Marks and notes in every store are kept under it: another fingerprint would begin all keys anew.
    assert key_id("the same in every version") == "73b8a386f1b3660d"
