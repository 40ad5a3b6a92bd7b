"""What ends `watch`, on each system."""

from __future__ import annotations

import signal

import pytest

from kraken_doctor.clock import SystemClock
from kraken_doctor.terminal.interruption import ENDINGS
from tests.conftest import Run


@pytest.mark.parametrize("name", [name for name in ENDINGS if hasattr(signal, name)])
def test_what_ends_it_between_two_rounds(doctor: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Ctrl-C and a request to end; on Windows Ctrl-Break and the closing of the console too."""
    monkeypatch.setattr(SystemClock, "sleep", staticmethod(lambda _seconds: signal.raise_signal(getattr(signal, name))))
    ended = doctor("watch", "--sandbox", "--every", "15")
    assert ended.status == 130
    assert "1 round" in ended.stdout + ended.stderr
