"""
Writes the table of clients in docs/nonce.md from the list that `init` asks with; a test holds them equal.

    python -m docs.families
"""

from __future__ import annotations

from pathlib import Path

from kraken_doctor.accounts.families import Family, by_unit

PAGE = Path(__file__).with_name("nonce.md")

_BEGIN = "<!-- written by python -m docs.families -->\n"
_END = "<!-- end of what is written -->\n"
_DIGITS = {"s": "10", "ms": "13", "us": "16", "10ns": "18, begins 17 or 18", "ns": "19, begins 17 or 18"}
_HEAD = """
| client | `init --trades` | unit | digits | guard against repeats, as its source has it |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page, with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = "".join(_row(client) for clients in by_unit().values() for client in clients)
    return f"{before}{_BEGIN}{_HEAD}{rows}\n{_END}{after}"


def _row(client: Family) -> str:
    if client.unit is None:
        unit, digits = client.counts.rsplit(": ", 1)
    else:
        unit = f"{client.unit.words}, `{client.unit.value}`" + (f": {client.counts}" if client.counts else "")
        digits = _DIGITS[client.unit.value]
    return f"| {client.name} | `{client.id}` | {unit} | {digits.replace(' digits', '')} | {client.guard} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
