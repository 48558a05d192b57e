r"""The forward process on a picture: one jump with the diffusion kernel, or many small steps of the chain.

    q(x_t | x_0)     = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)      one jump
    q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I)              one small step

Any number of small steps from 0 to t has the law of the one jump. Pictures go in as uint8 (H, W, C); noisy
ones come out as float32 in the same layout, data in [-1, 1], noise beyond.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.lessons.schedules import Values, level, process
from pedesis.utils.images import Pixels, to_model, to_pixels
from pedesis.utils.noise import gaussian_noise

Noisy = NDArray[np.float32]


def jump(picture: Pixels, schedule: str, t: float, seed: int = 0) -> Noisy:
    """x_t drawn from q(x_t | x_0) at once, (H, W, C)."""
    x_t: Noisy = film(picture, schedule, [t], seed)[0]
    return x_t


def film(picture: Pixels, schedule: str, times: Sequence[float], seed: int = 0) -> Noisy:
    """x_t for several times with one and the same eps, (N, H, W, C): a path from picture to noise."""
    x = to_model(picture[None])
    eps = gaussian_noise(seed)(x)
    t = torch.as_tensor(times, dtype=torch.float64)
    kernel = process(schedule).marginal(x.expand(len(t), -1, -1, -1), t)
    return _array(kernel.sample(lambda like: eps.expand_as(like)))


def walk(picture: Pixels, schedule: str, t: float, steps: int, seed: int = 0) -> Noisy:
    """x_t reached from the picture by `steps` equal steps of the chain, fresh noise in each, (H, W, C).

    Raises:
        ValueError: fewer than one step, or t outside (0, 1].
    """
    if steps < 1:
        raise ValueError(f"a walk needs at least 1 step; got {steps}")
    if not 0 < t <= 1:
        raise ValueError(f"a walk ends at a t in (0, 1]; got {t}")
    chain, noise = process(schedule), gaussian_noise(seed)
    x = to_model(picture[None])
    if level(schedule, 0).noise > 0:  # a schedule that starts with a little noise
        x = chain.marginal(x, 0).sample(noise)
    times = torch.linspace(0, t, steps + 1, dtype=torch.float64)
    for s, later in itertools.pairwise(times):
        x = chain.transition(x, s, later).sample(noise)
    x_t: Noisy = _array(x)[0]
    return x_t


def remains(picture: Pixels, alpha_bar: float, seed: int = 0) -> Noisy:
    """What a chain that ends at `alpha_bar` makes of a picture, (H, W, C).

    Raises:
        ValueError: alpha_bar outside [0, 1].
    """
    if not 0 <= alpha_bar <= 1:
        raise ValueError(f"alpha_bar must lie in [0, 1]; got {alpha_bar}")
    last = Gaussian(alpha_bar**0.5 * to_model(picture[None]), torch.tensor(1 - alpha_bar))
    x_t: Noisy = _array(last.sample(gaussian_noise(seed)))[0]
    return x_t


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of all numbers of a picture, and of the noise that was put on it."""

    mean: float
    std: float
    noise_mean: float
    noise_std: float


def added(x_t: Noisy, picture: Pixels, schedule: str, t: float) -> Values:
    """The noise in x_t, (x_t - sqrt(alpha_bar_t) x_0) / sqrt(1 - alpha_bar_t): standard normal by either way.

    Raises:
        ValueError: at a t without noise (t = 0 of most schedules).
    """
    kernel = _kernel(picture, schedule, t)
    if float(kernel.var) == 0:
        raise ValueError(f"no noise has been added at t = {t}, so none can be measured")
    noisy = rearrange(torch.as_tensor(x_t, dtype=torch.float64), "h w c -> 1 c h w")
    eps: Values = _array((noisy - kernel.mean) / kernel.var.sqrt())[0]
    return eps


def moments(x_t: Noisy, picture: Pixels, schedule: str, t: float) -> Moments:
    """What is measured on a noisy picture."""
    eps = added(x_t, picture, schedule, t)
    values = x_t.astype(np.float64)
    return Moments(values.mean().item(), values.std().item(), eps.mean().item(), eps.std().item())


def law(picture: Pixels, schedule: str, t: float) -> Moments:
    """What the diffusion kernel promises on average over the noise."""
    kernel = _kernel(picture, schedule, t)
    mean, spread = kernel.mean.mean().item(), kernel.mean.var(unbiased=False).item()
    return Moments(mean, (spread + float(kernel.var)) ** 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class Histogram:
    """Densities of measured noise on common bins, beside the standard normal density."""

    centers: Values
    measured: dict[str, Values]
    normal: Values


def histogram(samples: dict[str, Values], bins: int = 41, limit: float = 4.0) -> Histogram:
    """Histograms of several sets of standardized noise between -limit and limit."""
    edges = np.linspace(-limit, limit, bins + 1)
    centers = (edges[1:] + edges[:-1]) / 2
    measured = {name: np.histogram(eps, edges)[0] / (eps.size * np.diff(edges)) for name, eps in samples.items()}
    one = torch.as_tensor(centers)
    normal = Gaussian(torch.zeros_like(one), torch.ones_like(one)).log_prob(one).exp().numpy()
    return Histogram(centers, measured, normal)


def show(x_t: Noisy) -> Pixels:
    """(..., H, W, C) in [-1, 1] and beyond -> uint8 of the same shape, cut at black and white."""
    stack = x_t.reshape(-1, *x_t.shape[-3:])
    return to_pixels(rearrange(torch.as_tensor(stack), "n h w c -> n c h w")).reshape(x_t.shape)


def kernel_formula(schedule: str, t: float) -> str:
    """The kernel with its numbers put in, as LaTeX."""
    now = level(schedule, t)
    return rf"q(x_t\mid x_0) = \mathcal N\big({now.signal:.3f}\,x_0,\ {now.noise**2:.3f}\,I\big)"


def _kernel(picture: Pixels, schedule: str, t: float) -> Gaussian:
    return process(schedule).marginal(to_model(picture[None]).double(), t)


def _array(x: Tensor) -> NDArray[Any]:
    return np.ascontiguousarray(rearrange(x, "n c h w -> n h w c").numpy())
