"""One run, from the environment to a report: what ``kraken-doctor check`` does, and `examine` for a bot's start-up."""

import contextlib
import functools
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kraken_doctor.accounts.discovery import find_accounts, name_account, none_found
from kraken_doctor.accounts.environment import Environment
from kraken_doctor.checks.base import Instruments, Scope
from kraken_doctor.checks.catalogue import CATALOGUE
from kraken_doctor.checks.unit import choose_unit
from kraken_doctor.clock import Clock, SystemClock
from kraken_doctor.diagnosis.diagnose import diagnose
from kraken_doctor.doctor import instruments, sandbox_env, sessions
from kraken_doctor.doctor.host import DEFAULT_API_URL, Host
from kraken_doctor.doctor.plan import Plan
from kraken_doctor.doctor.progress import RunTracker
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.doctor.runner import Runner
from kraken_doctor.doctor.sandbox_env import RunEnvironment
from kraken_doctor.doctor.verdict import graded, judge
from kraken_doctor.model.account import Account
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import CheckResult, Outcome
from kraken_doctor.model.permissions import needed
from kraken_doctor.model.report import Report
from kraken_doctor.nonce.history import KeyHistory
from kraken_doctor.redact import Redactor
from kraken_doctor.secret import secrets_of

_CALLS_KEPT = 10_000
"""For the report. A run makes four an account; a process that runs for days must not grow."""


class Stop(Protocol):
    """How a run learns that the user wants its end: see `terminal.interruption`."""

    def requested(self) -> bool:
        """Return whether it was asked for."""
        return False

    @contextlib.contextmanager
    def deferred(self, *, unless_requested: bool = False) -> Iterator[Callable[[], bool]]:
        """Raise nothing meanwhile; with *unless_requested* raise KeyboardInterrupt at once where it was asked for."""
        yield self.requested


class NeverStop(Stop):
    """A run that only its deadline ends."""


class Doctor:
    """
    Make runs on one host.

    Args:
        host: What the environment says.
        redact: Goes over all evidence before anything is made of it.
        clock: This host's.
        stop: Asked whether the user wants the end.
        notify: Told, once, of the harm that an undeclared nonce unit can do.
        spent_s: How much of the first run's deadline was over before: it counts from when a command was started.
    """

    def __init__(
        self,
        host: Host,
        redact: Redactor,
        *,
        clock: Clock | None = None,
        stop: Stop | None = None,
        notify: Callable[[str], None] = lambda _text: None,
        spent_s: float = 0.0,
    ) -> None:
        self.host = host
        self.clock = clock or SystemClock()
        self.calls: deque[CallRecord] = deque(maxlen=_CALLS_KEPT)
        """The private calls of this process, oldest first."""
        self._redact = redact
        self.stop = stop or NeverStop()
        self._notify: Callable[[str], None] | None = notify
        self._began_s = self.clock.monotonic() - spent_s

    def examine(
        self, request: RunRequest, progress: RunTracker | None = None, meanwhile: Sequence[Callable[[], object]] = ()
    ) -> Report:
        """
        Return the report of one run; *progress* is told of it as it goes, and *meanwhile* is done while it waits.

        Raises:
            ConfigurationError: An account, a URL, a unit or a server is named that can't be used.
        """
        with contextlib.ExitStack() as stack:
            request, place = self._place(stack, request)
            return self._run(request, place, stack, progress or RunTracker(self.clock), meanwhile)

    @contextlib.contextmanager
    def instruments(self, request: RunRequest) -> Iterator[Instruments]:
        """
        Yield the instruments of a run without accounts, for a command that uses them by itself.

        Raises:
            ConfigurationError: A URL or a server is named that can't be used.
        """
        with contextlib.ExitStack() as stack:
            request, place = self._place(stack, request)
            yield stack.enter_context(contextlib.closing(self._instruments(request, place, ())))

    def requests(self, request: RunRequest) -> list[str]:
        """Return each request that `examine` would make, below where to if that is not Kraken's; make none."""
        environment = sandbox_env.accounts(request.faults) if request.sandbox else self.host.environment
        needed(request.needs)
        plan = Plan(accounts=self._accounts(environment, request), checks=request.checks)
        without = _without_account(request, environment, {check.scope for check in plan.checks}, plan.accounts)
        lines = [*plan.requests(), *sessions.nonce_plan(request, plan), *(result.summary for result in without)]
        url = DEFAULT_API_URL if request.sandbox else self.host.api_url(request.api_url)
        return lines if url == DEFAULT_API_URL or not lines else [f"to {url}:", *lines]

    def _place(self, stack: contextlib.ExitStack, request: RunRequest) -> tuple[RunRequest, RunEnvironment]:
        """Where the run takes place; for the embedded exchange it is served, and the request goes there."""
        host = self.host
        if request.sandbox:
            store = host.store("memory://", of_process=True)
            request, place = sandbox_env.start_sandbox(stack, request, store)
            return request, place._replace(environment=host.with_secrets_known(place.environment))
        # A .env that can't be read stops only what needs an account: `clock` and `version` do without.
        calls_accounts = any(check.scope is Scope.ACCOUNT for check in request.checks)
        if not calls_accounts and (why := host.skip_unreadable_env_file()) and self._notify is not None:
            self._notify(f"Not read: {why}\n")
        store = host.store()
        variables = {name: host.environ[name] for name in instruments.PATH_VARIABLES if host.environ.get(name)}
        return request, RunEnvironment(host.environment, variables, store, sandbox_env.krakenex, host.dotenv_files)

    def _accounts(self, environment: Environment, request: RunRequest) -> tuple[Account, ...]:
        """The accounts of *request*; ConfigurationError if a .env that was found leads a key of theirs elsewhere."""
        accounts = find_accounts(
            environment, users=request.users, master=request.master, everyone=request.everyone,
            required=request.requires_account,
        )  # fmt: skip
        # What sends nothing leads no key anywhere, and the sandbox's keys open nothing.
        if any(check.requests for check in request.checks) and not request.sandbox:
            self.host.refuse_led_elsewhere(accounts, request.api_url)
        return accounts

    def _instruments(self, request: RunRequest, place: RunEnvironment, accounts: tuple[Account, ...]) -> Instruments:
        url, environ = self.host.api_url(request.api_url), self.host.environ
        return instruments.make_instruments(request, place, accounts, url=url, clock=self.clock, environ=environ)

    def _run(
        self, request: RunRequest, place: RunEnvironment, stack: contextlib.ExitStack, progress: RunTracker,
        meanwhile: Sequence[Callable[[], object]],
    ) -> Report:  # fmt: skip
        scopes = {check.scope for check in request.checks}
        accounts = self._accounts(place.environment, request) if Scope.ACCOUNT in scopes else ()
        context = stack.enter_context(contextlib.closing(self._instruments(request, place, accounts)))
        asked = tuple(account for account in accounts if account.label not in request.resting)
        for account in asked:  # a unit that is none ends the run before anything is sent, of any account
            choose_unit(request.nonce_unit, account, KeyHistory())
        plan = Plan(accounts=asked, checks=request.checks, jobs=request.jobs, deadline_s=request.deadline_s)
        started = Started.now(self.clock)
        session = functools.partial(sessions.make, request, context, progress, self.calls.append)
        given_up = stack.enter_context(self.stop.deferred(unless_requested=True))
        # A deadline is the user's: it counts from when the command was started; further rounds have their own.
        spent_s, self._began_s = max(0.0, started.monotonic_s - self._began_s), float("inf")
        runner = Runner(plan, context, session, progress.observe, given_up, spent_s=spent_s)
        progress.begin(plan, "the embedded exchange" if request.sandbox else context.settings.api_url)
        if self._notify is not None and not request.sandbox:
            self._notify(sessions.undeclared(request, plan))
            self._notify = None  # a watch says it once
        made = (*runner.run(meanwhile), *_without_account(request, place.environment, scopes, accounts))
        # Cleaned before anything is made of them: what cuts or folds a text leaves parts that are hard to recognise.
        results = graded(self._redact.everywhere(made))
        if not request.amounts:
            from kraken_doctor.doctor.anonymise import without_amounts

            results = without_amounts(results)
        diagnoses = diagnose(results)
        outcome, reports = judge(results, diagnoses)
        return finished(
            request.command,
            started,
            results,
            diagnoses,
            outcome=outcome,
            api_url=context.settings.api_url,
            sandbox=request.sandbox,
            environment=instruments.environment_facts(context, results, place.env_files),
            accounts=reports,
            named=tuple(name_account(name)[0] for name in (*request.users, *([None] if request.master else []))),
            extra=instruments.latency(context),
            interrupted=runner.interrupted,
        )


def _without_account(
    request: RunRequest, environment: Environment, scopes: Collection[Scope], accounts: Sequence[Account]
) -> tuple[CheckResult, ...]:
    """What stands in the place of the checks of accounts, where none is configured: the others have been made."""
    if accounts or request.static or Scope.ACCOUNT not in scopes:
        return ()
    return (CheckResult(id="credentials", account=None, outcome=Outcome.INCONCLUSIVE, summary=none_found(environment)),)


def examine(
    users: tuple[str, ...] | list[str] = (), *, master: bool = False, environ: Mapping[str, str] | None = None,
    env_files: tuple[Path, ...] = (), **choices: Any,
) -> Report:  # fmt: skip
    """
    Examine the connection as ``kraken-doctor check`` does, for a bot's start-up.

    Args:
        users: Names of accounts; with *master* False and none named, every account found.
        master: Whether the master account is examined.
        environ: Variables; the process's by default. A .env is read only where *env_files* names it.
        env_files: Files with more variables, later ones win; the environment wins over all.
        choices: ``key_file``, ``config`` or ``from_env``, as the options of these names; more fields of
            `doctor.request.RunRequest`: ``api_url``, ``timeout_s``, ``sandbox``, …

    Raises:
        ConfigurationError: An account, a URL, a unit or a server is named that can't be used.
    """
    variables = os.environ if environ is None else environ
    redact = Redactor(secrets_of(variables))
    host = Host(variables, redact, env_files=env_files, use_env_file=bool(env_files))
    for option in choices.keys() & {"key_file", "config", "from_env"}:
        host.use_credentials(option, str(choices.pop(option)))
    request = RunRequest(**{"command": "check", "checks": CATALOGUE, **choices}, users=tuple(users), master=master)
    report: Report = redact.everywhere(Doctor(host, redact).examine(request))
    return report
