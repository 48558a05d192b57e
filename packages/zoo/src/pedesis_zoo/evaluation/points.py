r"""How near drawn points come to the data.

energy distance    2 E|X - Y| - E|X - X'| - E|Y - Y'|  >= 0, and 0 only for equal laws (Szekely and Rizzo 2013)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis_zoo.data.points import load_points as load_data_points
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.generation.points import Points, sample_points
from pedesis_zoo.models.loading import PointModel, known_data


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
    generated = sample_points(model, count, seed)
    return {
        "energy distance to fresh data": Estimate.exact(energy_distance(generated, fresh)),
        "the same between two sets of fresh data": Estimate.exact(energy_distance(more, fresh)),
    }


def density_picture(points: Points, side: int = 160, extent: float = 2.4) -> NDArray[np.uint8]:
    """A cloud in the plane as a picture, uint8 (side, side, 1): dark where points are many."""
    edges = np.linspace(-extent, extent, side + 1)
    counts, _, _ = np.histogram2d(-points[:, 1], points[:, 0], bins=(edges, edges))
    shade = 1 - np.sqrt(counts / max(np.quantile(counts[counts > 0], 0.98), 1)).clip(0, 1)
    return (255 * shade).astype(np.uint8)[..., None]
