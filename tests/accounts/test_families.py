"""Which unit the clients count in; a name that is not known is no reason to guess."""

from __future__ import annotations

import pytest

from kraken_doctor.accounts.families import FAMILIES, NOTHING, Family, by_unit, find
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.model.unit import NonceUnit

UNITS = {
    NonceUnit.S: ("hummingbot", "Cryptex"),
    NonceUnit.MS: ("krakenex", "pykrakenapi", "ccxt", "freqtrade", "XChange", "node-kraken-api", "kraken-api-java",
                   "kraken-async-rs", "rotki", "api-go"),
    NonceUnit.US: ("custom-generator", "kraken_doctor.install", "npm kraken-api", "ts-kraken", "kraken_ruby_client",
                   "Kraken PHP", "krakenapi C++", "kraken-api-client"),
    NonceUnit.TEN_NS: ("python-kraken-sdk",),
    NonceUnit.NS: ("Kraken CLI", "kraken-go-api-client", "gocryptotrader", "nautilus_trader"),
    None: ("Kraken.Net", "crypto_vba", "python-kraken-sdk-2022", "kraken_ruby 2018", "shifted"),
}  # fmt: skip
"""As their sources have it; spelled as people spell them."""


@pytest.mark.parametrize(("unit", "names"), UNITS.items(), ids=[str(unit) for unit in UNITS])
def test_each_client_has_the_unit_of_its_source(unit: NonceUnit | None, names: tuple[str, ...]) -> None:
    """A finer one here would lock that client's users out of their keys."""
    slugs = {"Kraken PHP": "kraken-php", "krakenapi C++": "krakenapi-cpp"}
    found = [find(slugs.get(name, name)) for name in names]
    assert {family.unit for family in found} == {unit}
    assert found == by_unit()[unit], "each client of the table is looked at here"
    assert all(family.needs_own_key == (unit is None) for family in found)


def test_every_client_is_found_by_its_id() -> None:
    """And ids are unique: the second of two would never be found."""
    assert [find(family.id) for family in FAMILIES] == list(FAMILIES)
    assert sum(map(len, by_unit().values())) == len(FAMILIES)
    assert find(" Nothing ") is NOTHING
    assert not NOTHING.needs_own_key


@pytest.mark.parametrize("unit", NonceUnit, ids=[unit.value for unit in NonceUnit])
def test_a_unit_names_any_client_that_counts_in_it(unit: NonceUnit) -> None:
    """A bot of one's own is on no list."""
    assert find(unit.value.upper()) == Family(unit.value, f"a client in {unit.words}", unit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("go", "did you mean api-go, kraken-go-api-client, gocryptotrader?"),
        ("ruby", "did you mean kraken-ruby-client, kraken-ruby-2018?"),
        ("krakenx", "did you mean krakenex"),
        ("minutes", "use one of nothing, hummingbot"),
        ("m", "did you mean ms?"),
        ("", "use one of nothing, hummingbot"),
        ("\x1b[2J" + "x" * 500, "use one of nothing, hummingbot"),
    ],
)
def test_what_is_not_known_is_not_guessed(text: str, said: str) -> None:
    """Clients of one language count differently; the message says which there are."""
    with pytest.raises(ConfigurationError) as caught:
        find(text)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700
