r"""A guidance interval: guidance only at the noise levels where it helps.

x0 = guided where low < log_snr <= high, plain elsewhere
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance.base import Guided
from pedesis.process import Time, broadcast


class GuidanceInterval(Guided):
    """Guidance only where it helps (Kynkaanniemi et al. 2024): `guided` while low < log_snr <= high, else `inner`.

    Args:
        inner: the plain conditional denoiser. guided: the one to use inside the interval.
    """

    def __init__(self, inner: Denoiser, guided: Denoiser, low: float, high: float):
        super().__init__(inner)
        if not low < high:
            raise ValueError(f"the interval of log_snr needs low < high; got {low} and {high}")
        self.guided, self.low, self.high = guided, low, high

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        log_snr = self.process.log_snr(t)
        inside = (log_snr > self.low) & (log_snr <= self.high)
        if bool(inside.all()):
            return self.guided(x_t, t, condition)  # type: ignore[no-any-return]
        if not bool(inside.any()):
            return self.inner(x_t, t, condition)  # type: ignore[no-any-return]
        plain: Prediction = self.inner(x_t, t, condition)
        chosen = torch.where(broadcast(inside, x_t) > 0, self.guided(x_t, t, condition).x0, plain.x0)
        return self.prediction(x_t, t, chosen, variance=plain.variance)
