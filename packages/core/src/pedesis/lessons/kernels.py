r"""Diffusion kernels as densities over position and time: how every starting point ends in the same normal law.

    q(x_t | x_0) = N(alpha_t x_0, sigma_t^2)        the kernel of one starting point
    q(x_t)       = E_{p(x_0)} q(x_t | x_0)          the average of the kernels
    I(n; x_t)    = log2 N - E H(n | x_t)            bits that x_t still holds on which of N points it came from

Positions on the line are float64 arrays; densities over position and time are (positions, times).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.lessons import plane
from pedesis.lessons.mixtures import denoiser, sample
from pedesis.lessons.schedules import Values, process
from pedesis.process import Time
from pedesis.theory.exact import EmpiricalDenoiser
from pedesis.theory.joint import forward_path
from pedesis.utils.noise import gaussian_noise

SHOWN = 3.5
"""Positions from -SHOWN to SHOWN are shown; integrals go to twice that."""

STEPS = 120
"""Times of a density over position and time, and steps of a path: STEPS, evenly spread up to t = 1."""


@dataclass(frozen=True)
class Field:
    """A density over time and position.

    Attributes:
        t: (n,) times above 0. x: (m,) positions. density: (m, n).
    """

    t: Values
    x: Values
    density: Values


def kernel_field(schedule: str, start: float) -> Field:
    """q(x_t | x_0 = start) over position and time."""
    return _field(lambda x, t: _kernel(schedule, start, x, t))


def law_field(data: str, schedule: str) -> Field:
    """q(x_t) of toy data on a line, over position and time."""
    return _field(denoiser(data, schedule).log_prob)


def times() -> Values:
    """The times of paths: 0, 1/STEPS, ..., 1."""
    return np.linspace(0, 1, STEPS + 1)


def paths_from(schedule: str, start: float, count: int, seed: int = 0) -> Values:
    """Paths of the chain that all start at one point, (STEPS + 1, count) at `times()`."""
    return _walk(schedule, torch.full((count, 1), start, dtype=torch.float64), times(), seed)[:, :, 0]


def paths_of(data: str, schedule: str, count: int, seed: int = 0) -> Values:
    """Paths of the chain that start at data, (STEPS + 1, count) at `times()`."""
    return _walk(schedule, sample(data, count, seed)[0], times(), seed)[:, :, 0]


@dataclass(frozen=True)
class Slice:
    """Densities over x (m,) at one time: the kernel of one point, the law of the data and the standard normal."""

    x: Values
    kernel: Values
    law: Values
    normal: Values


def at(data: str, schedule: str, start: float, t: float) -> Slice:
    """The densities at one t in (0, 1]."""
    x = _line(701, SHOWN)
    kernel, law = _kernel(schedule, start, x, t), denoiser(data, schedule).log_prob(x, t)
    return Slice(x[:, 0].numpy(), kernel.exp().numpy(), law.exp().numpy(), _log_normal(x).exp().numpy())


def kernel_kl(schedule: str, start: float, t: float) -> float:
    """KL(q(x_t | x_0 = start) || N(0, 1)) in bits, t in (0, 1]."""
    x0 = torch.tensor([[start]], dtype=torch.float64)
    normal = Gaussian(torch.zeros_like(x0), torch.ones_like(x0))
    return process(schedule).marginal(x0, t).kl(normal).item() / math.log(2)


def law_kl(data: str, schedule: str, t: float) -> float:
    """KL(q(x_t) || N(0, 1)) of toy data on a line, in bits, by quadrature."""
    x = _line(4001, 2 * SHOWN)
    law = denoiser(data, schedule).log_prob(x, t)
    return torch.trapezoid(law.exp() * (law - _log_normal(x)), x[:, 0]).item() / math.log(2)


@dataclass(frozen=True)
class Merge:
    """Kernels of N starting points at one time.

    Attributes:
        starts: (N,), in increasing order. x: (m,).
        kernels: (N, m), each with its share 1/N. average: (m,), their sum. law: (m,), q(x_t) of all data.
    """

    starts: Values
    x: Values
    kernels: Values
    average: Values
    law: Values


def merge(data: str, schedule: str, count: int, t: float) -> Merge:
    """The kernels of `count` data points, their average, and the law that it tends to; t in (0, 1]."""
    x, starts = _line(701, SHOWN), _starts(data, count)
    kernels = torch.stack([_kernel(schedule, float(s), x, t).exp() for s in starts]) / count
    law = denoiser(data, schedule).log_prob(x, t).exp()
    return Merge(starts.numpy(), x[:, 0].numpy(), kernels.numpy(), kernels.sum(0).numpy(), law.numpy())


def information(data: str, schedule: str, count: int, t: float) -> float:
    """I(n; x_t), t in (0, 1]: bits that x_t holds on which of `count` data points it came from; at most log2 count."""
    x, starts = _line(1401, 2 * SHOWN), _starts(data, count)
    share = EmpiricalDenoiser(starts[:, None], process(schedule)).log_weights(x, t).exp()
    average = torch.stack([_kernel(schedule, float(s), x, t).exp() for s in starts]).mean(0)
    entropy = torch.trapezoid(average * torch.special.entr(share).sum(1), x[:, 0]).item()
    return math.log2(count) - entropy / math.log(2)


# -- in the plane -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cloud:
    """Points on their way from data to noise.

    Attributes:
        t: (n,), from 0 to 1. points: (n, count, 2).
    """

    t: Values
    points: Values


def cloud(data: str, schedule: str, count: int, frames: int, seed: int = 0) -> Cloud:
    """Paths of `count` draws of toy data in the plane, at `frames` even times."""
    t = np.linspace(0, 1, frames)
    return Cloud(t, _walk(schedule, sample(data, count, seed)[0], t, seed))


@dataclass(frozen=True)
class Circles:
    """q(x_t) in the plane, and the kernels of a few starting points.

    Attributes:
        axis: (m,), the positions along both axes. density: (m, m), indexed [y, x].
        centers: (n, 2), the means alpha x_0 of the kernels. radius: sigma, their common standard deviation.
    """

    axis: Values
    density: Values
    centers: Values
    radius: float


def circles(data: str, schedule: str, t: float, starts: int) -> Circles:
    """The density of toy data in the plane at t, and the kernels of `starts` data points."""
    axis = plane.axis(121)
    kernel = process(schedule).marginal(sample(data, starts, seed=1)[0], t)
    density = plane.field(lambda x: denoiser(data, schedule).log_prob(x, t).exp(), axis)
    return Circles(axis, density, kernel.mean.numpy(), float(kernel.var.sqrt()))


# -- shared -------------------------------------------------------------------------------------------------


def _line(points: int, limit: float) -> Tensor:
    """Evenly spread positions, (points, 1)."""
    return torch.linspace(-limit, limit, points, dtype=torch.float64)[:, None]


def _log_normal(x: Tensor) -> Tensor:
    """log N(x; 0, 1), nats (m,)."""
    return Gaussian(torch.zeros_like(x), torch.ones(())).log_prob(x)


def _kernel(schedule: str, start: float, x: Tensor, t: Time) -> Tensor:
    """log q(x_t | x_0 = start) at positions x (m, 1), nats (m,)."""
    return process(schedule).marginal(torch.full_like(x, start), t).log_prob(x)


def _field(log_density: Callable[[Tensor, Tensor], Tensor]) -> Field:
    x, t = _line(281, SHOWN), torch.as_tensor(times()[1:])
    density = torch.stack([log_density(x, time).exp() for time in t], 1)
    return Field(t.numpy(), x[:, 0].numpy(), density.numpy())


def _walk(schedule: str, x0: Tensor, t: Values, seed: int) -> Values:
    """Paths of the chain from x0 (B, D) at times t that begin with 0: (len(t), B, D)."""
    chain, noise = process(schedule), gaussian_noise(seed, 2)
    first = chain.marginal(x0, 0).sample(noise)  # x0 itself, unless the schedule starts with a little noise
    paths: Values = torch.stack(forward_path(chain, first, torch.as_tensor(t), noise)).numpy()
    return paths


def _starts(data: str, count: int) -> Tensor:
    """The first `count` of the same draws, in increasing order, so that one more point leaves the others in place."""
    return sample(data, max(count, 64), seed=3)[0][:count, 0].sort().values
