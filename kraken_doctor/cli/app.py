"""What one invocation of the command line works with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kraken_doctor.clock import Clock, SystemClock, cpu_seconds
from kraken_doctor.doctor.host import Host
from kraken_doctor.terminal.interruption import Interruption
from kraken_doctor.terminal.output import Output

if TYPE_CHECKING:
    from kraken_doctor.doctor.examine import Doctor


class App:
    """
    Build the real objects: environment, clock, and the doctor that uses them.

    Args:
        environ: The process's variables.
        output: Where its words go.
        interruption: What Ctrl-C sets.
        own_process: Whether this process was started for it; then a deadline counts from that start.
        clock: This host\'s.
    """

    def __init__(
        self, *, environ: Mapping[str, str], output: Output,
        interruption: Interruption | None = None, own_process: bool = False, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.output = output
        self.interruption = interruption or Interruption()
        self.own_process = own_process
        self.clock = clock or SystemClock()
        self.host = Host(environ, output.redact)
        # A deadline counts from when the user began to wait.
        self._spent_s = cpu_seconds() if own_process else 0.0
        self._began_s = self.clock.monotonic()

    def adjust(
        self, *, env_file: tuple[str, ...] = (), no_env_file: bool = False, verbose: int = 0, quiet: bool = False,
        color: str | None = None,
    ) -> None:  # fmt: skip
        """
        Take the root's options into account, which may stand before the command and behind it.

        Raises:
            ConfigurationError: They contradict each other.
        """
        self.host.use_env_files(*map(Path, env_file), none=no_env_file)
        self.output.adjust(verbose=verbose, quiet=quiet, color=color)

    @cached_property
    def doctor(self) -> Doctor:
        """What makes the runs; it is imported here, since it brings requests, which ``--help`` must not wait for."""
        from kraken_doctor.doctor.examine import Doctor

        return Doctor(
            self.host,
            self.output.redact,
            clock=self.clock,
            stop=self.interruption,
            notify=self.output.info,
            spent_s=self._spent_s + self.clock.monotonic() - self._began_s,
        )
