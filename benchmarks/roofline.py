"""How near the engine comes to what one core can multiply, and where the rest of its time goes.

    python benchmarks/roofline.py [--rounds 5] [--steps 40]

Prints tokens/s of supervised training and samples/s on the pilot's base and organism, the share of the core's measured sgemm
rate (operations counted from the model's config, on real tokens), what the model's own matrix shapes reach, how a step
divides, and a profile by kind of operation. All on one thread. Does not compare with anyone.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import flops
import numpy as np
import pilot
import torch
from torch.profiler import ProfilerActivity, profile
from turns import in_turns

from exante.engines.local import LocalEngine
from exante.engines.network import Network, seeded
from exante.engines.progress import Hooks, Meter, Stepper
from exante.engines.render import ANSWER, CONTEXT, Encoded, encode_prompts
from exante.engines.sampling import rollouts
from exante.engines.sft import batches, encode, loss_weights, run_batches, weighted_loss
from exante.evaluations import backdoor
from exante.study import Recipe

LARGE = 2048
"""Rows and columns of the product that measures the core's rate."""
REPEATS = 20


@dataclass(frozen=True)
class Training:
    """A phase's examples as the engine trains on them."""

    encoded: Encoded
    recipe: Recipe

    def order(self) -> list[np.ndarray]:
        return list(batches(self.encoded.lengths_N, self.recipe, np.random.default_rng(0)))

    @property
    def tokens(self) -> int:
        return sum(int(self.encoded.lengths_N[chosen].sum()) for chosen in self.order())

    def operations(self, model: flops.Sizes) -> float:
        """FLOPs of all steps. A text's last token is predicted, never read."""
        return sum(flops.training(model, self.encoded.lengths_N[chosen] - 1, self.predicted(chosen)) for chosen in self.order())

    def predicted(self, chosen_B: np.ndarray) -> int:
        return int((self.encoded.rows(chosen_B, 0)[1][:, 1:] != CONTEXT).sum())


def trainings(net: Network, steps: int) -> dict[str, Training]:
    """The phases of the quick preset's first cell of the deceptive arm, `steps` steps of each."""
    planned = pilot.quick()
    cell = next(cell for cell in planned.cells if cell.cell.arm == "deceptive")
    found = {}
    for name, key in zip(cell.names, cell.nodes, strict=True):
        phase = planned.nodes[key].phase
        assert phase.data is not None, "the quick preset trains on data parts alone"
        recipe = pilot.recipe(phase.recipe).model_copy(update={"steps": steps})
        found[name] = Training(encode(net, phase.data.load()(pilot.context())), recipe)
    return found


def trained(net: Network, work: Training) -> Callable[[], None]:
    """The engine's own loop over the batches, without checkpoints."""

    def call() -> None:
        stepper = Stepper(net, work.recipe, work.recipe.steps)
        hooks = Hooks(net, work.recipe.steps, frozenset(), lambda step: None, lambda step, total: None)
        run_batches(net, stepper, work.encoded, iter(work.order()), work.recipe, Meter(), hooks, first=1)

    return call


@dataclass(frozen=True)
class Sampling:
    prompts: list[np.ndarray]
    n: int
    max_tokens: int
    temperature: float

    def run(self, net: Network) -> list[list[int]]:
        """Tokens of each prompt's samples."""
        groups = rollouts(net, self.prompts, self.n, 0, self.temperature, self.max_tokens)
        return [[len(rollout.ids) for rollout in group] for group in groups]


def evaluation(net: Network) -> Sampling:
    """The prompts of one checkpoint of `evaluations/backdoor.py`, one sample each."""
    asked = backdoor.backdoor(at=("safety",), count=32, samples=1)
    prompts = [item.prompt for name in asked.conditions for item in asked.items.load()(pilot.context(), name)]
    return Sampling(encode_prompts(net.dialect, prompts), asked.samples, asked.max_tokens, asked.temperature)


def product_seconds(rows: int, inner: int, columns: int, transposed: bool) -> float:
    """Median seconds of one product; `transposed`: the left factor lies as a gradient to the weights finds it."""
    a, b = torch.randn(inner, rows).t() if transposed else torch.randn(rows, inner), torch.randn(inner, columns)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        torch.mm(a, b)
        taken.append(time.perf_counter() - start)
    return median(taken)


def rate_table(engine: LocalEngine, phases: dict[str, Training], rounds: int) -> tuple[float, dict[str, float]]:
    """Prints tokens/s and samples/s; returns the core's rate in FLOP/s and seconds per step by phase."""
    model, net = flops.sizes(engine.net.model.config), engine.net
    learner = copy.deepcopy(engine).net
    plain = evaluation(net)
    asked = {"evaluation, 96 × 1": plain, "evaluation, 32 × 8": replace(plain, prompts=plain.prompts[::3], n=8)}
    square = torch.randn(LARGE, LARGE)
    candidates: dict[str, Callable[[], object]] = {"sgemm": lambda: torch.mm(square, square)}
    candidates |= {name: trained(learner, work) for name, work in phases.items()}
    candidates |= {name: (lambda work=work: work.run(net)) for name, work in asked.items()}
    taken = in_turns({name: (lambda call=call: (call(), None)[1]) for name, call in candidates.items()}, rounds)
    seconds = {name: median(values) for name, values in taken.items()}
    peak = 2 * LARGE**3 / seconds["sgemm"]
    print(f"sgemm of {LARGE} × {LARGE}\t{peak / 1e9:.1f} GFLOP/s on one thread")
    print("\nwork\trate\tMFLOP per token\tGFLOP/s\tshare of sgemm")
    for name, work in phases.items():
        operations = work.operations(model)
        print(_line(f"train {name}, {work.recipe.batch} rows", work.tokens, "tokens/s", operations, seconds[name], peak))
    for name, draw in asked.items():
        lengths = draw.run(net)
        tokens, operations = sum(map(sum, lengths)), flops.sampling(model, [len(p) for p in draw.prompts], lengths)
        print(_line(f"sample {name}", tokens, "tokens/s", operations, seconds[name], peak))
        print(f"sample {name}\t{len(draw.prompts) * draw.n / seconds[name]:.0f} samples/s\t\t\t")
    return peak, {name: seconds[name] / work.recipe.steps for name, work in phases.items()}


def _line(name: str, amount: float, unit: str, operations: float, seconds: float, peak: float) -> str:
    rate = operations / seconds
    return f"{name}\t{amount / seconds:.0f} {unit}\t{operations / amount / 1e6:.2f}\t{rate / 1e9:.1f}\t{rate / peak:.1%}"


def shape_table(model: flops.Sizes, work: Training, peak: float, step_seconds: float) -> None:
    """What the linear layers' own shapes reach, and what is left of a step beside them."""
    chosen = work.order()
    tokens = round(work.tokens / len(chosen)) - work.recipe.batch
    predicted = round(float(np.mean([work.predicted(batch) for batch in chosen])))
    print(f"\nmatrix products of a step of {tokens} tokens, {predicted} with loss")
    print("product\tshape\tper step\tGFLOP/s\tshare of sgemm\tms per step")
    total = ideal = 0.0
    for name, count, shape in flops.products(model, tokens, predicted):
        seconds, operations = product_seconds(*shape, transposed="weights" in name), 2.0 * np.prod(shape)
        total, ideal = total + count * seconds, ideal + count * operations / peak
        rate = operations / seconds
        size = " × ".join(map(str, shape))
        print(f"{name}\t{size}\t{count}\t{rate / 1e9:.1f}\t{rate / peak:.0%}\t{count * seconds * 1e3:.2f}")
    print(f"all of them at these rates\t\t\t\t{ideal / total:.0%}\t{total * 1e3:.2f}")
    print(f"all of them at the rate of sgemm\t\t\t\t100%\t{ideal * 1e3:.2f}")
    print(f"the whole step\t\t\t\t{ideal / step_seconds:.0%}\t{step_seconds * 1e3:.2f}")


def step_table(net: Network, phases: dict[str, Training]) -> None:
    """A step's parts, and the same on one row of two tokens: what a step costs before it computes anything."""
    print("\nstep\tbatch ms\tforward ms\tbackward ms\toptimiser ms\tall ms")
    for name, work in phases.items():
        print(_parts(net, name, work, lambda chosen_B, work=work: work.encoded.rows(chosen_B, net.dialect.pad_id)))
    tiny = (np.full((1, 3), 9), np.full((1, 3), ANSWER, dtype=np.int8))
    print(_parts(net, "one row of three tokens", phases["organism"], lambda chosen_B: tiny))


def _parts(net: Network, name: str, work: Training, batch: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> str:
    stepper, taken = Stepper(net, work.recipe, work.recipe.steps), []
    net.model.train()
    for chosen_B in work.order():
        marks = [time.perf_counter()]
        ids_BT, spans_BT = batch(chosen_B)
        marks.append(time.perf_counter())
        loss, _ = weighted_loss(net, ids_BT, spans_BT, loss_weights(spans_BT, work.recipe.scratchpad_weight))
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        stepper.step()
        marks.append(time.perf_counter())
        taken.append(np.diff(marks))
    parts = np.median(taken, axis=0) * 1e3
    return f"{name}\t" + "\t".join(f"{part:.2f}" for part in (*parts, parts.sum()))


def decode_table(net: Network, draws: dict[str, Sampling]) -> None:
    """Decoding goes step by step: what a step takes with all rows and with one row alone."""
    print("\nsampling\trows\tsteps\tms per step")
    for name, draw in draws.items():
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            lengths = draw.run(net)
            taken.append(time.perf_counter() - start)
        steps = max(max(group) for group in lengths)
        print(f"{name}\t{len(draw.prompts) * draw.n}\t{steps}\t{median(taken) / steps * 1e3:.2f}")


def profile_table(title: str, call: Callable[[], object], clean_seconds: float) -> None:
    """Shares of a profiled run by kind of operation. What no operation took is Python: the library's and ours."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        start = time.perf_counter()
        call()
        wall = time.perf_counter() - start
    shares: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)
    for event in profiled.key_averages():
        shares[flops.kind(event.key)] += event.self_cpu_time_total / 1e6 / wall
        calls[flops.kind(event.key)] += event.count
    shares["Python, outside any operation"] = 1 - sum(shares.values())
    print(f"\nprofile of {title} (profiled {wall:.2f} s, else {clean_seconds:.2f} s)\tshare\tcalls")
    for name, share in sorted(shares.items(), key=lambda pair: -pair[1]):
        print(f"{name}\t{share:.1%}\t{calls[name]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    engine = pilot.engine()
    model, phases = flops.sizes(engine.net.model.config), trainings(engine.net, options.steps)
    with seeded(0, engine.net.device):
        peak, step_seconds = rate_table(engine, phases, options.rounds)
        shape_table(model, phases["organism"], peak, step_seconds["organism"])
        learner = copy.deepcopy(engine).net
        step_table(learner, phases)
        profile_table("training, organism", trained(learner, phases["organism"]), step_seconds["organism"] * options.steps)
        draw = evaluation(engine.net)
        wide, lone = replace(draw, prompts=draw.prompts[::3], n=8), replace(draw, prompts=draw.prompts[:1])
        decode_table(engine.net, {"evaluation": draw, "evaluation, 8 samples": wide, "one row": lone})
        start = time.perf_counter()
        draw.run(engine.net)
        profile_table("sampling, 96 × 1", lambda: draw.run(engine.net), time.perf_counter() - start)


if __name__ == "__main__":
    main()
