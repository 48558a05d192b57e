r"""Data whose denoiser is known: one Gaussian N(m, s^2) in every element, in every frame x_t = alpha x_0 + sigma eps.

    E[x_0 | x_t] = m + alpha s^2 / (alpha^2 s^2 + sigma^2) (x_t - alpha m)

What a network should answer follows from it, and so does how wrong the best answer is on average: the errors of x_0,
eps and v are one number times -1, alpha / sigma and (alpha^2 + sigma^2) / sigma.

    E (x_0 - E[x_0 | x_t])^2 = s^2 sigma^2 / (alpha^2 s^2 + sigma^2)
    E (eps - E[eps | x_t])^2 = s^2 alpha^2 / (alpha^2 s^2 + sigma^2)
    E (v   - E[v   | x_t])^2 = s^2         / (alpha^2 s^2 + sigma^2)        where alpha^2 + sigma^2 = 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass
class GaussianData:
    """N(mean, std^2), and what of it is known. Levels alpha >= 0, sigma > 0 are numbers, or tensors beside x_t."""

    mean: float = 0.5
    std: float = 0.5

    def x0(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """E[x_0 | x_t], of the shape of x_t."""
        gain: Any = alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2)
        x0: Tensor = self.mean + gain * (x_t - alpha * self.mean)
        return x0

    def eps(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """E[eps | x_t] = (x_t - alpha x0_hat) / sigma."""
        eps: Tensor = (x_t - alpha * self.x0(x_t, alpha, sigma)) / sigma
        return eps

    def v(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """alpha eps - sigma x_0, where alpha^2 + sigma^2 = 1."""
        x0 = self.x0(x_t, alpha, sigma)
        v: Tensor = alpha * (x_t - alpha * x0) / sigma - sigma * x0
        return v

    def least(self, prediction: str, alpha: Any, sigma: Any) -> Any:
        """The mean squared error of the best prediction of "x0", "eps" or "v"."""
        share = {"x0": sigma**2, "eps": alpha**2, "v": 1.0}[prediction]
        return self.std**2 * share / (alpha**2 * self.std**2 + sigma**2)

    def silent(self, prediction: str, alpha: Any, sigma: Any) -> Any:
        """The mean squared error of a network that answers 0: the mean square of what it should have said."""
        square = self.mean**2 + self.std**2
        return {"x0": square + 0 * alpha, "eps": 1.0 + 0 * alpha, "v": alpha**2 + sigma**2 * square}[prediction]
