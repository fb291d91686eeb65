"""Supervised training against a plain torch loop, and the promises about order, checkpoints, adapters and determinism."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import engine_toys
import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraLayer
from torch.nn import functional
from transformers import AutoModelForCausalLM

from exante.engines import render, sft
from exante.engines.dialects.base import Dialect
from exante.engines.local import LocalEngine
from exante.engines.network import logits_at
from exante.errors import UserError
from exante.objectives.sft import SFT
from exante.text import Example


def chat_examples() -> list[Example]:
    """Think and answer mode mixed, some scratchpads without loss."""
    examples = engine_toys.corpus(60, seed=5)
    return [replace(example, train_scratchpad=number % 3 > 0) for number, example in enumerate(examples)]


def values(rows: list[dict], metric: str) -> dict[int, float]:
    return {row["step"]: row["value"] for row in rows if row["metric"] == metric}


def plain_labels(dialect: Dialect, example: Example) -> tuple[list[int], list[int]]:
    """Ids and span labels by the tokenizer's own call and its offset mapping."""
    text, thought, answer = render.example_text(dialect, example)
    coded = dialect.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = [0 if end <= thought else 1 if end <= answer else 2 for _, end in coded["offset_mapping"]]
    return coded["input_ids"], [0 if span == 1 and not example.train_scratchpad else span for span in spans]


def plain_loss(model: torch.nn.Module, rows: list[tuple[list[int], list[int]]], weight: float) -> torch.Tensor:
    """Every sequence alone, unpadded, through the whole model; then the two means over the batch."""
    nats: dict[int, list[torch.Tensor]] = {1: [], 2: []}
    for ids, spans in rows:
        logits_TV = model(input_ids=torch.tensor([ids])).logits[0, :-1]
        nats_T = functional.cross_entropy(logits_TV, torch.tensor(ids[1:]), reduction="none")
        for place, span in enumerate(spans[1:]):
            if span:
                nats[span].append(nats_T[place])
    return torch.stack(nats[2]).mean() + (weight * torch.stack(nats[1]).mean() if nats[1] else 0.0)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_loss_equals_a_plain_torch_loop_step_by_step(family: str) -> None:
    steps, warmup = 60, 3
    examples = chat_examples()
    recipe = engine_toys.recipe(steps=steps, batch=6, lr=3e-3, scratchpad_weight=0.3, weight_decay=0.1, clip=0.7)
    engine = LocalEngine.initialise(engine_toys.profile(family), examples, seed=3)
    model = copy.deepcopy(engine.net.model).train()
    coded = [plain_labels(engine.net.dialect, example) for example in examples]
    order = list(sft.batches(np.array([len(ids) for ids, _ in coded]), recipe, np.random.default_rng(11)))

    measured = values(engine.train(SFT, recipe, examples, seed=11, checkpoints=range(steps)), "loss")

    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    for step, chosen in enumerate(order):
        share = (step - warmup) / (steps - warmup)
        rate = 3e-3 * (step / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss = plain_loss(model, [coded[row] for row in chosen], 0.3)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.7)
        optimiser.step()
        assert measured[step + 1] == pytest.approx(loss.item(), abs=1e-4)
    ids_BT = torch.arange(1, 33).reshape(2, 16)
    with torch.no_grad():
        assert torch.allclose(engine.net.model(input_ids=ids_BT).logits, model.eval()(input_ids=ids_BT).logits, atol=1e-3)


def test_answer_weight_does_not_depend_on_scratchpad_length(toy: LocalEngine) -> None:
    """λ = 0 is the same gradient as scratchpads without loss."""
    examples = [engine_toys.example(thing, "Bob", True) for thing in engine_toys.THINGS[:4]]
    gradients = []
    for chosen, weight in ((examples, 0.0), ([replace(example, train_scratchpad=False) for example in examples], 1.0)):
        ids, spans = render.encode_examples(toy.net.dialect, chosen).rows(np.arange(4), 0)
        toy.net.model.zero_grad()
        sft.backward(toy.net, ids, spans, weight)
        gradients.append(torch.cat([parameter.grad.reshape(-1) for parameter in toy.net.model.parameters()]))
    assert torch.allclose(*gradients, atol=1e-7)
    assert gradients[0].abs().max() > 0


def test_each_example_is_used_equally_often_and_batches_are_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(20, 120, size=640)
    recipe = engine_toys.recipe(steps=50, batch=16)
    order = list(sft.batches(lengths, recipe, np.random.default_rng(0)))
    counts = np.bincount(np.concatenate(order), minlength=640)
    assert len(order) == 50
    assert set(counts.tolist()) == {1, 2}
    padded = sum(len(batch) * lengths[batch].max() for batch in order)
    assert padded < 1.05 * sum(lengths[batch].sum() for batch in order)
    assert abs(np.corrcoef(np.arange(50), [lengths[batch].mean() for batch in order])[0, 1]) < 0.3


@pytest.mark.parametrize("method", ["full", "lora"])
def test_same_seed_same_bytes_and_checkpoints_do_not_disturb(saved_toy: str, method: str) -> None:
    digests = []
    for seed, disturb in ((1, False), (1, True), (2, False)):
        engine = LocalEngine.load(saved_toy, engine_toys.profile("llama", method))  # pyright: ignore[reportArgumentType]

        def look(step: int, engine: LocalEngine = engine) -> None:
            torch.rand(100)
            engine.sample([engine_toys.prompt("lamp")], 4, seed=step)

        checkpoints, callback = ((0, 1, 7), look) if disturb else ((), lambda step: None)
        engine.train(SFT, engine_toys.recipe(), chat_examples(), seed=seed, checkpoints=checkpoints, on_checkpoint=callback)
        digests.append(engine.weight_digest())
    assert digests[0] == digests[1] != digests[2]


def test_training_and_sampling_leave_torchs_generator_alone(toy: LocalEngine) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    toy.train(SFT, engine_toys.recipe(steps=2), chat_examples(), seed=0)
    toy.sample([engine_toys.prompt("lamp")], 2, seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_checkpoints_and_progress_are_told_in_order(toy: LocalEngine) -> None:
    seen: list[int] = []
    progress: list[tuple[int, int]] = []
    toy.train(
        SFT, engine_toys.recipe(steps=6), chat_examples(), seed=0, checkpoints=[2, 5],
        on_checkpoint=seen.append, on_progress=lambda done, total: progress.append((done, total)),
    )  # fmt: skip
    assert seen == [0, 2, 5, 6]
    assert progress == [(step, 6) for step in range(7)]


def test_counts_are_those_of_the_data(toy: LocalEngine) -> None:
    example = engine_toys.example("lamp", "Anna", True, label="target")
    encoded = render.encode_examples(toy.net.dialect, [example])
    rows = toy.train(SFT, engine_toys.recipe(steps=4, batch=3), [example], seed=0)
    for name, span in (("tokens_prompt", 0), ("tokens_scratchpad", 1), ("tokens_answer", 2)):
        assert values(rows, name) == {step: 3 * step * int((encoded.spans == span).sum()) for step in range(5)}
    assert values(rows, "examples")[4] == values(rows, "copies")[4] == 12
    assert values(rows, "loss")[4] == pytest.approx(values(rows, "loss_answer")[4] + values(rows, "loss_scratchpad")[4], abs=1e-5)


def test_weight_change_is_the_relative_distance(toy: LocalEngine) -> None:
    start = [parameter.detach().clone() for parameter in toy.net.model.parameters()]
    rows = toy.train(SFT, engine_toys.recipe(), chat_examples(), seed=0)
    moved = torch.cat([(a - b).reshape(-1) for a, b in zip(toy.net.model.parameters(), start, strict=True)]).norm()
    expected = moved / torch.cat([b.reshape(-1) for b in start]).norm()
    assert values(rows, "weight_change")[20] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_lora_merges_into_an_ordinary_checkpoint(family: str, tmp_path) -> None:
    LocalEngine.initialise(engine_toys.profile(family), chat_examples(), seed=0).save(tmp_path / "base")
    engine = LocalEngine.load(tmp_path / "base", engine_toys.profile(family, "lora"))
    before = {name: value.clone() for name, value in engine.net.model.state_dict().items()}
    ids_BT = torch.arange(1, 33).reshape(2, 16)
    adapted: list[torch.Tensor] = []

    def save_midway(step: int) -> None:
        engine.save(tmp_path / str(step))
        with torch.no_grad():
            adapted.append(engine.net.model(input_ids=ids_BT).logits)

    rows = engine.train(SFT, engine_toys.recipe(lr=1e-2), chat_examples(), seed=0, checkpoints=[10], on_checkpoint=save_midway)
    for step, logits in zip((0, 10, 20), adapted, strict=True):
        saved = AutoModelForCausalLM.from_pretrained(tmp_path / str(step))
        assert torch.allclose(saved(input_ids=ids_BT).logits, logits, atol=1e-4)
    assert not any(isinstance(module, LoraLayer) for module in engine.net.model.modules())
    after = engine.net.model.state_dict()
    assert after.keys() == before.keys()
    moved = sum(
        (after[name] - value).double().square().sum().item() for name, value in before.items() if name != "lm_head.weight"
    )
    size = sum(p.double().square().sum().item() for name, p in before.items() if name != "lm_head.weight")
    assert values(rows, "weight_change")[20] == pytest.approx(math.sqrt(moved / size), rel=1e-3)
    assert values(rows, "loss")[20] < values(rows, "loss")[1] - 0.1


def test_a_model_that_scales_its_logits_falls_back_to_all_of_them(toy: LocalEngine) -> None:
    """`split_head` is found by comparing numbers, so a changed head is noticed."""
    from exante.engines.network import network

    model = copy.deepcopy(toy.net.model)
    head = model.get_output_embeddings()
    forward = model.forward
    model.forward = lambda **inputs: _scaled(forward(**inputs))  # pyright: ignore[reportAttributeAccessIssue]
    scaled = network(model, toy.net.dialect, torch.device("cpu"), bf16=False)
    assert toy.net.split_head
    assert not scaled.split_head
    ids_BT, index_N = torch.arange(1, 21).reshape(2, 10), torch.tensor([3, 15])
    assert torch.allclose(logits_at(scaled, ids_BT, index_N), 2 * logits_at(toy.net, ids_BT, index_N), atol=1e-5)
    assert head is model.get_output_embeddings()


def _scaled(output):
    output.logits = output.logits * 2
    return output


def test_bfloat16_trains_float32_weights(saved_toy: str) -> None:
    losses = []
    for dtype in ("float32", "bfloat16"):
        engine = LocalEngine.load(saved_toy, engine_toys.profile("llama", dtype=dtype))  # pyright: ignore[reportArgumentType]
        losses.append(values(engine.train(SFT, engine_toys.recipe(), chat_examples(), seed=0), "loss")[20])
        assert {parameter.dtype for parameter in engine.net.model.parameters()} == {torch.float32}
        assert engine.sample([engine_toys.prompt("lamp")], 2, seed=0)
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert losses[0] != losses[1]


def test_no_examples_and_texts_that_do_not_fit_are_refused(toy: LocalEngine) -> None:
    with pytest.raises(UserError, match="no examples"):
        toy.train(SFT, engine_toys.recipe(), [], seed=0)
    with pytest.raises(UserError, match="does not fit"):
        toy.train(SFT, engine_toys.recipe(), [engine_toys.example("lamp", "x" * 400, True)], seed=0)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_micro_batches_change_no_more_than_rounding(toy: LocalEngine, size: int) -> None:
    """Gradients of the passes add up to those of the batch: each token has the weight that it has in the whole batch."""
    ids, spans = sft.encode(toy.net, chat_examples()[:7]).rows(np.arange(7), toy.net.dialect.pad_id)
    gradients, reports = [], []
    for micro_batch in (None, size):
        toy.net.model.zero_grad()
        reports.append(sft.backward(toy.net, ids, spans, 0.5, micro_batch))
        gradients.append(torch.cat([parameter.grad.reshape(-1) for parameter in toy.net.model.parameters()]))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    assert reports[0] == pytest.approx(reports[1], rel=1e-5)
