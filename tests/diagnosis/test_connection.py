"""From the evidence of the way and of the clock to causes, words and remedies."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.diagnosis.remedies import clock_remedy
from kraken_doctor.model.findings import (
    CheckResult,
    Confidence,
    Diagnosis,
    Evidence,
    EvidenceSet,
    Outcome,
    Severity,
    Value,
)
from kraken_doctor.model.format import span

DAY = 86_400.0


def result(
    check: str, outcome: Outcome, values: dict[str, Value], sources: dict[str, str] | None = None
) -> CheckResult:
    evidence = tuple(Evidence(name, value, source=(sources or {}).get(name, "")) for name, value in values.items())
    return CheckResult(id=check, account=None, outcome=outcome, summary="", evidence=evidence)


def failed(failure: str, **more: Value) -> CheckResult:
    extra = {f"path.{name.replace('__', '.')}": value for name, value in more.items()}
    return result("path", Outcome.FAIL, {"path.failure": failure, "path.detail": "its words", **extra})


def clock(offset_s: float | None, bound_s: float = 0.01, **more: Value) -> CheckResult:
    extra = {f"clock.{name.replace('__', '.')}": value for name, value in more.items()}
    if offset_s is None:
        return result("clock", Outcome.INCONCLUSIVE, {"clock.ntp.asked": 1, **extra})
    values: dict[str, Value] = {"clock.offset": offset_s, "clock.bound": bound_s, "clock.limit": 1.0}
    return result("clock", Outcome.WARN, {**values, **extra})


def first(*results: CheckResult) -> Diagnosis:
    return next(diagnosis for diagnosis in diagnose(results) if diagnosis.primary)


EXPIRED: dict[str, Value] = {"tls__begins_in": -90 * DAY, "tls__ends_in": -10 * DAY, "tls__dates_alone": True}
FUTURE: dict[str, Value] = {"tls__begins_in": 10 * DAY, "tls__ends_in": 90 * DAY, "tls__dates_alone": True}


@pytest.mark.parametrize(
    ("dates", "offset_s", "cause", "confidence"),
    [
        (EXPIRED, -30 * DAY, "clock-ahead", Confidence.CERTAIN),
        (FUTURE, 30 * DAY, "clock-behind", Confidence.CERTAIN),
        (EXPIRED, 0.0, "tls-expired", Confidence.CERTAIN),
        (FUTURE, 0.0, "tls-expired", Confidence.CERTAIN),
        # Wrong, but not so that the certificate would be good by a right clock: it is the certificate, too.
        (EXPIRED, 30.0, "tls-expired", Confidence.CERTAIN),
        (EXPIRED, -5 * DAY, "tls-expired", Confidence.CERTAIN),
        (EXPIRED, None, "tls-expired", Confidence.LIKELY),
        (FUTURE, None, "clock-behind", Confidence.LIKELY),
        ({**FUTURE, "tls__dates_alone": False}, None, "tls-expired", Confidence.LIKELY),
    ],
)
def test_certificate_or_clock(
    dates: dict[str, Value], offset_s: float | None, cause: str, confidence: Confidence
) -> None:
    """The clock's fault exactly where a right clock would accept the certificate."""
    found = first(failed("tls-expired", **dates), clock(offset_s))
    assert (found.cause, found.severity, found.confidence) == (cause, Severity.FAIL, confidence)
    assert found.explains == (("tls-expired",) if cause.startswith("clock") else ())


def test_a_refused_certificate_is_described() -> None:
    """Who signed it, for whom, how long; itself, where it signed itself; that it can't be read, where it can't."""
    facts: dict[str, Value] = {
        "tls__issuer": "Corporate Interception",
        "tls__names": ("api.kraken.com",),
        "tls__self_signed": False,
        "tls__not_before": "2026-01-01T00:00:00Z",
        "tls__not_after": "2027-01-01T00:00:00Z",
    }
    found = first(failed("tls-untrusted", **facts))
    assert "signed by Corporate Interception, for api.kraken.com" in found.because
    assert "valid from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z" in found.because
    assert (
        "signed by itself, for api.kraken.com"
        in first(failed("tls-untrusted", **{**facts, "tls__self_signed": True})).because
    )
    assert "the certificate itself could not be read" in first(failed("tls-untrusted", tls__problem="x")).because


@pytest.mark.parametrize(
    ("failure", "more", "confidence"),
    [
        ("proxy-failed", {"proxy__status": 407}, Confidence.CERTAIN),
        ("proxy-failed", {"proxy__status": 502}, Confidence.LIKELY),
        ("proxy-failed", {"proxy__failure": "connection-refused"}, Confidence.CERTAIN),
        ("proxy-failed", {}, Confidence.LIKELY),
        ("read-timeout", {"tls__version": "TLS 1.3"}, Confidence.LIKELY),
        # Said inside TLS, so by the exchange or its edge.
        ("edge-error", {"tls__version": "TLS 1.3"}, Confidence.CERTAIN),
        ("edge-error", {}, Confidence.LIKELY),
        ("tls-untrusted", {}, Confidence.CERTAIN),
    ],
)
def test_a_proxy_is_blamed_only_when_it_is_to_blame(
    failure: str, more: dict[str, Value], confidence: Confidence
) -> None:
    """Where it may be, that is a possibility, and what would tell."""
    found = first(failed(failure, proxy="http://proxy.example:3128", **more))
    assert (found.cause, found.confidence, bool(found.possible)) == (
        failure,
        confidence,
        confidence is Confidence.LIKELY,
    )
    assert any("proxy.example" in fact for fact in found.because)


def test_remedies_say_what_the_evidence_knows() -> None:
    """How long to wait; where the proxy's login belongs."""
    assert first(failed("exchange-throttled", http__retry_after=30)).remedy.text.startswith("Wait 30 s, ")
    assert first(failed("exchange-throttled")).remedy.text.startswith("Wait a minute, ")
    login = first(failed("proxy-failed", proxy="http://p", proxy__status=407)).remedy.text
    assert "user and password into HTTPS_PROXY" in login


def test_concerns_are_warnings_beside_the_answer() -> None:
    """A dead route, a failure now and then, trust that others don't have."""
    values: dict[str, Value] = {
        "path.tcp.dead": ("2001:db8::1: no answer",), "path.tcp.dead_seconds": 2.0,
        "path.tcp.address": "192.0.2.1", "path.tcp.seconds": 0.012,
        "path.samples": 3, "path.samples.failed": 1, "path.chance": "connection-reset", "path.chance.detail": "reset",
        "path.tls.authorities": "/x.pem", "path.tls.without_variable": "tls-untrusted",
    }  # fmt: skip
    found = diagnose([result("path", Outcome.WARN, values, {"path.tls.authorities": "SSL_CERT_FILE"})])
    assert [d.cause for d in found] == ["connection-timeout", "connection-reset", "tls-untrusted"]
    assert {d.severity for d in found} == {Severity.WARN}
    dead, chance, trust = found
    assert dead.summary == (
        "IPv6 does not answer: each new connection waits at least 2.0 s before another address is tried."
    )
    assert "/etc/gai.conf" in dead.remedy.otherwise
    assert "1 of 3 attempts failed" in chance.because
    assert "SSL_CERT_FILE, which krakenex and requests do not read" in trust.summary
    four = diagnose([result("path", Outcome.WARN, {**values, "path.tcp.dead": ("192.0.2.7: no answer",)})])
    assert four[0].summary.startswith("One address does not answer")
    assert not four[0].remedy.otherwise


def test_a_clock_that_the_exchange_contradicts_is_doubted() -> None:
    """Neither side is believed: the disagreement is the finding, with both words."""
    found = first(clock(30.0, exchange__contradicts=True, exchange__offset=0.2))
    assert (found.cause, found.severity) == ("clock-unverified", Severity.WARN)
    assert found.because[0] == "NTP gives +30.0 s ± 10 ms for the clock, Kraken +200 ms"
    assert first(clock(30.0)).cause == "clock-behind"


@pytest.mark.parametrize(
    ("offset_s", "bound_s", "words"),
    [
        (0.012, 0.008, "the clock is right"),
        (30.0, 0.008, "the clock is behind"),
        (-30.0, 0.008, "the clock is ahead"),
        (0.9, 0.5, "the clock is not known to be right"),
        (0.1, 0.5, "the clock is not known to be right"),
        (0.1, 0.1, "the clock is not known to be right"),
    ],
)
def test_the_clock_in_words(offset_s: float, bound_s: float, words: str) -> None:
    """Held against its limit, error bound taken into account; never "right" where that is not known."""
    from kraken_doctor.diagnosis.naming import clock_words

    assert clock_words(EvidenceSet([clock(offset_s, bound_s)])).startswith(words)


def keeper(place: str, service: str = "", **more: Value) -> EvidenceSet:
    extra = {f"clock.keeper.{name}": value for name, value in more.items()}
    return EvidenceSet([result("clock", Outcome.WARN, {"clock.place": place, "clock.keeper": service, **extra})])


REMEDIES: list[tuple[str, EvidenceSet, str, tuple[str, ...]]] = [
    (
        "chrony runs",
        keeper("linux", "chrony", running=True),
        "chrony runs here",
        ("chronyc sources", "sudo chronyc makestep"),
    ),
    (
        "chrony is stopped",
        keeper("linux", "chrony", running=False, unit="chronyd"),
        "not running",
        ("sudo systemctl enable --now chronyd",),
    ),
    ("chrony without systemd", keeper("linux", "chrony", running=False, unit=""), "not running", ()),
    (
        "timesyncd runs",
        keeper("linux", "systemd-timesyncd", running=True, unit="systemd-timesyncd"),
        "systemd-timesyncd runs here",
        ("timedatectl timesync-status", "sudo systemctl restart systemd-timesyncd"),
    ),
    ("timesyncd is off", keeper("linux", "systemd-timesyncd"), "turn it on", ("sudo timedatectl set-ntp true",)),
    (
        "ntpd runs",
        keeper("linux", "ntpd", running=True, unit="ntpsec"),
        "ntpd runs here",
        ("ntpq -p", "sudo systemctl restart ntpsec"),
    ),
    ("openntpd runs", keeper("linux", "openntpd", running=True), "OpenNTPD runs here", ("ntpctl -s all",)),
    ("BusyBox", keeper("linux", "BusyBox ntpd", running=True), "restart it with servers", ()),
    ("rivals", keeper("linux", "chrony", running=True, rivals=("ntpd",)), "against each other", ()),
    ("nothing, on Debian", keeper("linux", packager="apt-get"), "No time service", ("sudo apt-get install chrony",)),
    ("nothing, on Alpine", keeper("linux", packager="apk"), "No time service", ("sudo apk add chrony",)),
    ("nothing, anywhere", keeper("linux"), "No time service", ()),
    ("a container", keeper("container"), "without a clock of its own", ()),
    ("WSL", keeper("wsl", "systemd-timesyncd"), "which Windows keeps", ("sudo hwclock --hctosys",)),
    ("macOS", keeper("macos"), "macOS", ("sudo sntp -sS time.apple.com",)),
    ("Windows", keeper("windows"), "Windows Time", ("w32tm /query /status", "w32tm /resync")),
]


@pytest.mark.parametrize(("facts", "text", "commands"), [r[1:] for r in REMEDIES], ids=[r[0] for r in REMEDIES])
def test_how_to_mend_it_on_this_system(facts: EvidenceSet, text: str, commands: tuple[str, ...]) -> None:
    """Words and commands for what is there, and none for what is not."""
    remedy = clock_remedy(facts, "clock-behind")
    assert remedy is not None
    assert text in remedy.text
    assert remedy.commands == commands


def test_nothing_is_guessed() -> None:
    """Without evidence the catalogue's own remedy stands."""
    assert clock_remedy(EvidenceSet([]), "clock-behind") is None
    assert clock_remedy(keeper("other"), "clock-behind") is None
    assert first(clock(30.0)).remedy.text.startswith("Turn on time synchronisation")


def test_setting_a_clock_back_begins_with_the_bots() -> None:
    """Going forward harms no nonce; going back does."""
    for _, facts, text, commands in REMEDIES:
        remedy = clock_remedy(facts, "clock-ahead")
        assert remedy is not None
        assert remedy.text.startswith("Stop the bots first, and keep the nonce store")
        assert text in remedy.text
        assert (remedy.commands, "nonce store" in remedy.avoid) == (commands, True)


def test_what_keeps_the_clock_is_among_the_facts() -> None:
    """The remedy rests on it."""
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"place": "linux", "keeper": "chrony", "keeper__running": True}, "chrony runs"),
        ({"place": "linux", "keeper": "chrony"}, "chrony is installed, and does not run"),
        ({"place": "linux"}, "no time service was found on this host"),
        ({"place": "container"}, "the clock is that of the host around this container: "),
    )
    for facts, words in cases:
        assert words in first(clock(30.0, **facts)).because


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-0.0004, "+0 ms"), (-0.0005, "+0 ms"), (-0.0006, "-1 ms"), (0.0004, "+0 ms"), (-30, "-30.0 s")],
)
def test_a_zero_has_no_minus(seconds: float, words: str) -> None:
    """What is shown, not what is behind it."""
    assert span(seconds, signed=True) == words
