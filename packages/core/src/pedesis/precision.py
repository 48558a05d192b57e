"""Which arithmetic the network runs in: decided here and nowhere else.

bf16 halves the cost of a convolution where the hardware multiplies it natively (CUDA, Intel AMX, AVX-512
BF16); elsewhere it would be slower, and float32 is used. Only the network runs in this precision: noise
levels, the state of a sampler, losses and weight averages are float32 or better.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch


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


def autocast(device: torch.device, enabled: bool = True) -> AbstractContextManager[object]:
    """Context in which a network runs in `compute_dtype`; does nothing where that is float32."""
    dtype = compute_dtype(device.type)
    if not enabled or dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)
