r"""Editing with a trained model: fill a hole, start from a picture, move between two noises.

inpainting     x0_hat = known where the mask says so, the model's estimate elsewhere
RePaint        after each step from t to s, go back up to t by the forward process and step again
from a picture x_t ~ q(x_t | picture), then sample from t down
interpolation  slerp(eps_1, eps_2): between two normal noises along the sphere they lie near
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Noise, sum_per_sample
from pedesis.guidance import Guided
from pedesis.process import Process, Time, broadcast
from pedesis.samplers.base import Sampler


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

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return torch.where(self.mask, self.known, self.inner.x0(x_t, t, condition))

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        inside: Prediction = self.inner(x_t, t, condition)
        return self.prediction(x_t, t, torch.where(self.mask, self.known, inside.x0), variance=inside.variance)


def repaint(
    sampler: Sampler,
    denoiser: Denoiser,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    repeats: int = 5,
    condition: Condition = None,
) -> Tensor:
    """Sample with resampling (Lugmayr et al. 2022): every step is taken `repeats` times, with new noise in between.

    A single pass lets the known part speak to the unknown only through later steps; going back up lets both agree.
    Memory of multistep samplers is not carried over.
    """
    if repeats < 1:
        raise ValueError(f"every step is taken at least once; got repeats = {repeats}")
    for t, s in pairwise(times):
        for again in range(repeats):
            x_s = sampler.sample(denoiser, x, torch.stack([t, s]), condition, noise)
            if again < repeats - 1:
                x = denoiser.process.transition(x_s, s, t).sample(noise)
        x = x_s
    return x


def start_from(
    process: Process, picture: Tensor, times: Tensor, strength: float, noise: Noise
) -> tuple[Tensor, Tensor]:
    """Image-to-image (Meng et al. 2022, SDEdit): noise a picture part of the way, and the times that remain.

    Args:
        strength: 0 (nothing changes) < strength <= 1 (only noise is left): where on the list of times to start.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie above 0 and at most at 1; got {strength}")
    steps = max(1, round(strength * (len(times) - 1)))
    remaining = times[-(steps + 1) :]
    return process.marginal(picture, float(remaining[0])).sample(noise), remaining


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
