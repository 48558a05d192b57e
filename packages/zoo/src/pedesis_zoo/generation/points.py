"""Points in the plane out of a model of points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.guidance.classifier_free import ClassifierFreeGuidance
from pedesis.samplers import SAMPLERS, Sampler
from pedesis.samplers.timesteps import timesteps
from pedesis.utils.distributed import divided
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.registry import Choice, UnknownArgument
from pedesis_zoo.generation.sampling import MOST_STEPS, check_unguided
from pedesis_zoo.models.arguments import number, plain, whole
from pedesis_zoo.models.loading import PointModel, class_number, load_points

Points = NDArray[np.float64]
MOST_POINTS = 10_000_000
BLOCK = 4096
"""How many points are computed at once; each block has a stream of noise of its own."""


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

    In several processes (`pedesis.utils.launch.ranks`) each draws some blocks of `BLOCK`, and all of them get all.

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
    asked_for = plain(condition)
    label = None if asked_for in (None, -1) else torch.tensor(class_number(asked_for, model.classes))
    scale = number("guidance", usual.guidance if guidance is None else guidance, *usual.scales)
    if not model.classes:
        check_unguided(model, scale)
    denoiser = ClassifierFreeGuidance(model.denoiser, scale)
    seed, like = whole("seed", seed, 0, 2**63 - 1), torch.empty(BLOCK, *model.shape, dtype=model.dtype)

    def drawn(rows: range) -> Tensor:
        blocks = []
        for first in range(rows.start, rows.stop, BLOCK):
            noise, block = gaussian_noise(seed, *([first // BLOCK] if first else [])), like[: rows.stop - first]
            start = model.denoiser.process.prior(block).sample(noise)
            condition = None if label is None else label.expand(len(block))
            blocks.append(walker.sample(denoiser, start, times, condition, noise).double())
        return torch.cat(blocks)

    points: Points = divided(count, drawn, multiple=BLOCK).numpy()
    return points
