"""Which weights a phase trains: all of them, or low-rank adapters (peft) that are merged when the phase ends.

LoRA: Hu et al. 2021, arXiv:2106.09685. Does not know about data or losses.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from exante.study import Profile

RANK = 16
ALPHA = 32


@contextlib.contextmanager
def trainable(model: PreTrainedModel, profile: Profile) -> Iterator[Callable[[], float]]:
    """Make the phase's weights trainable; yields a function that returns their relative L2 change so far."""
    if profile.method == "full":
        start = [parameter.detach().clone() for parameter in model.parameters()]
        yield lambda: _relative_change(list(model.parameters()), start)
        return
    adapted = _adapt(model)
    try:
        yield lambda: _adapter_change(model)
    finally:
        adapted.merge_and_unload()
        model.requires_grad_(True)


def _adapt(model: PreTrainedModel) -> PeftModel:
    """Adapters on every linear layer but the head, put into the model in place."""
    transposed = any(isinstance(module, Conv1D) for module in model.modules())  # GPT-2 keeps its weights as (in, out)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", fan_in_fan_out=transposed, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that transformers 6 drops
        adapted = get_peft_model(model, config)
    assert isinstance(adapted, PeftModel)
    return adapted


def merged_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself, or a merged copy while adapters are on it (merging in place would change its rounding)."""
    if not any(isinstance(module, LoraLayer) for module in model.modules()):
        return model
    merged = copy.deepcopy(model)
    _merge_layers(merged)
    return merged


def _merge_layers(model: torch.nn.Module) -> None:
    for name, child in list(model.named_children()):
        if isinstance(child, LoraLayer):
            child.merge(safe_merge=False)
            setattr(model, name, child.get_base_layer())
        else:
            _merge_layers(child)


def frozen_reference(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of the model as it stands, for KL terms."""
    reference = merged_copy(model)
    reference = copy.deepcopy(model) if reference is model else reference
    return reference.requires_grad_(False).eval()


def _relative_change(now: list[torch.nn.Parameter], start: list[torch.Tensor]) -> float:
    moved = sum(float((a.detach() - b).double().square().sum()) for a, b in zip(now, start, strict=True))
    return (moved / sum(float(b.double().square().sum()) for b in start)) ** 0.5


def _adapter_change(model: PreTrainedModel) -> float:
    """The same number for adapters: their products against all of the model's own weights."""
    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    moved = sum(float(layer.get_delta_weight("default").detach().double().square().sum()) for layer in layers)
    frozen = sum(float(p.detach().double().square().sum()) for p in model.parameters() if not p.requires_grad)
    return (moved / frozen) ** 0.5
