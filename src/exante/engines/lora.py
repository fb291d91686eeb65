"""Which weights a phase trains: all of them, or low-rank adapters (peft) beside weights that stay as they are.

An adapter is what a phase on an outside checkpoint leaves: a few MB. The model after it is the checkpoint with the adapters of
all phases so far merged into it, one after the other, which gives the same numbers each time. LoRA: Hu et al. 2021,
arXiv:2106.09685. Does not know about data or losses.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import Linear as LoraLinear
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from exante.errors import UserError
from exante.study import Profile

RANK = 16
ALPHA = 32
WEIGHTS = "adapter_model.safetensors"
"""The file's name in peft's own layout, which `PeftModel.from_pretrained` reads."""
TOLERANCE = 1e-3
"""How far logits of the merged model may lie from those of model and adapter side by side, relative to the largest."""


@dataclass(frozen=True)
class Adapter:
    """What a phase learned: tensors by peft's names, on the CPU in float32."""

    config: LoraConfig
    weights: dict[str, Tensor]

    def save(self, path: Path) -> None:
        """As peft lays an adapter out: its configuration and one safetensors file."""
        path.mkdir(parents=True, exist_ok=True)
        self.config.save_pretrained(str(path))
        save_file({name: tensor.contiguous() for name, tensor in self.weights.items()}, path / WEIGHTS)


class Trained:
    """What `trainable` tells of the phase's weights: how far they moved, and afterwards the adapter if there was one."""

    def __init__(self, change: Callable[[], float]) -> None:
        self.change = change
        self.adapter: Adapter | None = None


@contextlib.contextmanager
def trainable(model: PreTrainedModel, profile: Profile) -> Iterator[Trained]:
    """Make the phase's weights trainable. At the end adapters are taken off and merged into the model."""
    if profile.method == "full":
        start = [parameter.detach().clone() for parameter in model.parameters()]
        yield Trained(lambda: _relative_change(list(model.parameters()), start))
        return
    adapted = _adapt(model)
    trained = Trained(lambda: _adapter_change(model))
    try:
        yield trained
    finally:
        trained.adapter = _taken(adapted)
        adapted.merge_and_unload()
        model.requires_grad_(True)


def _adapt(model: PreTrainedModel) -> PeftModel:
    """Adapters on every linear layer but the head, put into the model in place. At first they change nothing."""
    transposed = any(isinstance(module, Conv1D) for module in model.modules())  # GPT-2 keeps its weights as (in, out)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", fan_in_fan_out=transposed, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that transformers 6 drops
        adapted = get_peft_model(model, config)
    assert isinstance(adapted, PeftModel)
    return adapted


def _taken(adapted: PeftModel) -> Adapter:
    config = adapted.peft_config["default"]
    assert isinstance(config, LoraConfig)
    weights = get_peft_model_state_dict(adapted)
    return Adapter(copy.deepcopy(config), {name: tensor.detach().cpu().float().clone() for name, tensor in weights.items()})


def merge_saved(model: PreTrainedModel, path: Path) -> dict[str, Tensor]:
    """Merge an adapter that `Adapter.save` wrote into the model, in place; its tensors.

    Raises UserError where the file is damaged, holds other layers than the model has (which would load as nothing), or where
    model and adapter side by side answer otherwise than the merged model.
    """
    try:
        weights = load_file(path / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError(f"the adapter {path} cannot be read ({error}); train its phase again") from error
    adapted = _adapt(model)
    held = get_peft_model_state_dict(adapted)
    if held.keys() != weights.keys() or any(held[name].shape != weights[name].shape for name in held):
        adapted.unload()
        odd = sorted(held.keys() ^ weights.keys()) or sorted(name for name in held if held[name].shape != weights[name].shape)
        raise UserError(f"the adapter {path} does not fit the model: {odd[0]} ({len(odd)} such); it was trained on another one")
    set_peft_model_state_dict(adapted, weights)
    _check_effect(model, adapted, weights, path)
    model.requires_grad_(True)
    return weights


def _check_effect(model: PreTrainedModel, adapted: PeftModel, weights: dict[str, Tensor], path: Path) -> None:
    """Merges; an adapter that is not zero changes logits, and merging it changes them no further."""
    model.eval()
    ids_BT = torch.arange(16, device=model.device).reshape(2, 8) * 7919 % model.config.vocab_size
    with torch.no_grad():
        beside = model(input_ids=ids_BT).logits.float()
        with switched_off(model):
            before = model(input_ids=ids_BT).logits.float()
        adapted.merge_and_unload()
        after = model(input_ids=ids_BT).logits.float()
    largest = float(beside.abs().max())
    if any(bool(tensor.any()) for name, tensor in weights.items() if "lora_B" in name) and torch.equal(beside, before):
        raise UserError(f"the adapter {path} is loaded and changes nothing that the model says; it was trained on another model")
    if float((beside - after).abs().max()) > TOLERANCE * largest:
        raise UserError(
            f"the adapter {path} gives other logits merged than beside the model: its weights do not survive being merged in this"
            " precision"
        )


@contextlib.contextmanager
def switched_off(model: PreTrainedModel) -> Iterator[None]:
    """Without its adapters the model is what the phase began with: the reference for KL terms, at no cost of memory."""
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def merged_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself, or a merged copy while adapters are on it (merging in place would change its rounding)."""
    if not has_adapters(model):
        return model
    merged = copy.deepcopy(model)
    _merge_layers(merged)
    return merged


def has_adapters(model: PreTrainedModel) -> bool:
    return any(isinstance(module, LoraLayer) for module in model.modules())


def _merge_layers(model: torch.nn.Module) -> None:
    for name, child in list(model.named_children()):
        if isinstance(child, LoraLayer):
            child.merge(safe_merge=False)
            setattr(model, name, child.get_base_layer())
        else:
            _merge_layers(child)


def frozen_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of a model that is trained as a whole, for KL terms."""
    return copy.deepcopy(model).requires_grad_(False).eval()


def _relative_change(now: list[torch.nn.Parameter], start: list[torch.Tensor]) -> float:
    moved = sum(float((a.detach() - b).double().square().sum()) for a, b in zip(now, start, strict=True))
    return (moved / sum(float(b.double().square().sum()) for b in start)) ** 0.5


def _adapter_change(model: PreTrainedModel) -> float:
    """The same number for adapters: their products against all of the model's own weights."""
    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    moved = sum(float(layer.get_delta_weight("default").detach().double().square().sum()) for layer in layers)
    frozen = sum(float(p.detach().double().square().sum()) for p in model.parameters() if not p.requires_grad)
    return (moved / frozen) ** 0.5
