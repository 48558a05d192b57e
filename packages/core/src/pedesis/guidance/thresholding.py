r"""Thresholds: keep the estimate of x_0 where data can be.

static     x0 <- clamp(x0, -limit, limit)
dynamic    x0 <- clamp(x0, -s, s) limit / s,    s = max(limit, a high quantile of |x0|)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance.base import Guided
from pedesis.process import Time, broadcast


class StaticThresholding(Guided):
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

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        inside: Prediction = self.inner(x_t, t, condition)
        return self.prediction(x_t, t, self.clip(inside.x0), variance=inside.variance)


class DynamicThresholding(StaticThresholding):
    """Dynamic threshold (Saharia et al. 2022, Imagen): scale each image so that its `quantile` fits the limit.

    With s = max(limit, quantile of |x0|), at most `largest`, x0 becomes clamp(x0, -s, s) * limit / s.
    """

    def __init__(self, inner: Denoiser, limit: float = 1.0, quantile: float = 0.995, largest: float = math.inf):
        super().__init__(inner, limit)
        self.quantile, self.largest = quantile, largest

    def clip(self, x0: Tensor) -> Tensor:
        size = torch.quantile(x0.abs().flatten(1), self.quantile, dim=1).clamp(self.limit, self.largest)
        size = broadcast(size, x0)
        return x0.clamp(-size, size) * (self.limit / size)
