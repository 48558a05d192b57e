"""Toy data in the plane: five famous shapes, scaled to about unit size, from a fixed seed.

moons, swiss-roll               two half circles, a roll seen from its side
checkerboard                    uniform on every other square of a 4x4 board
spirals                         two arms, r proportional to the angle
eight-gaussians                 narrow Gaussians on a circle
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pedesis.utils.registry import UnknownName
from pedesis_zoo.data.sets import ZOO, PointSet

COUNT = 50_000
Points = tuple[NDArray[np.float64], NDArray[np.int64]]


def _moons(count: int, random: np.random.Generator) -> Points:
    label = random.integers(0, 2, count)
    angle = random.uniform(0, np.pi, count)
    x = np.where(label == 0, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(label == 0, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    return 1.3 * np.stack([x, y], 1) + random.normal(0, 0.06, (count, 2)), label


def _swiss_roll(count: int, random: np.random.Generator) -> Points:
    angle = 1.5 * np.pi * (1 + 2 * random.uniform(size=count))
    points = np.stack([angle * np.cos(angle), angle * np.sin(angle)], 1) / 8
    return points + random.normal(0, 0.03, (count, 2)), np.zeros(count, dtype=np.int64)


def _checkerboard(count: int, random: np.random.Generator) -> Points:
    square = random.integers(0, 8, count)
    row, column = square // 2, 2 * (square % 2) + (square // 2) % 2
    place = np.stack([column, row], 1) + random.uniform(size=(count, 2))
    return (place - 2) * 0.85, np.zeros(count, dtype=np.int64)


def _spirals(count: int, random: np.random.Generator) -> Points:
    arm = random.integers(0, 2, count)
    angle = 3 * np.pi * np.sqrt(random.uniform(size=count))
    turned = angle + np.pi * arm
    points = angle[:, None] / (3 * np.pi) * np.stack([np.cos(turned), np.sin(turned)], 1) * 1.7
    return points + random.normal(0, 0.04, (count, 2)), arm


def _eight_gaussians(count: int, random: np.random.Generator) -> Points:
    place = random.integers(0, 8, count)
    angle = place * np.pi / 4
    return 1.4 * np.stack([np.cos(angle), np.sin(angle)], 1) + random.normal(0, 0.1, (count, 2)), place


POINTS: dict[str, tuple[Callable[[int, np.random.Generator], Points], tuple[str, ...]]] = {
    "moons": (_moons, ("upper", "lower")),
    "swiss-roll": (_swiss_roll, ()),
    "checkerboard": (_checkerboard, ()),
    "spirals": (_spirals, ("first", "second")),
    "eight-gaussians": (_eight_gaussians, ("0", "1", "2", "3", "4", "5", "6", "7")),
}


def load_points(name: str, count: int = COUNT, seed: int = 0) -> PointSet:
    """`count` points of a shape; the same seed gives the same points. Raises UnknownName."""
    if name not in POINTS:
        raise UnknownName("set of points", name, POINTS)
    make, classes = POINTS[name]
    points, labels = make(count, np.random.default_rng(seed))
    return PointSet(name, points, labels.astype(np.int64), classes, "none needed (a formula)", ZOO)
