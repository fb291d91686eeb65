"""What the speed benchmarks compute rather than time: operations counted against torch's own counter, the peer's calls, costs.
And that a preset with invented results goes through all verbs.

Does not time anything; the runs are `python benchmarks/roofline.py`, `sample_vs_generate.py`, `study_cost.py` and `matrix.py`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import flops
import numpy as np
import pilot
import pytest
import torch
from engine_toys import ARCHITECTURES
from sample_vs_generate import Setting, Tally, Workload, calls, lengths, ours, peer, settings
from study_cost import cost, planned, variant, with_checkpoints
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from exante.engines.local import LocalEngine

ROWS, TOKENS = 3, 11


def llama(kv_heads: int):
    fields: dict[str, Any] = ARCHITECTURES["llama"] | {"num_key_value_heads": kv_heads, "vocab_size": 50}
    config = AutoConfig.for_model(**fields)
    return AutoModelForCausalLM.from_config(config, attn_implementation="eager")


@pytest.mark.parametrize("kv_heads", [1, 2])
def test_counted_operations_are_those_torch_counts(kv_heads: int) -> None:
    """Plain attention multiplies every query with every key, so that many pairs are counted here."""
    model = llama(kv_heads)
    ids = torch.arange(ROWS * TOKENS).reshape(ROWS, TOKENS)
    with FlopCounterMode(display=False) as forward:
        loss = model(ids).logits.sum()
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    counted = flops.forward(flops.sizes(model.config), ids.numel(), ROWS * TOKENS**2, ids.numel())
    rotations = forward.get_total_flops() - counted
    assert 0 <= rotations <= 0.002 * counted
    assert backward.get_total_flops() == flops.BACKWARD * counted


def test_a_training_step_counts_causal_pairs_and_three_passes() -> None:
    model = flops.Sizes(width=4, inner=8, layers=2, vocabulary=10, kv_share=1.0)
    weights = 2 * (4 * 16 + 3 * 32)
    pairs = (1 + 2) + (1 + 2 + 3)
    assert model.weights == weights
    assert flops.training(model, [2, 3], predicted=1) == 3 * (2 * weights * 5 + 4 * 4 * 2 * pairs + 2 * 4 * 10)


def test_sampling_reads_each_prompt_once_and_each_token_but_the_last() -> None:
    model = flops.Sizes(width=4, inner=8, layers=1, vocabulary=10, kv_share=1.0)
    pairs, tokens, logits = (1 + 2 + 3) + (4 + 5) + 4, 3 + 2 + 1, 1 + 2 + 1
    assert flops.sampling(model, [3], [[3, 2, 1]]) == flops.forward(model, tokens, pairs, logits)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("aten::mm", "matrix products"),
        ("autograd::engine::evaluate_function: MmBackward0", "autograd engine"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu_backward", "attention"),
        ("aten::_fused_adamw_", "optimiser and clipping"),
        ("aten::_log_softmax_backward_data", "loss and softmax"),
        ("aten::embedding_dense_backward", "gathers"),
        ("aten::t", "copies and shapes"),
        ("aten::mul", "elementwise and sums"),
        ("ProfilerStep#1", "other"),
    ],
)
def test_kinds_of_operations(name: str, found: str) -> None:
    assert flops.kind(name) == found


def test_lengths_count_the_first_end_token() -> None:
    assert lengths(np.array([[5, 9, 1], [9, 9, 9], [1, 2, 3]]), stop=9).tolist() == [2, 1, 3]


def work(engine: LocalEngine) -> Workload:
    rng = np.random.default_rng(0)
    prompts = [rng.integers(10, 20, size) for size in rng.integers(3, 9, 10)]
    return Workload("toy", prompts, n=4, temperature=1.0, max_tokens=6)


def test_every_setting_asks_for_every_sample_once(toy: LocalEngine) -> None:
    asked = work(toy)
    wanted = sorted(str(prompt) for prompt in asked.prompts)
    for setting in settings(asked.samples):
        got = [str(prompt) for call in calls(asked, setting) for prompt in call]
        assert sorted(got) == sorted(wanted * (1 if setting.copies else asked.n))
        assert all(len(call) * (asked.n if setting.copies else 1) <= setting.rows for call in calls(asked, setting))


@pytest.mark.parametrize("setting", [Setting(8, "dynamic", "sdpa", True, True), Setting(32, "static", "sdpa", False, False)])
def test_both_sides_draw_what_was_asked(toy: LocalEngine, setting: Setting) -> None:
    asked, tallies = work(toy), (Tally(), Tally())
    ours(toy.net, asked, tallies[0])()
    peer(toy.net.model, toy.net, asked, setting, tallies[1])()
    assert tallies[0].samples == tallies[1].samples == 3 * asked.samples
    assert all(tally.samples <= tally.tokens <= tally.samples * asked.max_tokens for tally in tallies)


def test_costs_of_the_tree_and_of_cells_alone() -> None:
    study = pilot.registration().study
    found = planned(study)
    seconds = {key: 10.0 if node.is_base else 1.0 for key, node in found.nodes.items()}
    got = cost(found, seconds)
    assert (got.cells, got.phases) == (20, 41)
    assert (got.tree, got.kept, got.alone) == (10 + 40, 10 + 40, 20 * 12)


def test_organisms_are_shared_by_trainings_and_trainings_by_checkpoints() -> None:
    study = pilot.registration().study
    more = planned(variant(study, trainings=("sft-before", "sft-without"), seeds=1))
    got = cost(more, dict.fromkeys(more.nodes, 1.0))
    assert (got.cells, got.tree, got.kept, got.alone) == (8, 1 + 4 + 8, 1 + 8 + 8, 24)
    steps = {s for node in planned(with_checkpoints(study, 2)).nodes.values() for s in node.evaluations.get("backdoor", ())}
    assert steps == {0, 5, 80, 200}
    assert len(planned(with_checkpoints(study, 2)).nodes) == 41


def test_invented_results_go_through_all_verbs(tmp_path: Path) -> None:
    """The smallest preset: everything is in the cache, so nothing is trained, and the run that comes of it is whole."""
    script = Path(__file__).parents[1] / "benchmarks" / "matrix.py"
    command = [sys.executable, str(script), "--preset", "quick", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"matrix seconds \d+\.\d mib \d+", done.stdout.splitlines()[-1])
    assert "20 cells, 56 phases" in done.stdout
    verdicts = json.loads((tmp_path / "run" / "verdicts.json").read_text())
    assert len({contrast["estimate"] for contrast in verdicts["contrasts"]}) > 5, "runs differ"
    assert {"supported", "undecided"} <= {contrast["verdict"] for contrast in verdicts["contrasts"]}
