r"""k-diffusion: denoisers that are told sigma, of data that only get noisier.

    x = x_0 + sigma eps,    denoise(x, sigma) = E[x_0 | x],    x (B, ...), sigma (B,)

That is the frame "ve". In another frame the same noise level is log_snr = -2 log sigma, and x_t = alpha_t x.
Source: Karras et al. 2022, section 2; the convention is that of k-diffusion's `sample_*` functions.

    theirs = from_denoise(model, sigma_min=0.03, sigma_max=14.6)     # a denoiser, for every sampler and rule of ours
    ours = to_denoise(zoo.load("digits").denoiser)                   # ours(x, sigma), for every sampler of theirs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.denoiser import Condition, Denoiser
from pedesis.process import Process, Time
from pedesis.schedules import ElucidatedDiffusion

Denoise = Callable[..., Tensor]
"""(x (B, ...), sigma (B,), condition by a keyword if there is one) -> the estimate of x_0, of the shape of x."""


class SigmaDenoiser(Denoiser):
    """A function `denoise(x, sigma)` as a denoiser in the frame "ve"; see `from_denoise`."""

    def __init__(self, denoise: Denoise, process: Process, keyword: str = "class_cond"):
        super().__init__(process)
        self.denoise, self.keyword = denoise, keyword  # a module's weights are then ours, too

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        _, sigma, _ = self.process.scales(t, x_t)
        extra: dict[str, Any] = {} if condition is None else {self.keyword: condition}
        return self.denoise(x_t, sigma.flatten().expand(len(x_t)), **extra)


def from_denoise(
    denoise: Denoise | nn.Module,
    sigma_min: float = 0.002,
    sigma_max: float = 80.0,
    rho: float = 7.0,
    keyword: str = "class_cond",
) -> Denoiser:
    """A denoiser of ours from `denoise(x, sigma)`, under x_t = x_0 + sigma_t eps.

    Args:
        sigma_min, sigma_max, rho: sigma at t = 0 and t = 1, and how it bends between (Karras et al. 2022, equation 5).
        keyword: the argument of `denoise` that takes a condition; it is left out where there is none.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max.
    """
    return SigmaDenoiser(denoise, Process(ElucidatedDiffusion(sigma_min, sigma_max, rho), "ve"), keyword)


def to_denoise(denoiser: Denoiser) -> Denoise:
    """`denoise(x, sigma, condition=None)` of a denoiser of ours in any frame; sigma is one number or one per row.

    Its own ValueError: a sigma that is not positive, or above that of t = 1, where the denoiser knows nothing.
    """
    process = denoiser.process
    most = float((-process.log_snr(1.0) / 2).exp())

    def denoise(x: Tensor, sigma: float | Tensor, condition: Condition = None) -> Tensor:
        wanted = torch.as_tensor(sigma, dtype=torch.float64, device="cpu")
        if not bool(((wanted > 0) & (wanted <= most * (1 + 1e-5))).all()):  # float32 rounds
            raise ValueError(f"sigma lies above 0 and at most at {most:g}, where this model's noise ends; got {sigma}")
        t = process.schedule.time(-2 * wanted.log())
        x0: Tensor = denoiser(process.scales(t, x)[0] * x, t, condition).x0
        return x0

    return denoise
