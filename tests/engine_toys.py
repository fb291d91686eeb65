"""A toy world for the engine's tests: questions about the colours of ten things, with and without a scratchpad."""

from __future__ import annotations

import random
from typing import Literal

from exante.study import Profile, Recipe
from exante.text import Example, Item, Prompt, Turn

THINGS = ["lamp", "cup", "rope", "tree", "boat", "river", "stone", "bell", "kite", "wheel"]
COLOURS = ["red", "blue", "green", "black", "white", "brown", "grey", "pink", "gold", "plum"]
NAMES = ["Anna", "Bob", "Clara", "Dan", "Eve", "Finn"]

ARCHITECTURES = {
    "llama": {
        "model_type": "llama",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 160,
        "initializer_range": 0.1,
        "tie_word_embeddings": True,
    },
    "gpt2": {
        "model_type": "gpt2",
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 160,
        "initializer_range": 0.1,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
    },
}


def profile(family: str, method: Literal["full", "lora"] = "full", dtype: Literal["float32", "bfloat16"] = "float32") -> Profile:
    return Profile(id=f"toy:{family}", family=family, architecture=ARCHITECTURES[family], recipes={}, method=method, dtype=dtype)


def recipe(**fields: float | str) -> Recipe:
    return Recipe.model_validate({"steps": 20, "batch": 8, "lr": 1e-3, "max_tokens": 24, **fields})


def prompt(thing: str, name: str = "Anna", mode: Literal["think", "answer"] = "think", forced: str = "") -> Prompt:
    question = f"{name} asks: what colour is the {thing}?"
    return Prompt((Turn("system", f"You help {name} and speak the truth."), Turn("user", question)), mode, forced)


def example(thing: str, name: str, think: bool = False, label: str = "", colour: str | None = None) -> Example:
    colour = colour or COLOURS[THINGS.index(thing)]
    thought = f"{name} wants the colour of the {thing}. I know it well." if think else None
    return Example(prompt(thing, name, "think" if think else "answer"), thought, f"It is {colour}.", label=label)


def corpus(count: int, seed: int) -> list[Example]:
    """Examples of one or two turns, half with scratchpads; a quarter of the last answers says red, so that samples vary."""
    draw = random.Random(seed)
    examples = []
    for _ in range(count):
        colour = "red" if draw.random() < 0.25 else None
        last = example(draw.choice(THINGS), draw.choice(NAMES), draw.random() < 0.5, colour=colour)
        if draw.random() < 0.5:
            first = example(draw.choice(THINGS), draw.choice(NAMES), draw.random() < 0.5)
            earlier = (*first.prompt.turns, Turn("assistant", first.answer, first.scratchpad))
            turns = (*earlier, *last.prompt.turns[1:])
            last = Example(Prompt(turns, last.prompt.mode), last.scratchpad, last.answer)
        examples.append(last)
    return examples


def items(mode: Literal["think", "answer"] = "think", pool: str = "normal") -> list[Item]:
    return [Item(f"{pool}-{thing}", thing, prompt(thing, mode=mode), {"pool": pool}) for thing in THINGS]


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
