"""Anchors: evidence for others that a registration existed at a time. Stamps rest on a cache that its owner can delete.

An anchor is stored beside the registration in registration.json, outside its sha256: a git commit that holds the file as it was
written, or the file of any timestamp token. What counts for a commit is when it was published (pushed, mirrored), not its date. A
token is kept and hashed here, and checked with its issuer's own tool. Does not commit, push or request a token.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from exante.errors import UserError
from exante.storage.directory import RunDirectory
from exante.storage.files import json_text, read_json, write_atomic, write_json

Json = dict[str, Any]
REPAIR = "restore it, or record the anchor again with 'exante register'"


def commit_anchor(directory: RunDirectory) -> Json | None:
    """The anchor that the current commit of the surrounding git repository gives; None while it does not hold
    registration.json as it lies there. Raises UserError where there is no repository with a commit."""
    if _git(directory.path, "rev-parse", "--show-toplevel") is None:
        raise UserError(f"{directory.path} is in no git repository (or git is missing); use --out inside one, or --token")
    commit = _git(directory.path, "rev-parse", "--verify", "HEAD")
    if commit is None:
        raise UserError(f"the git repository around {directory.path} has no commit yet; make one, then record it with --commit")
    path = (_git(directory.path, "rev-parse", "--show-prefix") or b"").decode().strip() + directory.registration.name
    held = _git(directory.path, "cat-file", "blob", f"{commit.decode().strip()}:{path}")
    if held is None or _plain(held) != _plain(directory.registration.read_bytes()):
        return None
    return {"kind": "git", "commit": commit.decode().strip(), "path": path, "sha256": hashlib.sha256(held).hexdigest()}


def token_anchor(directory: RunDirectory, token: Path) -> Json:
    """The anchor of a timestamp token's file, which is copied into the directory. Raises UserError if it cannot be read."""
    try:
        content = token.read_bytes()
    except OSError as error:
        raise UserError(f"--token {token} cannot be read ({error.strerror}); give the file of a timestamp token") from error
    kept = directory.path / f"anchor{token.suffix or '.token'}"
    write_atomic(kept, content)
    stamped = hashlib.sha256(_written(read_json(directory.registration, REPAIR))).hexdigest()
    return {"kind": "token", "file": kept.name, "sha256": hashlib.sha256(content).hexdigest(), "registration_file": stamped}


def record(directory: RunDirectory, anchor: Json) -> None:
    """Write an anchor beside the registration. Of several the last one stays."""
    held = read_json(directory.registration, "register the study again")
    registered = directory.registration.stat()
    write_json(directory.registration, held | {"anchor": anchor})
    os.utime(directory.registration, ns=(registered.st_atime_ns, registered.st_mtime_ns))  # --fresh counts from then
    tokens = [directory.path / anchor["file"]] if anchor["kind"] == "token" else []
    directory.record([directory.registration, *tokens])


def check(directory: RunDirectory) -> str:
    """What the anchor shows, as a sentence. Raises UserError where it does not match the registration any more."""
    held = read_json(directory.registration, "register the study again")
    anchor = held.get("anchor")
    if anchor is None:
        return "not anchored: only the cache that registered it knows that this was before the data"
    try:
        return _check_commit(directory, anchor) if anchor["kind"] == "git" else _check_token(directory, held, anchor)
    except (KeyError, TypeError) as error:
        raise UserError(f"{directory.registration} has an anchor that cannot be read; {REPAIR}") from error


def _check_commit(directory: RunDirectory, anchor: Json) -> str:
    commit, path = str(anchor["commit"]), str(anchor["path"])
    if not re.fullmatch("[0-9a-f]{40,64}", commit) or _git(directory.path, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        return f"anchored in commit {commit[:12]}, which is in no repository here: not checked"
    blob = _git(directory.path, "cat-file", "blob", f"{commit}:{path}")
    unchanged = blob is not None and hashlib.sha256(blob).hexdigest() == anchor["sha256"]
    if blob is None or not unchanged or _plain(blob) != _plain(directory.registration.read_bytes()):
        raise UserError(f"commit {commit[:12]} does not hold {path} as it lies in {directory.path}; {REPAIR}")
    return f"anchored in commit {commit[:12]}, which holds the registration"


def _check_token(directory: RunDirectory, held: Json, anchor: Json) -> str:
    kept = directory.path / Path(str(anchor["file"])).name
    if not kept.is_file() or hashlib.sha256(kept.read_bytes()).hexdigest() != anchor["sha256"]:
        raise UserError(f"{kept} is missing, or is not the token that was recorded; {REPAIR}")
    if hashlib.sha256(_written(held)).hexdigest() != anchor["registration_file"]:
        raise UserError(f"{directory.registration} is not the file that its token {kept.name} was recorded for; {REPAIR}")
    return f"anchored by the token {kept.name}: check it with its issuer's tool"


def _plain(content: bytes) -> Json | None:
    """A registration's file without its anchor."""
    try:
        return {key: value for key, value in json.loads(content).items() if key != "anchor"}
    except (ValueError, AttributeError):
        return None


def _written(held: Json) -> bytes:
    """The file as `register` wrote it, before it had an anchor."""
    bare = {key: value for key, value in held.items() if key != "anchor"}
    return json_text(bare).encode()


SETTINGS = ("protocol.allow=never", "core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.bareRepository=explicit")
"""A repository's own configuration may name programs, which are not run. Missing objects are not fetched."""


def _git(directory: Path, *arguments: str) -> bytes | None:
    """What git prints, None where it fails, is not installed, or the repository would fetch objects when it is read."""
    line = ["git", *(word for setting in SETTINGS for word in ("-c", setting)), "-C", str(directory)]
    quiet: dict[str, Any] = {"capture_output": True, "check": False, "env": os.environ | {"GIT_NO_LAZY_FETCH": "1"}}
    try:
        partial = ["config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"]
        if subprocess.run([*line, *partial], **quiet).returncode == 0:
            return None
        done = subprocess.run([*line, *arguments], **quiet)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
