r"""The notes' own samplers: ancestral DDPM, and DDIM.

    ancestral   x_s ~ p_theta(x_s | x_t)
    DDIM        x_s ~ N( alpha_s x0_hat + sqrt(sigma_s^2 - v) eps_hat,  v ),   v = eta^2 var_q(s, t)

eta = 1 is ancestral sampling with the posterior variance; eta = 0 is deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from pedesis.gaussian import Gaussian
from pedesis.process import Process, broadcast
from pedesis.samplers.base import SAMPLERS, Denoise, GaussianSampler, Level, Step
from pedesis.theory.reverse import VARIANCE_RULES, VarianceRule, reverse_kernel


@SAMPLERS.register("ddpm")
class Ancestral(GaussianSampler):
    """[O16] Algorithm 2 of DDPM: draw each x_s from p_theta(x_s | x_t), but the step to clean data is its mean.

    Formula: x_{t-1} = \\mu_\\theta(x_t,t) + \\sigma_t z,\\quad z\\sim\\mathcal N(0,I)
        \\text{ if } t > 1,\\text{ else } z = 0
    Source: 003, Algorithm 2 (figure); 002, "Sampling from the diffusion"; Ho et al. 2020

    Where Var[x_0 | x_t] is known ("optimal") the last step draws from p(x_0 | x_t), which keeps the law of continuous
    data whatever the number of steps. Pictures are shown as the mean all the same: see `ending_in_mean`.

    Args:
        variance: "posterior", "beta" or "optimal" (see `pedesis.theory.reverse`).
    """

    def __init__(self, variance: str | VarianceRule = "posterior"):
        self.rule = VARIANCE_RULES.of(variance)
        self.draws_data = not self.rule.assumed

    def config(self) -> dict[str, Any]:
        return {"variance": self.rule.name}

    @property
    def stochastic(self) -> bool:
        return True

    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        return reverse_kernel(process, now.predicted, s.t, now.level.t, self.rule)


@SAMPLERS.register("ddim")
class DDIM(GaussianSampler):
    """[N2] Denoising diffusion implicit models (Song, Meng, Ermon 2021).

    Formula: x_{t-1} = \\sqrt{\\bar\\alpha_{t-1}}\\,\\hat x_0
        + \\sqrt{1-\\bar\\alpha_{t-1}-s^2}\\,\\hat\\epsilon + s z,\\quad s = \\eta\\sqrt{\\tilde\\beta_t}
    Source: 001, "Enhancements"; Song, Meng, Ermon 2021, equation 12

    Args:
        eta: 0 deterministic ... 1 ancestral.
    """

    def __init__(self, eta: float = 0.0):
        if not 0 <= eta <= 1:
            raise ValueError(f"eta must lie between 0 (deterministic) and 1 (ancestral); got {eta}")
        self.eta = eta

    def config(self) -> dict[str, Any]:
        return {"eta": self.eta}

    @property
    def stochastic(self) -> bool:
        return self.eta > 0

    @property
    def jumps(self) -> bool:
        return self.eta == 0

    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        return implicit_kernel(now, s, self.eta**2 * -math.expm1(min(now.level.log_snr - s.log_snr, 0.0)))


def implicit_kernel(now: Step, s: Level, share: float) -> Gaussian:
    """[F11] The non-Markov posterior that keeps every marginal, with the estimates in place of x_0 and eps.

    Formula: q_s(x_{t-1}\\mid x_t,x_0) = \\mathcal N(\\sqrt{\\bar\\alpha_{t-1}}x_0
        + \\sqrt{1-\\bar\\alpha_{t-1}-s^2}\\,\\epsilon,\\ s^2 I)
    Source: 001, "Enhancements"; Song, Meng, Ermon 2021, equation 7

    Args:
        share: the part of sigma_s^2 that is drawn anew, 0 <= share <= 1.
    """
    predicted = now.predicted
    mean = s.alpha * predicted.x0 + s.sigma * math.sqrt(1 - share) * predicted.eps
    return Gaussian(mean, broadcast(torch.tensor(s.sigma**2 * share, dtype=torch.float64), mean))
