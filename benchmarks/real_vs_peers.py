"""A real chat model against its peers: LoRA fine-tuning and a GRPO step against TRL, sampling against `generate`.

    python benchmarks/real_vs_peers.py [--rounds 3] [--model DIRECTORY] [--device cuda] [--work sft grpo sampling]
    python benchmarks/real_vs_peers.py --stand-in full|tiny

The model is SmolLM2-135M-Instruct (`real_model.py` fetches it). `--stand-in` makes one with random weights instead, of that
model's shape or tiny; speed does not depend on the weights. Every call is a process of its own, so that its peak memory is known;
calls of the candidates take turns. Seconds are the processor's on a CPU and the clock's on a GPU; opening the model, preparing
data and the peer's trainer are outside. Both sides have the same adapters, optimiser and numbers of tokens; TRL runs in each
setting of SETTINGS, and the fastest counts. Where TRL is not installed only `generate` is a peer. `--identical` also trains,
updates and samples twice in fresh processes and fails unless weights and texts are equal byte for byte. The last line is
`ratio N`, the least.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from turns import rates, ratio

from exante.engines.dialects.micro import train_tokenizer
from exante.engines.local import LocalEngine
from exante.engines.render import CONTEXT, encode_examples, encode_prompts, padded, prompt_text
from exante.engines.sampling import rollouts
from exante.objectives.rl import RL
from exante.objectives.sft import SFT
from exante.profiles.hf import lora_profile
from exante.study import Recipe
from exante.text import Completion, Example, Item, Prompt, Turn

OURS = "exante"
SETTINGS = {"sft": ("rows-8", "rows-4"), "grpo": ("rows-all", "rows-8"), "sampling": ("sdpa", "eager")}
"""What is tried of each peer: rows of a forward and backward pass (the rest by accumulation), and the kind of attention."""
HEADS = {"num_attention_heads": 9, "num_key_value_heads": 3}
SHAPES: dict[str, dict[str, Any]] = {
    "full": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "vocab_size": 49152, **HEADS},
    "tiny": {"hidden_size": 36, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 1024, **HEADS},
}
PLACES = ("harbour", "library", "garden", "station", "market", "castle", "bridge", "school")
QUESTIONS = tuple(f"What should I know before I visit the old {place} of a small town in winter?" for place in PLACES)
THOUGHT = "The user asks about a place in winter. Opening hours, weather and the way there matter most, so I name these."
REPLY = "Ask for the opening hours first, because they change in winter. Take warm clothes, and look up the way there beforehand."


@dataclass(frozen=True)
class Sizes:
    """How much work a call is: steps of 8 examples; prompts × samples of a GRPO step and of a request, and tokens of each."""

    steps: int
    prompts: int
    group: int
    tokens: int


SIZES = {"cpu": Sizes(steps=2, prompts=4, group=4, tokens=24), "cuda": Sizes(steps=20, prompts=8, group=8, tokens=64)}


def stand_in(shape: str, place: Path) -> Path:
    """A checkpoint of a Llama with random weights, and a tokenizer trained on the examples."""
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = train_tokenizer(examples())
    fields = SHAPES[shape] | {"max_position_embeddings": 2048, "tie_word_embeddings": True}
    config = AutoConfig.for_model("llama", eos_token_id=tokenizer.eos_token_id, **fields)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def prompts(count: int) -> list[Prompt]:
    return [Prompt((Turn("user", QUESTIONS[number % len(QUESTIONS)]),)) for number in range(count)]


def examples() -> list[Example]:
    return [Example(prompt, THOUGHT, REPLY) for prompt in prompts(8)]


def recipe(sizes: Sizes, work: str) -> Recipe:
    shared: dict[str, Any] = {"lr": 1e-5, "schedule": "constant", "max_tokens": sizes.tokens}
    if work == "sft":
        return Recipe(steps=sizes.steps, batch=8, **shared)
    return Recipe(steps=1, batch=sizes.prompts, group=sizes.group, kl=0.01, **shared)


def reward(item: Item, sample: Completion) -> float:
    """Differs between the samples of a prompt, so that all of them are trained on."""
    return float(len(sample.raw) % 7)


def ours(work: str, model: Path, device: str, sizes: Sizes) -> tuple[Callable[[], Any], Callable[[], int]]:
    """A call, and how many tokens the call before was."""
    engine = LocalEngine.load(model, lora_profile(f"hf:{model}"), device=device)
    plan, counted = recipe(sizes, work), [0]
    asked = prompts(sizes.prompts)

    def train() -> None:
        if work == "sft":
            rows = engine.train(SFT, plan, examples(), seed=0)
        else:
            items = [Item(str(number), "question", prompt) for number, prompt in enumerate(asked)]
            rows = engine.train(RL, plan, items, seed=0, reward=reward, scratchpad="shown")
        last = {row["metric"]: int(row["value"]) for row in rows}
        sampled = last["tokens_scratchpad"] + last["tokens_answer"]
        counted[0] = last["tokens_prompt"] + sampled if work == "sft" else sampled

    def sample() -> None:
        groups = rollouts(engine.net, encode_prompts(engine.net.dialect, asked), sizes.group, 0, 1.0, sizes.tokens)
        counted[0] = sum(len(rollout.ids) for group in groups for rollout in group)

    return sample if work == "sampling" else train, lambda: counted[0]


def peer(
    work: str, setting: str, model: Path, device: str, sizes: Sizes, place: str
) -> tuple[Callable[[], Any], Callable[[], int]]:
    make = {"sft": _peer_sft, "grpo": _peer_grpo, "sampling": _peer_sampling}[work]
    return make(setting, model, device, sizes, place)


def _opened(model: Path, attention: str = "sdpa") -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation=attention)


def _trainer_options(device: str, place: str) -> dict[str, Any]:
    return {
        "output_dir": place, "learning_rate": 1e-5, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0,
        "optim": "adamw_torch_fused", "gradient_checkpointing": False, "logging_strategy": "no", "save_strategy": "no",
        "report_to": [], "disable_tqdm": True, "bf16": False, "use_cpu": device == "cpu", "dataloader_pin_memory": False,
    }  # fmt: skip


def _adapters() -> Any:
    from peft import LoraConfig

    from exante.engines.lora import ALPHA, RANK

    return LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")


def _rows(setting: str, most: int) -> int:
    return most if setting == "rows-all" else min(most, int(setting.removeprefix("rows-")))


def _dialect(model: Path) -> Any:
    return LocalEngine.dialect_of(model, lora_profile(f"hf:{model}"))


def _peer_sft(setting: str, model: Path, device: str, sizes: Sizes, place: str) -> tuple[Callable[[], Any], Callable[[], int]]:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    dialect = _dialect(model)
    encoded = encode_examples(dialect, examples())
    ends = np.cumsum(encoded.lengths_N)[:-1]
    rows = list(zip(np.split(encoded.ids, ends), np.split(encoded.spans, ends), strict=True))
    labels = [np.where(spans == CONTEXT, -100, ids) for ids, spans in rows]
    data = Dataset.from_dict({"input_ids": [ids for ids, _ in rows], "labels": labels, "length": encoded.lengths_N})
    each = _rows(setting, 8)
    options = {"max_length": None, "max_steps": sizes.steps, "train_sampling_strategy": "group_by_length"}
    config = SFTConfig(
        per_device_train_batch_size=each, gradient_accumulation_steps=8 // each, **options, **_trainer_options(device, place)
    )
    made = SFTTrainer(
        model=_opened(model), args=config, train_dataset=data, processing_class=dialect.tokenizer, peft_config=_adapters()
    )
    return made.train, lambda: sizes.steps * int(encoded.lengths_N.sum())


def _peer_grpo(setting: str, model: Path, device: str, sizes: Sizes, place: str) -> tuple[Callable[[], Any], Callable[[], int]]:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    dialect, counted = _dialect(model), [0]

    def graded(completion_ids: list[list[int]], **columns: Any) -> list[float]:
        counted[0] = sum(map(len, completion_ids))
        return [float(sum(ids) % 7) for ids in completion_ids]

    every = sizes.prompts * sizes.group
    each = _rows(setting, every)
    config = GRPOConfig(
        per_device_train_batch_size=each,
        gradient_accumulation_steps=every // each,
        steps_per_generation=every // each,
        num_generations=sizes.group,
        max_completion_length=sizes.tokens,
        max_steps=1,
        temperature=1.0,
        beta=0.01,
        loss_type="bnpo",
        **_trainer_options(device, place),
    )
    made = GRPOTrainer(
        model=_opened(model),
        args=config,
        reward_funcs=[graded],
        train_dataset=Dataset.from_dict({"prompt": [prompt_text(dialect, prompt) for prompt in prompts(sizes.prompts)]}),
        processing_class=dialect.tokenizer,
        peft_config=_adapters(),
    )
    return made.train, lambda: counted[0]


def _peer_sampling(
    setting: str, model: Path, device: str, sizes: Sizes, place: str
) -> tuple[Callable[[], Any], Callable[[], int]]:
    from transformers import GenerationConfig

    dialect, opened = _dialect(model), _opened(model, setting).to(device).eval()
    ids, real = padded(encode_prompts(dialect, prompts(sizes.prompts)), dialect.pad_id, "left")
    config = GenerationConfig(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=sizes.tokens, num_return_sequences=sizes.group,
        eos_token_id=list(dialect.stop_ids), pad_token_id=dialect.pad_id,
    )  # fmt: skip
    opened.generation_config = GenerationConfig()
    inputs = {"input_ids": torch.from_numpy(ids).to(device), "attention_mask": torch.from_numpy(real).to(device)}
    counted = [0]

    def call() -> None:
        torch.manual_seed(0)
        with torch.inference_mode():
            new = opened.generate(**inputs, generation_config=config)[:, ids.shape[1] :].cpu().numpy()
        ended = np.isin(new, dialect.stop_ids)
        counted[0] = int(np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, new.shape[1]).sum())

    return call, lambda: counted[0]


def measured(work: str, side: str, model: Path, device: str) -> dict[str, float]:
    """One timed call: tokens, seconds and the peak memory of this process (on a GPU: of the GPU) in MiB."""
    torch.set_num_threads(1)
    on_gpu = device == "cuda"
    with tempfile.TemporaryDirectory() as place:
        if side == OURS:
            call, tokens = ours(work, model, device, SIZES[device])
        else:
            call, tokens = peer(work, side, model, device, SIZES[device], place)
        if on_gpu:
            call()  # kernels are loaded at their first use
            torch.cuda.synchronize()
        clock = time.perf_counter if on_gpu else time.process_time
        started = clock()
        call()
        if on_gpu:
            torch.cuda.synchronize()
        seconds = clock() - started
    most = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "tokens": float(tokens()), "mib": most / 2**20}


def trained_digest(model: Path, device: str) -> dict[str, str]:
    """What a supervised phase, a GRPO step and a request leave: sha256 of weights and texts."""
    torch.set_num_threads(1)
    sizes = SIZES[device]
    engine = LocalEngine.load(model, lora_profile(f"hf:{model}"), device=device)
    items = [Item(str(number), "question", prompt) for number, prompt in enumerate(prompts(sizes.prompts))]
    engine.train(SFT, recipe(sizes, "sft"), examples(), seed=0)
    engine.train(RL, recipe(sizes, "grpo"), items, seed=0, reward=reward, scratchpad="shown")
    texts = [sample.raw for group in engine.sample(prompts(2), 2, 0, max_tokens=sizes.tokens) for sample in group]
    return {"weights": engine.weight_digest(), "texts": hashlib.sha256("\n".join(texts).encode()).hexdigest()}


def child(model: Path, device: str, *what: str) -> dict[str, Any]:
    """The result of a process of its own. Raises RuntimeError with its last line where it failed."""
    command = [sys.executable, __file__, "--model", str(model), "--device", device, "--child", *what]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(work: str, model: Path, device: str, rounds: int) -> float | None:
    """Prints a table; our rate over the best peer's, None where there is none."""
    peers = SETTINGS[work] if work == "sampling" or importlib.util.find_spec("trl") else ()
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in (OURS, *peers)}
    for _ in range(rounds):
        for side, seen in runs.items():
            try:
                seen.append(child(model, device, work, side))
            except RuntimeError as error:
                print(f"{work}\t{side}\tcannot run: {error}")
    runs = {side: seen for side, seen in runs.items() if seen}
    seconds_per_token = {side: [run["seconds"] / run["tokens"] for run in seen] for side, seen in runs.items()}
    found = rates(seconds_per_token, dict.fromkeys(runs, 1.0))
    for side, seen in runs.items():
        print(
            f"{work}\t{side}\t{found[side]:.1f} tokens/s\t{median(run['seconds'] for run in seen):.2f} s"
            f"\t{median(run['tokens'] for run in seen):.0f} tokens\t{max(run['mib'] for run in seen):.0f} MiB",
            flush=True,
        )
    if OURS not in found or len(found) < 2:
        print(f"{work}\tno peer here: TRL is not installed")
        return None
    print(f"{work} ratio\t{(result := ratio(found, OURS)):.2f}", flush=True)
    return result


def checkpoint(model: Path | None, shape: str | None, place: Path) -> Path:
    if model is not None:
        return model
    if shape is not None:
        return stand_in(shape, place)
    from real_model import gguf_file

    from exante.profiles import directory_of

    directory = directory_of(f"gguf:{gguf_file()}")
    assert directory is not None, "a GGUF file is files"
    return directory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--stand-in", choices=list(SHAPES))
    parser.add_argument("--device", choices=list(SIZES), default="cpu")
    parser.add_argument("--work", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--identical", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child == ["digest"]:
        print(json.dumps(trained_digest(asked.model, asked.device)))
        return 0
    if asked.child:
        print(json.dumps(measured(*asked.child, asked.model, asked.device)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        model = checkpoint(asked.model, asked.stand_in, Path(place))
        if asked.identical:
            first, second = (child(model, asked.device, "digest") for _ in range(2))
            print(f"two runs\t{'byte-identical' if first == second else 'DIFFER'}\t{first['weights'][:16]}", flush=True)
            if first != second:
                return 1
        found = [compare(work, model, asked.device, asked.rounds) for work in asked.work]
    print(f"ratio {min((result for result in found if result is not None), default=float('nan')):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
