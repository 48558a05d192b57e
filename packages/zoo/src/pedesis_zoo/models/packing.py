r"""Weights in 8 bits: each output channel of a large matrix or kernel has a scale of its own.

    w ~ s q,   s = max |w| / 127 over the channel, float16, at least 2^-14,   q = round(w / s) in -127..127, int8

A number is half a step s off at most, and what the rounding of s adds; 2^-14 is where float16 begins to lose digits.
Biases, embeddings and small kernels stay as they are: they are few numbers, and every picture passes through them.
Packing what was unpacked gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

LARGE = 2**14
"""How many numbers a matrix or kernel must have to be packed: below, the bytes saved are too few to matter."""

SCALE = ":scale"
"""What follows the name of a packed tensor in the name of its scales."""

LEVELS = 127


def packable(model: nn.Module) -> set[str]:
    """Names of the matrices and kernels of a model that are large; embeddings are looked up and never multiplied."""
    embeddings = {f"{name}.weight" for name, part in model.named_modules() if isinstance(part, nn.Embedding)}
    large = {name for name, value in model.state_dict().items() if value.ndim >= 2 and value.numel() >= LARGE}
    return large - embeddings


def pack(value: Tensor) -> tuple[Tensor, Tensor]:
    """int8 like `value` (O, ...), and its float16 scales (O,)."""
    rows = value.float().flatten(1)
    scale = (rows.abs().amax(1) / LEVELS).clamp(min=torch.finfo(torch.float16).smallest_normal).half()
    levels = (rows / scale.float()[:, None]).round().clamp(-LEVELS, LEVELS)
    return levels.to(torch.int8).reshape(value.shape), scale


def rounded(model: nn.Module) -> None:
    """Give a model, in place, the weights that it will have when it is loaded from a packed file."""
    state = model.state_dict()
    for name in packable(model):
        levels, scale = pack(state[name])
        state[name].copy_(unpacked({name: levels, name + SCALE: scale})[name])


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file in float32, packed ones times their scales."""
    whole = {name: value.float() for name, value in tensors.items() if not name.endswith(SCALE)}
    for name, value in whole.items():
        if name + SCALE in tensors:
            whole[name] = value * tensors[name + SCALE].float().reshape(-1, *[1] * (value.ndim - 1))
    return whole
