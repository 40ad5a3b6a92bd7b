"""What GitHub's runner takes for a command: its own rules, from ActionCommand.cs of github.com/actions/runner."""

from __future__ import annotations

REGISTERED = {
    "error", "warning", "notice", "debug", "add-mask", "group", "endgroup", "set-output", "set-env", "add-path",
    "save-state", "stop-commands", "add-matcher", "remove-matcher", "echo",
}  # fmt: skip


def commands(text: str) -> list[tuple[str, str, str]]:
    """The commands in a step's output: name, properties and data, still escaped."""
    return [found for line in text.split("\n") if (found := _second(line) or _first(line))]


def _second(line: str) -> tuple[str, str, str] | None:
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, properties = line[2:end].partition(" ")
    return (name, properties, line[end + 2 :]) if name in REGISTERED else None


def _first(line: str) -> tuple[str, str, str] | None:
    start, end = line.find("##["), line.find("]", line.find("##["))
    if start < 0 or end < 0:
        return None
    name, _, properties = line[start + 3 : end].partition(" ")
    return (name, properties, line[end + 1 :]) if name in REGISTERED else None
