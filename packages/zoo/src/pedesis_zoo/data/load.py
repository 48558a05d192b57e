"""Data sets by name: the one file that knows them all. A set itself knows only what a set is (`sets`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pedesis.utils.images import Pixels
from pedesis.utils.registry import UnknownName
from pedesis_zoo.data import captioned, cifar, digits, fashion_mnist, imagenet, points  # noqa: F401  (they register)
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.data.sets import DATASETS, SPLITS, ZOO, ImageSet, TrainingData


def known_sets() -> list[str]:
    """The names of all sets of pictures, finite and composed."""
    return [*DATASETS, *captioned.COMPOSED]


def load_data(name: str, split: str = "train", root: str | Path | None = None, download: bool = False) -> ImageSet:
    """Load a data set by name.

    Args:
        split: "train" or "test".
        root: where to look first (see `pedesis_zoo.data.search`).
        download: fetch what is missing into the cache.

    Raises:
        UnknownName: no such data set or split. DataNotFound: not on this machine.
    """
    if name not in DATASETS:
        raise UnknownName("data set", name, DATASETS)
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    return replace(DATASETS[name](split, root, download), source=ZOO)


def training_data(name: str, attributes: bool = False) -> TrainingData:
    """The data that a recipe names: a set of pictures, of points, or of pictures with captions.

    Args:
        attributes: for composed pictures, their attributes instead of captions.

    Raises:
        UnknownName: no such data. DataNotFound: not on this machine.
    """
    if name in captioned.COMPOSED:
        return captioned.with_attributes(name) if attributes else captioned.captioned(name)
    if name in points.POINTS:
        return points.load_points(name)
    return load_data(name, "train")


def pictures(name: str, split: str, number: int) -> Pixels:
    """The first pictures of a set, whether it is finite or composed, uint8 (N, H, W, C).

    Args:
        split: "train" or "test"; of composed sets, which never end, "test" is of other seeds than training's.
    """
    if name not in COMPOSED:
        return load_data(name, split).pixels[:number]
    seed = {"train": 0, "test": 1}[split]
    return COMPOSED[name].source().draw(seed, np.arange(number), "train").pixels
