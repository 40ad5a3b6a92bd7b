"""Remedies for what the evidence shows, by their heading in remedies.toml. No evidence, no command."""

import functools
import re

from kraken_doctor.model import facts
from kraken_doctor.model.findings import EvidenceSet, Remedy
from kraken_doctor.tables import load

_texts = functools.partial(load, __file__, "remedies.toml")


def remedy(heading: str, *commands: str, **values: object) -> Remedy:
    """
    Return the remedy under *heading*, with *values* in its texts.

    Args:
        heading: See remedies.toml.
        commands: Further ones, that only the evidence knows.
        values: What stands in braces there.
    """
    fields = dict(_texts()[heading])
    more = (*fields.pop("commands", ()), *commands)
    return Remedy(commands=more, **{name: text.format(**values) for name, text in fields.items()})


def remedy_for(problem: str, table: str, **values: object) -> Remedy | None:
    """Return what *table*, a TOML file beside this, has for what was seen or said; None where that is nothing known."""
    for fields in load(__file__, f"{table}.toml").values():
        if re.search(fields["pattern"], problem, re.IGNORECASE):
            ways = {name: fields[name] for name in ("otherwise", "avoid") if name in fields}
            return Remedy(fields["text"].format(**values), **ways)
    return None


_OF_THE_HOST = ("container", "macos", "windows", "wsl")
"""Systems whose clock no time service of Linux keeps."""

_SELF_MADE = ("chrony", "systemd-timesyncd")
"""Services whose remedy names their own command to set the clock."""

_VERBS = {"apt-get": "install", "dnf": "install", "zypper": "install", "pacman": "-S", "apk": "add"}


def clock_remedy(evidence: EvidenceSet, cause: str) -> Remedy | None:
    """
    Return the remedy for ``clock-behind`` or ``clock-ahead`` on this system; None where nothing is known of it.

    Setting a clock forward harms no nonce. Setting it back does: whoever takes nonces from it is refused until the time
    that was already used is reached again.
    """
    found = _remedy(evidence)
    if found is None or cause != "clock-ahead":
        return found
    return Remedy(
        f"Stop the bots first, and keep the nonce store: kraken_doctor then continues from the mark. {found.text}",
        found.commands,
        otherwise=found.otherwise,
        avoid="Don't delete the nonce store now: it records how far ahead the key is.",
    )


def _remedy(evidence: EvidenceSet) -> Remedy | None:
    place = evidence.get(facts.CLOCK_PLACE)
    if place in _OF_THE_HOST:
        return remedy(f"clock of {place}")
    if place != "linux":
        return None
    service, unit = evidence.get(facts.KEEPER), evidence.get(facts.KEEPER_UNIT)
    if not service:
        packager = evidence.get(facts.KEEPER_PACKAGER, "")
        install = (f"sudo {packager} {_VERBS[packager]} chrony",) if packager in _VERBS else ()
        return remedy("no time service", *install)
    # Before what is to be done about a single one: restarted, each undoes what the other does again.
    if rivals := evidence.get(facts.KEEPER_RIVALS):
        return remedy("time services compete", service=service, rivals=" and ".join(rivals))
    if evidence.get(facts.KEEPER_RUNNING):
        restart = (f"sudo systemctl restart {unit}",) if unit and service not in _SELF_MADE else ()
        return remedy(f"{service} runs", *restart) if f"{service} runs" in _texts() else None  # it may have been edited
    if service == "systemd-timesyncd":
        return remedy("systemd-timesyncd is off")
    start = (f"sudo systemctl enable --now {unit}",) if unit else ()
    return remedy("time service is off", *start, service=service)
