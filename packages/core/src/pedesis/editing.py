r"""Editing with a trained model: fill a hole, start from a picture, move between two noises.

inpainting     x0_hat = known where the mask says so, the model's estimate elsewhere
RePaint        after each step from t to s, go back up to t by the forward process and step again
from a picture x_t ~ q(x_t | picture), then sample from t down
interpolation  slerp(eps_1, eps_2): between two normal noises along the sphere they lie near
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Noise, sum_per_sample
from pedesis.guidance import Guided
from pedesis.process import Process, Time, broadcast
from pedesis.samplers.base import Denoise, Level, Sampler, Step


class Inpainted(Guided):
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


class Resampled(Sampler):
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

    def ending_in_mean(self) -> Resampled:
        return Resampled(self.inner.ending_in_mean(), self.repeats)

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
    """The end of a walk with resampling, see `Resampled`."""
    return Resampled(sampler, repeats).sample(denoiser, x, times, condition, noise)


def start_from(
    process: Process, picture: Tensor, times: Tensor, strength: float, noise: Noise
) -> tuple[Tensor, Tensor]:
    """Image-to-image (Meng et al. 2022, SDEdit): noise a picture part of the way, and the times that remain.

    Args:
        strength: 0 (nothing changes) < strength <= 1 (only noise is left): where on the list of times to start.
    """
    remaining = remaining_times(times, strength)
    return process.marginal(picture, float(remaining[0])).sample(noise), remaining


def remaining_times(times: Tensor, strength: float) -> Tensor:
    """The end of a list of times: `strength` of its steps, at least one. Raises ValueError unless 0 < strength <= 1."""
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie above 0 and at most at 1; got {strength}")
    steps = max(1, round(strength * (len(times) - 1)))
    return times[-(steps + 1) :]


def slerp(first: Tensor, second: Tensor, share: float | Tensor) -> Tensor:
    """Spherical interpolation of two noises, row by row: keeps the norm that normal noise has.

    sin((1 - share) w)/sin(w) first + sin(share w)/sin(w) second, w the angle between the rows (Shoemake 1985).
    """
    norms = sum_per_sample(first**2).sqrt() * sum_per_sample(second**2).sqrt()
    angle = torch.acos((sum_per_sample(first * second) / norms).clamp(-1, 1))
    share = torch.as_tensor(share, dtype=first.dtype, device=first.device)
    small = angle.sin() < 1e-6
    left = torch.where(small, 1 - share, ((1 - share) * angle).sin() / angle.sin())
    right = torch.where(small, share, (share * angle).sin() / angle.sin())
    return broadcast(left, first) * first + broadcast(right, first) * second
