r"""Diagonal Gaussians, the only distributions a diffusion model is made of.

N(x; mu, v) = prod_i (2 pi v_i)^(-1/2) exp(-(x_i - mu_i)^2 / (2 v_i))

KL(N(m1, v1) || N(m2, v2)) = 1/2 sum_i [ log(v2/v1) - 1 + v1/v2 + (m2 - m1)^2 / v2 ]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Noise = Callable[[Tensor], Tensor]
"""Gives standard normal numbers of the shape, type and device of its argument."""


def sum_per_sample(values: Tensor) -> Tensor:
    """Sum over every axis but the first (the batch): (B, ...) -> (B,)."""
    return values.flatten(1).sum(1) if values.ndim > 1 else values


@dataclass(frozen=True)
class Gaussian:
    """N(mean, var) with independent elements; the first axis is the batch.

    `var` broadcasts against `mean`, so one number per image, or one for all, is enough.
    """

    mean: Tensor
    var: Tensor

    def sample(self, noise: Noise) -> Tensor:
        """mean + sqrt(var) * eps, with eps ~ N(0, I) drawn by `noise`."""
        return self.mean + self.var.sqrt() * noise(self.mean)

    def log_prob(self, x: Tensor) -> Tensor:
        """log N(x; mean, var) in nats, summed over all but the batch axis: (B,)."""
        var = self.var.expand_as(self.mean)
        return sum_per_sample(-0.5 * ((x - self.mean) ** 2 / var + var.log() + math.log(2 * math.pi)))

    def kl(self, other: Gaussian) -> Tensor:
        """[L6] KL(self || other) >= 0 in nats, summed over all but the batch axis: (B,).

        Formula: \\tfrac12\\big[\\log\\tfrac{|S_2|}{|S_1|} - d + \\mathrm{tr}(S_2^{-1}S_1)
            + (m_2-m_1)^T S_2^{-1}(m_2-m_1)\\big]
        Source: 001, "Denoising matching term", footnote 8
        """
        var, other_var = torch.broadcast_tensors(self.var, other.var)
        var, other_var = var.expand_as(self.mean), other_var.expand_as(self.mean)
        ratio = var / other_var
        return sum_per_sample(0.5 * (ratio - 1 - ratio.log() + (other.mean - self.mean) ** 2 / other_var))
