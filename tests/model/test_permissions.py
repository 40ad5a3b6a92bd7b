"""What a bot needs, in words and in Kraken's names."""

from __future__ import annotations

import pytest

from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model import permissions


@pytest.mark.parametrize(
    ("wants", "needed"),
    [
        (["trade"], ("modify-trades", "close-trades", "query-open-trades")),
        (["query"], ("query-funds", "query-open-trades", "query-closed-trades")),
        (["ledger", "websocket"], ("query-ledger", "create-ws-token")),
        (["deposit"], ("add-funds",)),
        (["EARN "], ("earn-funds",)),
        (["query-ledger", "ledger"], ("query-ledger",)),
        (["Create & modify orders"], ("modify-trades",)),
        (["WITHDRAW_FUNDS"], ("withdraw-funds",)),
        ([], ()),
    ],
)
def test_what_a_bot_needs(wants: list[str], needed: tuple[str, ...]) -> None:
    """A word for what it does, or a permission in any spelling; each once."""
    assert permissions.needed(wants) == needed
    assert permissions.needed(needed) == needed, "by their names they are found again"


@pytest.mark.parametrize(("word", "says"), [("trde", "did you mean trade?"), ("moon", "there are trade, query")])
def test_another_word_is_refused(word: str, says: str) -> None:
    """It says what there is."""
    with pytest.raises(ConfigurationError, match=says.replace("?", r"\?")):
        permissions.needed(["trade", word])


def test_every_permission_has_its_box() -> None:
    """The thirteen of Kraken's documents; an unknown one is called by its name."""
    names = {
        name
        for want in ("trade", "query", "ledger", "websocket", "deposit", "earn")
        for name in permissions.needed([want])
    }
    assert permissions.known(names | set(permissions.EXCESS) | {"export-data"})
    assert len(names | set(permissions.EXCESS) | {"export-data"}) == 13
    assert permissions.boxes(["query-funds", "moon"]) == '"Query" under Funds, moon'
