r"""The reverse process on points of the plane: every registered sampler, from the same noise, against the truth.

    dx = [ f x - (1 + eta^2)/2 g^2 grad log q(x_t) ] dt + eta g dW,   t from 1 to 0     eta = 0: the flow, 1: the SDE

Whatever eta, the law of x_t is q(x_t), if the score is right and the steps are small. The distance of n points
from draws of the data is a sliced Wasserstein distance,

    W = average over directions u of   1/n sum_i | i-th smallest u.x - quantile (i - 1/2)/n of u.data |

and does not reach zero even for n draws of the data themselves: `floor` says where it ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance.base import Guided
from pedesis.lessons.plane import axis, field
from pedesis.lessons.schedules import Values
from pedesis.process import Process, Time
from pedesis.samplers import SAMPLERS
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.theory.exact import EmpiricalDenoiser
from pedesis.utils.noise import gaussian_noise

Points = NDArray[np.float64]

STEPS = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of steps that are compared."""

MOMENTS = 41
"""Moments of a walk that are shown, at most."""

DIRECTIONS = 32
TRUTH = 150


def names() -> tuple[str, ...]:
    """Every registered sampler."""
    return tuple(SAMPLERS)


def grids() -> tuple[str, ...]:
    """Every registered time grid."""
    return tuple(TIMESTEP_SPACINGS)


def source(name: str) -> str:
    """The class of a sampler as "module:name", for `lessons.library.entry`."""
    return f"{SAMPLERS[name].__module__}:{SAMPLERS[name].__qualname__}"


def stochastic(name: str) -> bool:
    """Whether a sampler draws noise on its way."""
    return SAMPLERS.build({"name": name}).stochastic


@dataclass(frozen=True)
class Walk:
    """Particles on their way from noise to data.

    Attributes:
        t: (n + 1,), from 1 to 0. points: (n + 1, count, 2), the last being the samples.
        evaluations: how often the denoiser was asked.
    """

    t: Values
    points: Points
    evaluations: int

    @property
    def samples(self) -> Points:
        """Where the particles arrive, (count, 2)."""
        arrived: Points = self.points[-1]
        return arrived

    @property
    def spread(self) -> float:
        """How far apart they arrive: the root mean square distance from their mean."""
        return float(np.sqrt(self.samples.var(axis=0).sum()))


def walk(
    denoiser: Denoiser, sampler: str, steps: int, grid: str, count: int, seed: int = 0, together: bool = False
) -> Walk:
    """Particles from noise to data under a registered sampler and time grid.

    Args:
        together: all start in one and the same point of noise; else each in its own.

    Raises:
        ValueError: fewer than one step, or an unknown name.
    """
    noise = gaussian_noise(seed)
    like = torch.zeros(1 if together else count, 2, dtype=torch.float64)
    start = denoiser.process.prior(like).sample(noise).expand(count, -1)
    times = timesteps(denoiser.process, steps, grid)
    count_evaluations = _Counted(denoiser)
    path = SAMPLERS.build({"name": sampler}).trajectory(count_evaluations, start, times, noise=noise)
    return Walk(times.numpy(), torch.stack([step.x_t for step in path]).numpy(), count_evaluations.calls)


def empirical(data: Points, process: Process) -> Denoiser:
    """The exact denoiser of a set of points (n, 2): it can only ever give these back."""
    return single(EmpiricalDenoiser(torch.as_tensor(data, dtype=torch.float32), process))


def single(denoiser: Denoiser, label: int | None = None) -> Denoiser:
    """A denoiser that takes float32, as networks do, made to take float64; always asked for the class `label`."""
    return _Single(denoiser, label)


class _Single(Guided):
    def __init__(self, inner: Denoiser, label: int | None):
        super().__init__(inner)
        self.label = label

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        condition = None if self.label is None else torch.full((len(x_t),), self.label)
        return self.inner.x0(x_t.float(), t, condition).double()

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> None:
        return None


class _Counted(Guided):
    """A denoiser that counts how often it is asked."""

    calls = 0

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        self.calls += 1
        predicted: Prediction = self.inner(x_t, t, condition)
        return predicted


def moments(walk: Walk, most: int = MOMENTS) -> list[int]:
    """At most `most` indices into a walk, evenly spread, the first and the last included."""
    return sorted({round(i) for i in np.linspace(0, len(walk.t) - 1, min(most, len(walk.t)))})


@dataclass(frozen=True)
class Law:
    """q(x_t) at the `moments` of a walk: (m, N, N), on the lattice of an axis x (N,)."""

    x: Values
    density: Values


def law(walk: Walk, density: Callable[[float, Values], Values], points: int = 49) -> Law:
    """The density at the moments of a walk; `density` takes a time and the axis of a lattice."""
    x = axis(points)
    return Law(x, np.stack([density(float(walk.t[i]), x) for i in moments(walk)]))


def noised_histogram(data: Points, process: Process, t: float, positions: Values) -> Values:
    """`histogram` of draws of x_t, from points (m, 2) of the data."""
    return histogram(_noised(process, data, t, 0).numpy(), positions)


# -- how good are the samples? ------------------------------------------------------------------------------


def spread(data: Points, count: int) -> Values:
    """Quantiles of the data (m, 2) in `DIRECTIONS` directions, (count, DIRECTIONS): what `count` points aim at."""
    ranks = ((np.arange(count) + 0.5) / count * len(data)).astype(int)
    quantiles: Values = np.sort(data @ _directions(), axis=0)[ranks]
    return quantiles


def distance(points: Points, quantiles: Values) -> float:
    """Sliced Wasserstein distance, in units of x, of points (n, 2) from data with these n quantiles."""
    return float(np.abs(np.sort(points @ _directions(), axis=0) - quantiles).mean())


def floor(data: Points, quantiles: Values, sets: int = 20) -> float:
    """The distance that as many points drawn from the data themselves have on average."""
    drawn = np.random.default_rng(0).integers(0, len(data), (sets, len(quantiles)))
    return float(np.mean([distance(data[rows], quantiles) for rows in drawn]))


def histogram(data: Points, positions: Values) -> Values:
    """The density of points (m, 2) on the lattice of an even axis (N,), each point counted at the nearest node."""
    half = (positions[1] - positions[0]) / 2
    edges = np.append(positions - half, positions[-1] + half)
    table: Values = np.histogram2d(data[:, 1], data[:, 0], edges)[0] / (len(data) * 4 * half**2)
    return table


def flow_end(denoiser: Denoiser, count: int, seed: int = 0) -> Points:
    """Where the flow dx = (f x - g^2/2 score) dt takes `count` points of noise, (count, 2).

    Computed in `TRUTH` steps of a second-order sampler, far more than any walk here takes.
    """
    return walk(denoiser, "dpm++2m", TRUTH, "log-snr", count, seed).samples


def flow_error(denoiser: Denoiser, sampler: str, grid: str, end: Points, seed: int = 0) -> Values:
    """How far a deterministic sampler ends from the end of the flow, for each of `STEPS`: medians over the points."""
    ends = [walk(denoiser, sampler, steps, grid, len(end), seed).samples for steps in STEPS]
    return np.array([np.median(np.linalg.norm(reached - end, axis=1)) for reached in ends])


def _directions() -> Values:
    """Unit vectors over half a turn, (2, DIRECTIONS)."""
    angle = np.arange(DIRECTIONS) * (math.pi / DIRECTIONS)
    return np.stack([np.cos(angle), np.sin(angle)])


# -- the learned score against the exact one ----------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """What two denoisers of the same data say at one time, on the lattice of `x`.

    Attributes:
        x: (N,). exact, learned: (N, N, 2), their eps_hat. apart: (N, N), how far from each other.
        points: (n, 2), draws of x_t: only where they are does the error matter.
        average: root mean square error at those points.
    """

    x: Values
    exact: Values
    learned: Values
    apart: Values
    points: Points
    average: float


def difference(
    exact: Denoiser, learned: Denoiser, data: Points, t: float, points: int = 37, seed: int = 0
) -> Difference:
    """eps_hat of both denoisers on a lattice, and their difference; t in (0, 1]."""
    x = axis(points)
    truth, answer = (field(partial(_eps, denoiser, t), x) for denoiser in (exact, learned))
    apart = np.linalg.norm(truth - answer, axis=-1)
    x_t = _noised(exact.process, data, t, seed).numpy()
    return Difference(x, truth, answer, apart, x_t, error(exact, learned, data, t, seed))


def error(exact: Denoiser, learned: Denoiser, data: Points, t: float, seed: int = 0) -> float:
    """Root mean square difference of eps_hat over draws of x_t, sqrt(E |eps_exact - eps_learned|^2); t in (0, 1]."""
    x_t = _noised(exact.process, data, t, seed)
    return float((_eps(exact, t, x_t) - _eps(learned, t, x_t)).square().sum(1).mean().sqrt())


def _noised(process: Process, data: Points, t: float, seed: int) -> Tensor:
    return process.marginal(torch.as_tensor(data, dtype=torch.float64), t).sample(gaussian_noise(seed))


def _eps(denoiser: Denoiser, t: float, x_t: Tensor) -> Tensor:
    with torch.no_grad():
        predicted: Prediction = denoiser(x_t, t)
    return predicted.eps
