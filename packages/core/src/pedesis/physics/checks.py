"""What the physics modules share: the array type, and the refusal of impossible quantities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def positive(**quantities: ArrayLike) -> None:
    """Raise ValueError unless every named quantity (number or array) is positive and finite."""
    for name, value in quantities.items():
        array = np.asarray(value)
        if not np.all(np.isfinite(array) & (array > 0)):
            raise ValueError(f"{name} must be positive and finite; got {array}")


def non_negative(**quantities: ArrayLike) -> None:
    """Raise ValueError unless every named quantity (number or array) is at least 0 and finite."""
    for name, value in quantities.items():
        array = np.asarray(value)
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise ValueError(f"{name} must be at least 0 and finite; got {array}")


def whole(at_least: int, **quantities: int) -> None:
    """Raise ValueError unless every named quantity is an integer, `at_least` or more."""
    for name, value in quantities.items():
        if not isinstance(value, int | np.integer) or value < at_least:
            raise ValueError(f"{name} must be a whole number, {at_least} or more; got {value!r}")


def time_steps(times: ArrayLike, backwards: bool = False) -> Array:
    """The differences of a grid of times (steps + 1,): all positive, or with `backwards` all of one sign."""
    grid = np.asarray(times, dtype=np.float64)
    if grid.ndim != 1 or len(grid) < 2:
        raise ValueError(f"times must be a 1-D grid of two or more; got shape {grid.shape}")
    steps: Array = np.diff(grid)
    if not (np.isfinite(grid).all() and ((steps > 0).all() or (backwards and (steps < 0).all()))):
        raise ValueError(f"times must be finite and strictly {'monotonic' if backwards else 'increasing'}; got {grid}")
    return steps
