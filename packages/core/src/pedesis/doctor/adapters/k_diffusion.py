"""Samplers of crowsonkb/k-diffusion, and any that are called as theirs: sampler(denoise, x, sigmas).

First-order ones need no adapter: `doctor.examine(sigmas=sigmas, sample=sample_euler_ancestral, prediction="x0")` takes
them apart step by step. `walk` is for those of higher order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.convergence import Oracle, Walk


def karras(steps: int, sigma_min: float = 0.002, sigma_max: float = 30.0, rho: float = 7.0) -> Tensor:
    """The sigmas of `steps` steps and the 0 of clean data, falling, (steps + 1,) (Karras et al. 2022, equation 5)."""
    first, last = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    levels = (first + torch.linspace(0, 1, steps, dtype=torch.float64) * (last - first)) ** rho
    return torch.cat([levels, torch.zeros(1, dtype=torch.float64)])


def walk(sampler: Callable[..., Any], sigmas: Callable[[int], Tensor] = karras, **options: Any) -> Walk:
    """The sampler of `convergence` for a function (denoise, x, sigmas), as `k_diffusion.sampling.sample_dpmpp_2m`.

    Args:
        sigmas: number of steps -> their sigmas, falling. options: further arguments of the sampler.
    """

    def sample(oracle: Oracle, noise: Tensor, steps: int) -> Any:
        levels = sigmas(steps).to(noise)

        def denoise(x: Tensor, sigma: Tensor, **_: Any) -> Tensor:
            return oracle.x0(x, 1.0, torch.as_tensor(sigma).flatten()[0])

        return sampler(denoise, noise * levels[0], levels, **options)

    return sample
