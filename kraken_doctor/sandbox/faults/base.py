"""A fault: what it does to a scenario, and what the doctor should call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kraken_doctor.sandbox.messages import Request, Response, refusal
from kraken_doctor.sandbox.scenarios import USER, Scenario

Inject = Callable[[Scenario], None]


class Fault(NamedTuple):
    """One fault of the lab."""

    name: str
    """That of its cause, where it is the plainest form of it."""
    title: str
    inject: Inject
    """Changes a scenario before it is served."""
    cause: str = ""
    """What should be named first; empty where all is well."""
    severity: str = "fail"
    """``fail``, ``warn`` or ``info``."""
    of_run: bool = False
    """It concerns the whole run, not one account."""
    command: str = ""
    """The arguments that show it, where ``check --sandbox --fault NAME`` is not enough."""


def no_op(_scenario: Scenario) -> None:
    """Do nothing: for what is there anyway."""


def respond_with(response: Callable[[Scenario], Response], *, to: str = "", prefix: str = "") -> Inject:
    """
    Answer with *response* whatever was asked.

    Args:
        response: Makes the answer.
        to: Only requests whose path contains this.
        prefix: Only requests of this account's key.
    """

    def inject(scenario: Scenario) -> None:
        key = scenario.key(prefix).api_key if prefix else None

        def intercept(request: Request) -> Response | None:
            meant = to in request.path and (key is None or request.headers.get("api-key") == key)
            return response(scenario) if meant else None

        scenario.exchange.interceptors.append(intercept)

    return inject


def refuse_with(error: str, *, to: str = "", prefix: str = "") -> Inject:
    """Refuse with *error* whatever was asked; see `respond_with`."""
    return respond_with(lambda _: refusal(error), to=to, prefix=prefix)


def private(error: str) -> Inject:
    """Refuse the user's private calls."""
    return refuse_with(error, to="/private/", prefix=USER)


def chain(*injections: Inject) -> Inject:
    """Inject one after the other."""

    def inject(scenario: Scenario) -> None:
        for each in injections:
            each(scenario)

    return inject
