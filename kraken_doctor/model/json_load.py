"""A saved JSON report, read back: enough of it to be judged again. The inverse of `envelope`."""

import contextlib
import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from kraken_doctor.model.call import JSON_FIELDS, CallRecord
from kraken_doctor.model.findings import CheckResult, Evidence, Outcome, Value
from kraken_doctor.model.payloads import Extra
from kraken_doctor.model.report import SCHEMA_VERSION, Report

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
        raise ValueError("not a JSON report as written by check -o json or report -o json") from None
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
        **_fields(document, "", command=str, duration_s=float, outcome=Outcome, exit_status=int),
        host=_get(str, {"host": "", **document}, "host"),
        **_fields(target, "target.", api_url=str, sandbox=bool),
        started_at_ns=_moment(_get(str, document, "started_at"), "started_at"),
        environment=environment,
        checks=tuple(_check(*item) for item in _items(document, "checks")),
        extra=cast("Extra", kept),
    )
    calls = _items(document, "calls") if "calls" in document else []
    return Saved(report, tuple(_call(*item) for item in calls))


def _check(item: dict[str, Any], where: str) -> CheckResult:
    fields = _fields(item, where, id=str, outcome=Outcome, summary=str, duration_s=float)
    named = {name: str for name in ("account", "blocked_by") if item.get(name) is not None}
    evidence = tuple(_evidence(*one) for one in _items(item, "evidence", where))
    return CheckResult(**{"account": None, **fields, **_fields(item, where, **named)}, evidence=evidence)


def _evidence(item: dict[str, Any], where: str) -> Evidence:
    texts = _fields(item, where, name=str, unit=str, bound=str, source=str)
    return Evidence(value=_value(item.get("value"), where), **texts)


def _value(value: object, where: str) -> Value:
    if isinstance(value, list):
        return tuple(_as(str, one, f"{where}value") for one in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"{where}value is not a string, number, boolean or list of strings")


def _call(item: dict[str, Any], where: str) -> CallRecord:
    item = {"by": "", "declared": True, **item}  # version 0.1 did not say
    at_ns = _moment(_get(str, item, "at", where), f"{where}at")
    return CallRecord(at_ns=at_ns, **_fields(item, where, **JSON_FIELDS))


def _items(document: Mapping[str, Any], name: str, where: str = "") -> list[tuple[dict[str, Any], str]]:
    """Return the objects of a list, each with its place for an error message."""
    found = _get(list, document, name, where)
    return [(_as(dict, one, f"{where}{name}[{n}]"), f"{where}{name}[{n}].") for n, one in enumerate(found)]


def _moment(text: str, where: str) -> int:
    """Nanoseconds since 1970, exact: a float has no room for them."""
    if match := _MOMENT.fullmatch(text):
        with contextlib.suppress(ValueError):  # the 31st of June
            seconds = int(datetime.fromisoformat(f"{match[1]}+00:00").timestamp())
            return seconds * 10**9 + int(match[2] or 0)
    raise ValueError(f"{where} is {text[:40]!r}, which is not a time in UTC")


def _fields(document: Mapping[str, Any], where: str, **kinds: type) -> dict[str, Any]:
    """Return the fields that *kinds* names; a float is a number of seconds."""
    return {name: _get(kind, document, name, where) for name, kind in kinds.items()}


def _get(kind: type[T], document: Mapping[str, Any], name: str, where: str = "") -> T:
    return _as(kind, document.get(name), f"{where}{name}")


def _as(kind: type[T], value: Any, where: str) -> T:
    if kind is Outcome:
        text = _as(str, value, where)
        if text not in {outcome.value for outcome in Outcome}:
            raise ValueError(f"{where} is {text[:20]!r}, which is none")
        return cast("T", Outcome(text))
    # bool is an int to Python, and not to JSON.
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (kind is float and not 0 <= value < math.inf):
        raise ValueError(f"{where} is no {_NAMES[kind]}")
    return cast("T", value)


_NAMES: dict[type, str] = {
    dict: "object", list: "list", str: "text", int: "whole number", bool: "yes or no", float: "number of seconds",
}  # fmt: skip
