"""Data: where they are, and pictures that are read once so that they need not fit in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def data(
    name: Annotated[str, typer.Argument(help="data set")],
    download: Annotated[bool, typer.Option(help="fetch it if it is not on this machine")] = False,
) -> None:
    """Say where a data set is, or get it."""
    from pedesis_zoo.data import load_data

    for split in ("train", "test"):
        images = load_data(name, split, download=download)
        print(f"{name} {split}: {len(images.pixels)} pictures of {images.pixels.shape[1:]}, license {images.license}")


def prepare(
    folder: Annotated[Path, typer.Argument(help="pictures, or the .npz files of downsampled ImageNet")],
    out: Annotated[Path, typer.Option(help="folder to write")],
    size: Annotated[int, typer.Option(min=4, max=256, help="side of the pictures")] = 32,
) -> None:
    """Read a folder once; `train --data OUT` then maps what was written, however large, and shares it over ranks."""
    from pedesis_zoo.data import imagenet, stored
    from pedesis_zoo.data.folder import load_folder

    if out.resolve() == folder.resolve():
        raise ValueError(f"--out {out} is the folder that is read; name another")
    archives = imagenet.archives(folder)
    found = imagenet.read(archives, size) if archives else load_folder(folder, size)
    stored.prepare(found, out)
    print(f"{len(found.pixels)} pictures of {found.pixels.shape[1:]} in {out}: train --data {out} --size {size}")
