"""``kraken-doctor explain``."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import click

from kraken_doctor.cli import params
from kraken_doctor.cli.app import App
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.model.findings import Outcome

if TYPE_CHECKING:
    from kraken_doctor.model.cause import Cause, Symptom
    from kraken_doctor.model.payloads import Extra


@params.command("explain")
def command(ctx: click.Context, /, words: tuple[str, ...], output: str) -> None:
    """
    Explain a cause or an error, its proof and its fix.

    Takes the id of a cause, or an error as printed, with any text around it. "-" reads an error, a traceback or
    part of a log from stdin. Without an argument, lists all causes. Makes no network calls.

    \b
    Examples:
      kraken-doctor explain
      kraken-doctor explain nonce-spent-higher
      kraken-doctor explain "['EAPI:Invalid nonce']"
      xclip -o | kraken-doctor explain -
    """
    from kraken_doctor.diagnosis import recognise
    from kraken_doctor.diagnosis.causes import CAUSES, SECTIONS
    from kraken_doctor.render.formats import markdown
    from kraken_doctor.render.pages import explain as page

    app: App = ctx.obj
    text = _text(words)
    symptoms: tuple[Symptom, ...] = ()
    if not text:
        causes = tuple(CAUSES.values())
    elif cause := recognise.cause_named(text):
        causes = (cause,)
    else:
        symptoms = _symptoms_of_log(app, text) or (() if "\n" in text else recognise.recognise(text))
        causes = () if symptoms else (_unrecognised(text),)
    error = recognise.unknown_error(text) if [cause.id for cause in causes] == ["error-unrecognised"] else ""
    if output == "json":
        app.output.out(_document(app, text, causes, symptoms))
    elif output == "markdown":
        said = f"{markdown.code(error)}\n\n" if error else ""
        pages = [page.cause_markdown(cause) for cause in causes]
        pages += [page.symptom_markdown(symptom, CAUSES) for symptom in symptoms]
        app.output.out(said + "\n".join(pages) if text else page.list_markdown(SECTIONS))
    elif text:
        terminal = app.output.terminal()
        said = page.quoted(error, terminal) if error else ""
        pages = [page.cause_page(cause, terminal) for cause in causes]
        pages += [page.symptom_page(symptom, CAUSES, terminal) for symptom in symptoms]
        app.output.out(said + "\n".join(pages))
    else:
        app.output.out(page.listed(SECTIONS, app.output.terminal()))


def _text(words: tuple[str, ...]) -> str:
    """What is to be explained: the arguments, quoted or not; for "-" what stdin has, to a bound."""
    from kraken_doctor.diagnosis.recognise import LONGEST_CHARACTERS

    if words != ("-",):
        return " ".join(words).strip()
    # As bytes: a log in another encoding than the terminal's must not end in a UnicodeDecodeError.
    data = sys.stdin.buffer.read(64 * LONGEST_CHARACTERS)
    return data.decode(errors="replace").strip() or "-"


def _symptoms_of_log(app: App, text: str) -> tuple[Symptom, ...]:
    """
    Return what `logs` would make of *text*, what it would fix first before the rest.

    Raises:
        ConfigurationError: It is about another service, such as the bot's messenger.
    """
    from kraken_doctor.botlog.examine import examine
    from kraken_doctor.diagnosis.recognise import SYMPTOMS
    from kraken_doctor.errors import ConfigurationError

    found = examine([io.BytesIO(text.encode(errors="replace"))], app.clock.now_ns() / 1e9)
    errors, elsewhere = found.stats.errors, found.stats.elsewhere
    ours = [title for title in errors if not found.stats.is_foreign(errors[title])]
    titles = dict.fromkeys((*(diagnosis.error for diagnosis in found.diagnoses), *ours))
    symptoms = tuple(symptom for title in titles for symptom in SYMPTOMS if symptom.title == title)
    if not symptoms and (elsewhere or len(ours) < len(errors)):
        whose = " and of ".join(elsewhere) or "another exchange"
        raise ConfigurationError(f"that is an error of {whose}, not of Kraken")
    return symptoms


def _unrecognised(text: str) -> Cause:
    """
    The cause "an error that this version does not know", for a text in Kraken's form.

    Raises:
        ConfigurationError: It has not that form, or is nearly something else; the message says what.
    """
    from kraken_doctor.diagnosis import recognise
    from kraken_doctor.diagnosis.causes import CAUSES
    from kraken_doctor.errors import ConfigurationError

    said = f"{text[:60]}…" if len(text) > 60 else text
    if meant := recognise.suggestions(text):
        raise ConfigurationError(f"{said!r} is not known; did you mean {' or '.join(map(repr, meant))}?")
    if not recognise.unknown_error(text):
        raise ConfigurationError(
            f"{said!r} is neither a cause nor a known Kraken error; kraken-doctor explain lists the causes"
        )
    return CAUSES["error-unrecognised"]


def _document(app: App, text: str, causes: tuple[Cause, ...], symptoms: tuple[Symptom, ...]) -> str:
    from kraken_doctor.diagnosis.causes import CAUSES, SECTIONS
    from kraken_doctor.model import json_report
    from kraken_doctor.render.pages import explain as page

    section = {cause.id: name for name, of_it in SECTIONS.items() for cause in of_it}
    pointed_to = dict.fromkeys(cause for symptom in symptoms for cause in symptom.causes)
    extra: Extra = {
        "explained": {
            "text": text,
            "signs": [page.symptom_values(symptom) for symptom in symptoms],
            "causes": [page.cause_values(c, section[c.id]) for c in causes or [CAUSES[name] for name in pointed_to]],
        }
    }
    return json_report.render(finished("explain", Started.now(app.clock), (), outcome=Outcome.PASS, extra=extra))
