"""Downsampled ImageNet (Chrabaszcz, Loshchilov, Hutter 2017): 1,281,167 + 50,000 pictures in color, 64x64.

Published as .npz files, "data" uint8 (N, 3 * side^2), planes of red, green and blue, and "labels" from 1 to 1000:
train_data_batch_1.npz to _10 and val_data.npz, 16 GB unpacked. `python -m pedesis_zoo prepare` reads one after the
other into a folder that is mapped; a folder of picture files will do as well.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pedesis.utils.images import Pixels
from pedesis_zoo.data.folder import natural
from pedesis_zoo.data.search import DataNotFound, folders
from pedesis_zoo.data.sets import ImageSet, register
from pedesis_zoo.data.stored import is_prepared, prepared, stored

CLASSES = tuple(str(i) for i in range(1, 1001))
"""Their numbers in the published files."""
LICENSE = "non-commercial research and education (https://www.image-net.org/download)"


@register("imagenet-64")
def imagenet_64(split: str, root: str | Path | None = None, download: bool = False) -> ImageSet:
    """What `prepare` wrote to imagenet-64/train or /test. Raises DataNotFound, which says how to get it."""
    places = folders(root, f"imagenet-64/{split}")
    folder = next((place for place in places if is_prepared(place)), None)
    if folder is None:
        looked = "\n  ".join(str(place) for place in places)
        raise DataNotFound(
            f"the {split} pictures of ImageNet-64 are not on this machine. Looked in:\n  {looked}\n"
            "Get the 64x64 .npz files from https://www.image-net.org/download-images (an account is needed), then "
            f"`python -m pedesis_zoo prepare FOLDER --size 64 --out {places[0]}`."
        )
    return prepared(folder)


def archives(folder: Path) -> list[Path]:
    """The .npz files of a folder, in natural order."""
    return sorted(folder.glob("*.npz"), key=lambda path: natural(path.name))


def read(paths: list[Path], side: int) -> ImageSet:
    """The pictures of published files, one file in memory at a time. Raises ValueError for a file that is none."""
    labels: list[np.ndarray] = []

    def pictures() -> Iterator[Pixels]:
        for path in paths:
            rows, classes = _content(path, side)
            labels.append(classes)
            yield from rows.reshape(-1, 3, side, side).transpose(0, 2, 3, 1)

    pixels = stored(pictures())
    return ImageSet(f"imagenet-{side}", pixels, np.concatenate(labels), CLASSES, LICENSE)


def _content(path: Path, side: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            rows, labels = content["data"], np.asarray(content["labels"], dtype=np.int64) - 1
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file of downsampled ImageNet ({type(error).__name__}: {error})") from None
    fitting = rows.dtype == np.uint8 and rows.shape == (len(labels), 3 * side**2)
    if not fitting or labels.min(initial=0) < 0 or labels.max(initial=0) >= len(CLASSES):
        raise ValueError(
            f'{path} is not a file of downsampled ImageNet at {side}x{side}: "data" must be uint8 (N, {3 * side**2}) '
            f'and "labels" N numbers from 1 to 1000; got {rows.dtype} {rows.shape} and {labels.shape}'
        )
    return rows, labels
