"""Which arithmetic the network runs in: decided here and nowhere else.

bf16 halves the cost of a convolution where the hardware multiplies it natively (CUDA, Intel AMX, AVX-512
BF16); elsewhere it would be slower, and float32 is used. Only the network runs in this precision: noise
levels, the state of a sampler, losses and weight averages are float32 or better.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

import torch

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


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Context in which a network runs in `compute_dtype`; does nothing where that is float32."""
    dtype = compute_dtype(device.type)
    if _full.get() or dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


@contextmanager
def full_precision() -> Iterator[None]:
    """Context in which every network runs in float32, to compare machines."""
    token = _full.set(True)
    try:
        yield
    finally:
        _full.reset(token)
