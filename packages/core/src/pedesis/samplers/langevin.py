r"""Samplers that follow the score with noise: Langevin dynamics, and steps of an SDE corrected by it.

    Langevin     x <- x + h score + sqrt(2 h) z
    reverse SDE  dx = (f x - g^2 score) dt + g dW,    run downwards in t

Annealed Langevin dynamics walks down the noise levels and makes a few Langevin steps at each; a predictor-corrector
does the same after a step of any other sampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pedesis.gaussian import Gaussian, Noise
from pedesis.process import Process, broadcast
from pedesis.samplers.ancestral import DDIM, Ancestral
from pedesis.samplers.base import SAMPLERS, Denoise, GaussianSampler, Level, Sampler, Step
from pedesis.utils.device import to_device


def langevin_step(x: Tensor, score: Tensor, size: float | Tensor, noise: Noise) -> Tensor:
    """[N7] One step of unadjusted Langevin dynamics, whose stationary law approaches exp of the score's potential.

    Formula: x \\leftarrow x + h\\,\\nabla\\log q(x) + \\sqrt{2h}\\,z,\\quad z\\sim\\mathcal N(0,I)
    Source: 001, "Enhancements" (score-based models); Song and Ermon 2019, algorithm 1
    """
    size = to_device(torch.as_tensor(size, dtype=x.dtype), x.device)
    return x + size * score + (2 * size).sqrt() * noise(x)


@SAMPLERS.register("pc")
class PredictorCorrector(Sampler):
    """Ancestral steps, each followed by Langevin steps at the level reached (Song et al. 2021, algorithm 1).

    Args:
        corrections: Langevin steps after each prediction. share: their size h = share sigma^2.
    """

    def __init__(self, corrections: int = 1, share: float = 0.1):
        if corrections < 0 or not 0 < share < 2:
            raise ValueError(f"corrections must be at least 0 and 0 < share < 2; got {corrections} and {share}")
        self.corrections, self.share = corrections, share
        self.evaluations = 1 + corrections

    def config(self) -> dict[str, Any]:
        return {"corrections": self.corrections, "share": self.share}

    @property
    def stochastic(self) -> bool:
        return True

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        x = self.predict(process, now, s, denoise, noise, before)
        if s.t == 0:
            return x
        for _ in range(self.corrections):
            x = langevin_step(x, denoise(x, s.t).score, self.share * s.sigma**2, noise)
        return x

    def predict(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        """The step that is then corrected."""
        return Ancestral().step(process, now, s, denoise, noise, before)


@SAMPLERS.register("langevin")
class AnnealedLangevin(PredictorCorrector):
    """Annealed Langevin dynamics: rescale to the next level, then Langevin steps only (Song and Ermon 2019).

    Rescaling leaves the noise of the level before, which the Langevin steps must wear off: it wants many evaluations.
    """

    def __init__(self, corrections: int = 10, share: float = 0.2):
        super().__init__(corrections, share)

    def predict(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        if s.t == 0:
            return DDIM().step(process, now, s, denoise, noise, before)
        return now.x_t * (s.alpha / now.level.alpha)


@SAMPLERS.register("euler-maruyama")
class EulerMaruyama(GaussianSampler):
    """Euler-Maruyama on the reverse SDE (Song et al. 2021), in y = x / alpha and r = sigma / alpha.

    dy = -(dr^2/dt) score dt + sqrt(dr^2/dt) dW backwards, so y_s = y_t + (r_t^2 - r_s^2) score + sqrt(r_t^2 - r_s^2) z
    with score = -eps_hat / r_t; the step to clean data is x0_hat. All the noise of a step is added at its end, so it
    wants a hundred steps and more; ancestral sampling solves the same equation with its linear part exact.
    """

    @property
    def stochastic(self) -> bool:
        return True

    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        variance = s.alpha**2 * (now.level.ratio**2 - s.ratio**2)
        drift = (s.ratio**2 - now.level.ratio**2) / now.level.ratio
        mean = s.alpha * (now.x_t / now.level.alpha + drift * now.predicted.eps)
        if s.ratio == 0:
            mean, variance = now.predicted.x0, 0.0
        return Gaussian(mean, broadcast(torch.tensor(variance, dtype=torch.float64), mean))


def stationary_variance(share: float) -> float:
    """The variance that Langevin steps of size h settle at on N(0, 1): 1/(1 - h/2), for 0 < h < 2."""
    if not 0 < share < 2:
        raise ValueError(f"Langevin steps on N(0, 1) are stable for 0 < h < 2; got {share}")
    return 1 / (1 - share / 2)
