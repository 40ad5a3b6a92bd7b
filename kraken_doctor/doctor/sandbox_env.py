"""Where a run takes place: on this host with its environment, or in the embedded exchange with the faults asked for."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kraken_doctor.accounts import dotenv
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.errors import ConfigurationError

if TYPE_CHECKING:
    from kraken_doctor.doctor.request import RunRequest
    from kraken_doctor.nonce.stores import NonceStore
    from kraken_doctor.sandbox.scenarios import Scenario

_PATIENCE_S = 2.0
"""For one call, where a fault was asked for: it is to be seen, not waited for."""


class RunEnvironment(NamedTuple):
    """What of its surroundings a run depends on."""

    environment: Environment
    """Holds the accounts."""
    variables: Mapping[str, str]
    """May change the way to the exchange."""
    store: NonceStore
    krakenex: Callable[[], Any]
    env_files: tuple[dotenv.EnvFile, ...]


def krakenex() -> Any:
    """The installed krakenex; ImportError if there is none."""
    return importlib.import_module("krakenex")


def build_scenario(faults: tuple[str, ...]) -> Scenario:
    """
    The demo, with *faults*.

    Raises:
        ConfigurationError: There is no such fault, or `check` is not what shows it.
    """
    from kraken_doctor.sandbox.scenarios import healthy

    scenario = healthy()
    if faults:
        from kraken_doctor.sandbox.faults import find

        for fault in [find(name) for name in faults]:
            if fault.command and not fault.changes:
                raise ConfigurationError(f"{fault.name} simulates a faulty bot; run: kraken-doctor {fault.command}")
            fault.inject(scenario)
    return scenario


def accounts(faults: tuple[str, ...]) -> Environment:
    """The demo's accounts, with *faults*, without anything that is served."""
    scenario = build_scenario(faults)
    with scenario.resources:
        return Environment((PROCESS, scenario.environ))


def serve(stack: ExitStack, scenario: Scenario, host: str = "127.0.0.1", port: int = 0) -> tuple[str, tuple[str, ...]]:
    """The exchange's URL, and the addresses of its time servers, until *stack* is closed."""
    from kraken_doctor.sandbox.ntp import SandboxNtpServer

    stack.enter_context(scenario.resources)
    url = scenario.wire(stack, scenario.exchange, host, port)
    return url, tuple(stack.enter_context(SandboxNtpServer(**clock)).address for clock in scenario.clocks)


def start_sandbox(stack: ExitStack, request: RunRequest, store: NonceStore) -> tuple[RunRequest, RunEnvironment]:
    """The embedded exchange as a place, and the request that goes there."""
    scenario = build_scenario(request.faults)
    url, clocks = serve(stack, scenario)
    files = _env_files(stack, scenario)
    in_files = [(file.path.name, file.values) for file in files]
    # With a file the keys stand in it alone, or the process, which wins over it, would hide what the fault is.
    layers = [(PROCESS, scenario.overrides if files else scenario.environ), *in_files]
    damaged = {file.path.name: file.damaged_lines for file in files}
    place = RunEnvironment(
        environment=Environment(*layers, damaged_lines=damaged),
        variables=scenario.variables,
        store=scenario.store(store) if scenario.store else store,
        krakenex=lambda: scenario.krakenex(krakenex()) if scenario.krakenex else krakenex(),
        env_files=files,
    )
    impatient = bool(request.faults) and not request.timeout_given
    timeout_s = min(request.timeout_s, _PATIENCE_S) if impatient else request.timeout_s
    request = replace(request, api_url=url, ntp_servers=request.ntp_servers or clocks, timeout_s=timeout_s)
    return request, place


def _env_files(stack: ExitStack, scenario: Scenario) -> tuple[dotenv.EnvFile, ...]:
    if scenario.env_file_mode is None:
        return ()
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kraken-doctor-"))) / scenario.env_file_name
    path.touch(mode=0o600)
    path.write_text(
        scenario.env_file_text + "".join(f"{name}={value}\n" for name, value in scenario.environ.items()),
        encoding="utf-8",
    )
    path.chmod(scenario.env_file_mode)
    return (dotenv.read(path),)
