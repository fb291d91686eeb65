"""The exception types whose message is one sentence: bad input, a full disk, a filter that kept nothing, and data of
no use."""

from __future__ import annotations

import errno


class UserError(Exception):
    """The user's input was wrong. The message is one sentence that says what is wrong and how to fix it (exit code 2)."""


class NothingKept(Exception):
    """A filter kept no example, so the phase after it cannot be trained: its cells crash, and the log says why."""


class BadData(Exception):
    """A part returned what no phase can use, such as no examples: its cells crash, and the log says which part."""


class DiskFull(Exception):
    """No space left: what was committed is kept (exit code 1)."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the disk or a quota ran out. The libraries that write weights and tokenizers in Rust say so only in their text."""
    if isinstance(error, DiskFull):
        return True
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "No space left on device" in str(error) or f"os error {errno.ENOSPC})" in str(error)
