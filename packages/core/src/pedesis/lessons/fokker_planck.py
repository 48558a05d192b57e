r"""Densities that flow under a force and noise: on a grid, as simulated paths, and how they forget where they began.

    dx = A(x) dt + s dW,   f_t = -(A f)_x + (s^2/2 f)_xx
    A = -g x                      a spring: Ornstein-Uhlenbeck, the forward process of diffusion models
    A = -g (x - 2 tanh 2x)        two wells, near x = -2 and 2
    A = 0                         no force: Brownian motion, which never comes to rest

Times run from 0 to `END`; densities are (times, positions). A start is a heap N(x0, 0.2^2), two of them, or a block.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from pedesis.gaussian import Gaussian
from pedesis.lessons.schedules import Values
from pedesis.physics.fokker_planck import FokkerPlanck
from pedesis.physics.langevin import OrnsteinUhlenbeck, euler_maruyama
from pedesis.utils.registry import UnknownName

END = 4.0
SHOWN = 4.0
"""Positions from -SHOWN to SHOWN are shown; the grid goes far beyond."""

_HALF, _CELLS, _HEAP = 10.0, 320, 0.2
_FRAMES, _FINE = 80, 5
"""Times at which the flow is kept, and steps of a path between two of them."""

_FORCES: dict[str, Callable[[float, Values], Values]] = {
    "spring": lambda g, x: -g * x,
    "two wells": lambda g, x: -g * (x - 2 * np.tanh(2 * x)),
    "no force": lambda g, x: 0 * x,
}
FORCES = tuple(_FORCES)

_STARTS: dict[str, tuple[tuple[float, float], ...]] = {"heap": ((1, 1),), "two heaps": ((2 / 3, 1), (1 / 3, -1))}
STARTS = (*_STARTS, "block")
"""Heaps are pairs of weight and place, in units of x0; the block reaches from -x0 to x0."""


def times() -> Values:
    """The times of a flow: 0, ..., END."""
    return np.linspace(0, END, _FRAMES + 1)


def equation(force: str, g: float, s: float) -> FokkerPlanck:
    """The Fokker-Planck equation of dx = A dt + s dW; A = drift, B = s^2/2. ValueError for an unknown force."""
    if force not in _FORCES:
        raise UnknownName("force", force, FORCES)
    return FokkerPlanck(lambda x, t: _FORCES[force](g, x), lambda x, t: s**2 / 2, -_HALF, _HALF, _CELLS)


@dataclass(frozen=True)
class Flow:
    """A density over time.

    Attributes:
        t: (n,). x: (m,). density: (n, m). rest: (m,), where it tends to; zeros without a force.
        paths: (n, count), simulated.
    """

    t: Values
    x: Values
    density: Values
    rest: Values
    paths: Values


def flow(force: str, g: float, s: float, start: str, x0: float, count: int = 2000, seed: int = 0) -> Flow:
    """Solve the Fokker-Planck equation, and simulate `count` paths. ValueError for an unknown force or start."""
    grid = equation(force, g, s)
    density = _solve(force, g, s, _density(start, x0, grid.x))
    rest = np.zeros(_CELLS) if force == "no force" else grid.stationary()
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, END, _FRAMES * _FINE + 1)
    paths = euler_maruyama(lambda x, t: _FORCES[force](g, x), s, _draw(start, x0, count, rng), steps, rng)
    return Flow(times(), grid.x, density, rest, paths[::_FINE])


@dataclass(frozen=True)
class Moments:
    """Mean and variance over the times of a flow, (n,) each."""

    mean: Values
    variance: Values


def on_the_grid(found: Flow) -> Moments:
    """Moments of the density."""
    share = found.density / found.density.sum(axis=1, keepdims=True)
    mean = share @ found.x
    return Moments(mean, share @ found.x**2 - mean**2)


def of_the_paths(found: Flow) -> Moments:
    """Moments of the simulated paths."""
    return Moments(found.paths.mean(axis=1), found.paths.var(axis=1))


def forgetting(force: str, g: float, s: float, x0: float) -> Values:
    """Total variation distance over time of the densities that began at x0 and at -x0, (n,)."""
    grid = equation(force, g, s)
    one, other = (_solve(force, g, s, _density("heap", x, grid.x)) for x in (x0, -x0))
    apart: Values = np.abs(one - other).sum(axis=1) * grid.width / 2
    return apart


# -- Ornstein-Uhlenbeck in closed form ----------------------------------------------------------------------


@dataclass(frozen=True)
class Returns:
    """Ornstein-Uhlenbeck from several points: t (n,), means (starts, n), std (n,), and the distance from rest as
    KL(x_t | x_0 || rest) in bits, (starts, n - 1) at t > 0."""

    t: Values
    means: Values
    std: Values
    bits: Values


def returns(g: float, s: float, starts: tuple[float, ...]) -> Returns:
    """How the laws from several points become the same law."""
    spring, t = OrnsteinUhlenbeck(g, s), times()
    means, variance = spring.mean(np.array(starts)[:, None], t), spring.variance(t)
    rest = Gaussian(torch.zeros(len(t) - 1, 1, dtype=torch.float64), torch.tensor(spring.stationary_variance))
    laws = [Gaussian(torch.tensor(m[1:, None]), torch.tensor(variance[1:, None])) for m in means]
    bits = torch.stack([law.kl(rest) for law in laws]) / math.log(2)
    return Returns(t, means, np.sqrt(variance), bits.numpy())


# -- shared -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _step(force: str, g: float, s: float) -> Values:
    """The matrix that takes a density from one time of `times()` to the next: all columns evolved at once."""
    return equation(force, g, s).evolve(np.eye(_CELLS), END / _FRAMES)


def _solve(force: str, g: float, s: float, density: Values) -> Values:
    matrix, rows = _step(force, g, s), [density]
    for _ in range(_FRAMES):
        rows.append(matrix @ rows[-1])
    return np.stack(rows)


def _density(start: str, x0: float, x: Values) -> Values:
    """The start on a grid, mass 1."""
    if start not in STARTS:
        raise UnknownName("start", start, STARTS)
    if start == "block":
        values = (np.abs(x) <= max(abs(x0), _HEAP)).astype(np.float64)
    else:
        values = np.sum([w * np.exp(-((x - side * x0) ** 2) / (2 * _HEAP**2)) for w, side in _STARTS[start]], axis=0)
    density: Values = values / (values.sum() * (x[1] - x[0]))
    return density


def _draw(start: str, x0: float, count: int, rng: np.random.Generator) -> Values:
    """Draws from the start, (count,)."""
    if start == "block":
        return rng.uniform(-1, 1, count) * max(abs(x0), _HEAP)
    weights, sides = np.array(_STARTS[start]).T
    return x0 * rng.choice(sides, count, p=weights) + _HEAP * rng.standard_normal(count)
