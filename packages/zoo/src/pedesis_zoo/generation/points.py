"""Points in the plane out of a model of points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.samplers import SAMPLERS, Sampler
from pedesis.samplers.timesteps import timesteps
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.registry import Choice, UnknownArgument
from pedesis_zoo.generation.sampling import MOST_STEPS, check_unguided
from pedesis_zoo.models.arguments import number, plain, whole
from pedesis_zoo.models.loading import PointModel, class_number, load_points

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
    times = timesteps(model.denoiser.process, steps, usual.grid)
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
