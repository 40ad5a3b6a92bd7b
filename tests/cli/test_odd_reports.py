"""`report --from` with JSON of any shape: one clear line and status 2, or a report; never a failure of our own."""

from __future__ import annotations

import copy
import functools
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kraken_doctor.cli.main import run

FORMS = ("markdown", "html", "json", "junit", "table", "short", "github")

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([2**63, 2**64, 10**400, -1, 1e308, float("inf"), "pass", "ms", "9999-12-31T23:59:59Z", "https://["])
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@functools.cache
def sound(*options: str) -> str:
    """A report as it is made."""
    said = io.StringIO()
    with redirect_stdout(said):
        run(["--no-env-file", "report", "--sandbox", "-o", "json", *options])
    return said.getvalue()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from places(inner, (*path, name))


def judged(text: str, form: str, option: str) -> None:
    """Raises AssertionError where a document ends as none may."""
    Path("odd.json").write_text(text, encoding="utf-8")
    Path("sound.json").write_text(sound(), encoding="utf-8")
    names = {"--from": "odd.json"} if option == "--from" else {"--from": "sound.json", "--baseline": "odd.json"}
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(["--no-env-file", "report", "-o", form, *(word for pair in names.items() for word in pair)])
    assert status in (0, 1, 2, 3)
    assert "itself failed" not in err.getvalue()
    if status == 2:
        assert (out.getvalue(), err.getvalue().count("\n")) == ("", 1)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), form=st.sampled_from(FORMS), option=st.sampled_from(["--from", "--baseline"]))
def test_a_sound_report_with_something_odd_in_it(data: st.DataObject, form: str, option: str) -> None:
    """Any value in the place of any other."""
    document = json.loads(sound(*data.draw(st.sampled_from([(), ("--fault", "nonce-shared-key")]))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([place for place in places(document) if place]))
        holder = functools.reduce(lambda inner, name: inner[name], path[:-1], document)
        holder[path[-1]] = data.draw(anything)
    judged(json.dumps(document), form, option)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=anything, form=st.sampled_from(FORMS), option=st.sampled_from(["--from", "--baseline"]))
def test_json_of_any_shape(document: Any, form: str, option: str) -> None:
    """Also none of a report's."""
    judged(json.dumps(document), form, option)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("environment", "env_files"), None),
        (("environment", "env_files"), 5),
        (("environment", "env_files"), [None]),
        (("latency", "private", "first_byte_median_s"), float("inf")),
        (("latency", "private"), {"x": float("nan")}),
        (("versions",), {"x": 10**400}),
        (("target", "api_url"), "https://["),
        (("target", "api_url"), "\ud800"),
    ],
)
def test_what_was_found(path: tuple[str, ...], value: Any) -> None:
    """Documents that ended in "the doctor itself failed"."""
    document = copy.deepcopy(json.loads(sound()))
    holder = functools.reduce(lambda inner, name: inner[name], path[:-1], document)
    holder[path[-1]] = value
    for form in FORMS:
        judged(json.dumps(document), form, "--from")
