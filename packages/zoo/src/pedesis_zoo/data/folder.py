"""Your own pictures: a folder of image files; its subfolders, if there are any, are the classes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pedesis_zoo.data.sets import ImageSet

SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
OWN = "your own pictures"
LARGEST = 64_000_000  # pixels; larger files are refused before they are decoded


def read_picture(path: Path, size: int, largest: int = LARGEST) -> tuple[np.ndarray | None, str]:
    """One picture as uint8 (size, size, 3), or None and why not.

    The first frame of an animation, turned as its EXIF says, 16 bits of grey scaled to 8, transparency laid on
    white, grey made RGB, cut to the central square, resized (Lanczos; enlarged by whole pixels if it is smaller).
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > largest:
                return None, f"has {image.width}x{image.height} pixels, more than {largest:,}"
            image.seek(0)
            if image.mode in ("I", "F") and image.format != "PNG":
                return None, "has 32 bits a pixel, and does not say which value is white; save it with 8 or 16"
            upright = _of_eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return None, f"cannot be read as a picture ({type(error).__name__})"
    flat = Image.new("RGBA", upright.size, "white")
    flat.alpha_composite(upright)
    side = min(flat.size)
    if side < 4:
        return None, f"is {flat.width}x{flat.height} pixels, smaller than 4"
    method = Image.Resampling.LANCZOS if side > size else Image.Resampling.NEAREST
    return np.asarray(ImageOps.fit(flat.convert("RGB"), (size, size), method)), ""


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits (which PNG files may also open as "I") scaled to 8; every other one as it is."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64) / 257).round().astype(np.uint8))


def load_folder(folder: str | Path, size: int) -> ImageSet:
    """Read every picture below `folder`, resized to size x size.

    Pictures that cannot be used are named on standard error, one sentence each, and left out. If every picture
    is grey, the set has one channel.

    Raises:
        ValueError: the folder does not exist, or holds no usable picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; --data needs a folder of pictures")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    pictures, places = [], []
    for path in paths:
        picture, trouble = read_picture(path, size)
        if picture is None:
            print(f"left out: {path} {trouble}", file=sys.stderr)
        else:
            pictures.append(picture)
            places.append(path.parent.relative_to(folder).as_posix())
    if not pictures:
        raise ValueError(
            f"{folder} holds no picture that can be used ({len(paths)} tried); put {', '.join(sorted(SUFFIXES))} "
            "files in it, in subfolders if they have classes"
        )
    names = sorted(set(places))
    pixels = np.stack(pictures)
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    labels = np.array([names.index(place) for place in places], dtype=np.int64)
    classes = () if names == ["."] else tuple(name if name != "." else "other" for name in names)
    return ImageSet(folder.resolve().name, pixels, labels, classes, OWN)
