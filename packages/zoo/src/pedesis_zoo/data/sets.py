"""The data sets of the zoo, as arrays in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedesis.images import Pixels
from pedesis.registry import UnknownName


@dataclass(frozen=True)
class ImageSet:
    """Labelled pictures.

    Attributes:
        pixels: uint8 (N, H, W, C), 0..255. labels: int64 (N,), an index into `classes`.
        licence: of the data, and where it is stated.
    """

    name: str
    pixels: Pixels
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    licence: str


Loader = Callable[[str, str | Path | None, bool], ImageSet]
DATASETS: dict[str, Loader] = {}
SPLITS = ("train", "test")


def register(name: str) -> Callable[[Loader], Loader]:
    """Decorator: make a loader (split, root, download) -> ImageSet known as `name`."""

    def add(loader: Loader) -> Loader:
        DATASETS[name] = loader
        return loader

    return add


def load_data(name: str, split: str = "train", root: str | Path | None = None, download: bool = False) -> ImageSet:
    """Load a data set by name.

    Args:
        split: "train" or "test".
        root: where to look first (see `pedesis_zoo.data.search`).
        download: fetch what is missing into the cache.

    Raises:
        UnknownName: no such data set or split. DataNotFound: not on this machine.
    """
    from pedesis_zoo.data import digits, fashion_mnist  # noqa: F401  (they register themselves)

    if name not in DATASETS:
        raise UnknownName("data set", name, DATASETS)
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    return DATASETS[name](split, root, download)
