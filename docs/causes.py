"""
Writes docs/causes.md from the catalogue that reports and `explain` take their words from; a test holds them equal.

    python -m docs.causes
"""

from __future__ import annotations

from pathlib import Path

from kraken_doctor.diagnosis.causes import CAUSES, SECTIONS
from kraken_doctor.diagnosis.causes.symptoms import CLIENT_SYMPTOMS, EXCHANGE_SYMPTOMS
from kraken_doctor.render.pages.explain import cause_markdown, symptom_markdown

PAGE = Path(__file__).with_name("causes.md")

_HEAD = """\
# What the doctor can name

Each cause has an id that keeps its meaning for ever. The same words are at the command line:
`kraken-doctor explain nonce-spent-higher`; or with an error, whatever stands around it:
`kraken-doctor explain "['EAPI:Invalid nonce']"`.

A failure means that the connection does not work; a warning, that it works, with a harm that is happening or has a
date; a note is worth knowing.

This page is written by `python -m docs.causes`.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for section, causes in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts += [cause_markdown(cause, level=3) for cause in causes]
    parts.append("## Errors of the exchange\n")
    parts += [symptom_markdown(symptom, CAUSES, level=3) for symptom in EXCHANGE_SYMPTOMS]
    parts.append("## Errors of clients\n")
    parts += [symptom_markdown(symptom, CAUSES, level=3) for symptom in CLIENT_SYMPTOMS]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
