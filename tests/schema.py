"""The published JSON Schema, as a test."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from kraken_doctor.cli.command import options

_OPTIONS = options()["options"]
OUTPUTS = tuple(_OPTIONS["output"]["choices"])
HOOK_FORMATS = tuple(_OPTIONS["hook_format"]["choices"])


@functools.cache
def validator() -> Draft202012Validator:
    """
    Stricter than the schema itself: a field that it does not name is refused too.

    The schema lets fields be added, as version 1 does; here that they are would go unseen. What a
    command adds is described in schema.json first.
    """
    schema = json.loads((resources.files("kraken_doctor.model") / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    del schema["$id"]  # jsonschema before 4.18, the newest that Wine can load, finds no "#/$defs/…" in a urn:
    for part in (schema, *schema["$defs"].values()):
        if part.get("type") == "object":
            part["additionalProperties"] = False
    return Draft202012Validator(schema)


def document(text: str) -> dict[str, Any]:
    """The one document in *text*, held against the schema."""
    parsed = json.loads(text)
    problems = [f"{error.json_path}: {error.message[:200]}" for error in validator().iter_errors(parsed)]
    assert not problems, problems
    assert isinstance(parsed, dict)
    return parsed
