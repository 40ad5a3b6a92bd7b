"""What Wine, which runs our Windows tests, does not have; Windows has it."""

from __future__ import annotations

import sys

import pytest


def is_wine() -> bool:
    """Whether this Windows is one."""
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def skip_under_wine(why: str) -> None:
    """Skip this test where Wine is not like Windows; on Windows itself it runs."""
    if is_wine():
        pytest.skip(f"Wine 8: {why}")
