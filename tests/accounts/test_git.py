"""A folder that somebody else made: git is asked about a file in it, and runs nothing that the folder names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kraken_doctor.accounts.git import GitStatus, status

pytestmark = pytest.mark.posix("programs that are shell scripts")

# Every key of git's configuration that names a program, or that leads to a file which may: git-config(1).
PROGRAMS = {
    "core": ("fsmonitor", "editor", "pager", "sshCommand", "askPass", "gitProxy", "alternateRefsCommand"),
    "alias": ("ls-files", "check-ignore", "fsmonitor--daemon"),
    "pager": ("ls-files", "check-ignore"),
    "diff": ("external",),
    'diff "x"': ("command", "textconv"),
    'merge "x"': ("driver",),
    'filter "x"': ("clean", "smudge", "process"),
    "credential": ("helper",),
    "gpg": ("program",),
    'gpg "ssh"': ("program", "defaultKeyCommand"),
    "sequence": ("editor",),
    "interactive": ("diffFilter",),
    "uploadpack": ("packObjectsHook",),
    'remote "origin"': ("uploadpack", "receivepack"),
    "trace2": ("normalTarget",),
}
HOOKS = (
    "post-index-change", "fsmonitor-watchman", "pre-commit", "post-checkout", "reference-transaction",
)  # fmt: skip


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What each program leaves a line in."""
    return tmp_path / "ran"


def program(marker: Path, name: str) -> str:
    path = marker.parent / "programs" / name.replace(" ", "-").replace('"', "")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {path.name} >> {marker}\nexit 1\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def hostile(tmp_path: Path, marker: Path) -> Path:
    """A repository with all of them, and with objects missing that its remote is to be asked for."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (folder / ".gitignore").write_text(".env\n")
    (folder / "sub").mkdir()
    for name in ("tracked", "sub/file"):
        (folder / name).write_text("x\n")
    git(folder, "add", "tracked", ".gitignore", "sub/file")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")
    # A sparse index names a whole folder by its tree, which must be read before a file of it is found.
    git(folder, "sparse-checkout", "set", "--cone", "--sparse-index")
    for path in sorted((folder / ".git" / "objects").glob("??/*")):
        path.unlink()
    included = folder / ".git" / "included"
    included.write_text(f"[core]\n\tfsmonitor = {program(marker, 'include.path')}\n")
    lines = ["[extensions]\n\tpartialClone = origin\n"]
    for section, keys in PROGRAMS.items():
        lines.append(f"[{section}]\n")
        lines += [f"\t{key} = {program(marker, f'{section}.{key}')}\n" for key in keys]
    lines.append(
        f"[core]\n\trepositoryformatversion = 1\n\thooksPath = {folder / '.git' / 'hooks'}\n\tuntrackedCache = true\n"
        f'[remote "origin"]\n\turl = ext::{program(marker, "remote.url")} %S x\n\tpromisor = true\n'
        '[protocol]\n\tallow = always\n[protocol "ext"]\n\tallow = always\n'
        f"[include]\n\tpath = {included}\n"
    )
    with (folder / ".git" / "config").open("a") as config:
        config.writelines(lines)
    for hook in HOOKS:
        path = folder / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho hook-{hook} >> {marker}\n")
        path.chmod(0o755)
    return folder


def said(marker: Path) -> list[str]:
    return marker.read_text().split() if marker.exists() else []


def test_the_repository_is_hostile(hostile: Path, marker: Path) -> None:
    """Asked in the plain way, git runs what its configuration names: what is tested below can fail."""
    for arguments in (("ls-files", "--error-unmatch", "tracked"), ("ls-files", "sub/file"), ("check-ignore", "x")):
        subprocess.run(["git", "-C", str(hostile), *arguments], check=False, capture_output=True, timeout=20)
    assert "include.path" in said(marker)
    assert {"remote.url"} & set(said(marker))


@pytest.mark.parametrize(
    "name", ["tracked", ".env", "other", "sub/file", "sub/.env"], ids=["tracked", "ignored", "new", "sparse", "below"]
)
def test_nothing_of_the_folder_is_run(hostile: Path, marker: Path, name: str) -> None:
    """Whatever is asked about."""
    (hostile / "sub").mkdir(exist_ok=True)
    status(hostile / name, os.environ)
    assert said(marker) == []


@pytest.mark.parametrize("key", [f"{section}.{key}" for section, keys in PROGRAMS.items() for key in keys])
def test_no_key_is_obeyed_by_itself(tmp_path: Path, marker: Path, key: str) -> None:
    """One at a time, in a repository that is sound but for it; and the answers are right all the same."""
    folder = tmp_path / "sound"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "tracked").touch()
    git(folder, "add", "tracked")
    section, _, name = key.rpartition(".")
    with (folder / ".git" / "config").open("a") as config:
        config.write(f"[{section}]\n\t{name} = {program(marker, key)}\n")
    assert [status(folder / file, os.environ) for file in ("tracked", "ignored", "new")] == [
        GitStatus.TRACKED, GitStatus.SAFE, GitStatus.EXPOSED,
    ]  # fmt: skip
    assert said(marker) == []


def test_the_user_s_own_configuration_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user ignores everywhere is ignored."""
    folder, home = tmp_path / "repository", tmp_path / "home"
    for path in (folder, home):
        path.mkdir()
    git(folder, "init", "-q")
    assert status(folder / ".env", os.environ) is GitStatus.EXPOSED
    (home / "ignored").write_text(".env\n")
    (home / ".gitconfig").write_text(f"[core]\n\texcludesFile = {home / 'ignored'}\n")
    monkeypatch.setenv("HOME", str(home))
    assert status(folder / ".env", os.environ) is GitStatus.SAFE
