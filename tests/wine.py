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


def skip_redis_under_wine() -> None:
    """For what talks to a Redis of the test's own."""
    if is_wine():
        pytest.skip("Wine 8 has no TCP_KEEPIDLE, which redis-py sets")
