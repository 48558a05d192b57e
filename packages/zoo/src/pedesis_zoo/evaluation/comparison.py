"""Pictures of your own, measured: those of a folder or what a model draws, against a data set or another folder.

    distances, precision, recall    in the features of a frozen model that knows such pictures, or not at all
    nearest pictures                in gray levels, which need no features: is anything copied?

A distance in features that were made for other pictures is a number without a meaning, so none is given then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pedesis.guidance.classifiers import AttributeClassifier, CleanClassifier
from pedesis.utils.images import Pixels
from pedesis.utils.registry import shown
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.data.folder import load_folder
from pedesis_zoo.data.load import known_sets, pictures
from pedesis_zoo.evaluation import images as evaluation
from pedesis_zoo.evaluation import prompts
from pedesis_zoo.evaluation.metrics import (
    Estimate,
    average,
    bootstrap,
    features_of,
    frechet_distance,
    kernel_distance,
    nearest_distance,
    nearest_other,
    precision_recall,
)
from pedesis_zoo.models.loading import ImageModel, load_any, loaded

Features = Callable[[Pixels], Tensor]
"""uint8 (N, H, W, C) -> (N, F)."""

Shape = tuple[int, int, int]
LEAST = 10
"""Fewer pictures than this are not compared."""

EXTRACTORS = {**evaluation.FEATURE_EXTRACTORS, **{name: f"{name}-attribute-classifier" for name in COMPOSED}}
"""The frozen model whose features are right for a data set: it was trained on it."""


@dataclass(frozen=True)
class Comparison:
    """Numbers with their intervals, by name; and in a sentence in whose features they are, or why in none."""

    results: dict[str, Estimate]
    features: str

    def __getitem__(self, name: str) -> Estimate:
        return self.results[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __str__(self) -> str:
        return "\n".join([*evaluation.lines(self.results), self.features])

    __repr__ = __str__


def compare(
    these: str | Path | Pixels,
    against: str | Path | Pixels,
    features: str | Features | None = None,
    *,
    size: int = 32,
    number: int = 10_000,
) -> Comparison:
    """How like other pictures some pictures are.

    Args:
        these: a folder, or uint8 (N, H, W, C).
        against: the same, or the name of a data set (a folder of that name is "./NAME").
        features: the name of a frozen model of the zoo, or a function of your own; by default the one that was trained
            on the data set, and none for other pictures.
        size: the side to which both folders are resized; beside a data set or an array, its own. number: at most.

    Raises:
        ValueError: fewer than 10 pictures, other sizes, or a model that has no features for them.
    """
    shape = next((each.shape[1:] for each in (against, these) if isinstance(each, np.ndarray)), None)
    channels_first = None if shape is None else (shape[-1], *shape[:2])
    known, usual = pixels_of(against, channels_first, size, number)
    found, _ = pixels_of(these, (known.shape[-1], known.shape[1], known.shape[2]), size, number)
    return compared(found, known, usual if features is None else features)


def evaluate(
    model: ImageModel | str | Path,
    against: str | Path | Pixels | None = None,
    features: str | Features | None = None,
    *,
    number: int = 2000,
    first_seed: int = 10_000,
    **settings: Any,
) -> Comparison | dict[str, Estimate]:
    """Measure a model: what its card says of it, or, with `against`, how like those pictures its own are (`compare`).

    In several processes (`pedesis.utils.launch.ranks`) pictures and features are shared out; each must call this.

    Args:
        number: how many pictures are drawn, over all classes in turn.
        settings: see `pedesis_zoo.generation.sampling.Settings`.
    """
    if against is None:
        return evaluation.evaluate(model, number, first_seed, settings)[1]
    model = loaded(model)
    known, usual = pixels_of(against, model.shape, model.shape[1], 10_000)
    generated, _ = evaluation.draw(model, number, first_seed, **settings)
    return compared(generated, known, usual if features is None else features)


def pixels_of(source: str | Path | Pixels, shape: Shape | None, size: int, number: int) -> tuple[Pixels, str | None]:
    """Pictures uint8 (N, H, W, C) of a data set, a folder or an array; and the model that is right for the data set.

    Args:
        shape: (C, H, W) that they must have; folders are brought to it.
    """
    if isinstance(source, np.ndarray):
        pixels, extractor = np.asarray(source), None
        if pixels.dtype != np.uint8 or pixels.ndim != 4:
            raise ValueError(f"pictures are uint8 (N, H, W, C); got {pixels.dtype} {pixels.shape}")
    elif isinstance(source, str) and source in known_sets():
        pixels, extractor = pictures(source, "test", number), EXTRACTORS.get(source)
    elif isinstance(source, str | Path):
        pixels, extractor = load_folder(source, shape[1] if shape else size).pixels, None
        pixels = pixels if shape is None else with_channels(pixels, shape[0])
    else:
        known = ", ".join(known_sets())
        raise ValueError(f"pictures are a folder, a data set ({known}) or an array; got {shown(source)}")
    if len(pixels) < LEAST:
        raise ValueError(f"at least {LEAST} pictures are needed to compare; got {len(pixels)}")
    if shape is not None and pixels.shape[1:] != (*shape[1:], shape[0]):
        raise ValueError(f"pictures of {(*shape[1:], shape[0])} cannot be compared with those of {pixels.shape[1:]}")
    return pixels[:number], extractor


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """The same pictures in gray (1) or in color (3)."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    return np.stack([np.asarray(Image.fromarray(picture).convert("L")) for picture in pixels])[..., None]


def extractor(name: str, shape: tuple[int, ...]) -> Features:
    """The features of a frozen model of the zoo, or of a weight file. Raises ValueError if it has none for a shape."""
    module, about, _ = load_any(name)
    if not isinstance(module, CleanClassifier | AttributeClassifier):
        raise ValueError(f"{name!r} is a model of kind {about['kind']!r}, which gives no features: {_offered()}")
    channels, height, width = about["data"]["shape"]
    if (height, width, channels) != shape:
        raise ValueError(f"{name!r} knows pictures of {(height, width, channels)}, not of {shape}")
    if isinstance(module, AttributeClassifier):
        return partial(prompts.features, module)
    return lambda pixels: features_of(module, pixels)[0]


def compared(these: Pixels, known: Pixels, features: str | Features | None) -> Comparison:
    """`compare`, of arrays of one shape."""
    if features is None:
        note = f"no frozen model here knows such pictures, so there is no distance in features: {_offered()}"
        return Comparison(nearness(these, known), note)
    if isinstance(features, str):
        look, note = extractor(features, these.shape[1:]), f"in the features of {features}"
    else:
        look, note = features, "in features of your own"
    fake, real = look(these), look(known)
    results = {"Frechet distance": bootstrap(lambda rows: frechet_distance(real, rows), fake, rounds=40)}
    results["Frechet distance of one half of the reference to the other"] = Estimate.exact(
        frechet_distance(real[::2], real[1::2])
    )
    results["kernel distance"] = bootstrap(lambda rows: kernel_distance(real, rows), fake, rounds=40)
    results["precision"], results["recall"] = map(average, precision_recall(real, fake))
    return Comparison(results | nearness(these, known), note)


def nearness(these: Pixels, known: Pixels) -> dict[str, Estimate]:
    """How far pictures are from the nearest reference picture, beside how far those are from each other.

    Distances are root mean squares over a picture's numbers, in gray levels; copies are far nearer.
    """
    flat, others = (torch.as_tensor(pixels.reshape(len(pixels), -1)).float() for pixels in (these, known))
    near, apart = nearest_distance(flat, others).double(), nearest_other(others).double()
    close = (near < apart.quantile(0.01)).double()
    return {
        "gray levels to the nearest reference picture, median": bootstrap(lambda rows: float(rows.median()), near),
        "the same from one reference picture to another": Estimate.exact(float(apart.median())),
        "share nearer than the nearest 1 % of reference pictures": average(close),
    }


def _offered() -> str:
    return f"name one that is right for them (features: {', '.join(EXTRACTORS.values())}), or give a function"
