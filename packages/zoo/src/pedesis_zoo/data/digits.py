"""Optical digits (Alpaydin, Kaynak 1998): 1,797 gray pictures, 8x8, 17 levels, bundled with scikit-learn (BSD)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pedesis_zoo.data.search import DataNotFound
from pedesis_zoo.data.sets import ImageSet, register


@register("digits")
def digits(split: str, root: str | Path | None = None, download: bool = False) -> ImageSet:
    """Every fifth picture is for testing; levels 0..16 become 0..255. Raises DataNotFound without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataNotFound(
            "the digits come with scikit-learn, which is not installed: pip install 'pedesis-zoo[digits]'"
        ) from None
    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    chosen = (np.arange(len(labels)) % 5 == 4) == (split == "test")
    return ImageSet("digits", pixels[chosen], labels[chosen], tuple("0123456789"), "BSD-3-Clause (scikit-learn)")
