"""Your own pictures: a folder of image files; its subfolders, if there are any, are the classes.

Classes are numbered in natural order: numbers in their names count as numbers, so that 2 comes before 10.
"""

from __future__ import annotations

import os
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pedesis.utils.images import Pixels
from pedesis_zoo.data.sets import FOLDER_LICENSE, ImageSet
from pedesis_zoo.data.stored import is_prepared, prepared, stored

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM")
"""What Pillow may decode, whatever a file is called, where it was built with it."""

SUFFIXES = {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
SUFFIXES |= {".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"}
LARGEST = 64_000_000  # pixels; larger files are refused before they are decoded
NEVER_CLASSES = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"}
"""Folders that systems make, beside those whose name begins with a dot."""


def read_picture(path: Path, size: int, largest: int = LARGEST) -> tuple[np.ndarray | None, str]:
    """One picture as uint8 (size, size, 3), or None and why not; no file makes it raise.

    The first frame of an animation, turned as its EXIF says, 16 bits of gray scaled to 8, transparency laid on
    white, gray made RGB, cut to the central square, resized (Lanczos; enlarged by whole pixels if it is smaller).
    """
    try:
        return _decoded(path, size, largest)
    except Exception as error:  # a damaged file can make a decoder raise anything
        return None, f"cannot be read as a picture ({type(error).__module__}.{type(error).__name__})".replace(
            "builtins.", ""
        )


def _decoded(path: Path, size: int, largest: int) -> tuple[np.ndarray | None, str]:
    with Image.open(path, formats=_formats()) as image:
        if image.width * image.height > largest:
            return None, f"has {image.width}x{image.height} pixels, more than {largest:,}"
        image.seek(0)
        if image.mode in ("I", "F") and image.format != "PNG":
            return None, "has 32 bits a pixel, and does not say which value is white; save it with 8 or 16"
        upright = _of_eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    flat = Image.new("RGBA", upright.size, "white")
    flat.alpha_composite(upright)
    side = min(flat.size)
    if side < 4:
        return None, f"is {flat.width}x{flat.height} pixels, smaller than 4"
    method = Image.Resampling.LANCZOS if side > size else Image.Resampling.NEAREST
    return np.asarray(ImageOps.fit(flat.convert("RGB"), (size, size), method)), ""


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """A gray picture of 16 bits (which PNG files may also open as "I") scaled to 8; every other one as it is."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) / 257).round().astype(np.uint8))


def natural(name: str) -> list[str | int]:
    """A key that sorts names as people do, numbers by their value: 1, 2, 10, and "a2" before "a10"."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))]


def load_folder(folder: str | Path, size: int) -> ImageSet:
    """Read every picture below `folder`, links followed, resized to size x size; or what `prepare` wrote there.

    More than `pedesis_zoo.data.stored.LIMIT` bytes of pixels are in a temporary file, not in memory.

    Classes are the subfolders that hold usable pictures, in natural order (1, 2, 10); pictures that lie beside
    subfolders are the class "other". What is not used is said on standard error: each picture that cannot be read,
    and the numbers of hidden files and of files whose suffix is none of `SUFFIXES`. If every picture is gray, the set
    has one channel.

    Raises:
        ValueError: the folder does not exist, or holds no usable picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; --data needs a folder of pictures")
    if is_prepared(folder):
        return _of_size(prepared(folder), folder, size)
    passed_over: Counter[str] = Counter()
    numbers, places, colors = dict[str, int](), array("q"), 0  # number of each class as it is met, and of each picture
    tried = 0

    def pictures() -> Iterator[Pixels]:
        nonlocal tried, colors
        for path in _picture_files(folder, passed_over, ()):
            tried += 1
            picture, trouble = read_picture(path, size)
            if picture is None:
                print(f"left out: {path} {trouble}", file=sys.stderr)
                continue
            places.append(numbers.setdefault(path.parent.relative_to(folder).as_posix(), len(numbers)))
            colors += bool((picture != picture[..., :1]).any())
            yield picture

    pixels = stored(pictures())
    if passed_over:
        skipped = ", ".join(f"{count} {what}" for what, count in sorted(passed_over.items()))
        print(f"left out: {passed_over.total()} files that are no pictures by their names: {skipped}", file=sys.stderr)
    if not len(pixels):
        raise ValueError(
            f"{folder} holds no picture that can be used ({tried} tried, {passed_over.total()} passed over); put "
            f"{', '.join(sorted(SUFFIXES))} files in it, in subfolders if they have classes"
        )
    if not colors:
        pixels = stored(picture[..., :1] for picture in pixels)
    flat = set(numbers) == {"."}
    names = ["other" if place == "." else place for place in numbers]
    classes = sorted(set(names), key=lambda name: (natural(name), name))
    labels = np.array([classes.index(name) for name in names], dtype=np.int64)[np.array(places)]
    return ImageSet(folder.resolve().name, pixels, labels, () if flat else tuple(classes), FOLDER_LICENSE)


def _of_size(data: ImageSet, folder: Path, size: int) -> ImageSet:
    if data.shape[1:] != (size, size):
        _, height, width = data.shape
        raise ValueError(f"{folder} was prepared at {height}x{width} pixels, not {size}: ask for --size {height}")
    return data


def _picture_files(folder: Path, passed_over: Counter[str], above: tuple[Path, ...]) -> Iterator[Path]:
    """The picture files below a folder, in natural order; what is passed over is counted by its kind.

    Args:
        above: the real places of the folders that led here; a link back to one of them is not followed.
    """
    here = folder.resolve()
    try:
        names = sorted(os.listdir(folder), key=lambda name: (natural(name), name))
    except OSError as error:
        print(f"left out: {folder} cannot be opened ({type(error).__name__})", file=sys.stderr)
        return
    for path in map(folder.joinpath, names):
        hidden = path.name.startswith(".") or path.name in NEVER_CLASSES
        if os.path.isdir(path):  # which never raises
            if hidden:
                passed_over[f"in {path.name}"] += sum(1 for file in path.rglob("*") if file.is_file())
            elif path.resolve() not in (*above, here):
                yield from _picture_files(path, passed_over, (*above, here))
        elif hidden:
            passed_over["hidden"] += 1
        elif path.suffix.lower() not in SUFFIXES:
            passed_over[path.suffix.lower() or "without a suffix"] += 1
        else:
            yield path
