"""Points: drawing them from a model of points, and how near they come to the data.

energy distance    2 E|X - Y| - E|X - X'| - E|Y - Y'|  >= 0, and 0 only for equal laws (Szekely and Rizzo 2013)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.samplers import SAMPLERS, Sampler
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.registry import Choice, UnknownArgument
from pedesis_zoo.data.points import load_points as load_data_points
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.generation.sampling import MOST_STEPS, check_unguided
from pedesis_zoo.models.arguments import number, plain, whole
from pedesis_zoo.models.loading import PointModel, class_number, known_data, load_points

Points = NDArray[np.float64]
MOST_POINTS = 10_000_000


def sample_points(
    model: PointModel | str | Path,
    count: int = 1000,
    seed: int = 0,
    condition: str | int | None = None,
    *,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: Choice[Sampler] | None = None,
    **unknown: Any,
) -> Points:
    """Draw points, float64 (count, D). What is not given is taken from the model's own settings.

    Args:
        condition: name or number of a class; None or -1 for all of them.
        guidance: 0 unconditional, 1 plain, more is stronger.

    Raises:
        ValueError: a setting out of its range, or a class the model does not have.
    """
    model = model if isinstance(model, PointModel) else load_points(model)
    for name in unknown:
        raise UnknownArgument("setting", name, ["condition", "guidance", "steps", "sampler", "count", "seed"])
    usual, count = model.generation, whole("count", count, 1, MOST_POINTS)
    walker = SAMPLERS.of(usual.sampler if sampler is None else sampler)
    steps = whole("steps", usual.steps if steps is None else steps, 1, MOST_STEPS)
    times = TIMESTEP_SPACINGS.of(usual.grid)(model.denoiser.process, steps)
    label = plain(condition)
    labels = None if label in (None, -1) else torch.full((count,), class_number(label, model.classes))
    scale = number("guidance", usual.guidance if guidance is None else guidance, *usual.scales)
    if not model.classes:
        check_unguided(model, scale)
    denoiser = ClassifierFreeGuidance(model.denoiser, scale)
    noise = gaussian_noise(whole("seed", seed, 0, 2**63 - 1))
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
