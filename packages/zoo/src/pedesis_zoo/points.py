"""Points: drawing them from a model of points, and how near they come to the data.

energy distance    2 E|X - Y| - E|X - X'| - E|Y - Y'|  >= 0, and 0 only for equal laws (Szekely and Rizzo 2013)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.grids import GRIDS
from pedesis.guidance import ClassifierFree
from pedesis.noise import gaussian_noise
from pedesis.samplers import SAMPLERS
from pedesis_zoo.data.points import load_points as load_data_points
from pedesis_zoo.generation import check_unguided
from pedesis_zoo.loading import PointModel, known_data, load_points
from pedesis_zoo.metrics import Estimate

Points = NDArray[np.float64]


def sample_points(
    model: PointModel | str | Path,
    count: int = 1000,
    seed: int = 0,
    condition: int | None = None,
    *,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: str | Mapping[str, Any] | None = None,
) -> Points:
    """Draw points, float64 (count, D). What is not given is taken from the model's own settings.

    Args:
        condition: number of a class, or None for all of them. guidance: 0 unconditional, 1 plain, more is stronger.

    Raises:
        ValueError: a setting out of its range, or a class the model does not have.
    """
    model = model if isinstance(model, PointModel) else load_points(model)
    usual = model.generation
    if condition is not None and not 0 <= condition < len(model.classes):
        raise ValueError(f"{model.name!r} has {len(model.classes)} classes; there is no class {condition!r}")
    spec = usual.sampler if sampler is None else sampler
    walker = SAMPLERS.build({"name": spec} if isinstance(spec, str) else dict(spec))
    times = GRIDS.build({"name": usual.grid})(model.denoiser.process, usual.steps if steps is None else steps)
    labels = None if condition is None else torch.full((count,), condition)
    guidance = usual.guidance if guidance is None else guidance
    if not model.classes:
        check_unguided(model, guidance)
    denoiser = ClassifierFree(model.denoiser, guidance)
    noise = gaussian_noise(seed)
    start = model.denoiser.process.prior(torch.empty(count, *model.shape, dtype=model.dtype)).sample(noise)
    points: Points = walker.sample(denoiser, start, times, labels, noise).double().numpy()
    return points


def energy_distance(first: Points, second: Points) -> float:
    """The energy distance between two clouds, (N, D) and (M, D)."""
    one, two = torch.as_tensor(first), torch.as_tensor(second)

    def within(x: Tensor) -> float:
        return float(torch.cdist(x, x).sum()) / (len(x) * (len(x) - 1))

    return 2 * float(torch.cdist(one, two).mean()) - within(one) - within(two)


def evaluate_points(model: PointModel, count: int = 4000, seed: int = 10_000) -> dict[str, Estimate]:
    """The energy distance of `count` drawn points to as many fresh ones, beside that of two sets of fresh ones."""
    name = known_data(model.about)
    fresh, more = (load_data_points(name, count, s).points for s in (seed, seed + 1))
    drawn = sample_points(model, count, seed)
    return {
        "energy distance to fresh data": Estimate.exact(energy_distance(drawn, fresh)),
        "the same between two sets of fresh data": Estimate.exact(energy_distance(more, fresh)),
    }


def density_picture(points: Points, side: int = 160, extent: float = 2.4) -> NDArray[np.uint8]:
    """A cloud in the plane as a picture, uint8 (side, side, 1): dark where points are many."""
    edges = np.linspace(-extent, extent, side + 1)
    counts, _, _ = np.histogram2d(-points[:, 1], points[:, 0], bins=(edges, edges))
    shade = 1 - np.sqrt(counts / max(np.quantile(counts[counts > 0], 0.98), 1)).clip(0, 1)
    return (255 * shade).astype(np.uint8)[..., None]
