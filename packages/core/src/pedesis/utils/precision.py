"""Which arithmetic the network runs in: decided here and nowhere else.

bf16 halves the cost of a convolution where the hardware multiplies it natively (CUDA, Intel AMX, AVX-512
BF16); elsewhere it would be slower, and float32 is used. A network whose weights are float64, float16 or bfloat16
runs in their type, and a caller's own autocast changes nothing. Only the network runs in this precision: noise
levels, the state of a sampler, losses and weight averages are float32 or better.

    PEDESIS_PRECISION=auto|float32|bfloat16     environment variable, read at every call; auto is the rule above
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

import torch
from torch import nn

SWITCH = "PEDESIS_PRECISION"
POLICIES = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}

_full: ContextVar[bool] = ContextVar("full_precision", default=False)


def compute_dtype(device_type: str) -> torch.dtype:
    """The type of the network's arithmetic on this kind of device: torch.bfloat16 or torch.float32.

    Raises:
        ValueError: the environment variable PEDESIS_PRECISION holds none of `POLICIES`.
    """
    wanted = os.environ.get(SWITCH, "auto")
    if wanted not in POLICIES:
        raise ValueError(f"{SWITCH} must be one of {', '.join(POLICIES)}; got {wanted!r}")
    return POLICIES[wanted] or _fastest(device_type)


@cache
def _fastest(device_type: str) -> torch.dtype:
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device_type == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        native = any(capabilities.get(feature, False) for feature in ("amx_bf16", "avx512_bf16"))
        held_back = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")  # by ATEN_CPU_CAPABILITY
        return torch.bfloat16 if native and not held_back else torch.float32
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
