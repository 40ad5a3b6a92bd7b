"""The live view's lines."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kraken_doctor.doctor.progress import Activity, Progress, Wait
from kraken_doctor.render.progress import lines
from kraken_doctor.terminal.text import ascii_only


def progress(*activities: Activity, queued: int = 0, failed: Mapping[str, str] | None = None) -> Progress:
    return Progress("https://api.kraken.com", 10.0, 60.0, 7, 25, activities, queued, failed or {})


def test_what_is_done_for_whom_for_how_long_and_why_it_waits() -> None:
    """And when it goes on."""
    shown = lines(
        progress(
            Activity("clock", None, 10.0),
            Activity("authentication", "MASTER", 11.0, waits_for=("path", "store")),
            Activity("balances", "USER:daivon_frazier", 12.0, waiting=Wait("EService:Busy, again in", 12.0, 5.0)),
            queued=2,
        ),
        14.0, 100, 20,
    )  # fmt: skip
    assert shown == [
        "Checking https://api.kraken.com: 7 of 25 checks done, 4 s of at most 60 s",
        "                       clock 4 s",
        "  MASTER               authentication 3 s: waits for path and store",
        "  USER:daivon_frazier  balances 2 s: EService:Busy, again in 3 s",
        "  2 more accounts: waiting for a free slot",
    ]


def test_who_fails_stands_first_and_the_rest_is_counted() -> None:
    """All by name, whatever the window holds; and that the run goes on is to be seen."""
    busy = [Activity("balances", f"USER:busy{n}", 10.0) for n in range(16)]
    few = lines(progress(*busy, queued=8, failed={"USER:a": "EAPI:Invalid key", "path": "no route"}), 14.0, 80, 8)
    assert few[1:] == [
        "  ✗ USER:a  EAPI:Invalid key",
        "  ✗ path    no route",
        *(f"  USER:busy{n:<2}  balances 4 s" for n in range(4)),
        "  and 12 more running, 8 more accounts waiting",
    ]
    many = {f"USER:{n:02}": "EAPI:Invalid key" for n in range(36)}
    shown = lines(progress(*busy, failed=many), 14.0, 80, 22)
    assert shown[1] == "  ✗ 36 accounts: EAPI:Invalid key"
    assert "".join(shown).count("USER:") - "".join(shown).count("USER:busy") == 36
    assert shown[-1].endswith("more running")


def test_a_short_wait_is_not_worth_an_eye() -> None:
    """Every call waits for its turn, most of them for microseconds."""
    waiting = Activity("balances", "A", 10.0, waiting=Wait("waits for another call of this key; at most", 10.0, 10.0))
    assert lines(progress(waiting), 10.4, 80, 20)[1] == "  A  balances 0 s"
    assert (
        lines(progress(waiting), 10.6, 80, 20)[1]
        == "  A  balances 1 s: waits for another call of this key; at most 9 s"
    )


def test_a_reason_that_does_not_fit_gets_a_line_of_its_own() -> None:
    """The reason is what the reader waits for: it must not be what is cut."""
    waiting = Wait("EService:Unavailable, again in", 10.0, 8.0)
    shown = lines(progress(Activity("authentication", "USER:daivon_frazier", 10.0, waiting=waiting)), 12.0, 60, 20)
    assert shown[1:] == ["  USER:daivon_frazier  authentication 2 s:", "    EService:Unavailable, again in 6 s"]


ACTIVITIES = st.builds(
    Activity, check=st.sampled_from(["clock", "authentication"]), account=st.none() | st.text(max_size=40),
    since_s=st.floats(0, 10), waits_for=st.lists(st.text(max_size=10), max_size=2).map(tuple),
    waiting=st.none() | st.builds(Wait, st.text(max_size=80), st.floats(0, 10), st.floats(0, 100)),
)  # fmt: skip


FAILED = st.dictionaries(st.text(max_size=40), st.text(max_size=80), max_size=40)


@given(st.lists(ACTIVITIES, max_size=40), FAILED, st.integers(20, 200), st.integers(1, 40), st.booleans())
def test_never_more_than_the_window_holds(
    activities: list[Activity], failed: dict[str, str], width: int, height: int, unicode: bool
) -> None:
    """What has scrolled out of a terminal can't be taken back."""
    shown = lines(progress(*activities, queued=3, failed=failed), 20.0, width, height, unicode=unicode)
    assert len(shown) <= height
    assert all(cell_len(line) <= width for line in shown)
    assert unicode or all(line == ascii_only(line) for line in shown)
