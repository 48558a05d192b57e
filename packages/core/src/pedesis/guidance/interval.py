r"""A guidance interval: guidance only at the noise levels where it helps.

prediction = guided where low < log_snr <= high, plain elsewhere     (x0 and eps: in CFG++ they differ)
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
        guided: Prediction = self.guided(x_t, t, condition)
        rows = broadcast(inside, x_t) > 0
        x0, eps = torch.where(rows, guided.x0, plain.x0), torch.where(rows, guided.eps, plain.eps)
        return self.prediction(x_t, t, x0, eps, variance=plain.variance)
