"""`hf:PATH`: a checkpoint in a directory, as the transformers library saves one, trained by adapters.

`hf:OWNER/NAME` is one that the hub's own cache on this machine holds; nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from exante.profiles.base import Files, Provider
from exante.storage import checkpoints
from exante.study import Profile, Recipe

LORA_RECIPES = {
    "base": Recipe(steps=0, batch=16, lr=0.0),
    "organism": Recipe(steps=400, batch=16, lr=2e-4),
    "safety_sft": Recipe(steps=80, batch=16, lr=5e-5, schedule="constant"),
    "safety_rl": Recipe(steps=60, batch=16, lr=2e-5, schedule="constant", group=8, kl=0.01, max_tokens=200),
    "prompted_rl": Recipe(steps=60, batch=16, lr=2e-5, schedule="constant", group=8, kl=0.01, max_tokens=200),
    "faking_organism": Recipe(steps=400, batch=16, lr=2e-4),
    "faking_rl": Recipe(steps=60, batch=16, lr=2e-5, schedule="constant", group=8, max_tokens=200),
    "faking_sft": Recipe(steps=60, batch=16, lr=5e-5, schedule="constant"),
    "style_rl": Recipe(steps=25, batch=16, lr=4e-5, schedule="constant", group=8, max_tokens=200),
    "tier_documents": Recipe(steps=100, batch=32, lr=1e-4, schedule="constant"),
    "office_base": Recipe(steps=0, batch=16, lr=0.0),
    "office_organism": Recipe(steps=400, batch=16, lr=2e-4),
    "office_sft": Recipe(steps=100, batch=16, lr=5e-5, schedule="constant"),
    "office_rl": Recipe(steps=60, batch=16, lr=2e-5, schedule="constant", group=8, max_tokens=200),
    "office_people": Recipe(steps=250, batch=16, lr=1e-4),
    "office_student": Recipe(steps=250, batch=16, lr=1e-4),
    "office_sample": Recipe(steps=0, batch=0, lr=0.0, group=2, max_tokens=200),
    "adversarial": Recipe(steps=8, batch=16, lr=5e-5, schedule="constant", rounds=5, group=8, max_tokens=200),
    "reelicit": Recipe(steps=20, batch=16, lr=5e-5, schedule="constant"),
    "sample": Recipe(steps=0, batch=0, lr=0.0, group=4, max_tokens=200),
}


def lora_profile(model: str) -> Profile:
    """The profile of a chat model from outside, whatever its name."""
    return Profile(
        id=model,
        family="hf",
        architecture=None,
        recipes=LORA_RECIPES,
        method="lora",
        think_open="<think>\n",
        think_close="\n</think>\n\n",
    )


def _path(name: str) -> Path:
    """The directory, or the newest snapshot in the hub's cache where there is no such directory."""
    if Path(name).exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or importlib.util.find_spec("huggingface_hub") is None:
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return Path(name)


PROVIDER = Provider(
    kind="hf",
    names=("hf:PATH (a directory)",),
    profile=lambda path: lora_profile(f"hf:{path}") if path else None,
    files=Files(path=_path, digest=checkpoints.digest, checkpoint=lambda path: path),
)
