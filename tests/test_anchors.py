"""A registration is anchored in a commit that holds it, or by a token's file; an anchor that does not fit is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command import TINY, here, refused

from exante.errors import UserError
from exante.registry import anchors
from exante.storage.directory import RunDirectory


def git(repository: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(repository), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    git(path, "init", "-q")
    return path


def registered(out: Path, *more: object) -> str:
    return here("register", TINY, "--out", out, *more, cache=out.parent / "cache").stdout


def test_a_commit_that_holds_the_registration_anchors_it(repository: Path) -> None:
    out = repository / "runs" / "tiny"
    git(repository, "commit", "-q", "--allow-empty", "-m", "begin")
    assert "anchor\tnone yet: commit" in registered(out, "--commit")
    directory = RunDirectory(out)
    assert "not anchored" in anchors.check(directory)
    git(repository, "add", "runs/tiny/registration.json")
    git(repository, "commit", "-q", "-m", "register")
    commit = git(repository, "rev-parse", "HEAD")
    assert f"anchored in commit {commit[:12]}" in registered(out, "--commit")
    held = json.loads(directory.registration.read_text("utf-8"))["anchor"]
    assert (held["kind"], held["commit"], held["path"]) == ("git", commit, "runs/tiny/registration.json")
    directory.load_registration()
    directory.load_stamps()
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "with its anchor")
    assert f"anchored in commit {commit[:12]}" in anchors.check(directory), "later commits do not matter"


def test_stamps_written_after_the_commit_do_not_fit_their_anchor(repository: Path) -> None:
    out = repository / "run"
    registered(out)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "register")
    registered(out, "--commit")
    directory = RunDirectory(out)
    held = json.loads(directory.registration.read_text("utf-8"))
    directory.save_registration(directory.load_registration(), held["stamps"] | {"before_data": {"quick": False}})
    anchors.record(directory, held["anchor"])
    directory.load_stamps()  # its own seal fits
    with pytest.raises(UserError, match=r"does not hold run/registration\.json as it lies"):
        anchors.check(directory)


def test_an_anchor_whose_repository_is_elsewhere_is_not_checked(repository: Path, tmp_path: Path) -> None:
    out = repository / "run"
    registered(out)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "register")
    registered(out, "--commit")
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / "registration.json").write_bytes((out / "registration.json").read_bytes())
    assert "not checked" in anchors.check(RunDirectory(copied))


def test_without_a_repository_or_a_commit_there_is_nothing_to_record(repository: Path, tmp_path: Path) -> None:
    assert "in no git repository" in refused("register", TINY, "--out", tmp_path / "r", "--commit", cache=tmp_path / "cache")
    assert "no commit yet" in refused("register", TINY, "--out", repository / "r", "--commit", cache=tmp_path / "cache")


def test_a_token_is_kept_and_checked(tmp_path: Path) -> None:
    token = tmp_path / "stamp.tsr"
    token.write_bytes(b"\x30\x82 a token")
    out = tmp_path / "run"
    registered(out)
    written = (out / "registration.json").read_bytes()
    assert "anchored by the token anchor.tsr" in registered(out, "--token", token)
    directory = RunDirectory(out)
    held = json.loads(directory.registration.read_text("utf-8"))
    assert (out / "anchor.tsr").read_bytes() == token.read_bytes()
    bare = {key: value for key, value in held.items() if key != "anchor"}
    assert json.loads(written) == bare
    (out / "anchor.tsr").write_bytes(b"another")
    with pytest.raises(UserError, match="is not the token that was recorded"):
        anchors.check(directory)
    (out / "anchor.tsr").write_bytes(token.read_bytes())
    directory.save_registration(directory.load_registration(), held["stamps"] | {"pilot": True})
    anchors.record(directory, held["anchor"])
    with pytest.raises(UserError, match="is not the file that its token"):
        anchors.check(directory)
    assert "cannot be read" in refused("register", TINY, "--out", out, "--token", tmp_path / "absent", cache=tmp_path / "cache")
    assert "give one of them" in refused("register", TINY, "--out", out, "--token", token, "--commit", cache=tmp_path / "cache")


@pytest.mark.parametrize("anchor", [{"kind": "git"}, {"kind": "token", "file": 3}, [], {"commit": "--help"}])
def test_an_anchor_that_cannot_be_read_is_refused(tmp_path: Path, anchor: object) -> None:
    with pytest.raises(UserError, match="anchor"):
        anchors.check(edited(tmp_path / "run", anchor))


def test_what_an_anchor_names_is_never_an_option_of_git(tmp_path: Path) -> None:
    anchor = {"kind": "git", "commit": "--all", "path": "x", "sha256": ""}
    assert "not checked" in anchors.check(edited(tmp_path / "run", anchor))


def edited(out: Path, anchor: object) -> RunDirectory:
    registered(out)
    directory = RunDirectory(out)
    held = json.loads(directory.registration.read_text("utf-8"))
    directory.registration.write_text(json.dumps(held | {"anchor": anchor}), "utf-8")
    return directory


def test_a_repository_that_would_fetch_is_not_asked(repository: Path, tmp_path: Path) -> None:
    """A partial clone fetches what it lacks by a program that its own configuration names."""
    out = repository / "runs"
    registered(out)
    git(repository, "add", "runs/registration.json")
    git(repository, "commit", "-q", "-m", "register")
    mark = tmp_path / "mark"
    for key, value in (("promisor", "true"), ("url", "ssh://nowhere/x"), ("uploadpack", f"touch {mark};")):
        git(repository, "config", f"remote.origin.{key}", value)
    git(repository, "config", "extensions.partialClone", "origin")
    blob = git(repository, "rev-parse", "HEAD:runs/registration.json")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert "is in no git repository" in refused("register", TINY, "--out", out, "--commit", cache=out.parent / "cache")
    assert not mark.exists()
