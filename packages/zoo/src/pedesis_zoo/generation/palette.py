r"""A palette: pixel art has few colors, and finished pictures may keep to them.

pixel <- argmin_c |pixel - c|,      c among the colors of the composed pictures that the model learned from
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from pedesis.utils.images import Pixels
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.models.loading import ImageModel, zoo_data


def has_palette(model: ImageModel) -> bool:
    """Whether a model's data are composed of pixel art."""
    return zoo_data(model.about) in COMPOSED


def palette_of(model: ImageModel) -> Pixels:
    """The colors of a model's data, uint8 (P, C).

    Raises:
        ValueError: data that are not composed of pixel art, which have no palette.
    """
    data = zoo_data(model.about)
    if data not in COMPOSED:
        having = " and ".join(COMPOSED)
        raise ValueError(f"{model.name!r} has no palette to keep to: only models of pixel art have one ({having})")
    return COMPOSED[data].source().palette


def quantize(pixels: Pixels, palette: Pixels) -> Pixels:
    """Pixels uint8 (..., C), each replaced by the nearest (Euclidean) of the colors (P, C)."""
    _, nearest = cKDTree(palette.astype(np.float64)).query(pixels.reshape(-1, palette.shape[1]))
    return np.ascontiguousarray(palette[nearest].reshape(pixels.shape))
