"""How the doctor makes its private calls: the unit, the client, and what is said of both beforehand."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from kraken_doctor.checks.base import Instruments
from kraken_doctor.checks.session import AccountSession
from kraken_doctor.checks.unit import NonceGuard, choose_unit
from kraken_doctor.client.retry import RetryPolicy
from kraken_doctor.clock import CorrectedClock
from kraken_doctor.doctor.plan import Plan
from kraken_doctor.doctor.progress import RunTracker
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.errors import KrakenDoctorError
from kraken_doctor.model.account import Account
from kraken_doctor.model.call import DOCTOR, CallRecord
from kraken_doctor.nonce.history import UNIT_NOTE_0_1, KeyHistory
from kraken_doctor.tables import load

_texts = functools.partial(load, __file__, "sessions.toml")


def make(
    request: RunRequest,
    context: Instruments,
    progress: RunTracker,
    record: Callable[[CallRecord], None],
    account: Account,
    correction_s: Callable[[], float],
) -> AccountSession:
    """
    The session of *account*.

    Args:
        request: What the user asked for.
        context: The instruments of the run.
        progress: Told of waits.
        record: Told of each call.
        account: Whose calls.
        correction_s: See `runner.Sessions`.
    """
    key_id = account.key_id or ""

    def guard() -> NonceGuard:
        history = context.histories.get(key_id, KeyHistory())
        ahead_s = correction_s()
        return NonceGuard(
            choice=choose_unit(request.nonce_unit, account, history),
            history=history,
            clock=CorrectedClock(context.clock, ahead_s),
            note=context.store.recall(key_id, UNIT_NOTE_0_1),
            correction_s=ahead_s,
        )

    def connect(guard: NonceGuard, observer: Callable[[CallRecord], None]) -> Any:
        # Here, since it needs krakenex, and a check says so where there is none.
        from kraken_doctor.client.kraken import KrakenClient

        return KrakenClient(
            account.key.reveal() if account.key else "",
            account.secret.reveal() if account.secret else "",
            url=context.settings.api_url,
            session=context.http,
            store=progress.turns(context.store, account.label),
            unit=guard.choice.unit,
            timeout=request.timeout_s,
            # Not the library's minute, which is a run's whole deadline: that a bot holds the turn for so long is what
            # to report.
            turn_timeout=request.timeout_s,
            # The session makes the second try, and counts it; the client's own four would exceed the run's budget.
            retry=RetryPolicy.none(),
            otp=account.otp.reveal() if account.otp else None,
            clock=guard.clock,
            metrics=False,
            observers=(observer, record),
            check_nonce=guard.check_nonce,
            by=DOCTOR,
            declared=guard.choice.declared,
        )

    def reconnect() -> None:
        with contextlib.suppress(KrakenDoctorError):  # the call itself says what is wrong
            context.api.ask("Time", again=True)

    return AccountSession(
        key_id=key_id,
        connect=connect,
        store=context.store,
        clock=context.clock,
        make_guard=guard,
        reconnect=reconnect,
        budget=context.settings.private_call_budget,
        retry_delays_s=request.retry_delays_s,
        waiting=functools.partial(progress.wait, account.label),
    )


def undeclared(request: RunRequest, plan: Plan) -> str:
    """Say before the first call whom milliseconds can harm, where nobody declared a unit; empty for nobody."""
    labels = [
        account.label
        for account in plan.accounts
        if account.key and not (request.nonce_unit or account.nonce_unit or account.is_demo)
    ]
    if not (labels and plan.sends_nonces):
        return ""
    whom = ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
    return f"{_texts()['undeclared'].format(whom=whom)}\n"


def nonce_plan(request: RunRequest, plan: Plan) -> list[str]:
    """For `--dry-run`: each account's unit, and what a refused nonce would lead to."""
    if not plan.sends_nonces:
        return []
    measured = any(check.id == "clock" for check in plan.checks)
    lines = [] if measured else ["once: GET /0/public/Time, to keep nonces from being ahead of real time"]
    for account in plan.accounts:
        choice = choose_unit(request.nonce_unit, account, KeyHistory())
        known = "" if choice.declared else "the unit of the last accepted call on record, else "
        lines.append(f"{account.label}: nonces in {known}{choice.unit.words} ({choice.source})")
    return [*lines, _texts()["second-try"].format(budget=request.private_call_budget)]
