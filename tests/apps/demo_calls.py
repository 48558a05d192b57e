"""Calls of what the demo's tabs do, for tests without a page."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from generation_request import NOTHING
from PIL import Image

ASKED: dict[str, Any] = {
    "model": "digits",
    "label": "3",
    "prompt": "",
    "guidance": 2.0,
    "seed": 5,
    "number": 2,
    "sampler": "ddim",
    "steps": 4,
    "grid": "uniform",
}
EVERYWHERE = {"interval_low": -20.0, "interval_high": 20.0}
"""Guidance at all noise levels."""
GENERATE = {
    **ASKED,
    **EVERYWHERE,
    "randomize": False,
    "eta": 0.0,
    "also": NOTHING,
    "negative": NOTHING,
    "rescale": 0.0,
    "palette": False,
}
EDIT = {**ASKED, "eta": 0.0}


def last(results: Iterator[Any]) -> Any:
    *_, end = results
    return end


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
