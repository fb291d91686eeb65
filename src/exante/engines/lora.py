"""Which weights a phase trains: all of them, or low-rank adapters (peft) beside weights that stay as they are.

An adapter is what a phase on an outside checkpoint leaves: a few MB. The model after it is the checkpoint with the adapters of
all phases so far: merged into weights in float32 one after the other, or beside weights in bfloat16, which would round them away.
Either gives the same numbers each time. LoRA: Hu et al. 2021, arXiv:2106.09685. Does not know about data or losses.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import Linear as LoraLinear
from peft.tuners.lora import LoraLayer, LoraModel
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
PHASE, EARLIER = "default", "earlier"
"""peft's names of the adapter that a phase trains, and of those before it where they stay beside the weights."""
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
def trainable(model: PreTrainedModel, profile: Profile, beside: Adapter | None = None) -> Iterator[Trained]:
    """Make the phase's weights trainable. At the end its adapter is merged into the model, or joined to what is `beside` it."""
    if profile.method == "full":
        start = [parameter.detach().clone() for parameter in model.parameters()]
        yield Trained(lambda: _relative_change(list(model.parameters()), start))
        return
    _take_off(model)
    adapted = _adapt(model, beside)
    trained = Trained(lambda: _adapter_change(model))
    try:
        yield trained
    finally:
        trained.adapter = _taken(adapted)
        if merges(model):
            adapted.merge_and_unload()
            model.requires_grad_(True)
        else:
            put_beside(model, joined([trained.adapter] if beside is None else [beside, trained.adapter]))


def merges(model: PreTrainedModel) -> bool:
    """Whether adapters are merged into the model's weights: only where these keep as many digits as the adapters."""
    return model.dtype == torch.float32


def joined(adapters: Sequence[Adapter]) -> Adapter:
    """One adapter that adds what all of them add: their factors side by side. As they share α / rank, so does the joined one."""
    config = copy.deepcopy(adapters[0].config)
    config.r, config.lora_alpha = sum(each.config.r for each in adapters), sum(each.config.lora_alpha for each in adapters)
    weights = {
        name: torch.cat([each.weights[name] for each in adapters], 0 if "lora_A" in name else 1) for name in adapters[0].weights
    }
    return Adapter(config, weights)


def put_beside(model: PreTrainedModel, adapter: Adapter) -> None:
    """Put an adapter beside the weights for good, instead of one that may be there."""
    _take_off(model)
    _wrapped(model, adapter.config.r, adapter.config.lora_alpha, EARLIER, adapter.weights)
    model.requires_grad_(False)


def _adapt(model: PreTrainedModel, beside: Adapter | None = None) -> PeftModel:
    """The phase's own adapters on every linear layer but the head, put into the model in place. At first they change nothing."""
    if beside is None:
        return _wrapped(model, RANK, ALPHA, PHASE)
    adapted = _wrapped(model, beside.config.r, beside.config.lora_alpha, EARLIER, beside.weights)
    config, tuner = adapted.peft_config[EARLIER], adapted.base_model
    assert isinstance(config, LoraConfig)
    assert isinstance(tuner, LoraModel)
    # By name, as "all linear layers" would now count adapters' own too.
    adapted.add_adapter(PHASE, _config(model, RANK, ALPHA, config.target_modules))
    tuner.set_adapter([EARLIER, PHASE])
    for name, parameter in adapted.named_parameters():
        parameter.requires_grad_(f".{PHASE}." in name)
    return adapted


def _wrapped(model: PreTrainedModel, rank: int, alpha: int, name: str, weights: Mapping[str, Tensor] | None = None) -> PeftModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that transformers 6 drops
        adapted = get_peft_model(model, _config(model, rank, alpha, "all-linear"), name)
    assert isinstance(adapted, PeftModel)
    if weights is not None:
        set_peft_model_state_dict(adapted, dict(weights), name)
    return adapted


def _config(model: PreTrainedModel, rank: int, alpha: int, layers: Any) -> LoraConfig:
    transposed = any(isinstance(module, Conv1D) for module in model.modules())  # GPT-2 keeps its weights as (in, out)
    return LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers, fan_in_fan_out=transposed, task_type="CAUSAL_LM")


def _take_off(model: torch.nn.Module) -> None:
    """Put each layer back in the place of its adapted form, as it was without adapters."""
    vars(model).pop("peft_config", None)  # peft's own note that there are adapters
    for name, child in list(model.named_children()):
        if isinstance(child, LoraLayer):
            setattr(model, name, child.get_base_layer())
        else:
            _take_off(child)


def _taken(adapted: PeftModel) -> Adapter:
    config = adapted.peft_config[PHASE]
    assert isinstance(config, LoraConfig)
    weights = get_peft_model_state_dict(adapted, adapter_name=PHASE)
    return Adapter(copy.deepcopy(config), {name: tensor.detach().cpu().float().clone() for name, tensor in weights.items()})


def load(path: Path) -> Adapter:
    """What `Adapter.save` wrote. Raises UserError for a damaged file."""
    try:
        config, weights = LoraConfig.from_pretrained(str(path)), load_file(path / WEIGHTS)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise UserError(f"the adapter {path} cannot be read ({error}); train its phase again") from error
    assert isinstance(config, LoraConfig)
    return Adapter(config, weights)


def apply_saved(model: PreTrainedModel, paths: Sequence[Path]) -> tuple[list[Adapter], Adapter | None]:
    """Apply saved adapters to the model in order, in place: merged into it, or beside it. Returns them, and what is beside it.

    Raises UserError where a file is damaged, holds other layers than the model has (which would load as nothing), changes nothing
    that the model says though it is not zero, or says something else merged than beside the weights.
    """
    adapters, beside = [load(path) for path in paths], None
    for adapter, path in zip(adapters, paths, strict=True):
        _check_fit(model, adapter, path)
        if merges(model):
            _merge_checked(model, adapter, path)
        else:
            beside = adapter if beside is None else joined([beside, adapter])
    if beside is not None:
        put_beside(model, beside)
    return adapters, beside


def _check_fit(model: PreTrainedModel, adapter: Adapter, path: Path) -> None:
    adapted = _adapt(model)
    held, weights = get_peft_model_state_dict(adapted), adapter.weights
    adapted.unload()
    if held.keys() != weights.keys() or any(held[name].shape != weights[name].shape for name in held):
        odd = sorted(held.keys() ^ weights.keys()) or sorted(name for name in held if held[name].shape != weights[name].shape)
        raise UserError(f"the adapter {path} does not fit the model: {odd[0]} ({len(odd)} such); it was trained on another one")


def _merge_checked(model: PreTrainedModel, adapter: Adapter, path: Path) -> None:
    adapted = _wrapped(model, adapter.config.r, adapter.config.lora_alpha, PHASE, adapter.weights)
    _check_effect(model, adapted, adapter.weights, path)
    model.requires_grad_(True)


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
    """Without the phase's adapters the model is what the phase began with: the reference for KL terms, at no cost of memory."""
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.enable_adapters(False) if EARLIER not in layer.r else layer.set_scale(PHASE, 0.0)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True) if EARLIER not in layer.r else layer.set_scale(PHASE, 1.0)


def merged_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself, or a merged copy in float32 while adapters are on it (merging in place would change its rounding)."""
    if not has_adapters(model):
        return model
    merged = copy.deepcopy(model).float()
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
    moved = sum(float(layer.get_delta_weight(PHASE).detach().double().square().sum()) for layer in layers)
    frozen = sum(float(p.detach().double().square().sum()) for p in model.parameters() if not p.requires_grad)
    return (moved / frozen) ** 0.5
