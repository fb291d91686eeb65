"""The exceptions whose message is one sentence: wrong input, a full disk, a filter that kept nothing, and unusable data."""

from __future__ import annotations

import errno


class UserError(Exception):
    """The user's input was wrong. The message is one sentence that says what is wrong and how to fix it (exit code 2)."""


class NothingKept(Exception):
    """A filter kept no example, so the next phase cannot be trained: its cells crash, and the log says why."""


class BadData(Exception):
    """A part returned something unusable, such as no examples: its cells crash, and the log says which part."""


class DiskFull(Exception):
    """No space left on the disk. What was committed is kept (exit code 1)."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the disk or a quota ran out. Libraries written in Rust (weights, tokenizers) say so only in their message."""
    if isinstance(error, DiskFull):
        return True
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left on device" in str(error) or f"os error {errno.ENOSPC})" in str(error)
