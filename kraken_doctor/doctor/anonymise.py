"""
A report as it can be posted in public.

What stays: versions, steps, times, errors, nonces, and a fingerprint for each key, by which equal keys are
recognised without being shown. What goes: names, what the accounts hold, addresses, paths, proxies, and the keys'
last letters.
"""

import copy
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kraken_doctor.model import facts
from kraken_doctor.model.findings import CheckResult
from kraken_doctor.model.format import file_name
from kraken_doctor.redact import in_texts

_AMOUNTS_LEFT_OUT = "read; amounts left out"
_NO_AMOUNT = (facts.BALANCES_EMPTY.name, facts.BALANCES_NO_RESULT.name, facts.BALANCES_UNREADABLE.name)
"""Evidence of the balances that tells no amount; whatever else is called so may."""

# Lengths are bounded, and a match begins where a word does: a megabyte of one letter must not take minutes.
_USER_VARIABLE = re.compile(r"KRAKEN_USER_[A-Z0-9_]{1,100}?_(API_KEY|API_SECRET|OTP|NONCE_UNIT)(?![A-Z0-9_])")
_LABEL = re.compile(r"USER:[A-Za-z0-9_]+")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IIBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3}\b")
"""Kraken's number of an account, as GetApiKeyInfo gives it: ``AA88 N84G WOAK NMOI``."""

_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)(?![\w])")


def anonymise(
    document: Mapping[str, Any], private: Mapping[str, str], names: dict[str, str] | None = None
) -> dict[str, Any]:
    """
    The JSON report *document*, without what is nobody's business; what follows from its checks is left out.

    Args:
        document: In the published form, see schema.json.
        private: Words of this host, such as its name or the path of the user's home, and what to put in their place.
        names: Learns which account is shown as which: ``USER:daivon_frazier`` to ``USER:1``.
    """
    # The names of fields are ours: a proxy may be called as one of them is.
    hide = _hider(document, private, {} if names is None else names)
    shown = copy.deepcopy(dict(document))
    environment = shown["environment"]
    for name, value in environment.items():
        environment[name] = in_texts(value, hide)
    if "env_files" in environment:
        environment["env_files"] = [file_name(str(path)) for path in environment["env_files"]]
    # That there is one decides about a diagnosis; which one is the user's own business.
    environment["proxy"] = "set" if environment.get("proxy") else None
    shown["host"] = "<this host>" if shown.get("host") else ""
    shown["target"]["api_url"] = hide(shown["target"]["api_url"])
    shown["checks"] = [_check(check, hide) for check in shown["checks"]]
    for name in ("calls", "audit"):
        if name in shown:
            shown[name] = in_texts(shown[name], hide)
    return shown | {"diagnoses": [], "accounts": []}


def _check(check: dict[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    """Names and ids are ours, and what is judged by; the rest may hold words of the user's."""
    kept = [item for item in check["evidence"] if item["name"] not in (facts.KEY_TAIL.name, facts.STORE_PLACE.name)]
    told = [item for item in kept if not _tells_amount(item["name"])]
    return check | {
        "account": hide(check["account"]) if check["account"] else None,
        "summary": _AMOUNTS_LEFT_OUT if len(told) < len(kept) else hide(check["summary"]),
        "evidence": [item | {"value": in_texts(item["value"], hide), "source": hide(item["source"])} for item in told],
    }


def without_amounts(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """Return *results* as they lead to the same diagnoses and to no balances, for a log that others can read."""
    return tuple(map(_without_amount, results))


def _without_amount(result: CheckResult) -> CheckResult:
    told = tuple(item for item in result.evidence if not _tells_amount(item.name))
    return result if told == result.evidence else replace(result, summary=_AMOUNTS_LEFT_OUT, evidence=told)


def _tells_amount(name: str) -> bool:
    return name.startswith("balances.") and name not in _NO_AMOUNT


def _hider(document: Mapping[str, Any], private: Mapping[str, str], labels: dict[str, str]) -> Callable[[str], str]:
    # A path of Windows as it is, and as an OSError quotes it, with each backslash twice.
    words = {word: shown for path, shown in private.items() if path for word in (path, path.replace("\\", "\\" * 2))}
    # Longest first: the home's path before the user's name in it.
    ordered = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    known = re.compile(rf"(?<![\w-])(?:{ordered})(?![\w-])") if words else None

    def label(match: re.Match[str]) -> str:
        return labels.setdefault(match[0], f"USER:{len(labels) + 1}")

    def hide(text: str) -> str:
        if known is not None:
            text = known.sub(lambda match: words[match[0]], text)
        text = _USER_VARIABLE.sub(r"KRAKEN_USER_<NAME>_\1", text)
        text = _LABEL.sub(label, text)
        text = _EMAIL.sub("<e-mail address>", text)
        text = _IIBAN.sub("<account number>", text)
        return _ADDRESS.sub(_kind_of_address, text)

    for check in document["checks"]:
        hide(check["account"] or "")  # numbered in the order of the accounts, not of who mentions whom first
    return hide


def _kind_of_address(match: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(match[0].rstrip(".:"))
    except ValueError:
        return match[0]  # a time, a version
    if address.is_loopback or address.is_unspecified:
        return match[0]
    kind = "private" if address.is_private or address.is_link_local else "public"
    return f"<{kind} IPv{address.version} address>"
