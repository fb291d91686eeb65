"""No safety training: the organism is evaluated as it is."""

from __future__ import annotations

from exante.study import Training


def none() -> Training:
    return Training(id="none", title="no safety training", phases=())
