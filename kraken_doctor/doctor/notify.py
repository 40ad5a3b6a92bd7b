"""``watch --on-change``: whom a change is told, and how."""

import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from kraken_doctor import __version__, child, parallel
from kraken_doctor.errors import ConfigurationError
from kraken_doctor.network.answer import no_auth
from kraken_doctor.network.route import proxies_for
from kraken_doctor.redact import Redactor, shortened
from kraken_doctor.secret import without_secrets
from kraken_doctor.tables import load

_WEBHOOK_S = 10.0
_COMMAND_S = 30.0
"""A round waits for it: it must end well before the next one."""

_SAID_BYTES = 2_000

_JSON = "application/json"

_TEXT_CHARACTERS = 1_500
"""Of a message to people; Discord refuses one above 2,000."""

Notifier = Callable[[Mapping[str, Any]], str]
"""Tell of a change, given as JSON values; returns what went wrong, empty where nothing did."""


def notifier(target: str, environ: Mapping[str, str], redact: Redactor, form: str | None = None) -> Notifier:
    """
    Return the one that *target* names.

    Args:
        target: An ``http://`` or ``https://`` URL, or a command with its arguments.
        environ: The process's variables; a command gets them without the keys and secrets.
        redact: Goes over all that is told.
        form: ``json``, or a chat of hooks.toml; by default the one whose host the URL names.

    Raises:
        ConfigurationError: It is no URL that can be called, and no command that can be run.
    """
    if target.lower().startswith(("http://", "https://")):
        return _webhook(target, redact, form)
    if form:
        raise ConfigurationError("--hook-format is for a URL: an --on-change command gets JSON")
    return _command(target, environ, redact)


hooks = functools.partial(load, __file__, "hooks.toml")
"""The chats whose form is known, by name."""


def _webhook(url: str, redact: Redactor, form: str | None) -> Notifier:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise ConfigurationError("--on-change: the URL has no host")

    known = hooks()
    hook = known.get(form or next((name for name in known if known[name]["host"] == parts.hostname), ""))

    def tell(facts: Mapping[str, Any]) -> str:
        from requests import RequestException

        kind, body = _written(facts, hook)
        body = redact(body)
        try:
            # Each of its steps has a limit of its own; this one is for all together.
            status = parallel.call_with_timeout(2 * _WEBHOOK_S, lambda: _post(url, body, kind))
        except (RequestException, TimeoutError, OSError, ValueError) as exc:
            return f"the webhook: {type(exc).__name__}"
        # A redirect is not followed: it would carry the facts where nobody sent them.
        return "" if 200 <= status < 300 else f"the webhook answered {status}"

    return tell


def _written(facts: Mapping[str, Any], hook: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return the type of a message and its body; all *facts*, unless it is for the people of a chat."""
    if hook is None:
        return _JSON, json.dumps(facts)
    text = shortened(str(facts["text"]), _TEXT_CHARACTERS)
    for character, literal in hook["escape"]:
        text = text.replace(character, literal)
    # It stands inside a string of the body there: a quotation mark in it would end that.
    return hook["type"], hook["body"].replace("$text", json.dumps(text)[1:-1] if hook["type"] == _JSON else text)


def _post(url: str, body: str, kind: str) -> int:
    import requests
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_auth_from_url

    user, password = get_auth_from_url(url)
    headers = {"Content-Type": kind, "User-Agent": f"kraken-doctor/{__version__}"}
    with (
        requests.Session() as session,
        session.post(
            url,
            data=body.encode(),
            headers=headers,
            timeout=_WEBHOOK_S,
            allow_redirects=False,
            proxies=proxies_for(session, url),
            stream=True,  # what it answers is not read: there may be no end to it
            # Without one requests would look for a login in ~/.netrc.
            auth=HTTPBasicAuth(user, password) if user else no_auth,
        ) as answer,
    ):
        return answer.status_code


def _command(line: str, environ: Mapping[str, str], redact: Redactor) -> Notifier:
    try:
        arguments = child.split_command(line)
    except ValueError as exc:
        raise ConfigurationError(f"--on-change: {exc} in the command") from None
    if not arguments or (program := child.find_program(arguments[0])) is None:
        named = arguments[0][:80] if arguments else ""
        raise ConfigurationError(f"--on-change: {named!r} is neither a URL nor an existing command")
    passed = without_secrets(environ)

    def tell(facts: Mapping[str, Any]) -> str:
        body = redact(json.dumps(facts))
        told = {
            "KRAKEN_DOCTOR_OUTCOME": str(facts["outcome"]),
            "KRAKEN_DOCTOR_BEFORE": str(facts["before"] or ""),
            "KRAKEN_DOCTOR_TEXT": redact(str(facts["text"])),
        }
        # Files: a pipe would stay open for as long as what the command leaves running, and is full with 64 KiB on
        # Linux.
        with tempfile.TemporaryFile() as facts_in, tempfile.TemporaryFile() as said:
            facts_in.write(body.encode())
            facts_in.seek(0)
            # Its stdout would stand between ours, which may be a document that a program reads.
            options = {"stdin": facts_in, "stdout": subprocess.DEVNULL, "stderr": said, "env": {**passed, **told}}
            try:
                # No shell: nothing of what is told can become a command, or is seen in a list of processes.
                with child.started([program, *arguments[1:]], children_may_stay=True, **options) as process:
                    status = process.wait(_COMMAND_S)
            except subprocess.TimeoutExpired:
                return f"{arguments[0]}: stopped after {_COMMAND_S:g} s"
            except OSError as exc:
                return f"{arguments[0]}: {exc.strerror or exc}"
            if status == 0:
                return ""
            size = said.seek(0, os.SEEK_END)
            said.seek(max(0, size - _SAID_BYTES))
            # Where it is cut it says so, by which the rest of a secret is known for one.
            lines = f"{'…' if size > _SAID_BYTES else ''}{said.read().decode(errors='replace').strip()}".splitlines()
        return f"{arguments[0]} ended with status {status}{f': {lines[-1]}' if lines else ''}"

    return tell
