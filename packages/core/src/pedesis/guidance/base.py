"""What every guidance rule shares: it is a denoiser made from another, and its scale is a number of at least 0."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.process import Time


class Guided(Denoiser):
    """A denoiser made from another, `inner`, under the same process. Write `predict`, or only `x0`."""

    def __init__(self, inner: Denoiser):
        super().__init__(inner.process)
        self.inner = inner

    def toward(self, log_snr: float | Tensor) -> Denoiser:
        inner = self.inner.toward(log_snr)
        if inner is self.inner:
            return self
        twin = copy.copy(self)
        twin._modules = {**self._modules, "inner": inner}  # a copy shares them with the original
        return twin

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.predict(x_t, t, condition).x0

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        return self.inner.variance(x_t, t, condition)


def checked_scale(scale: float | Tensor) -> Tensor:
    """A guidance scale as float64. Raises ValueError unless it is finite and at least 0."""
    checked = torch.as_tensor(scale, dtype=torch.float64)
    if not bool(torch.isfinite(checked).all()) or bool((checked < 0).any()):
        raise ValueError(f"the guidance scale must be a finite number, at least 0; got {scale}")
    return checked


def predict_batched(inner: Denoiser, x_t: Tensor, t: Time, conditions: Sequence[Condition]) -> list[Prediction]:
    """The predictions under several conditions, computed as one batch: all of them are tensors, or all are None."""
    count = len(conditions)
    rows = x_t.repeat(count, *[1] * (x_t.ndim - 1))
    times = t.repeat(count) if isinstance(t, Tensor) and t.ndim == 1 else t
    predicted: Prediction = inner(rows, times, torch.cat([c for c in conditions if c is not None]))
    return predicted.chunk(count)
