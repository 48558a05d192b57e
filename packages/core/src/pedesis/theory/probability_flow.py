r"""The probability-flow ODE, for code that follows it with a library solver.

    dx/dt = f(t) x - 1/2 g(t)^2 score(x, t)

In the variable y = x / alpha and r = sigma / alpha this is dy/dr = eps_hat, which has no singular coefficients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser


def velocity(denoiser: Denoiser, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
    """dx/dt of the probability flow at (x_t, t), 0 < t <= 1, of the shape of x_t.

    Raises:
        ValueError: where sigma = 0: the score of clean data is not a denoiser's to know.
    """
    if not float(denoiser.process.log_snr(t)) < math.inf:
        raise ValueError(f"the flow has no velocity at t = {t:g}, where sigma = 0; begin a little above")
    drift, diffusion = denoiser.process.drift(t).to(x_t), denoiser.process.diffusion(t).to(x_t)
    score: Tensor = denoiser(x_t, t, condition).score
    return drift * x_t - 0.5 * diffusion**2 * score


def divergence(field: Tensor, x: Tensor, probe: Tensor) -> Tensor:
    """Hutchinson's estimate probe^T (d field / d x) probe of the divergence of each row, (B,).

    Its mean over random probes with unit covariance is the trace; exact if summed over the unit vectors.
    """
    (product,) = torch.autograd.grad(field, x, probe, retain_graph=True)
    return (product * probe).flatten(1).sum(1)
