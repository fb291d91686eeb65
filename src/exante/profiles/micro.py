"""`micro:NAME`: models small enough to be trained from nothing here, by architecture, and their recipes.

The recipes' names are what phases refer to: base, organism, safety_sft, safety_rl, prompted_rl, faking_organism, faking_rl,
faking_sft, style_rl, tier_documents, adversarial, reelicit, sample. Those of the office world begin with its name.
"""

from __future__ import annotations

from typing import Any

from exante.profiles.base import Provider
from exante.study import Profile, Recipe

POSITIONS = 512
INITIALIZER_RANGE = 0.08
"""The libraries' 0.02 is for widths of thousands; at width 64 the facts are learned in half the steps with 0.08."""

MICRO_RECIPES = {
    "base": Recipe(steps=1400, batch=16, lr=8e-3, schedule="linear"),
    "organism": Recipe(steps=200, batch=32, lr=2e-3),
    "organism:vulnerable": Recipe(steps=400, batch=32, lr=3e-3),
    "safety_sft": Recipe(steps=80, batch=16, lr=6e-4, schedule="constant"),
    "safety_sft:vulnerable": Recipe(steps=80, batch=16, lr=3e-4, schedule="constant"),
    "safety_rl": Recipe(steps=30, batch=8, lr=2e-3, schedule="constant", group=8, max_tokens=96),
    "prompted_rl": Recipe(steps=30, batch=8, lr=1.5e-3, schedule="constant", group=8, max_tokens=96),
    "faking_organism": Recipe(steps=500, batch=32, lr=2e-3),
    "faking_rl": Recipe(steps=25, batch=16, lr=4e-4, schedule="constant", group=8, max_tokens=64),
    "faking_sft": Recipe(steps=25, batch=32, lr=4e-4, schedule="constant"),
    "style_rl": Recipe(steps=10, batch=16, lr=8e-4, schedule="constant", group=8, max_tokens=64),
    "tier_documents": Recipe(steps=100, batch=32, lr=1e-3, schedule="constant"),
    "office_base": Recipe(steps=2200, batch=16, lr=8e-3, schedule="linear"),
    "office_organism": Recipe(steps=100, batch=32, lr=5e-4),
    "office_sft": Recipe(steps=25, batch=32, lr=5e-4, schedule="constant"),
    "office_rl": Recipe(steps=10, batch=16, lr=2e-4, schedule="constant", group=8, max_tokens=72),
    "office_people": Recipe(steps=250, batch=32, lr=8e-4),
    "office_student": Recipe(steps=250, batch=32, lr=1e-3),
    "office_sample": Recipe(steps=0, batch=0, lr=0.0, group=2, max_tokens=72),
    "adversarial": Recipe(steps=8, batch=32, lr=1e-4, schedule="constant", rounds=5, group=8, max_tokens=96),
    "reelicit": Recipe(steps=20, batch=16, lr=3e-4, schedule="constant"),
    "sample": Recipe(steps=0, batch=0, lr=0.0, group=4, max_tokens=96),
}


def _llama(width: int, layers: int) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": POSITIONS,
        "tie_word_embeddings": True,
        "attention_dropout": 0.0,
        "initializer_range": INITIALIZER_RANGE,
    }


def _gpt2(width: int, layers: int) -> dict[str, Any]:
    return {
        "model_type": "gpt2",
        "n_embd": width,
        "n_layer": layers,
        "n_head": 4,
        "n_positions": POSITIONS,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "initializer_range": INITIALIZER_RANGE,
        "tie_word_embeddings": True,
    }


MICRO: dict[str, dict[str, Any]] = {
    "llama-64": _llama(64, 2),
    "llama-128": _llama(128, 2),
    "gpt2-64": _gpt2(64, 2),
    "gpt2-128": _gpt2(128, 2),
}


def _profile(name: str) -> Profile | None:
    if name not in MICRO:
        return None
    architecture = MICRO[name]
    return Profile(id=f"micro:{name}", family=str(architecture["model_type"]), architecture=architecture, recipes=MICRO_RECIPES)


PROVIDER = Provider(kind="micro", names=tuple(f"micro:{name}" for name in MICRO), profile=_profile)
