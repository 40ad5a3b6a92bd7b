"""The one place that builds the real objects: environment, store, transport, clock."""

from __future__ import annotations

import contextlib
import functools
import platform
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kraken_doctor.accounts import dotenv
from kraken_doctor.accounts.environment import PROCESS, Environment
from kraken_doctor.cli import git, lab, network, sessions
from kraken_doctor.cli.interruption import Interruption
from kraken_doctor.cli.live import Watcher
from kraken_doctor.cli.output import Output
from kraken_doctor.cli.request import RunRequest
from kraken_doctor.clock import SystemClock, cpu_seconds
from kraken_doctor.redact import secrets_of, without_secrets

if TYPE_CHECKING:
    from kraken_doctor.checks.base import RunContext
    from kraken_doctor.model.account import Account
    from kraken_doctor.model.call import CallRecord
    from kraken_doctor.model.evidence import CheckResult
    from kraken_doctor.model.report import Report
    from kraken_doctor.nonce.stores import NonceStore

DEFAULT_API_URL = "https://api.kraken.com"
_CALLS_KEPT = 10_000
"""For the report. A run makes four an account; a process that runs for days must not grow."""


class App:
    """
    What one invocation of the command line works with.

    Args:
        environ: The process's variables.
        output: Where its words go.
        env_files: Files to read instead of the nearest .env.
        use_env_file: Whether any file is read.
        interruption: What Ctrl-C sets.
        own_process: Whether this process was started for it; then a deadline counts from that start.
    """

    def __init__(
        self, *, environ: Mapping[str, str], output: Output, env_files: tuple[Path, ...] = (),
        use_env_file: bool = True, interruption: Interruption | None = None, own_process: bool = False,
    ) -> None:  # fmt: skip
        self.output = output
        self.interruption = interruption or Interruption()
        self.clock = SystemClock()
        self._began = self.clock.monotonic() - (cpu_seconds() if own_process else 0.0)
        self.calls: deque[CallRecord] = deque(maxlen=_CALLS_KEPT)
        """The private calls of this process, oldest first."""
        self.environ = environ
        self._stores: dict[str | None, NonceStore] = {}
        self._told = False
        self._env_files = env_files
        self._use_env_file = use_env_file

    @cached_property
    def dotenv_files(self) -> tuple[dotenv.EnvFile, ...]:
        """
        The .env files that are read, strongest first.

        Raises:
            ConfigurationError: One can't be read.
        """
        if not self._use_env_file:
            return ()
        if self._env_files:
            return tuple(dotenv.read(path) for path in reversed(self._env_files))
        found = dotenv.find(Path.cwd())
        return (dotenv.read(found, found=True),) if found else ()

    @cached_property
    def environment(self) -> Environment:
        """
        Process variables over those of the .env files. From here on their secrets are redacted everywhere.

        Raises:
            ConfigurationError: A .env file can't be read.
        """
        return self._known(
            Environment((PROCESS, self.environ), *((file.path.name, file.values) for file in self.dotenv_files))
        )

    def _known(self, environment: Environment) -> Environment:
        for secret in secrets_of({name: environment.value(name) or "" for name in environment}):
            self.output.redact.learn(secret)
        return environment

    def variable(self, name: str) -> str | None:
        """A variable of the process, and of it alone; None if it is not set."""
        return self.environ.get(name)

    def store(self, default: str | None = None) -> NonceStore:
        """
        The nonce store that the environment names, else *default*, else this user's file; the same at each call.

        It is left open: the process is about to end, and closing would only make it wait for the disk.

        Raises:
            ConfigurationError: The URL names no store.
        """
        from kraken_doctor.nonce.stores import open_store

        url = self.environment.value("KRAKEN_NONCE_STORE") or default
        if url not in self._stores:  # a watch would open one a round
            self._stores[url] = open_store(url)
        return self._stores[url]

    def examine(self, request: RunRequest, watcher: Watcher | None = None) -> Report:
        """
        One run, from environment to report; *watcher* is told of it as it goes.

        Raises:
            ConfigurationError: An account, a URL, a unit or a server is named that can't be used.
        """
        with contextlib.ExitStack() as stack:
            request, place = self._place(stack, request)
            return self._examined(request, place, stack, watcher or Watcher(self.clock))

    @contextlib.contextmanager
    def instruments(self, request: RunRequest) -> Iterator[RunContext]:
        """
        The instruments of a run without accounts, for a command that uses them by itself.

        Raises:
            ConfigurationError: A URL or a server is named that can't be used.
        """
        with contextlib.ExitStack() as stack:
            context = self._context(*self._place(stack, request), ())
            stack.callback(context.close)
            yield context

    def requests(self, request: RunRequest) -> list[str]:
        """Each request that `examine` would make, below where to if that is not Kraken's own host; makes none."""
        from kraken_doctor.examination.plan import Plan

        environment = lab.accounts(request.faults) if request.sandbox else self.environment
        plan = Plan(accounts=self._accounts(environment, request), checks=request.checks)
        lines = [*plan.requests(), *sessions.nonce_plan(request, plan)]
        url = DEFAULT_API_URL if request.sandbox else self.api_url(request.api_url)
        return lines if url == DEFAULT_API_URL or not lines else [f"to {url}:", *lines]

    def _accounts(self, environment: Environment, request: RunRequest) -> tuple[Account, ...]:
        """The accounts of *request*; ConfigurationError if a .env that was found leads a key of theirs elsewhere."""
        from kraken_doctor.accounts.discovery import find_accounts, refuse_led_elsewhere

        users, master, everyone, static = request.users, request.master, request.everyone, request.static
        accounts = find_accounts(environment, users=users, master=master, everyone=everyone, required=not static)
        if not self._env_files and self.dotenv_files and any(check.requests for check in request.checks):
            refuse_led_elsewhere(environment, accounts, self.dotenv_files[0].path, url=request.api_url)
        return accounts

    def _place(self, stack: contextlib.ExitStack, request: RunRequest) -> tuple[RunRequest, lab.Place]:
        """Where the run takes place; for the embedded exchange it is served, and the request goes there."""
        store = self.store("memory://" if request.sandbox else None)
        if request.sandbox:
            request, place = lab.enter(stack, request, store)
            return request, place._replace(environment=self._known(place.environment))
        variables = {name: self.environ[name] for name in network.PATH_VARIABLES if self.environ.get(name)}
        return request, lab.Place(self.environment, variables, store, lab.krakenex, self.dotenv_files)

    def _examined(self, request: RunRequest, place: lab.Place, stack: contextlib.ExitStack, watcher: Watcher) -> Report:
        from kraken_doctor.checks.base import Scope
        from kraken_doctor.diagnosis.diagnose import diagnose
        from kraken_doctor.examination.plan import Plan
        from kraken_doctor.examination.run import Examination
        from kraken_doctor.examination.verdict import ExitStatus, FailOn, exit_status, graded, judge
        from kraken_doctor.model.report import Report

        scopes = {check.scope for check in request.checks}
        accounts = self._accounts(place.environment, request) if Scope.ACCOUNT in scopes else ()
        context = self._context(request, place, accounts)
        stack.callback(context.close)
        asked = tuple(account for account in accounts if account.label not in request.resting)
        plan = Plan(accounts=asked, checks=request.checks, jobs=request.jobs, deadline_s=request.deadline_s)
        started_ns, began = self.clock.now_ns(), self.clock.monotonic()
        session = functools.partial(sessions.make, request, context, watcher, self.calls.append)
        given_up = stack.enter_context(self.interruption.deferred(unless_requested=True))
        # A deadline is the user's: it counts from when the command was started; further rounds have their own.
        spent_s, self._began = max(0.0, began - self._began), float("inf")
        examination = Examination(plan, context, session, watcher.observe, given_up, spent_s=spent_s)
        watcher.begin(plan, "the embedded exchange" if request.sandbox else context.settings.api_url)
        if not (request.sandbox or self._told):
            self.output.note(sessions.undeclared(request, plan))
            self._told = True  # a watch says it once
        # Cleaned before anything is made of them: what cuts or folds a text leaves parts that are hard to recognise.
        results = graded(self.output.redact.everywhere(examination.run()))
        diagnoses = diagnose(results)
        outcome, reports = judge(results, diagnoses)
        return Report(
            command=request.command,
            started_at_ns=started_ns,
            duration_s=self.clock.monotonic() - began,
            outcome=outcome,
            exit_status=ExitStatus.INTERRUPTED if examination.interrupted else exit_status(outcome, FailOn.FAIL),
            api_url=context.settings.api_url,
            sandbox=request.sandbox,
            environment=self.environment_facts(context, results),
            checks=results,
            diagnoses=diagnoses,
            accounts=reports,
            extra=network.latency(context),
        )

    def _context(self, request: RunRequest, place: lab.Place, accounts: tuple[Account, ...]) -> RunContext:
        from kraken_doctor.checks.base import RunContext, Settings
        from kraken_doctor.model.evidence import Outcome

        url = self.api_url(request.api_url)
        settings = Settings(
            api_url=url,
            embedded=request.sandbox,
            timeout_s=request.timeout_s,
            ntp_servers=network.time_servers(request, url),
            max_offset_s=request.max_offset_s,
            wrong_clock=request.wrong_clock or Outcome.WARN,
            private_call_budget=request.private_call_budget,
        )
        readable = tuple(file.path.name for file in place.env_files if file.readable_by_others)
        paths = [file.path for file in place.env_files] if request.static else []
        environ = without_secrets(self.environ)
        in_git = tuple(path.name for path in paths if git.status(path, environ) is git.GitStatus.TRACKED)
        named = place.environment.get("KRAKEN_NONCE_STORE")
        return RunContext(
            settings=settings,
            clock=self.clock,
            store=place.store,
            make_http=functools.partial(network.make_session, request, place.variables, url),
            krakenex=place.krakenex,
            environ=place.variables,
            # A clock that is wrong for demonstration is not this host's: whatever keeps that is not to blame.
            keeper=(lambda: None) if request.faults else functools.partial(network.find_keeper, self.environ),
            accounts=accounts,
            store_source=f"KRAKEN_NONCE_STORE ({named.origin})" if named and named.origin != PROCESS else "",
            env_files_readable_by_others=readable,
            env_files_in_git=in_git,
        )

    def api_url(self, given: str | None) -> str:
        """The API's base URL: *given*, else what the environment says, else Kraken's."""
        from kraken_doctor.network.url import checked_url

        return checked_url(given or self.environment.value("KRAKEN_SPOT_URL") or DEFAULT_API_URL)

    def environment_facts(self, context: RunContext, results: tuple[CheckResult, ...]) -> dict[str, Any]:
        """What a report says of this host."""
        from kraken_doctor.model.evidence import Facts

        return {
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
            "krakenex": Facts(results).text("krakenex.version") or None,
            "nonce_store": context.store.name,
            "proxy": network.shown_proxy(context.environ),
            "env_files": [str(file.path) for file in self.dotenv_files],
        }
