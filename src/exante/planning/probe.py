"""Times a model for a few seconds on this machine, to forecast what was never run here.

Needs the `train` extra. Does not know about plans.
"""

from __future__ import annotations

import time

import torch

from exante.engines.local import LocalEngine
from exante.errors import BadData, UserError
from exante.objectives.sft import SFT
from exante.parts import Part, checked
from exante.profiles import directory_of
from exante.study import Context, Profile
from exante.text import Example

PROBE_STEPS, PROBE_SAMPLES, PROBE_DOCUMENTS = 4, 96, 400


def probe(profile: Profile, corpus: Part) -> dict[str, float]:
    """Seconds per optimiser step and per sample of a model on one thread of this machine, measured on a piece of a base.

    Takes a few seconds. Used only until phases of this kind have been run.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        part = shortened(corpus)
        return _timed(profile, checked(part.load()(Context("", 0, 0)), Example, part, "the base")[:PROBE_DOCUMENTS])
    except BadData as error:
        raise UserError(str(error)) from error
    finally:
        torch.set_num_threads(threads)


def shortened(corpus: Part) -> Part:
    """The part asked for no more documents than the probe reads, if it has a parameter that says how many."""
    documents = corpus.params.get("documents")
    if not isinstance(documents, int) or documents <= PROBE_DOCUMENTS:
        return corpus
    return corpus.model_copy(update={"params": corpus.params | {"documents": PROBE_DOCUMENTS}})


def _timed(profile: Profile, examples: list[Example]) -> dict[str, float]:
    directory = directory_of(profile.id)
    engine = LocalEngine.load(directory, profile) if directory else LocalEngine.initialise(profile, examples, seed=0)
    recipe = profile.recipes["organism" if "organism" in profile.recipes else next(iter(profile.recipes))]
    engine.train(SFT, recipe.model_copy(update={"steps": 1}), examples, seed=0)  # the first step pays for warming up
    started = time.perf_counter()
    engine.train(SFT, recipe.model_copy(update={"steps": PROBE_STEPS}), examples, seed=0)
    trained = time.perf_counter()
    engine.sample([example.prompt for example in examples[:PROBE_SAMPLES]], 1, 0)
    return {"step": (trained - started) / PROBE_STEPS, "sample": (time.perf_counter() - trained) / PROBE_SAMPLES}
