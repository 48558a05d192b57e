r"""Brownian motion on a line: walkers that jump, the concentration they make, and the heat equation they tend to.

    C_i(t+1) - C_i(t) = (p - q)/2 (C_{i+1} - C_{i-1}) + (p + q)/2 (C_{i+1} - 2 C_i + C_{i-1})
    C(x, t) = (4 pi D t)^(-1/2) exp(-(x - v t)^2 / 4Dt),   v = q - p,   D = (p + q)/2      (jumps of 1 per time 1)
    <(x - <x>)^2> = 2 D t

Lengths are in sites and times in steps, unless a function says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedesis.lessons.schedules import Values
from pedesis.physics.brownian import (
    FourierGrid,
    brownian_paths,
    continuum_limit,
    heat_kernel,
    mean_squared_displacement,
)
from pedesis.physics.walk import ContinuousWalk, LazyWalk
from pedesis.utils.registry import UnknownName

HALF = 50
"""The lattice of the master equation runs from -HALF to HALF."""

FINER = (1, 4, 16, 64, 256)
"""How many small steps are taken per time 1 on the way to the limit."""

_GRID = FourierGrid(1000, 0.2)


@dataclass(frozen=True)
class Walkers:
    """Simulated walkers that start at 0.

    Attributes:
        paths: (steps + 1, shown) of the first few. sites, counts: (2 steps + 1,), where all of them are at the end.
        mean, variance: (steps + 1,), over all walkers.
    """

    paths: NDArray[np.int64]
    sites: NDArray[np.int64]
    counts: NDArray[np.int64]
    mean: Values
    variance: Values


def walkers(p: float, q: float, steps: int, count: int, seed: int = 0, shown: int = 40) -> Walkers:
    """Let `count` walkers go."""
    paths = LazyWalk(p, q).paths(steps, count, np.random.default_rng(seed))
    sites = np.arange(-steps, steps + 1)
    counts = np.bincount(paths[-1] + steps, minlength=len(sites))
    return Walkers(paths[:, :shown], sites, counts, paths.mean(axis=1), paths.var(axis=1))


@dataclass(frozen=True)
class Law:
    """Where a walker is after some steps: sites (2 steps + 1,), the exact law there, and the heat kernel."""

    sites: NDArray[np.int64]
    walk: Values
    heat: Values

    @property
    def apart(self) -> float:
        """Total variation distance of the two."""
        return float(np.abs(self.walk - self.heat).sum() / 2)


def law(p: float, q: float, steps: int) -> Law:
    """The law of the walk from site 0, and of Brownian motion with the same v and D."""
    sites, exact = LazyWalk(p, q).law(steps)
    return Law(sites, exact, density(p, q, sites.astype(np.float64), steps))


def density(p: float, q: float, x: Values, t: float) -> Values:
    """The heat kernel at x, moved by v t."""
    v, diffusivity = continuum_limit(p, q, 1.0, 1.0)
    return heat_kernel(x - v * t, t, diffusivity)


def spread(p: float, q: float, steps: int) -> tuple[Values, Values]:
    """The variance of the position after 0..steps: of the walk, and 2 D t of Brownian motion."""
    t = np.arange(steps + 1)
    walk = np.array([LazyWalk(p, q).variance(int(n)) for n in t])
    return walk, mean_squared_displacement(t, continuum_limit(p, q, 1.0, 1.0)[1])


# -- the master equation ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Concentration:
    """The master equation solved on a lattice.

    Attributes:
        sites: (m,). over_time: (steps + 1, m), one step after the other. continuous: (m,), at the last time, of the
            walk in continuous time. drift, diffusion: (m - 2,), the two parts of the next step at the inner sites.
    """

    sites: NDArray[np.int64]
    over_time: Values
    continuous: Values
    drift: Values
    diffusion: Values


def concentration(p: float, q: float, shape: str, steps: int, periodic: bool) -> Concentration:
    """Follow a concentration; the ends reflect, or with `periodic` they meet. ValueError for an unknown shape."""
    sites = np.arange(-HALF, HALF + 1)
    start = _shape(shape, sites.astype(np.float64))
    walk = LazyWalk(p, q)
    matrix, rows = walk.matrix(len(sites), periodic), [start]
    for _ in range(steps):
        rows.append(matrix @ rows[-1])
    drift, diffusion = walk.drift_and_diffusion(rows[-1])
    return Concentration(sites, np.stack(rows), ContinuousWalk(p, q).evolve(start, steps, periodic), drift, diffusion)


# -- the limit ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finer:
    """The walk with smaller and more jumps: x (m,), its law as a density, the heat kernel there, and how far apart."""

    x: Values
    walk: Values
    heat: Values
    apart: float


def finer(p: float, q: float, per_time: int, t: int = 4) -> Finer:
    """The law at time t of a walk with `per_time` steps per time 1, each 1/sqrt(per_time) long.

    Its p + q is the same and its q - p smaller by the length of a step, so that v and D do not change.
    """
    length = 1 / math.sqrt(per_time)
    half, tilt = (p + q) / 2, (q - p) / 2 * length
    sites, exact = LazyWalk(half - tilt, half + tilt).law(t * per_time)
    x = sites.astype(np.float64) * length
    heat = density(p, q, x, t)
    return Finer(x, exact / length, heat, float(np.abs(exact - heat * length).sum() / 2))


@dataclass(frozen=True)
class Spectrum:
    """The heat equation in space and in wave numbers, at the start and at t.

    Attributes:
        x, start, now: (m,). k, spectrum_start, spectrum_now: (m,), absolute values. factor: exp(-D k^2 t).
    """

    x: Values
    start: Values
    now: Values
    k: Values
    spectrum_start: Values
    spectrum_now: Values
    factor: Values


def spectrum(p: float, q: float, shape: str, t: float) -> Spectrum:
    """Spread a concentration by diffusion alone (v = 0). Raises ValueError for an unknown shape."""
    diffusivity = continuum_limit(p, q, 1.0, 1.0)[1]
    start = _shape(shape, _GRID.x)
    now = _GRID.heat(start, t, diffusivity)
    shown_x, shown_k = np.abs(_GRID.x) <= HALF, np.abs(_GRID.k) <= 2
    before, after = (np.abs(_GRID.transform(f))[shown_k] for f in (start, now))
    k = _GRID.k[shown_k]
    factor = np.exp(-diffusivity * k**2 * t)
    return Spectrum(_GRID.x[shown_x], start[shown_x], now[shown_x], k, before, after, factor)


@dataclass(frozen=True)
class Grains:
    """Grains in a plane.

    Attributes:
        t: (n,). points: (n, count, 2). middle: (n, 2), their mean. radius: (n,), their root mean squared distance from
            there; both by the formula.
    """

    t: Values
    points: Values
    middle: Values
    radius: Values


def grains(p: float, q: float, t: float, count: int, frames: int, seed: int = 0) -> Grains:
    """Brownian motion in the plane from one point until t, with the v (to the right) and D of the walk."""
    v, diffusivity = continuum_limit(p, q, 1.0, 1.0)
    times = np.linspace(0, t, frames)
    points = brownian_paths(times, diffusivity, count, np.random.default_rng(seed), np.array([v, 0.0]), 2)
    radius = np.sqrt(mean_squared_displacement(times, diffusivity, 2))
    return Grains(times, points, np.outer(times, [v, 0.0]), radius)


def _shape(name: str, x: Values) -> Values:
    """A density of mass 1 on even positions x."""
    if name not in _SHAPES:
        raise UnknownName("shape", name, SHAPES)
    values = _SHAPES[name](x)
    normalized: Values = values / (values.sum() * (x[1] - x[0]))
    return normalized


def _heap(x: Values, middle: float) -> Values:
    return np.asarray(np.exp(-((x - middle) ** 2) / (2 * 1.5**2)))


_SHAPES: dict[str, Callable[[Values], Values]] = {
    "heap": lambda x: _heap(x, 0),
    "two heaps": lambda x: 2 * _heap(x, -12) + _heap(x, 12),
    "block": lambda x: (np.abs(x) <= 10).astype(np.float64),
    "comb": lambda x: np.sum([_heap(x, middle) for middle in (-18, -9, 0, 9, 18)], axis=0),
}
SHAPES = tuple(_SHAPES)
"""Names of concentrations to start from."""
