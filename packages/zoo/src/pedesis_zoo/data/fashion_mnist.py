"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 + 10,000 gray pictures of clothes, 28x28, MIT license."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedesis_zoo.data.search import DataNotFound, cache_folder, find, folders
from pedesis_zoo.data.sets import ImageSet, register

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
BELOW = "FashionMNIST/raw"  # as torchvision lays it out
SYSTEM = ("/usr/share/datasets/fashion-mnist",)  # Debian's package dataset-fashion-mnist

# sha256 of the uncompressed content
FILES = {
    "train": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    "test": {
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}


@register("fashion-mnist")
def fashion_mnist(split: str, root: str | Path | None = None, download: bool = False) -> ImageSet:
    """Read the idx files, plain or gzipped. Raises DataNotFound, or ValueError for altered content."""
    files = FILES[split]
    places = folders(root, BELOW, SYSTEM)
    folder = find([f"{name}.gz" for name in files], places) or find(files, places)
    if folder is None and download:
        folder = _download(root)
    if folder is None:
        looked = "\n  ".join(str(place) for place in places)
        raise DataNotFound(
            f"the {split} files of Fashion-MNIST are not on this machine. Looked in:\n  {looked}\n"
            "Get them with `python -m pedesis_zoo data fashion-mnist --download` (30 MB), or on Debian and Ubuntu "
            "with `apt-get install dataset-fashion-mnist`, or put the four files in one of these folders."
        )
    images, labels = (_read_idx(folder, name, digest) for name, digest in files.items())
    return ImageSet("fashion-mnist", images[..., None], labels.astype(np.int64), CLASSES, "MIT (Zalando SE)")


def _read_idx(folder: Path, name: str, sha256: str) -> NDArray[np.uint8]:
    path = folder / f"{name}.gz"
    try:
        content = gzip.decompress(path.read_bytes()) if path.is_file() else (folder / name).read_bytes()
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Remove it and get the data again.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{folder / name} is not the published file: the sha256 of its content is {found}, expected {sha256}. "
            "Remove it and get the data again."
        )
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def _download(root: str | Path | None) -> Path:
    from torchvision.datasets import FashionMNIST

    place = Path(root) if root is not None else cache_folder()
    try:
        FashionMNIST(str(place), download=True)
    except (OSError, RuntimeError) as error:
        raise DataNotFound(f"Fashion-MNIST could not be downloaded to {place}: {error}") from None
    return place / BELOW
