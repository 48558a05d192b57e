r"""Guidance makes a new denoiser out of others; no sampler knows of it.

    classifier-free    x0 = x0_uncond + scale (x0_cond - x0_uncond)

One convention for `scale`, the notes' gamma, everywhere: 0 is unconditional, 1 plain conditional, more than 1
stronger. Some papers write w = scale - 1: see `from_w`. Because score, eps and x0 are linear in each other at
fixed x_t, the same combination holds for all three.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction, null
from pedesis.process import Time, broadcast


def from_w(w: float) -> float:
    """The scale of a paper that writes (1 + w) cond - w uncond (Ho and Salimans 2022): scale = 1 + w."""
    return 1 + w


class Guided(Denoiser):
    """A denoiser made from another, `inner`, under the same process."""

    def __init__(self, inner: Denoiser):
        super().__init__(inner.process)
        self.inner = inner

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        return self.inner.variance(x_t, t, condition)


class ClassifierFree(Guided):
    """[N11] Classifier-free guidance (Ho and Salimans 2022).

    Formula: \\nabla\\log p_\\gamma(x_t\\mid y) = \\gamma\\,\\nabla\\log p(x_t\\mid y)
        + (1-\\gamma)\\,\\nabla\\log p(x_t)
    Source: 001, "Classifier-free guidance"

    Both halves are computed as one batch; at scale 0 or 1 only the half that counts.

    Args:
        scale: gamma >= 0, one number or one per row, (B,).
    """

    def __init__(self, inner: Denoiser, scale: float | Tensor):
        super().__init__(inner)
        self.scale = torch.as_tensor(scale, dtype=torch.float64)
        if not bool(torch.isfinite(self.scale).all()) or bool((self.scale < 0).any()):
            raise ValueError(f"the guidance scale must be a finite number, at least 0; got {scale}")

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        if condition is None or bool((self.scale == 0).all()):
            return self.inner.x0(x_t, t, null(condition))
        if bool((self.scale == 1).all()):
            return self.inner.x0(x_t, t, condition)
        unconditional = null(condition)
        assert unconditional is not None
        both = self.inner.x0(x_t.repeat(2, *[1] * (x_t.ndim - 1)), twice(t), torch.cat([condition, unconditional]))
        with_condition, without = both.chunk(2)
        return without + broadcast(self.scale, x_t) * (with_condition - without)


def twice(t: Time) -> Time:
    """A time for a batch that is repeated once."""
    return torch.cat([t, t]) if isinstance(t, Tensor) and t.ndim == 1 else t


class Clipped(Guided):
    """Keep the x0 estimate inside [-limit, limit], where the data live; eps is made to agree.

    Guidance pushes estimates outside the range of the data, and a sampler believes them. The plain form is
    the static threshold.
    """

    def __init__(self, inner: Denoiser, limit: float = 1.0):
        super().__init__(inner)
        self.limit = limit

    def clip(self, x0: Tensor) -> Tensor:
        """The estimate brought back into range."""
        return x0.clamp(-self.limit, self.limit)

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.clip(self.inner.x0(x_t, t, condition))

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        inside: Prediction = self.inner(x_t, t, condition)
        return self.prediction(x_t, t, self.clip(inside.x0), variance=inside.variance)


class DynamicallyClipped(Clipped):
    """Dynamic threshold (Saharia et al. 2022, Imagen): scale each image so that its `quantile` fits the limit.

    With s = max(limit, quantile of |x0|), x0 becomes clamp(x0, -s, s) * limit / s.
    """

    def __init__(self, inner: Denoiser, limit: float = 1.0, quantile: float = 0.995):
        super().__init__(inner, limit)
        self.quantile = quantile

    def clip(self, x0: Tensor) -> Tensor:
        size = torch.quantile(x0.abs().flatten(1), self.quantile, dim=1).clamp(min=self.limit)
        size = broadcast(size, x0)
        return x0.clamp(-size, size) * (self.limit / size)
