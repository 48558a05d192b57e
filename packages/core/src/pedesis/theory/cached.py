"""A denoiser that is asked once: several questions about the same x_t, one computation.

Bounds under different variance rules, or on different grids with common noise, share all their x_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.process import Time


class CachedDenoiser(Denoiser):
    """Answers a second question about a time from memory; x_t and condition must be those of the first.

    Attributes:
        memory: what was said at each time; clear it before another batch.
    """

    def __init__(self, inner: Denoiser):
        super().__init__(inner.process)
        self.inner = inner
        self.memory: dict[float, Prediction] = {}

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.predict(x_t, t, condition).x0

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        """The first answer at this time. Raises ValueError if it was about another x_t."""
        key = float(torch.as_tensor(t, dtype=torch.float64).flatten()[0])
        if key not in self.memory:
            self.memory[key] = self.inner(x_t, t, condition)
        predicted = self.memory[key]
        if not torch.equal(predicted.x_t, x_t):
            raise ValueError(f"at t = {key:g} another x_t was asked about; clear the memory before another batch")
        return predicted
