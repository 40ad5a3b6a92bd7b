"""Size makes no difference to memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.botlog.logs import line, refused, worked

MEGABYTE = 1 << 20
MORE_ALLOWED_KB = 16 * 1024
"""Between 2 MB and 200 MB: bounded tables fill up, and the allocator's own moods. A hundredth of it would be seen."""

# The high-water mark of this program's own memory; ru_maxrss would begin with that of the process that started it.
CHILD = """
import sys
from kraken_doctor.cli.main import run
status = run(["logs", "-", "-o", "json"])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(status, peak.split()[1], file=sys.stderr)
"""


def block(number: int) -> bytes:
    """About a megabyte of a busy bot: quiet lines, calls, refusals, new nonces and new errors in each."""
    at_s = number * 600.0
    lines = [worked(at_s), refused(at_s + 1), line(at_s + 2, f"ERROR EUnheard:Of number {number}")]
    lines += [
        line(at_s + 3 + n, f"DEBUG [Thread-{number}-{n}] nonce={1795392000000 + number * 1000 + n}") for n in range(100)
    ]
    lines += ["Traceback (most recent call last):\n", "Exception: EAPI:Invalid nonce\n", "x" * 70_000 + "\n"]
    quiet = line(at_s + 200, "INFO tick pair=XBTUSD bid=90000.1 ask=90000.2 spread within bounds, nothing to do")
    text = "".join(lines)
    return (text + quiet * ((MEGABYTE - len(text)) // len(quiet))).encode()


def unbroken(number: int) -> bytes:
    """One line without an end, with an error in it every megabyte."""
    return b"y" * MEGABYTE + b" EAPI:Invalid nonce "


def peak_kb(blocks: Iterator[bytes]) -> tuple[int, int]:
    """The child's exit status, and its largest resident size in kilobytes."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:  # fmt: skip
        assert child.stdin is not None
        for data in blocks:
            child.stdin.write(data)
        stdout, stderr = child.communicate()
    assert stdout.startswith(b"{"), stderr
    status, size_kb = map(int, stderr.split()[-2:])
    return status, size_kb


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("make", [block, unbroken])
def test_two_hundred_megabytes_in_the_memory_of_two(make: object) -> None:
    """Whatever is in them; a line that never ends included."""
    assert callable(make)
    small_status, small_kb = peak_kb(make(number) for number in range(2))
    large_status, large_kb = peak_kb(make(number) for number in range(200))
    assert (small_status, large_status) == (1, 1)
    assert large_kb - small_kb < MORE_ALLOWED_KB, (small_kb, large_kb)
