"""The data sets of the zoo, as arrays in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pedesis.training import ArrayBatches, Batches
from pedesis.utils.images import Pixels

ZOO, OWN = "zoo", "own"
"""Where data come from, as a weight file records it: only the zoo's are known by their name."""
FOLDER_LICENSE = "your own pictures"
"""What a folder has in place of a license."""


class TrainingData(Protocol):
    """What `train` needs of data, wherever they come from.

    Attributes:
        shape: of one piece of data. classes: names, empty if there are none. license: and where it is stated.
        source: ZOO or OWN. fingerprint: sha256 of the content; empty for sets without end.
        network: what a network must be told of the data, as arguments.
    """

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def license(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def network(self) -> dict[str, Any]: ...
    def batches(self, batch: int, seed: int, device: str) -> Batches: ...


@dataclass(frozen=True)
class ImageSet:
    """Labeled pictures.

    Attributes:
        pixels: uint8 (N, H, W, C), 0..255. labels: int64 (N,), an index into `classes`.
        license: of the data, and where it is stated.
    """

    name: str
    pixels: Pixels
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    license: str
    source: str = OWN

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of pixels, labels and classes."""
        return fingerprint(self.pixels, self.labels, self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of one picture."""
        _, height, width, channels = self.pixels.shape
        return channels, height, width

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of a network for these pictures."""
        return {"channels": self.pixels.shape[-1], "classes": len(self.classes)}

    def batches(self, batch: int, seed: int, device: str) -> Batches:
        """Shuffled batches."""
        labels = torch.as_tensor(self.labels) if self.classes else None
        return ArrayBatches(self.pixels, labels, batch, seed, device)


@dataclass(frozen=True)
class PointSet:
    """Labeled points: float64 (N, D), and int64 (N,)."""

    name: str
    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    license: str
    source: str = OWN

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of points, labels and classes."""
        return fingerprint(self.points, self.labels, self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return self.points.shape[1:]

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of a network for these points."""
        return {"features": self.points.shape[1], "classes": len(self.classes)}

    def batches(self, batch: int, seed: int, device: str) -> Batches:
        """Shuffled batches, float32."""
        labels = torch.as_tensor(self.labels) if self.classes else None
        return ArrayBatches(torch.as_tensor(self.points).float(), labels, batch, seed, device)


@dataclass(frozen=True)
class CaptionedSet:
    """An endless set of pictures with captions.

    Attributes:
        shape: (C, H, W). vocabulary: every word of the captions. length: of the longest, in words.
        draw: (batch, seed, device) -> batches of pictures and tokens.
    """

    name: str
    shape: tuple[int, ...]
    vocabulary: tuple[str, ...]
    length: int
    license: str
    draw: Callable[[int, int, str], Batches]
    classes: tuple[str, ...] = ()
    source: str = OWN
    fingerprint: str = ""

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of a network for these pictures."""
        return {"channels": self.shape[0], "text": {"vocabulary": self.vocabulary, "length": self.length}}

    def batches(self, batch: int, seed: int, device: str) -> Batches:
        """Endless batches, never the same twice."""
        return self.draw(batch, seed, device)


@dataclass(frozen=True)
class AttributeSet:
    """An endless set of pictures with several labels each.

    Attributes:
        shape: (C, H, W). attributes: (kind, its values in words) for each label; value 0 is none.
        draw: (batch, seed, device) -> batches of pictures and labels (B, K), -1 where hidden.
    """

    name: str
    shape: tuple[int, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    license: str
    draw: Callable[[int, int, str], Batches]
    classes: tuple[str, ...] = ()
    source: str = OWN
    fingerprint: str = ""

    @property
    def network(self) -> dict[str, Any]:
        """Arguments of a network for these pictures: one logit per value."""
        return {"channels": self.shape[0], "classes": sum(len(values) for _, values in self.attributes)}

    def batches(self, batch: int, seed: int, device: str) -> Batches:
        """Endless batches, never the same twice."""
        return self.draw(batch, seed, device)


def fingerprint(values: NDArray[Any], labels: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    """sha256 of labeled data: type, shape and bytes of the values, the labels, the names of the classes."""
    total = hashlib.sha256(repr((values.dtype.str, values.shape, classes)).encode())
    for part in (values, labels):
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()


Loader = Callable[[str, str | Path | None, bool], ImageSet]
DATASETS: dict[str, Loader] = {}
SPLITS = ("train", "test")


def register(name: str) -> Callable[[Loader], Loader]:
    """Decorator: make a loader (split, root, download) -> ImageSet known as `name`."""

    def add(loader: Loader) -> Loader:
        DATASETS[name] = loader
        return loader

    return add
