"""What people give, as plain Python: numbers of numpy and torch too; anything else is one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from pedesis.utils.registry import shown

MOST_PICTURES = 1_000_000


def plain(value: Any) -> Any:
    """Arrays and tensors as lists, their scalars as numbers; everything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def number(what: str, value: Any, low: float, high: float) -> float:
    """A finite number between two ends. Raises ValueError."""
    found = plain(value)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"{what} must be a finite number from {low:g} to {high:g}; got {shown(value)}")
    if not low <= found <= high:
        raise ValueError(f"{what} must lie between {low:g} and {high:g}; got {found}")
    return float(found)


def whole(what: str, value: Any, low: int, high: int) -> int:
    """A whole number between two ends. Raises ValueError."""
    found = plain(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"{what} must be a whole number from {low} to {high}; got {shown(value)}")
    if not low <= found <= high:
        raise ValueError(f"{what} must lie between {low} and {high}; got {found}")
    return found


def flag(what: str, value: Any) -> bool:
    """True or False, of numpy and torch too. Raises ValueError."""
    found = plain(value)
    if not isinstance(found, bool):
        raise ValueError(f"{what} must be True or False; got {shown(value)}")
    return found


def several(what: str, values: Any) -> list[Any]:
    """The items of a list, a tuple, an array, a tensor, a range or a generator. Raises ValueError."""
    found = plain(values)
    if not isinstance(found, Iterable) or isinstance(found, str | bytes | Mapping | set | frozenset):
        raise ValueError(f"{what}; got {shown(values)}")
    items = list(islice(found, MOST_PICTURES + 1))
    if len(items) > MOST_PICTURES:
        raise ValueError(f"{what}, {MOST_PICTURES:,} at most; got more")
    return [plain(item) for item in items]


def seeds_of(seeds: Any) -> list[int]:
    """One whole number per picture. Raises ValueError."""
    found = several("seeds are whole numbers, one per picture, such as [5] or range(5)", seeds)
    if not found:
        raise ValueError("no seeds were given; give one per picture")
    return [whole("a seed", seed, 0, 2**63 - 1) for seed in found]


def pair(what: str, values: Any) -> tuple[float, float]:
    """(low, high), low < high, both numbers, infinite ones too. Raises ValueError."""
    found = plain(values)
    numbers = isinstance(found, list | tuple) and all(isinstance(each, int | float) for each in found)
    if not numbers or len(found) != 2 or not found[0] < found[1]:
        raise ValueError(f"{what} must be two numbers (low, high), low < high; got {shown(values)}")
    return float(found[0]), float(found[1])
