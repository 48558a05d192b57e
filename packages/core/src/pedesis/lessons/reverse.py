r"""The reverse conditional: Gaussian if the data point is known, and nearly Gaussian otherwise if the step is small.

    q(x_s | x_t, x_0) = q(x_t | x_s) q(x_s | x_0) / q(x_t | x_0)          a Gaussian for every step
    q(x_s | x_t)      = q(x_t | x_s) q(x_s) / q(x_t)                      whatever the data make of it
                      ~ N((x_t + beta score) / sqrt(1 - beta), beta)      for small beta

beta is the variance of the transition from s to t. Positions are float64 arrays (m,), distances are KL divergences
in bits, by quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.lessons.mixtures import denoiser
from pedesis.lessons.schedules import Values, process
from pedesis.theory.kernels import small_step_reverse, step_coefficients
from pedesis.theory.reverse import OptimalVariance, reverse_kernel

SHOWN = 3.5
"""Positions from -SHOWN to SHOWN are shown."""


def before(t: float, step: float) -> float:
    """s = t - step, but never closer to 0 than t/50: at 0 the noise ends and with it the density."""
    return max(t - step, t / 50)


@dataclass(frozen=True)
class Step:
    """The numbers of a step s < t: m = on_x_t x_t + on_x_0 x_0 and beta_tilde are the posterior's mean and variance."""

    beta: float
    beta_tilde: float
    on_x_t: float
    on_x_0: float


def step(schedule: str, s: float, t: float) -> Step:
    """The coefficients of q(x_s | x_t, x_0)."""
    on_x_t, on_x_0, var = process(schedule).posterior_coefficients(s, t)
    beta = step_coefficients(process(schedule), s, t).transition_var
    return Step(float(beta), float(var), float(on_x_t), float(on_x_0))


def steps(schedule: str, size: float, points: int = 120) -> tuple[Values, list[Step]]:
    """Times t from `size` to 1, and the step of that size that ends at each."""
    times = np.linspace(size, 1, points + 1)[1:]
    return times, [step(schedule, t - size, t) for t in times.tolist()]


@dataclass(frozen=True)
class Bayes:
    """Densities over x_s (m,): what is known from x_0, what x_t says, and both together."""

    x: Values
    prior: Values
    likelihood: Values
    posterior: Values


def bayes(schedule: str, x_0: float, x_t: float, s: float, t: float) -> Bayes:
    """q(x_s | x_0), q(x_t | x_s) made a density over x_s, and their normalized product q(x_s | x_t, x_0)."""
    forward, x = process(schedule), _line(-SHOWN, SHOWN, 1401)
    start, end = torch.full_like(x, x_0), torch.full_like(x, x_t)
    likelihood = forward.transition(x, s, t).log_prob(end).exp() * step_coefficients(forward, s, t).ratio
    prior, posterior = forward.marginal(start, s), forward.posterior(end, start, s, t)
    return Bayes(x[:, 0].numpy(), _density(prior, x), likelihood.numpy(), _density(posterior, x))


@dataclass(frozen=True)
class Reverse:
    """q(x_s | x_t) of toy data over x_s (m,), and two Gaussians in its place.

    Attributes:
        exact: by Bayes' rule. small: mean from the score, variance beta. best: exact mean and variance.
        small_kl, best_kl: KL(exact || Gaussian) in bits.
    """

    x: Values
    exact: Values
    small: Values
    best: Values
    small_kl: float
    best_kl: float


def reverse(data: str, schedule: str, x_t: float, s: float, t: float, points: int = 4001) -> Reverse:
    """The reverse conditional at one x_t, 0 < s < t."""
    exact, end = denoiser(data, schedule), torch.tensor([[x_t]], dtype=torch.float64)
    predicted = exact(end, t)
    small = small_step_reverse(exact.process, end, predicted.score, s, t)
    best = reverse_kernel(exact.process, predicted, s, t, OptimalVariance())
    ends = torch.cat([g.mean + side * 10 * g.var.sqrt() for g in (small, best) for side in (-1, 1)])
    x = _line(ends.min().item(), ends.max().item(), points)
    log_exact = exact.log_reverse(x, end.expand_as(x), s, t)

    def gap(gaussian: Gaussian) -> float:
        excess = log_exact - Gaussian(gaussian.mean.expand_as(x), gaussian.var).log_prob(x)
        return max(0.0, torch.trapezoid(log_exact.exp() * excess, x[:, 0]).item() / math.log(2))

    exactly: Values = log_exact.exp().numpy()
    return Reverse(x[:, 0].numpy(), exactly, _density(small, x), _density(best, x), gap(small), gap(best))


@dataclass(frozen=True)
class Gaps:
    """KL(q(x_s | x_t) || Gaussian) in bits over steps of growing beta, all ending at one t; (n,) each."""

    beta: Values
    small: Values
    best: Values


def gaps(data: str, schedule: str, x_t: float, t: float, points: int = 24) -> Gaps:
    """How the Gaussians fail as the step grows from t/1000 to nearly t."""
    starts = [before(t, size) for size in np.geomspace(t / 1000, t, points).tolist()]
    found = [reverse(data, schedule, x_t, s, t, 2001) for s in starts]
    beta = np.array([step(schedule, s, t).beta for s in starts])
    return Gaps(beta, np.array([r.small_kl for r in found]), np.array([r.best_kl for r in found]))


# -- shared -------------------------------------------------------------------------------------------------


def _line(low: float, high: float, points: int) -> Tensor:
    return torch.linspace(low, high, points, dtype=torch.float64)[:, None]


def _density(gaussian: Gaussian, x: Tensor) -> Values:
    """The density of a Gaussian, of one row or of one per position, at positions (m, 1): (m,)."""
    density: Values = Gaussian(gaussian.mean.expand_as(x), gaussian.var).log_prob(x).exp().numpy()
    return density
