"""Pictures that need not fit in memory: kept in a temporary file, or prepared once and read where they lie.

    stored      pictures given one by one -> uint8 (N, H, W, C); beyond `LIMIT` bytes, a map of a temporary file
    prepare     an `ImageSet` -> a folder: pixels.npy, labels.npy, and set.json, which is written last
    prepared    such a folder -> the same `ImageSet`, whose pixels are read when they are asked for

What is mapped takes no memory of the process: the system keeps what it has room for, for all processes of a machine.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pedesis.utils.files import atomic
from pedesis.utils.images import Pixels
from pedesis_zoo.data.sets import ImageSet

LIMIT = 1 << 28
"""So many bytes of pictures are kept in memory."""

DESCRIPTION, PIXELS, LABELS = "set.json", "pixels.npy", "labels.npy"


def stored(pictures: Iterable[Pixels], limit: int | None = None) -> Pixels:
    """Pictures (H, W, C) of one shape as uint8 (N, H, W, C), an array or, beyond `limit` bytes, a read-only map.

    The temporary file lies where `tempfile` puts them ($TMPDIR), and is gone with the last use of the map.

    Raises:
        ValueError: no room for the file.
    """
    limit, held, count, file = LIMIT if limit is None else limit, list[Pixels](), 0, None
    shape: tuple[int, ...] = ()
    try:
        for picture in pictures:
            held.append(picture)
            count, shape = count + 1, picture.shape
            if len(held) * picture.nbytes > (limit if file is None else min(limit, 1 << 24)):
                file = file or tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
                np.stack(held).tofile(file)
                held.clear()
        if file is None:
            return np.stack(held) if held else np.zeros((0, 1, 1, 1), np.uint8)
        if held:
            np.stack(held).tofile(file)
        file.flush()
        return np.memmap(file, np.uint8, "r", shape=(count, *shape))
    except OSError as error:
        raise ValueError(
            f"the pictures do not fit in {tempfile.gettempdir()} ({error.strerror or error}): set TMPDIR to a folder "
            "with more room, or prepare them on another disk (python -m pedesis_zoo prepare)"
        ) from None
    finally:
        if file is not None:
            file.close()


def chosen(pixels: Pixels, rows: np.ndarray) -> Pixels:
    """Some rows of pictures, by a mask (N,); of mapped ones into another map."""
    if isinstance(pixels, np.memmap):
        return stored(pixels[i] for i in np.flatnonzero(rows))
    kept: Pixels = pixels[rows]
    return kept


def prepare(data: ImageSet, out: Path) -> None:
    """Write a set into a folder, which is made. Raises ValueError if it cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the folder {out}: {error.strerror}") from None
    (out / DESCRIPTION).unlink(missing_ok=True)  # until it is there, the folder is none of ours
    for name, array in ((PIXELS, data.pixels), (LABELS, data.labels)):
        with atomic(out / name) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    description = {"format": 1, "name": data.name, "classes": data.classes, "license": data.license}
    with atomic(out / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(description))


def is_prepared(folder: Path) -> bool:
    """Whether `prepare` has written this folder to its end."""
    return (folder / DESCRIPTION).is_file() and (folder / PIXELS).is_file()


def prepared(folder: Path) -> ImageSet:
    """A prepared set, its pixels mapped. Raises ValueError for a folder that is not as `prepare` wrote it."""
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        pixels = np.load(folder / PIXELS, mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / LABELS, allow_pickle=False)
        name, classes, license = description["name"], tuple(description["classes"]), description["license"]
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} is not whole: prepare it again ({type(error).__name__}: {error})") from None
    fitting = pixels.dtype == np.uint8 and pixels.ndim == 4 and labels.shape == pixels.shape[:1]
    if not fitting or labels.min(initial=0) < 0 or labels.max(initial=0) >= max(len(classes), 1):
        raise ValueError(
            f"{folder} is not whole: {pixels.dtype} pictures {pixels.shape}, labels {labels.shape} up to "
            f"{labels.max(initial=0)}, {len(classes)} classes; prepare it again"
        )
    return ImageSet(name, pixels, labels, classes, license)
