"""A saved JSON report, read back: enough of it to be judged again. The inverse of `envelope`."""

import calendar
import contextlib
import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from kraken_doctor.model.call import JSON_FIELDS, CallRecord
from kraken_doctor.model.payloads import Extra
from kraken_doctor.model.report import SCHEMA_VERSION, CheckResult, Evidence, Outcome, Report, Value

T = TypeVar("T")

_KEPT = ("versions", "comparison", "audit", "latency")
"""What a report has beside its checks and calls."""

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{9}))?Z")


class Saved(NamedTuple):
    """What a file holds. The report has no diagnoses and no accounts: they follow from its checks."""

    report: Report
    calls: tuple[CallRecord, ...]


def read(text: str) -> Saved:
    """
    Return the report in *text*, a JSON document of this or an earlier version.

    Raises:
        ValueError: It is none; the message says what is wrong and where, in one line.
    """
    try:
        document = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply for a report") from None
    except ValueError:
        raise ValueError("not a JSON document, as check -o json or report -o json make one") from None
    return from_document(_as(dict, document, "the document"))


def _finite(text: str) -> float:
    """JSON has no others; Python reads them, also out of 1e999, and can't write them again."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def from_document(document: Mapping[str, Any]) -> Saved:
    """
    Return the same from JSON values.

    Raises:
        ValueError: A field is missing, or of another type than the schema's.
    """
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version is {str(version)[:20]}; this version reads {SCHEMA_VERSION}")
    target, environment = _get(dict, document, "target"), _get(dict, document, "environment")
    for path in _get(list, {"env_files": [], **environment}, "env_files", "environment."):
        _as(str, path, "environment.env_files")
    urlsplit(_get(str, target, "api_url", "target."))  # raises where its host can't be read
    kept = {name: document[name] for name in _KEPT if isinstance(document.get(name), dict)}
    report = Report(
        command=_get(str, document, "command"),
        started_at_ns=_moment(_get(str, document, "started_at"), "started_at"),
        duration_s=_number(document, "duration_s"),
        outcome=_outcome(document, ""),
        exit_status=_get(int, document, "exit_status"),
        api_url=_get(str, target, "api_url", "target."),
        host=_get(str, {"host": "", **document}, "host"),
        sandbox=_get(bool, target, "sandbox", "target."),
        environment=environment,
        checks=tuple(_check(*item) for item in _items(document, "checks")),
        extra=cast("Extra", kept),
    )
    calls = _items(document, "calls") if "calls" in document else []
    return Saved(report, tuple(_call(*item) for item in calls))


def _check(item: dict[str, Any], where: str) -> CheckResult:
    return CheckResult(
        id=_get(str, item, "id", where),
        account=_text_or_none(item, "account", where),
        outcome=_outcome(item, where),
        summary=_get(str, item, "summary", where),
        blocked_by=_text_or_none(item, "blocked_by", where),
        duration_s=_number(item, "duration_s", where),
        evidence=tuple(_evidence(*one) for one in _items(item, "evidence", where)),
    )


def _text_or_none(item: dict[str, Any], name: str, where: str) -> str | None:
    return None if item.get(name) is None else _get(str, item, name, where)


def _evidence(item: dict[str, Any], where: str) -> Evidence:
    texts = {field: _get(str, item, field, where) for field in ("name", "unit", "bound", "source")}
    return Evidence(value=_value(item.get("value"), where), **texts)


def _value(value: object, where: str) -> Value:
    if isinstance(value, list):
        return tuple(_as(str, one, f"{where}value") for one in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"{where}value is neither a text, a number, a yes or no, nor a list of texts")


def _call(item: dict[str, Any], where: str) -> CallRecord:
    item = {"by": "", "declared": True, **item}  # version 0.1 did not say
    at_ns = _moment(_get(str, item, "at", where), f"{where}at")
    values: dict[str, Any] = {
        name: _number(item, name, where) if kind is float else _get(kind, item, name, where)
        for name, kind in JSON_FIELDS.items()
    }
    return CallRecord(at_ns=at_ns, **values)


def _items(document: Mapping[str, Any], name: str, where: str = "") -> list[tuple[dict[str, Any], str]]:
    """Return the objects of a list, each with its place for an error message."""
    found = _get(list, document, name, where)
    return [(_as(dict, one, f"{where}{name}[{n}]"), f"{where}{name}[{n}].") for n, one in enumerate(found)]


def _outcome(document: Mapping[str, Any], where: str) -> Outcome:
    text = _get(str, document, "outcome", where)
    try:
        return Outcome(text)
    except ValueError:
        raise ValueError(f"{where}outcome is {text[:20]!r}, which is none") from None


def _moment(text: str, where: str) -> int:
    """Nanoseconds since 1970, exact: a float has no room for them."""
    if match := _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError):  # the 31st of June
            seconds = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
            return seconds * 10**9 + int(match[2] or 0)
    raise ValueError(f"{where} is {text[:40]!r}, which is no time in UTC")


def _number(document: Mapping[str, Any], name: str, where: str = "") -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{where}{name} is no number of seconds")
    return value


def _get(kind: type[T], document: Mapping[str, Any], name: str, where: str = "") -> T:
    return _as(kind, document.get(name), f"{where}{name}")


def _as(kind: type[T], value: object, where: str) -> T:
    # bool is an int to Python, and not to JSON.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} is no {_NAMES[kind]}")
    return value


_NAMES: dict[type, str] = {dict: "object", list: "list", str: "text", int: "whole number", bool: "yes or no"}
