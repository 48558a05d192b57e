"""CIFAR-10 (Krizhevsky 2009): 50,000 + 10,000 pictures in color, 32x32, ten classes; its authors state no license.

The binary version: records of 1 byte, the class, and 3,072, the red, green and blue planes, row by row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pedesis_zoo.data.search import DataNotFound, find, folders
from pedesis_zoo.data.sets import ImageSet, register

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BELOW = "cifar-10-batches-bin"  # as the published archive unpacks
FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
RECORD = 1 + 3 * 32 * 32


@register("cifar-10")
def cifar_10(split: str, root: str | Path | None = None, download: bool = False) -> ImageSet:
    """Read the binary files. Raises DataNotFound, or ValueError for files that are no such records."""
    places = folders(root, BELOW)
    folder = find(FILES[split], places)
    if folder is None:
        looked = "\n  ".join(str(place) for place in places)
        raise DataNotFound(
            f"the {split} files of CIFAR-10 are not on this machine. Looked in:\n  {looked}\n"
            "Get the binary version from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it in one of them."
        )
    records = np.concatenate([_records(folder / name) for name in FILES[split]])
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    license = "none is stated (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html)"
    return ImageSet("cifar-10", np.ascontiguousarray(pixels), records[:, 0].astype(np.int64), CLASSES, license)


def _records(path: Path) -> np.ndarray:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if not len(content) or len(content) % RECORD or (records := content.reshape(-1, RECORD))[:, 0].max() > 9:
        raise ValueError(
            f"{path} is not a file of CIFAR-10's binary version: {len(content)} bytes, not records of {RECORD} that "
            "begin with a class from 0 to 9. Remove it and get the data again."
        )
    return records
