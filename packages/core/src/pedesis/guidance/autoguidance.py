r"""Autoguidance: away from a weaker model of the same data.

x0 = x0_weak + scale (x0_strong - x0_weak)
"""

from __future__ import annotations

from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance.base import Guided, checked_scale
from pedesis.process import Time, broadcast


class AutoGuidance(Guided):
    """Autoguidance (Karras et al. 2024): away from a weaker model of the same data.

    x0 = x0_weak + scale (x0_strong - x0_weak): scale 1 is the strong model alone.
    """

    def __init__(self, inner: Denoiser, weak: Denoiser, scale: float | Tensor):
        super().__init__(inner)
        self.weak, self.scale = weak, checked_scale(scale)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        strong: Prediction = self.inner(x_t, t, condition)
        if bool((self.scale == 1).all()):
            return strong
        weak = self.weak.x0(x_t, t, condition)
        x0 = weak + broadcast(self.scale, x_t) * (strong.x0 - weak)
        return self.prediction(x_t, t, x0, variance=strong.variance)
