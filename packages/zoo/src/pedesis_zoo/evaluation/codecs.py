"""What lossless codecs need for the same pictures, in bits per dimension: the yardstick of a likelihood.

    one mosaic     8 * bytes of all pictures in one big picture / numbers in it
    each alone     8 * mean(bytes of a picture - bytes of an empty one) / numbers in it

The smaller counts: a mosaic shares one header and one set of statistics, and neighbors help each other little.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from tqdm import tqdm

from pedesis.utils.images import Pixels, make_grid, to_image
from pedesis_zoo.data.load import pictures
from pedesis_zoo.evaluation.metrics import Estimate

CODECS: dict[str, dict[str, Any]] = {
    "PNG": {"format": "PNG", "optimize": True},
    "WebP, lossless": {"format": "WEBP", "lossless": True, "quality": 100, "method": 6},
    "JPEG XL, lossless": {"format": "JXL", "lossless": True, "effort": 9},
}
"""Each codec at its most thorough, as Pillow takes it. JPEG XL comes with the package pillow-jxl-plugin."""


def size(picture: Pixels, codec: str) -> int:
    """Bytes of a picture (H, W, C) in a codec. Raises ValueError if Pillow does not know the codec."""
    if codec.startswith("JPEG XL"):
        try:
            import pillow_jxl  # noqa: F401  (it registers itself)
        except ImportError:
            raise ValueError("JPEG XL needs the package pillow-jxl-plugin: pip install pillow-jxl-plugin") from None
    file = io.BytesIO()
    to_image(picture).save(file, **CODECS[codec])
    return len(file.getvalue())


def codec_bits(pixels: Pixels, codec: str) -> tuple[float, float]:
    """Bits per dimension of pictures (N, H, W, C) as one mosaic, and each alone."""
    mosaic = make_grid(pixels, math.isqrt(len(pixels)), gap=0)
    empty = size(np.zeros_like(pixels[0]), codec)
    alone = [size(picture, codec) - empty for picture in tqdm(pixels, desc=codec, leave=False, disable=None)]
    return 8 * size(mosaic, codec) / mosaic.size, 8 * sum(alone) / pixels.size


def evaluate_codecs(data: str, number: int = 10_000) -> dict[str, Estimate]:
    """The bits per dimension that every codec needs for the first test pictures of a set."""
    pixels = pictures(data, "test", math.isqrt(number) ** 2)  # a full square
    return {f"bits per dimension, {codec}": Estimate.exact(min(codec_bits(pixels, codec))) for codec in CODECS}
