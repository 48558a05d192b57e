r"""Multistep solvers: higher order from what the denoiser said before, at one evaluation a step.

    x_s = (sigma_s/sigma_t) x_t + alpha_s int_0^h e^(tau - h) x0_hat(tau) dtau,    h = (log_snr_s - log_snr_t)/2

is the probability flow, exactly (Lu et al. 2022, equation 8). Each solver here lets a polynomial through the estimates
of its last steps stand for x0_hat(tau): an exponential Adams method. To clean data (h = inf) it is x0_hat itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pedesis.gaussian import Gaussian, Noise
from pedesis.process import Process
from pedesis.samplers.base import SAMPLERS, Denoise, GaussianSampler, Level, Sampler, Step, half_step


def weights(nodes: Sequence[float], h: float) -> list[float]:
    """w_i of sum 1 with int_0^1 e^(h(u-1)) P(u) du / int_0^1 e^(h(u-1)) du = sum_i w_i P(node_i), P through all nodes.

    The moments of u under that weight obey m_0 = 1, m_k = 1/(1 - e^-h) - (k/h) m_(k-1). Two nodes use m_1 = 1/2
    instead, as DPM-Solver++(2M) does, and UniPC with B(h) = e^h - 1: the same order, and bounded in h.

    Args:
        nodes: distinct, in units of h: 0 is the start of the step, 1 its end, negative before. h: of any sign, not 0.
    """
    moments = [1.0]
    for k in range(1, len(nodes)):
        moments.append(-1 / math.expm1(-h) - k / h * moments[-1])
    if len(nodes) == 2:
        moments[1] = 0.5
    solved: list[float] = np.linalg.solve(np.vander(nodes, increasing=True).T, moments).tolist()
    return solved


def estimate(steps: Sequence[Step], start: Level, end: Level) -> Tensor:
    """The one x_0 that stands for the polynomial through the estimates of `steps`, on the way from start to end."""
    if end.sigma == 0:
        return steps[-1].predicted.x0
    h = half_step(start, end)
    shares = weights([half_step(start, step.level) / h for step in steps], h)
    terms = [share * step.predicted.x0 for share, step in zip(shares, steps, strict=True)]
    return sum(terms[1:], terms[0])


class Multistep(Sampler):
    """The exponential Adams-Bashforth method on as many steps as there are, up to `memory` + 1."""

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        if now.level.sigma == 0:
            return s.alpha / now.level.alpha * now.x_t
        x0 = estimate([*before, now], now.level, s)
        return (s.sigma / now.level.sigma) * now.x_t - s.alpha * math.expm1(-half_step(now.level, s)) * x0


@SAMPLERS.register("dpm++2m")
class DPMSolver2M(Multistep):
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): second order.

    D = x0_hat + (x0_hat - x0_hat_before) h / (2 h_before) in place of x0_hat; the first step is first order.
    """

    memory = 1


@SAMPLERS.register("dpm++3m")
class DPMSolver3M(Multistep):
    """DPM-Solver++(3M): third order, by the parabola through three estimates; the first two steps are of lower order.

    The weight of the second difference is twice that of the authors' program, with which the method is second order.
    """

    memory = 2


@SAMPLERS.register("unipc")
class UniPC(Multistep):
    """UniPC (Zhao et al. 2023): a multistep prediction, corrected by what the denoiser then says at its end.

    The correction needs no evaluation of its own: prediction and correction differ in the polynomial alone, so
    x_t moves by alpha_t (1 - e^-h) (D_corrected - D_predicted) once its estimate is known. Order + 1 is observed.

    Args:
        order: how many estimates the prediction uses, 1 to 3.
    """

    def __init__(self, order: int = 2):
        if order not in (1, 2, 3):
            raise ValueError(f"the order of UniPC must be 1, 2 or 3; got {order}")
        self.order = self.memory = order

    def config(self) -> dict[str, Any]:
        return {"order": self.order}

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        x_t = now.x_t
        if before:
            last = before[-1].level
            change = estimate([*before, now], last, now.level) - estimate(before, last, now.level)
            x_t = x_t - now.level.alpha * math.expm1(-half_step(last, now.level)) * change
        corrected = Step(now.index, now.level, x_t, now.prediction)
        return super().step(process, corrected, s, denoise, noise, [*before, now][-self.order : -1])


@SAMPLERS.register("dpm++2m-sde")
class DPMSolver2MSDE(GaussianSampler):
    """SDE-DPM-Solver++(2M) (Lu et al. 2022): ancestral sampling with the extrapolated estimate of DPM-Solver++(2M)."""

    memory = 1

    @property
    def stochastic(self) -> bool:
        return True

    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        return process.posterior(now.x_t, estimate([*before, now], now.level, s), s.t, now.level.t)
