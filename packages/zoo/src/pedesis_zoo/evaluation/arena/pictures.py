"""On a model of pictures, of the zoo or one's own: what an entry makes of the same seeds and the same evaluations.

    distance    Frechet distance to real pictures, in the features of the judge of these data, or of 8x8 thumbnails
    accuracy    share of the pictures that a judge takes for the class that was asked for

Without real pictures (a model of one's own) those stand in for them that the model itself draws in many steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pedesis.samplers import SAMPLERS
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS
from pedesis.utils.images import Pixels, to_model
from pedesis_zoo.data.load import pictures
from pedesis_zoo.evaluation import comparison
from pedesis_zoo.evaluation.arena.entries import Entry, Retimed
from pedesis_zoo.evaluation.arena.walks import Result, blamed, measured, steps_within
from pedesis_zoo.evaluation.images import (
    FEATURE_EXTRACTORS,
    count_evaluations,
    draw,
    feature_extractor_for,
    nearest_neighbor_vote,
)
from pedesis_zoo.evaluation.metrics import Estimate, features_of, frechet_distance
from pedesis_zoo.models.loading import ImageModel

FINE = 50
"""Steps in which a model draws what stands in for real pictures."""

THUMBNAIL = 8

Judge = Callable[[Pixels], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """What pictures of a model are held against.

    Attributes:
        title: what the distance is, in words. features: (N, H, W, C) -> (N, F). real: (M, F).
        judge: pictures -> classes, or None.
        floor: the distance of as many real pictures, or None.
    """

    title: str
    features: comparison.Features
    real: Tensor
    judge: Judge | None
    floor: Estimate | None

    def distance(self, drawn: Tensor) -> float:
        """The Frechet distance of features to the real ones."""
        return frechet_distance(self.real, drawn)


def thumbnails(pixels: Pixels) -> Tensor:
    """Pictures made 8x8 by averaging (smaller ones are left), as rows of numbers in [-1, 1]."""
    x = to_model(pixels)
    small = x if min(x.shape[-2:]) <= THUMBNAIL else adaptive_avg_pool2d(x, THUMBNAIL)
    return small.flatten(1)


def measure_for(model: ImageModel, against: Any, number: int, seed: int) -> Measure:
    """What the pictures of a model are held against: real ones, or its own in many steps."""
    source = against if against is not None else model.data
    if source is None:
        fine, _ = draw(model, number, seed + number, **plain(model), steps=FINE, sampler="dpm++3m", grid="log-snr")
        title = f"to {number} of its own in {FINE} steps, in {THUMBNAIL}x{THUMBNAIL} thumbnails"
        return Measure(title, thumbnails, thumbnails(fine), None, None)
    real, extractor = comparison.pixels_of(source, model.shape, model.shape[1], 10_000)
    look: comparison.Features = thumbnails
    where = f"{THUMBNAIL}x{THUMBNAIL} thumbnails"
    if extractor is not None:
        look, where = comparison.extractor(extractor, real.shape[1:]), f"the features of {extractor}"
    known, floor, judge = look(real), None, None
    if against is None:
        train = pictures(source, "train", number)
        floor = measured(lambda rows: frechet_distance(known, rows), look(train))
        judge = judge_for(source) if model.classes else None
    return Measure(f"to {len(real)} pictures of {source}, in {where}", look, known, judge, floor)


def judge_for(data: str) -> Judge:
    """Who says of which class a picture is: the zoo's classifier, or the nearest training pictures."""
    if data in FEATURE_EXTRACTORS:
        return lambda pixels: features_of(feature_extractor_for(data), pixels)[1].argmax(1).numpy()
    return lambda pixels: nearest_neighbor_vote(data, pixels)


def plain(model: ImageModel) -> dict[str, Any]:
    """The guidance of pictures that are compared: none, or what a distilled model knows."""
    low, high = model.generation.scales
    return {"guidance": min(max(1.0, low), high)}


def contest(
    entry: Entry, model: ImageModel, measure: Measure, budget: int, scale: float | None, number: int, seed: int
) -> Result | None:
    """One entry, with one model, within one number of evaluations; None if not a single step fits."""
    usual, process = model.generation, model.denoiser.process
    sampler, grid, settings = SAMPLERS.of(usual.sampler), TIMESTEP_SPACINGS.of(usual.grid), plain(model)
    if entry.kind == "sampler":
        sampler = entry.thing
    elif entry.kind == "guidance":
        settings = {"around": lambda denoiser: entry.thing(denoiser, scale)}
    else:
        grid = Retimed(entry.thing) if entry.kind == "schedule" else entry.thing
    with blamed(entry, f"on {model.name} with {budget} evaluations"):
        steps = steps_within(sampler, grid, process, budget // (2 if entry.kind == "guidance" else 1))
        if not steps:
            return None
        with count_evaluations(model, number) as evaluations:
            pixels, wanted = draw(model, number, seed, **settings, steps=steps, sampler=sampler, grid=grid)
    found = measure.features(pixels)
    accuracy = None if measure.judge is None else float((measure.judge(pixels) == wanted).mean())
    return Result(
        entry, model.name, budget, steps, evaluations(), found, measure.distance, scale, accuracy=accuracy
    )  # fmt: skip


def guided(model: ImageModel) -> bool:
    """Whether guidance rules can be compared on a model."""
    return model.conditional and not model.denoiser.guided


__all__ = ["Measure", "contest", "guided", "measure_for"]
