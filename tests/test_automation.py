"""What runs at GitHub and elsewhere: the action's own script is run here, the files are checked as their readers do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.runner import commands

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
BASH = shutil.which("bash")
posix_only = pytest.mark.skipif(sys.platform == "win32" or BASH is None, reason="the script of the action needs bash")
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


# --- the action


class Step:
    """A use of the action in a job: its run step, with the outputs that it set."""

    def __init__(self, runner: Path, number: int = 1) -> None:
        self.folder = runner
        self._output = runner / f"output-{number}"
        python = runner / "kraken-doctor" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)

    def run(self, arguments: str, command: str = "check") -> subprocess.CompletedProcess[str]:
        """Run the step's script as the runner does, in a working folder of its own."""
        (step,) = [step for step in loaded("action.yml")["runs"]["steps"] if step.get("id") == "run"]
        assert BASH is not None
        environ = {"RUNNER_TEMP": str(self.folder), "GITHUB_OUTPUT": str(self._output),
                   "COMMAND": command, "ARGUMENTS": arguments}  # fmt: skip
        self._output.write_text("")
        return subprocess.run(
            [BASH, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._output.read_text().splitlines())


@posix_only
@pytest.mark.parametrize(
    "arguments",
    ["--sandbox --user daivon_frazier", "--sandbox\n--user\ndaivon_frazier\n", "--sandbox --user 'daivon_frazier'"],
)
def test_arguments_are_one_line_or_several(tmp_path: Path, arguments: str) -> None:
    """As one types them; and the report is that run's."""
    step = Step(tmp_path)
    ended = step.run(arguments)
    assert ended.returncode == 0, ended.stderr
    assert step.outputs["status"] == "0"
    report = json.loads(Path(step.outputs["json-file"]).read_text())
    assert [account["account"] for account in report["accounts"]] == ["USER:daivon_frazier"]


@posix_only
def test_nothing_in_the_arguments_is_run_by_the_shell(tmp_path: Path) -> None:
    """They are data: an input may come from a title or a branch name."""
    ended = Step(tmp_path).run(f"--user '$(touch {tmp_path}/x)' --only; touch {tmp_path}/y `touch {tmp_path}/z`")
    assert ended.returncode == 2
    assert not [name for name in "xyz" if (tmp_path / name).exists()]


@posix_only
def test_an_earlier_step_s_outputs_are_not_this_one_s(tmp_path: Path) -> None:
    """A step that makes no report has none, whatever the one before it left behind."""
    first, second = Step(tmp_path, 1), Step(tmp_path, 2)
    assert first.run("--sandbox --fault key-invalid").returncode == 1
    assert second.run("--nope").returncode == 2
    assert second.outputs == {"status": "2"}
    assert first.outputs["status"] == "1"
    third = Step(tmp_path, 3)
    third.run("--sandbox")
    assert third.outputs["json-file"] != first.outputs["json-file"]
    assert json.loads(Path(first.outputs["json-file"]).read_text())["outcome"] == "fail"


@posix_only
@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("check", "--nope", "No such option"),
        ("chek", "", "Did you mean 'check'"),
        ("check", "--user 'daivon", "arguments: ValueError: No closing quotation"),
        ("check", "--sandbox --only nothing", "nothing"),
    ],
)
def test_bad_usage_is_an_annotation(tmp_path: Path, command: str, arguments: str, said: str) -> None:
    """Who looks at the job's page sees what is wrong with the workflow, and the log has it too."""
    step = Step(tmp_path)
    ended = step.run(arguments, command)
    assert (ended.returncode, step.outputs["status"]) == (2, "2")
    ((name, properties, text),) = commands(ended.stdout)
    assert (name, properties) == ("error", "title=kraken-doctor%3A bad usage")
    assert said in text


@posix_only
def test_a_finding_is_annotated_once(tmp_path: Path) -> None:
    """By the doctor's own output; status 1 is no bad usage."""
    ended = Step(tmp_path).run("--sandbox --fault key-invalid")
    assert ended.returncode == 1
    assert "bad usage" not in ended.stdout
    assert [name for name, _, _ in commands(ended.stdout) if name == "error"] == ["error"]


@posix_only
def test_the_repository_under_test_takes_nobodys_place(tmp_path: Path) -> None:
    """A bot has modules of any name: neither Python's nor the doctor's are taken from its folder."""
    for name in ("shlex", "click", "kraken_doctor", "json"):
        Path(f"{name}.py").write_text("raise SystemExit('taken from the working folder')")
    assert Step(tmp_path).run("--sandbox").returncode == 0


# --- files for other programs

WORKFLOWS = sorted(path.stem for path in (ROOT / ".github" / "workflows").glob("*.yml"))
SCHEMAS = {
    "vendor.github-actions": ["action.yml"],
    "vendor.github-workflows": [f".github/workflows/{name}.yml" for name in WORKFLOWS],
    "custom.github-workflows-require-timeout": [f".github/workflows/{name}.yml" for name in WORKFLOWS],
    "vendor.github-issue-forms": [f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "connection", "feature")],
    "vendor.github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "vendor.compose-spec": ["docs/monitoring/compose.yaml"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_their_readers_accept_the_files(schema: str) -> None:
    """By the published schemas, which come with the tool: no network is needed."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *SCHEMAS[schema]]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_file_of_github_is_among_them() -> None:
    """A new workflow is checked too."""
    checked = {name for names in SCHEMAS.values() for name in names}
    assert {str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.yml")} <= checked


def scripts() -> list[tuple[str, str]]:
    """Every shell script in action and workflows."""
    found = [
        (f"action.yml: {step.get('name')}", step["run"])
        for step in loaded("action.yml")["runs"]["steps"]
        if "run" in step
    ]
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        found += [
            (f"{path.name}: {step['run'][:30]}", step["run"]) for job in jobs for step in job["steps"] if "run" in step
        ]
    return found  # fmt: skip


@pytest.mark.skipif(shutil.which("shellcheck", path=PATH) is None, reason="no shellcheck")
def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    """In the scripts of action, workflows and CI."""
    for number, (_, text) in enumerate(scripts()):
        expressions_are_words = re.sub(r"\$\{\{.*?\}\}", "expression", text)
        (tmp_path / f"{number}.sh").write_text(f"#!/usr/bin/env bash\n{expressions_are_words}")
    program = shutil.which("shellcheck", path=PATH)
    assert program is not None
    # SC2153 takes PYTHON, which the step's `env` sets, for a misspelt python.
    files = [*sorted(tmp_path.glob("*.sh")), ROOT / ".ci" / "run"]
    ended = subprocess.run([program, "--exclude=SC2153", *map(str, files)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", ["action.yml", *(f".github/workflows/{name}.yml" for name in WORKFLOWS)])
def test_actions_are_pinned_to_a_major_version_and_inputs_are_no_scripts(name: str) -> None:
    """A branch would change under us; and an expression inside a script is a way in for whoever chooses its value."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for used in re.findall(r"^ *-? *uses: (\S+)", text, re.M):
        assert re.search(r"@v\d+$|@release/v\d+$", used), used
    for title, script in scripts():
        assert "${{" not in script, title


def test_publishing_has_no_token_and_one_right() -> None:
    """Trusted publishing: the right to ask for an identity, in the job that uploads alone."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert "secrets." not in text
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "permissions" not in workflow["jobs"]["build"]
    assert workflow["jobs"]["publish"]["needs"] == "build"


@posix_only
@pytest.mark.parametrize(("tag", "status"), [("right", 0), ("v0.0.0", 1)])
def test_a_release_needs_the_version_s_tag_and_its_date(tmp_path: Path, tag: str, status: int) -> None:
    """A tag that is not the version publishes nothing."""
    from kraken_doctor import __version__

    (script,) = [text for title, text in scripts() if "__version__" in text]
    for name in ("kraken_doctor/__init__.py", "CHANGELOG.md", "pyproject.toml"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        # The repository's address is put in before the first release.
        target.write_text((ROOT / name).read_text(encoding="utf-8").replace("OWNER", "someone"), encoding="utf-8")
    environ = {**os.environ, "GITHUB_REF_NAME": f"v{__version__}" if tag == "right" else tag}
    command = [str(BASH), "-e", "-o", "pipefail", "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stdout + ended.stderr
    if status == 0:
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        if "OWNER" in text:
            (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
            assert subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False).returncode == 1


def test_one_issue_form_asks_for_a_report() -> None:
    """And says how to make one without harm."""
    form = loaded(".github/ISSUE_TEMPLATE/connection.yml")
    (report,) = [item for item in form["body"] if item.get("id") == "report"]
    assert "`kraken-doctor report`" in report["attributes"]["description"]
    assert report["attributes"]["description"].index("Stop the bot") < report["attributes"]["description"].index(
        "report"
    )
    assert report["validations"]["required"]
    assert "Never put an API key" in form["body"][0]["attributes"]["value"]


def test_hooks_before_a_commit_are_the_tools_of_dev() -> None:
    """Their versions can't differ from CI's; and the hook for others runs a command that is there."""
    names = {re.split(r"[\[>]", item)[0] for item in dev()}
    for hook in loaded(".pre-commit-config.yaml")["repos"][0]["hooks"]:
        module = hook["entry"].split()[2]
        assert hook["entry"].startswith("python -m ")
        assert module in {*names, "kraken_doctor"}, module
    (hook,) = loaded(".pre-commit-hooks.yaml")
    assert hook["entry"] == "kraken-doctor -q accounts --static"
    assert not hook["pass_filenames"]


def dev() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra: list[str] = project["optional-dependencies"]["dev"]
    return extra


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_has_the_targets_that_contributing_names() -> None:
    """And each says what it does."""
    ended = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = {line.split()[0] for line in ended.stdout.splitlines()}
    named = set(re.findall(r"`make (\w+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert {"test", "fast", "lint", "regen"} <= targets
    assert named <= targets
    for target in targets - {"help"}:
        dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr


def test_gitlab_accepts_the_page_s_file(tmp_path: Path) -> None:
    """By its published schema; the commands in it are the doctor's."""
    from tests.test_docs_commands import blocks, parses

    (block,) = [block for block in blocks(ROOT / "docs" / "gitlab-ci.md") if block.kind == "yaml"]
    assert block.name == ".gitlab-ci.yml"
    (tmp_path / block.name).write_text(block.text, encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci",
               "--data-transform", "gitlab-ci", str(tmp_path / block.name)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    jobs = yaml.safe_load(block.text)
    for job in jobs.values():
        for line in job["script"]:
            parses(line)
    check = jobs["kraken-connection"]
    assert check["artifacts"]["reports"]["junit"] in check["script"][0]
    assert check["resource_group"], "one at a time on one key"
