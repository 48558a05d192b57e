"""Which arithmetic the network runs in: decided here and nowhere else.

bf16 halves the cost of a convolution where the hardware multiplies it natively (CUDA, Intel AMX, AVX-512
BF16); elsewhere it would be slower, and float32 is used. A network whose weights are float64, float16 or bfloat16
runs in their type, and a caller's own autocast changes nothing. Only the network runs in this precision: noise
levels, the state of a sampler, losses and weight averages are float32 or better.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

import torch
from torch import nn

_full: ContextVar[bool] = ContextVar("full_precision", default=False)


@cache
def compute_dtype(device_type: str) -> torch.dtype:
    """The type of the network's arithmetic on this kind of device: torch.bfloat16 or torch.float32."""
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device_type == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        fast = any(capabilities.get(feature, False) for feature in ("amx_bf16", "avx512_bf16"))
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


def autocast(device: torch.device, weights: torch.dtype = torch.float32) -> AbstractContextManager[object]:
    """Context in which a network runs in `compute_dtype`, or, with weights of another type than float32, in theirs."""
    dtype = compute_dtype(device.type)
    if _full.get() or dtype == torch.float32 or weights != torch.float32:
        return plain(device)
    return torch.autocast(device.type, dtype)


def plain(device: torch.device) -> AbstractContextManager[object]:
    """Context in which a caller's own autocast is switched off: what is computed does not depend on who asks."""
    available = torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


def weights_of(network: nn.Module, otherwise: torch.dtype) -> torch.dtype:
    """The floating type of a network's weights; `otherwise` if it has none."""
    return next((weight.dtype for weight in network.parameters() if weight.is_floating_point()), otherwise)


def at_least_single(dtype: torch.dtype) -> torch.dtype:
    """`dtype`, or float32 for shorter types: what noise levels, states and losses are computed in."""
    return torch.promote_types(dtype, torch.float32)


@contextmanager
def full_precision() -> Iterator[None]:
    """Context in which every network runs in float32, to compare machines."""
    token = _full.set(True)
    try:
        yield
    finally:
        _full.reset(token)
