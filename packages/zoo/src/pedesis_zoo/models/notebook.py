"""How models, moments and pictures show themselves where a notebook, or a prompt, prints them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from pedesis.utils.images import Pixels, make_grid, resize_nearest, to_image

SHOWN = 112
"""About how many screen pixels wide a picture is shown."""


class Pictures(np.ndarray):
    """Pixels (B, H, W, C), or one (H, W, C), that notebooks show as pictures; an array in every other way."""

    def _repr_png_(self) -> bytes | None:
        """PNG for notebooks; None, and so the numbers, for an array that is no picture any more."""
        if self.dtype != np.uint8 or self.ndim not in (3, 4) or self.shape[-1] not in (1, 3) or not self.size:
            return None
        return png(np.asarray(self if self.ndim == 4 else self[None]))


def png(pixels: Pixels, columns: int | None = None) -> bytes:
    """A sheet of pictures (B, H, W, C), enlarged by whole pixels, as the bytes of a PNG."""
    file = io.BytesIO()
    to_image(make_grid(resize_nearest(pixels, max(1, SHOWN // pixels.shape[2])), columns)).save(file, format="PNG")
    return file.getvalue()


def lines(title: str, facts: Mapping[str, Any]) -> str:
    """A title, and a line for each fact."""
    return "\n".join([title, *(f"  {key:<12}{value}" for key, value in facts.items())])
