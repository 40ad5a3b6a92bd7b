"""`watch` in words: at any width, without Unicode, and with names and words that somebody else chose."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kraken_doctor.model.findings import Outcome, Severity
from kraken_doctor.model.report import Change, FindingKey
from kraken_doctor.render.pages import watch as rounds
from tests.render.samples import HOSTILE, account, diagnosis, hostile, report

AT_NS = 1_795_399_200_000_000_000


def change(**fields: object) -> Change:
    given_: dict[str, object] = {
        "at_ns": AT_NS, "before": Outcome.PASS, "outcome": Outcome.FAIL, "verdict": "Not everything works.",
        "new": (), "gone": (), "accounts": {},
    }  # fmt: skip
    return Change(**{**given_, **fields})  # type: ignore[arg-type]


def standing(**fields: object) -> rounds.WatchStatus:
    given_: dict[str, object] = {
        "every_s": 60.0, "made": 12, "ago_s": 18.0, "next_s": 42.0, "since_s": {"A": 7200.0}, "rests_s": {},
        "report": report(account("A"), account("USER:b", fails=True), diagnoses=(diagnosis(None, Severity.WARN),)),
    }  # fmt: skip
    return rounds.WatchStatus(**{**given_, **fields})  # type: ignore[arg-type]


def test_a_change_in_one_line() -> None:
    """Each finding once, in words that can be searched for; an account by itself only where no finding names it."""
    new, gone = (FindingKey("key-invalid", "USER:b", "fail"),), (FindingKey("clock-behind", None, "warn"),)
    shown = rounds.line_of(change(new=new, gone=gone, accounts={"USER:b": Outcome.FAIL, "A": Outcome.PASS}))
    assert shown == "2026-11-23T02:00:00Z  FAILED USER:b key-invalid; RESOLVED clock-behind; A pass"
    assert rounds.line_of(change(before=None)) == "2026-11-23T02:00:00Z  FAILED: Not everything works."
    warned = (FindingKey("clock-behind", None, "warn"),)
    assert rounds.line_of(change(new=warned)).endswith("  WARNING clock-behind")
    unknown = change(outcome=Outcome.INCONCLUSIVE, verdict="No verdict. A clock: silent.")
    assert rounds.line_of(unknown).endswith("  NO VERDICT: A clock: silent.")
    well = change(before=Outcome.FAIL, outcome=Outcome.PASS, gone=new, verdict="All checks passed.")
    assert rounds.line_of(well).endswith("  RESOLVED USER:b key-invalid. All checks passed.")


def test_a_log_names_all_accounts_and_a_message_a_few() -> None:
    """A log is searched for a name; a phone shows three lines."""
    new = tuple(FindingKey("key-invalid", f"USER:{n:02}", "fail") for n in range(36))
    assert rounds.line_of(change(new=new)).count("USER:") == 36
    assert rounds.line_of(change(new=new)).count("key-invalid") == 1
    assert "FAILED USER:00, USER:01, USER:02 and 33 more key-invalid" in rounds.sentence_of(change(new=new), "h")


def test_a_sentence_for_a_chat_has_no_words_of_the_exchange_s() -> None:
    """It may be read as markup there."""
    new = (FindingKey("key-invalid", "USER:b", "fail"),)
    said = rounds.sentence_of(change(new=new, verdict="<!channel> @all", next_step="Create a new key."), "box-1")
    assert said == "kraken-doctor on box-1: FAILED USER:b key-invalid. Next: Create a new key."
    assert rounds.sentence_of(change(verdict="<!channel> @all"), "") == "kraken-doctor: FAILED"
    ugly = change(new=(FindingKey("key-invalid", HOSTILE + "<!here>@everyone[x](y)", "fail"),))
    assert not set("<>@[]`*~|") & set(rounds.sentence_of(ugly, "<@U1>|`x`"))


def test_what_stands_between_two_rounds() -> None:
    """Who fails first; how long it has been so; whoever is left alone, and for how long; what is common to all."""
    lines = rounds.status_lines(standing(rests_s={"USER:b": 240.0}), 200)
    assert lines == [
        "Watching api.kraken.com every 60 s, next in 42 s: 12 rounds, the last 18 s ago",
        "  ! warning: nonce-spent-higher",
        "  ✗ USER:b  EAPI:Invalid nonce, for 0 s; next check in 4 min",
        "  ✓ A       connected, for 2 h",
    ]


def test_forty_accounts_on_a_screen() -> None:
    """All that fail by name, however many, and the rest as a number; a line each where there is room."""
    labels = [f"USER:{n:02}" for n in range(40)]
    few = report(*(account(label, fails=label in ("USER:30", "USER:39")) for label in labels))
    assert rounds.status_lines(standing(report=few), 80, 22)[1:] == [
        "  ✗ USER:30  EAPI:Invalid nonce, for 0 s",
        "  ✗ USER:39  EAPI:Invalid nonce, for 0 s",
        "  ✓ 38 connected",
    ]
    most = report(*(account(label, fails=label > "USER:03") for label in labels))
    for width, unicode in ((80, True), (60, False)):
        shown = rounds.status_lines(standing(report=most), width, 22, unicode=unicode)
        assert "36 accounts: EAPI:Invalid nonce" in shown[1]
        assert "4 connected" in shown[-1]
        assert re.findall(r"USER:\d\d", "".join(shown[2:-1])) == labels[4:]
    small = rounds.status_lines(standing(report=most), 60, 5)
    assert small[-2:] == ["  and more", "  ✓ 4 connected"]
    assert len(rounds.status_lines(standing(report=most), 80, 60)) == 41


def test_what_is_unusable_as_written_is_one_kind() -> None:
    """Though each is said with its own variable; where there is room it is."""
    labels = [f"USER:{n:02}" for n in range(40)]
    found = [replace(diagnosis(label, Severity.FAIL), summary=f"{label}_KEY is a placeholder.") for label in labels]
    shown_accounts = (replace(account(label, fails=True), error="") for label in labels)
    unusable = report(*shown_accounts, diagnoses=tuple(found))
    shown = rounds.status_lines(standing(report=unusable), 80, 22)
    assert shown[1] == f"  ✗ 40 accounts: {found[0].cause}"
    assert "USER:07_KEY is a placeholder" in "".join(rounds.status_lines(standing(report=unusable), 80, 50))


@given(st.integers(20, 200), st.integers(1, 40), st.booleans())
def test_no_line_is_wider_than_the_screen(width: int, height: int, unicode: bool) -> None:
    """Whatever stands in it; one that wrapped, or scrolled out of the window, could not be taken back."""
    ugly = replace(hostile(), outcome=Outcome.FAIL)
    shown = rounds.status_lines(standing(report=ugly), width, height, unicode=unicode)
    assert len(shown) <= height
    for line in shown:
        assert cell_len(line) <= width
        assert line.isprintable()
        assert unicode or line.isascii()


def test_a_name_that_somebody_else_chose_is_data() -> None:
    """One line, without escapes, cut."""
    shown = rounds.line_of(change(new=(FindingKey("key-invalid", HOSTILE, "fail"),), verdict=HOSTILE))
    assert shown.isprintable()
    assert len(shown) < 1000
    assert rounds.line_of(change(verdict=HOSTILE)).isprintable()
