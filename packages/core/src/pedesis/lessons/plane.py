"""The plane as a lattice of points, on which fields of a diffusion model in two dimensions are drawn.

A field is an array (N, N) or (N, N, 2), indexed [y, x], over the even axis of its N positions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pedesis.lessons.schedules import Values
from pedesis.theory.exact import MixtureDenoiser

EXTENT = 3.0
"""Pictures of the plane show [-EXTENT, EXTENT] along both axes: data of variance 1, and noise."""


def axis(points: int, extent: float = EXTENT) -> Values:
    """The positions along both axes, (points,)."""
    return np.linspace(-extent, extent, points)


def field(function: Callable[[Tensor], Tensor], positions: Values) -> Values:
    """A function of points (B, 2) -> (B, ...) on the lattice of an axis, (N, N, ...)."""
    side = torch.as_tensor(positions, dtype=torch.float64)
    y, x = torch.meshgrid(side, side, indexing="ij")
    values = function(torch.stack([x.flatten(), y.flatten()], 1))
    table: Values = values.reshape(len(side), len(side), *values.shape[1:]).numpy()
    return table


def density(exact: MixtureDenoiser, t: float, positions: Values, condition: int | None = None) -> Values:
    """q(x_t), or q(x_t | condition), on the lattice of an axis, (N, N)."""

    def law(x_t: Tensor) -> Tensor:
        labels = None if condition is None else torch.full((len(x_t),), condition)
        return exact.log_prob(x_t, t, labels).exp()

    return field(law, positions)
