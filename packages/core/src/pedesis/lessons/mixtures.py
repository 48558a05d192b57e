r"""Toy data on a line and in a plane, as mixtures of Gaussians: every law that a diffusion gives them is known.

    p(x_0) = sum_k w_k N(m_k, S_k),   mean 0 and variance 1 along every axis

so that the variance-preserving process takes them to N(0, I) without changing their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from pedesis.lessons.schedules import process
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise, generator
from pedesis.utils.registry import UnknownName

D = torch.float64


@lru_cache
def mixture(name: str) -> Mixture:
    """Toy data by name, float64. Raises UnknownName, a ValueError, for a name in neither `LINE` nor `PLANE`."""
    if name not in _MAKERS:
        raise UnknownName("mixture", name, tuple(_MAKERS))
    return _standardized(_MAKERS[name]())


@lru_cache
def denoiser(name: str, schedule: str) -> MixtureDenoiser:
    """The exact denoiser of toy data under a registered schedule."""
    return MixtureDenoiser(mixture(name), process(schedule))


def sample(name: str, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw (count, D) points of toy data and their components (count,)."""
    uniform = torch.rand(count, generator=generator(seed, 1), dtype=D)
    return mixture(name).sample(count, gaussian_noise(seed), uniform)


def _standardized(data: Mixture) -> Mixture:
    """The same shape with mean 0 and variance 1 along every axis."""
    weights = data.weights / data.weights.sum()
    middle = weights @ data.means
    scale = (weights @ (data.covs.diagonal(dim1=1, dim2=2) + (data.means - middle) ** 2)).rsqrt()
    return Mixture(weights, (data.means - middle) * scale, data.covs * scale[:, None] * scale)


def _bumps(*bumps: tuple[float, float, float]) -> Callable[[], Mixture]:
    """Gaussians on a line, each (weight, mean, standard deviation)."""
    weights, means, stds = torch.tensor(bumps, dtype=D).T
    return lambda: Mixture(weights, means[:, None], (stds**2)[:, None, None])


def _dots(points: Tensor, std: float) -> Mixture:
    """Equal round Gaussians at (K, 2) points."""
    return Mixture(torch.ones(len(points), dtype=D), points, (std**2 * torch.eye(2, dtype=D)).expand(len(points), 2, 2))


def _ring() -> Mixture:
    angle = 2 * math.pi * torch.arange(8, dtype=D) / 8
    return _dots(torch.stack([angle.cos(), angle.sin()], 1), 0.12)


def _moons() -> Mixture:
    angle = math.pi * torch.linspace(0, 1, 12, dtype=D)
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    return _dots(torch.cat([upper, torch.tensor([1.0, 0.4], dtype=D) - upper]), 0.1)


def _spiral() -> Mixture:
    angle = 3 * math.pi * torch.linspace(0.15, 1, 24, dtype=D).sqrt()
    return _dots(angle[:, None] * torch.stack([angle.cos(), angle.sin()], 1), 0.45)


def _grid() -> Mixture:
    row = torch.tensor([-1.0, 0.0, 1.0], dtype=D)
    return _dots(torch.cartesian_prod(row, row), 0.1)


_LINE = {
    "two bumps": _bumps((0.5, -1, 0.2), (0.5, 1, 0.2)),
    "three bumps": _bumps((0.3, -1.3, 0.15), (0.4, 0, 0.25), (0.3, 1.3, 0.15)),
    "uneven": _bumps((0.3, -1.4, 0.15), (0.7, 0.6, 0.35)),
    "spike on a hill": _bumps((0.7, 0, 1), (0.3, 0.8, 0.1)),
    "one Gaussian": _bumps((1, 0, 1)),
}
_PLANE: dict[str, Callable[[], Mixture]] = {"ring": _ring, "moons": _moons, "spiral": _spiral, "grid": _grid}
_MAKERS = {**_LINE, **_PLANE}

LINE = tuple(_LINE)
"""Names of data on a line."""

PLANE = tuple(_PLANE)
"""Names of data in the plane."""
