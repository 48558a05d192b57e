r"""Inpainting: draw one part of a picture anew and keep the rest.

x0_hat = known where the mask says so, the model's estimate elsewhere
RePaint  after each step from t to s, go back up to t by the forward process and step again
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Noise
from pedesis.guidance.base import Guided
from pedesis.process import Process, Time
from pedesis.samplers.base import Denoise, Level, Sampler, Step


class InpaintingDenoiser(Guided):
    """A denoiser that knows part of the picture.

    Under a stochastic sampler the known part of x_t follows exactly q(x_s | x_t, known) on its way down.

    Args:
        known: (B, ...) or broadcastable. mask: boolean, true where `known` is to be kept.
    """

    def __init__(self, inner: Denoiser, known: Tensor, mask: Tensor):
        super().__init__(inner)
        if mask.dtype != torch.bool:
            raise ValueError(f"the mask must be boolean, true where pixels are known; got {mask.dtype}")
        self.known, self.mask = known, mask

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        inside: Prediction = self.inner(x_t, t, condition)
        mask, known = self.mask.to(x_t.device), self.known.to(x_t)
        return self.prediction(x_t, t, torch.where(mask, known, inside.x0), variance=inside.variance)


class RePaint(Sampler):
    """A sampler with resampling (Lugmayr et al. 2022): every step is taken `repeats` times, with new noise in between.

    A single pass lets the known part speak to the unknown only through later steps; going back up lets both agree.
    Memory of multistep samplers is not carried over.
    """

    def __init__(self, inner: Sampler, repeats: int = 5):
        if repeats < 1:
            raise ValueError(f"every step is taken at least once; got repeats = {repeats}")
        self.inner, self.repeats = inner, repeats
        self.name, self.evaluations = inner.name, inner.evaluations * repeats

    @property
    def stochastic(self) -> bool:
        return self.inner.stochastic or self.repeats > 1

    def ending_in_mean(self) -> RePaint:
        return RePaint(self.inner.ending_in_mean(), self.repeats)

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        for _ in range(self.repeats - 1):
            x_s = self.inner.step(process, now, s, denoise, noise, ())
            x = process.transition(x_s, s.t, now.level.t).sample(noise)
            now = Step(now.index, now.level, x, denoise(x, now.level.t))
        return self.inner.step(process, now, s, denoise, noise, ())


def repaint(
    sampler: Sampler,
    denoiser: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    repeats: int = 5,
    condition: Condition = None,
) -> Tensor:
    """The end of a walk with resampling, see `RePaint`."""
    return RePaint(sampler, repeats).sample(denoiser, x, times, condition, noise)
