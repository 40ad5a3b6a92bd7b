"""From evidence to causes: ranked, folded, and silent where there is nothing to say."""

from __future__ import annotations

import re

import pytest

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.model.findings import CheckResult, Confidence, Diagnosis, Evidence, Outcome, Severity, Value

MS, US = 1_795_392_000_000, 1_795_392_000_000_000
RIGHT_CLOCK: dict[str, Value] = {"clock.offset": 0.012, "clock.bound": 0.008, "clock.limit": 1.0}


def result(check: str, account: str | None, outcome: Outcome = Outcome.PASS, /, **facts: Value) -> CheckResult:
    """A check's result; names of facts with underscores for dots are written as they are."""
    evidence = tuple(Evidence(name, value) for name, value in facts.items())
    return CheckResult(id=check, account=account, outcome=outcome, summary="", evidence=evidence)


def facts(check: str, account: str | None, values: dict[str, Value], outcome: Outcome = Outcome.PASS) -> CheckResult:
    return result(check, account, outcome, **values)


def call(number: int, unit: str, nonce: int, outcome: str = "ok", endpoint: str = "Balance") -> dict[str, Value]:
    name = f"call.{number}"
    return {
        f"{name}.endpoint": endpoint,
        f"{name}.unit": unit,
        f"{name}.nonce": nonce,
        f"{name}.outcome": outcome,
        f"{name}.failure": "" if ":" in outcome or outcome == "ok" else outcome,
        f"{name}.detail": "",
    }


def calls(*made: dict[str, Value], account: str = "MASTER") -> CheckResult:
    together: dict[str, Value] = {}
    for one in made:
        together |= one
    return facts("authentication", account, together)


def clock(**changes: float) -> CheckResult:
    return facts("clock", None, {**RIGHT_CLOCK, **{f"clock.{name}": value for name, value in changes.items()}})


def causes(*results: CheckResult) -> list[str]:
    return [diagnosis.cause for diagnosis in diagnose(results)]


def only(*results: CheckResult) -> Diagnosis:
    (diagnosis,) = diagnose(results)
    return diagnosis


REFUSED = "EAPI:Invalid nonce"


def test_health_has_no_diagnosis() -> None:
    """No fault, no cause: the doctor does not invent illness."""
    assert causes(clock(), calls(call(1, "us", US, endpoint="GetApiKeyInfo"), call(2, "us", US + 1))) == []


def test_refused_twice_is_spent_higher_and_only_possible() -> None:
    """Another program at work this very moment looks the same: the harmless readings first, a new key last."""
    found = only(clock(), calls(call(1, "ms", MS, REFUSED), call(2, "ms", MS + 1400, REFUSED)))
    assert (found.cause, found.severity, found.confidence) == ("nonce-spent-higher", Severity.FAIL, Confidence.POSSIBLE)
    assert found.primary
    assert found.error == REFUSED
    assert f"refused twice in milliseconds: {MS}, {MS + 1400}" in found.because
    assert any("clock is right" in fact for fact in found.because)
    assert found.remedy.text.startswith("Stop the other programs")
    assert [re.split(r" \(|: ", reading.text)[0] for reading in found.possible] == [
        "another program is using this key right now",
        "programs on this key count in a finer unit",
        "a clock was ahead when the key was last used",
    ]
    assert "new API key" in found.remedy.otherwise


def test_a_clock_known_to_a_second_is_one_of_the_readings() -> None:
    """A second is more than a race takes: such a clock may be behind."""
    found = only(clock(bound=0.5), calls(call(1, "ms", MS, REFUSED), call(2, "ms", MS + 1400, REFUSED)))
    assert "this host's clock is behind" in [reading.text for reading in found.possible]


def test_refused_and_then_accepted_is_a_race() -> None:
    """In the same unit: somebody else used the key meanwhile. It works, and that is worth a warning."""
    found = only(clock(), calls(call(1, "ms", MS, REFUSED), call(2, "ms", MS + 1400)))
    assert (found.cause, found.severity, found.error) == ("nonce-shared-key", Severity.WARN, "")


def test_refused_after_accepted_is_a_shared_key() -> None:
    """A larger nonce than one that was just accepted: somebody came between."""
    found = only(clock(), calls(call(1, "ms", MS, endpoint="GetApiKeyInfo"), call(2, "ms", MS + 5, REFUSED)))
    assert (found.cause, found.severity) == ("nonce-shared-key", Severity.FAIL)


def test_a_clock_that_is_behind_explains_a_refusal() -> None:
    """Before anything else is suspected; and then it is a failure, not a warning."""
    found = only(clock(offset=3600), calls(call(1, "ms", MS, REFUSED)))
    assert (found.cause, found.severity, found.account) == ("clock-behind", Severity.FAIL, "MASTER")
    assert found.possible


@pytest.mark.parametrize("examined", [True, False])
def test_refused_with_the_corrected_time_is_the_clock(examined: bool) -> None:
    """Also where the check of the clock was left out, as in `balances`: Kraken's own time proved it."""
    made = call(1, "ms", MS, REFUSED) | call(2, "ms", MS + 1400, REFUSED) | {"nonce.correction": -3600.0}
    found = only(*([clock(offset=-3600)] if examined else []), calls(made))
    assert (found.cause, found.severity, found.confidence) == ("clock-ahead", Severity.FAIL, Confidence.LIKELY)
    assert "a bot on this host has spent nonces of this clock" in found.summary
    assert not any("could not be checked" in fact for fact in found.because)
    assert "API key" not in f"{found.remedy}"


def test_a_clock_that_is_behind_within_its_bound_explains_nothing() -> None:
    """Offset less error bound must be over the limit."""
    assert causes(clock(offset=1.5, bound=0.6), calls(call(1, "ms", MS, REFUSED))) == ["nonce-spent-higher"]


def test_without_a_time_source_the_verdict_is_only_possible() -> None:
    """What can't be told apart is said so."""
    unknown = CheckResult(id="clock", account=None, outcome=Outcome.INCONCLUSIVE, summary="")
    first, second = diagnose([unknown, calls(call(1, "ms", MS, REFUSED))])
    assert (first.cause, second.cause) == ("clock-unverified", "nonce-spent-higher")
    assert second.confidence is Confidence.POSSIBLE
    assert any("clock is behind" in alternative.text for alternative in second.possible)


def test_a_wrong_clock_alone_is_a_warning() -> None:
    """Nonces were accepted: nothing is broken."""
    found = only(clock(offset=-120), calls(call(1, "us", US)))
    assert (found.cause, found.severity, found.account) == ("clock-ahead", Severity.WARN, None)


def test_what_all_accounts_share_is_said_once() -> None:
    """Five keys that are refused at once have one cause, and it is not five bad keys."""
    results = [calls(call(1, "ms", MS, "EAPI:Invalid key"), account=f"USER:{n}") for n in range(5)]
    found = only(clock(), *results)
    assert (found.cause, found.account, found.primary) == ("key-invalid", None, True)
    assert "in all 5 accounts" in found.because
    healthy = calls(call(1, "ms", MS), account="USER:fine")
    assert [d.account for d in diagnose([clock(), *results, healthy])] == [f"USER:{n}" for n in range(5)]


def test_one_primary_an_account() -> None:
    """The first thing to mend, for each account that fails."""
    results = [
        facts("credentials", "USER:a", {"credentials.missing": ("A_API_KEY",)}),
        calls(call(1, "ms", MS, "EAPI:Invalid signature"), account="USER:b"),
        facts("permissions", "USER:b", {"permissions.excess": ("withdraw-funds",)}),
    ]
    found = diagnose(results)
    assert [(d.account, d.cause, d.primary) for d in found] == [
        ("USER:a", "credentials-missing", True),
        ("USER:b", "signature-invalid", True),
        ("USER:b", "key-can-withdraw", False),
    ]


def test_without_a_failure_one_warning_is_primary() -> None:
    """In the whole report."""
    results = [facts("permissions", f"USER:{n}", {"permissions.excess": ("withdraw-funds",)}) for n in "ab"]
    results.append(facts("permissions", "USER:c", {"key.expires_in": 86400.0, "key.valid_until": 1_795_392_000}))
    assert [d.primary for d in diagnose(results)].count(True) == 1


def test_the_way_comes_before_everything_else() -> None:
    """A name that does not resolve is the run's finding; accounts are not blamed."""
    found = only(facts("path", None, {"path.failure": "dns-failed", "path.detail": "no such name"}, Outcome.FAIL))
    assert (found.cause, found.account, found.primary) == ("dns-failed", None, True)


def test_an_expired_certificate_with_a_wrong_clock_is_the_clocks_fault() -> None:
    """The certificate is fine; by this clock it is not."""
    failed = facts("path", None, {"path.failure": "tls-expired", "path.detail": "certificate has expired"})
    found = only(failed, clock(offset=-10 * 365 * 86400.0))
    assert (found.cause, found.severity, found.explains) == ("clock-ahead", Severity.FAIL, ("tls-expired",))
    assert causes(failed, clock()) == ["tls-expired"]


def test_a_transport_failure_of_one_call_is_never_a_bad_key() -> None:
    """What broke is named; the key is not judged."""
    assert causes(clock(), calls(call(1, "ms", MS, "read-timeout"))) == ["read-timeout"]


def test_an_unknown_error_is_given_in_full() -> None:
    """And nothing is guessed from it."""
    found = only(calls(call(1, "ms", MS, "EFoo:Something new")))
    assert (found.cause, found.error) == ("error-unrecognised", "EFoo:Something new")
    nameless = only(calls(call(1, "ms", MS, "nonsense") | {"call.1.failure": ""}))
    assert (nameless.cause, nameless.error) == ("error-unrecognised", "nonsense")


def test_throttling_says_until_when() -> None:
    """The moment is in the error, and how long that is, rounded up, in the remedy."""
    until: dict[str, Value] = {"call.1.until": 59.2}
    found = only(calls(call(1, "ms", MS, "EService:Throttled:1795392060"), until))
    assert found.remedy.text.startswith("Wait 60 s, ")
    assert "it asks clients to wait until 2026-11-23 00:01:00 UTC" in found.because
    assert only(calls(call(1, "ms", MS, "EService:Throttled"))).remedy.text.startswith("Wait a minute, ")


def test_windows_are_judged_in_their_unit() -> None:
    """Fifteen are nothing in milliseconds; nine million are too many."""
    for window, unit, expected in (
        (15, "ms", ["nonce-window-too-small"]),
        (5000, "ms", []),
        (5000, "us", ["nonce-window-too-small"]),
        (10_000_000, "us", []),
        (9_000_000, "ms", ["nonce-window-wide"]),
        (0, "ms", []),
    ):
        info = facts("authentication", "MASTER", {"key.nonce_window": window, **call(1, unit, MS)})
        assert causes(clock(), info) == expected, (window, unit)


def test_a_mark_ahead_of_the_clock_is_a_warning() -> None:
    """Unless the clock is wrong: then that is said, once."""
    ahead = facts("nonce", "MASTER", {"nonce.lead": 3600.0})
    assert causes(clock(), ahead) == ["nonce-ahead-of-clock"]
    assert causes(clock(offset=3600), ahead) == ["clock-behind"]


def test_credentials_in_all_their_forms() -> None:
    """Each flaw its own cause."""
    sound: dict[str, Value] = {
        "key.characters": 56,
        "key.placeholder": False,
        "key.shape": "key",
        "key.sound_inside": True,
    }
    sound |= {"secret.characters": 88, "secret.placeholder": False, "secret.shape": "secret", "secret.decoded": 64}
    sound |= {"secret.sound_inside": True, "credentials.key_variable": "K", "credentials.secret_variable": "S"}
    cases: tuple[tuple[dict[str, Value], list[str]], ...] = (
        ({}, []),
        ({"key.placeholder": True}, ["credentials-placeholder"]),
        ({"credentials.otp.placeholder": True}, ["credentials-placeholder"]),
        ({"key.flaws": ("a line break at the end",)}, ["credentials-damaged"]),
        ({"secret.flaws": ("white space at the end",)}, ["credentials-damaged"]),
        ({"key.shape": "other"}, ["key-malformed"]),
        (
            {"key.shape": "secret", "secret.shape": "key", "secret.decoded": 42},
            ["key-secret-swapped"],
        ),
        ({"secret.decoded": 60}, ["secret-malformed"]),
        ({"secret.decoded": None, "secret.shape": "other"}, ["secret-malformed"]),
        ({"credentials.same_key_as": ("USER:b",)}, ["key-duplicated"]),
        ({"credentials.shared_with": ("USER:b",)}, ["account-ambiguous"]),
        ({"credentials.readable_file": ".env"}, ["dotenv-readable"]),
        ({"credentials.missing": ("S",)}, ["credentials-missing"]),
    )
    for change, expected in cases:
        assert causes(facts("credentials", "USER:a", {**sound, **change})) == expected, change


def test_a_tolerated_flaw_is_a_warning() -> None:
    """The secret still decodes to the same 64 bytes."""
    facts_of_secret: dict[str, Value] = {
        "secret.flaws": ("a line break at the end",),
        "secret.decoded": 64,
        "secret.sound_inside": True,
        "secret.shape": "secret",
    }
    assert only(facts("credentials", "USER:a", facts_of_secret)).severity is Severity.WARN
