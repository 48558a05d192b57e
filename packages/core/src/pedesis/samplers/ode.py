r"""The probability-flow ODE, in the one variable in which every frame looks the same:

    y = x / alpha,   r = sigma / alpha = exp(-log_snr/2),       dy/dr = eps_hat

DDIM is Euler's method on it, Heun adds a correction, and DPM-Solver++ integrates the linear part exactly in
h = (log_snr_s - log_snr_t)/2:   x_s = (sigma_s/sigma_t) x_t - alpha_s expm1(-h) D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.gaussian import Gaussian, Noise
from pedesis.process import Process
from pedesis.samplers.base import SAMPLERS, Denoise, GaussianSampler, Level, Sampler, Step, half_step


@SAMPLERS.register("heun")
class Heun(Sampler):
    """Heun's second-order method (Karras et al. 2022, algorithm 1): two evaluations a step.

    The step to clean data (r = 0) is Euler's, since eps_hat does not exist there.
    """

    evaluations = 2

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        y = now.x_t / now.level.alpha
        change = s.ratio - now.level.ratio
        first = s.alpha * (y + change * now.said.eps)
        if s.ratio == 0:
            return now.said.x0
        return s.alpha * (y + change * (now.said.eps + denoise(first, s.t).eps) / 2)


@SAMPLERS.register("dpm++2m")
class DPMSolver2M(GaussianSampler):
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): second order for one evaluation a step.

    D = x0_hat + (x0_hat - x0_hat_before) h / (2 h_before); the first step, and one to clean data, are first order.
    """

    memory = 1

    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        h = half_step(now.level, s)
        x0 = now.said.x0
        if before and math.isfinite(h):
            previous = before[-1]
            x0 = x0 + (x0 - previous.said.x0) * (h / (2 * half_step(previous.level, now.level)))
        mean = (s.sigma / now.level.sigma) * now.x_t - s.alpha * math.expm1(-h) * x0
        return Gaussian(mean, torch.zeros((), dtype=mean.dtype, device=mean.device))
