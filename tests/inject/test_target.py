"""What is found out about the generator of somebody else's bot, in the process that imports it."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import ccxt
import krakenex
import pytest
from kraken.spot import User

from kraken_doctor import NonceGenerator, install, open_store
from kraken_doctor.inject.target import _refuse_network, _Unusable, examine, keeps_one_in_flight
from tests.wine import skip_under_wine

SECRET = "QUFB" * 21 + "QQ=="

Hold = Callable[[object], str]


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Puts something into a module, and gives the name by which it is examined."""

    def name_of(target: object) -> str:
        module = ModuleType("held")
        module.bot = ModuleType("bot")  # type: ignore[attr-defined]
        module.bot.target = target
        monkeypatch.setitem(sys.modules, "held", module)
        return "held:bot.target"

    return name_of


def microseconds() -> int:
    return int(time.time() * 1_000_000)


def nanoseconds() -> int:
    return time.time_ns()


def counter() -> Callable[[], int]:
    """Rises by one, from now on in microseconds, whatever the clock does; the interpreter's lock guards it."""
    return itertools.count(microseconds()).__next__


class Guarded:
    """Milliseconds, one more where the clock stands still, under a lock."""

    def __init__(self) -> None:
        self.last, self.lock = 0, threading.Lock()

    def __call__(self) -> str:
        with self.lock:
            self.last = max(self.last + 1, int(time.time() * 1000))
            return str(self.last)


def test_a_good_generator(hold: Hold) -> None:
    """Everything that is reported of it."""
    before = microseconds()
    facts = examine(hold(NonceGenerator("key", store=open_store("memory://"))))
    assert before <= facts["first"] <= microseconds()
    assert {name: passed for name, (passed, _) in facts["tests"].items()} == dict.fromkeys(
        ("rapid", "tick", "back", "threads"), True
    )
    said = {name: text for name, (_, text) in facts["tests"].items()}
    assert said["tick"] == "10 of 10 unique, strictly increasing"
    assert said["threads"] == "250 of 250 unique, from 5 threads"
    earlier, later = said["back"].removesuffix(" with the clock an hour back").split(", and ")
    assert int(later) > int(earlier) > facts["first"]
    assert (facts["kind"], facts["unit"], facts["replaced"], facts["in_order"]) == ("generator", "us", None, None)
    assert facts["by"] == "kraken_doctor.nonce.generator.NonceGenerator.next"


def test_the_clock_alone_is_no_generator(hold: Hold) -> None:
    """It repeats where the clock stands still, and falls where it is set back."""
    facts = examine(hold(microseconds))
    broken = {name for name, (passed, _) in facts["tests"].items() if not passed}
    assert broken - {"rapid"} == {"tick", "back", "threads"}, "ten calls in a row may be microseconds apart"
    assert facts["tests"]["tick"][1] == "1 of 10 unique, not increasing"
    before, after = facts["tests"]["back"][1].removesuffix(" with the clock an hour back").split(", and ")
    assert 3_599_000_000 < int(before) - int(after) <= 3_600_000_000
    assert (facts["kind"], facts["by"]) == ("function", f"{__name__}.microseconds")


def test_nanoseconds_of_the_clock_stand_still_too(hold: Hold) -> None:
    """Whichever of its functions a bot reads."""
    facts = examine(hold(nanoseconds))
    assert not facts["tests"]["tick"][0]
    assert not facts["tests"]["back"][0]
    assert facts["unit"] == "ns"


def test_the_clock_runs_on_afterwards(hold: Hold) -> None:
    """What was put in its place is taken away again."""
    functions = time.time, time.time_ns
    examine(hold(counter()))
    assert (time.time, time.time_ns) == functions
    assert threading.gettrace() is None


def test_read_and_write_without_a_guard_is_a_race(hold: Hold) -> None:
    """Where every instruction lets the others run it loses."""
    last = [0]

    def racy() -> int:
        nonce = max(last[0] + 1, microseconds())
        last[0] = nonce
        return nonce

    facts = examine(hold(racy))
    assert [name for name, (passed, _) in facts["tests"].items() if not passed] == ["threads"]


def test_a_counter_has_no_unit(hold: Hold) -> None:
    """And is rapid, and rises."""
    facts = examine(hold(itertools.count(1).__next__))
    assert (facts["first"], facts["unit"]) == (1, None)


@pytest.mark.parametrize(
    ("make", "kind", "replaced", "by"),
    [
        (lambda: krakenex.API("", ""), "krakenex.API", False, "krakenex.api.API._nonce"),
        (ccxt.kraken, "ccxt", None, "ccxt.base.exchange.Exchange.incrementing_nonce"),
        (User, "python-kraken-sdk", None, "kraken.base_api.SpotClient.get_nonce"),
    ],
    ids=["krakenex", "ccxt", "sdk"],
)
def test_clients_as_they_are(hold: Hold, make: Callable[[], Any], kind: str, replaced: bool | None, by: str) -> None:
    """Known by what they have; their nonces are asked for, and their requests seen to overlap."""
    if kind == "ccxt":
        skip_under_wine("it can't load the cryptography that this ccxt needs")
    facts = examine(hold(make()))
    assert (facts["kind"], facts["replaced"], facts["in_order"]) == (kind, replaced, False)
    assert facts["by"].rpartition(".")[2] == by.rpartition(".")[2]


def test_a_hook_that_was_replaced(hold: Hold) -> None:
    """By an object; it is named by its class."""
    api = krakenex.API("key", SECRET)
    api._nonce = Guarded()
    facts = examine(hold(api))
    assert (facts["replaced"], facts["by"], facts["unit"]) == (True, f"{__name__}.Guarded", "ms")
    assert all(passed for passed, _ in facts["tests"].values())


@pytest.mark.parametrize(
    "make",
    [
        lambda: krakenex.API("key", SECRET),
        lambda: ccxt.kraken({"apiKey": "key", "secret": SECRET}),
        lambda: User(key="key", secret=SECRET),
    ],
    ids=["krakenex", "ccxt", "sdk"],
)
def test_whether_requests_overlap(make: Callable[[], Any]) -> None:
    """In every client as it is, and in none with `install`; nothing is sent either way."""
    assert keeps_one_in_flight(make()) is False
    ordered = make()
    assert install(ordered, store=open_store("memory://"))
    assert keeps_one_in_flight(ordered) is True


def test_the_examples_are_what_they_say() -> None:
    """krakenex as it is repeats; unique nonces are a good generator, and overtake each other all the same."""
    plain, unique = (examine(f"kraken_doctor.client.examples:{name}") for name in ("plain", "unique"))
    assert (plain["replaced"], plain["unit"], plain["in_order"]) == (False, "ms", False)
    assert not plain["tests"]["tick"][0]
    assert (unique["replaced"], unique["unit"], unique["in_order"]) == (True, "us", False)
    assert all(passed for passed, _ in unique["tests"].values())
    with pytest.raises(_Unusable, match="has no 'nonesuch'"):
        examine("kraken_doctor.client.examples:nonesuch")


def test_what_can_not_be_seen_is_not_said() -> None:
    """No client; a client without a session of requests; one that sends nothing, asked 15 times by five threads."""
    asked: list[str] = []
    silent = krakenex.API("key", SECRET)
    silent.query_private = asked.append
    strange = krakenex.API("key", SECRET)
    strange.session = object()
    for client in (object(), silent, strange):
        assert keeps_one_in_flight(client) is None
    assert asked == ["Balance"] * 15


def test_credentials_of_its_own_are_used() -> None:
    """A client without any signs with what is no secret; one that has them keeps them."""
    for client, names in ((krakenex.API("mine", SECRET), ("key", "secret")), (krakenex.API(), ("key", "secret"))):
        before = [getattr(client, name) for name in names]
        assert keeps_one_in_flight(client) is False
        assert before in ([getattr(client, name) for name in names], ["", ""])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("held", "'held': name it as package.module:attribute"),
        (":x", "':x': name it as package.module:attribute"),
        ("held:", "'held:': name it as package.module:attribute"),
        ("x" * 100, f"'{'x' * 80}': name it as package.module:attribute"),
        ("nonesuch.module:api", "can't import 'nonesuch.module': ModuleNotFoundError: No module named 'nonesuch'"),
        ("held:bot.nonesuch", "'held' has no 'bot.nonesuch'"),
        ("held:bot", "'module' is neither a client nor a generator: it gives no nonce"),
    ],
)
def test_what_is_not_there(hold: Hold, name: str, why: str) -> None:
    """Said in one line."""
    hold(None)
    with pytest.raises(_Unusable) as caught:
        examine(name)
    assert str(caught.value) == why


def _raises() -> int:
    raise LookupError("no nonce today")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Guarded, "'Guarded' is a class: name the object that the bot uses"),
        (_raises, "the generator raised LookupError: no nonce today"),
        (lambda: "abc", "the generator gave str, not a number"),
        (lambda: True, "the generator gave bool, not a number"),
        (lambda: "\u0661\u0662", "the generator gave str, not a number"),
        (lambda: 1.5, "the generator gave float, not a number"),
        (5, "'int' is neither a client nor a generator: it gives no nonce"),
    ],
)
def test_what_gives_no_nonce(hold: Hold, target: object, why: str) -> None:
    """Said in one line."""
    with pytest.raises(_Unusable) as caught:
        examine(hold(target))
    assert str(caught.value) == why


@pytest.mark.posix("sockets between processes")
def test_without_a_network_nobody_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """By any way in which a socket reaches out."""
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        monkeypatch.setattr(socket.socket, name, getattr(socket.socket, name))
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    _refuse_network()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reaching:
        for attempt in (
            lambda: reaching.connect(("127.0.0.1", 9)),
            lambda: reaching.connect_ex(("127.0.0.1", 9)),
            lambda: reaching.sendto(b"x", ("127.0.0.1", 9)),
            lambda: reaching.sendmsg([b"x"], [], 0, ("127.0.0.1", 9)),
            lambda: socket.getaddrinfo("localhost", 80),
        ):
            with pytest.raises(ConnectionRefusedError, match="no network in this test"):
                attempt()
