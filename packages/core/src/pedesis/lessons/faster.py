r"""Fewer steps on data whose truth is known: the right variance, the right times, and a student that skips steps.

    variance   share(t) = E Var[x_0 | x_t] / sigma^2 (VP)     0: posterior, 1: beta, between: analytic
    times      the grid with the least bound, by dynamic programming over all pairs of times
    student    x~(z_t): the answer with which one DDIM step lands where several of the teacher's do

A perfect student has no error left to learn, so its samples are its teacher's; what changes with every halving is the
function that it has to know: from the mean of all data that z could come from to the one point that z flows to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.lessons import mixtures
from pedesis.lessons.elbo import Nodes, nodes, terms, truth, with_resolution
from pedesis.lessons.schedules import Values
from pedesis.samplers import DDIM
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.theory.cached import CachedDenoiser
from pedesis.theory.elbo import prior_term
from pedesis.theory.exact import Mixture
from pedesis.theory.reverse import VARIANCE_RULES, OptimalVariance, VarianceRule
from pedesis.theory.step_search import best_steps, variational_cost
from pedesis.theory.variance import AnalyticVariance, estimate_variance
from pedesis.training.distillation import one_step_target
from pedesis.utils.noise import gaussian_noise

STEPS = (2, 4, 8, 16, 32)
"""Numbers of steps that are compared."""

SEARCHED, TEACHER, ROUNDS = "searched", 64, 6
"""The name of the grid that is found; steps of the teacher; how often they can be halved."""

DRAWS = 20_000

Columns = Mapping[str, Sequence[str | float]]

_NODES, _FINE = 80, 200


@dataclass(frozen=True)
class Assumed:
    """Var[x_0 | x_t] as a share of sigma^2, over log_snr.

    Attributes:
        mean: over all x_t, exact: what the analytic variance is. low, high: its 10 % and 90 % quantiles over x_t.
        at, estimated: the same mean from the norm of the score on `DRAWS` draws of the data (Analytic-DPM), where
            that is steady: in much noise it is a small difference of nearly equal numbers.
    """

    log_snr: Values
    mean: Values
    low: Values
    high: Values
    at: Values
    estimated: Values


def assumed(data: str, schedule: str) -> Assumed:
    """How wide p(x_0 | x_t) really is, and what is found by looking at the score alone."""
    model, points = mixtures.denoiser(data, schedule), nodes(mixtures.mixture(data))
    times, log_snrs = _levels(model, 41)
    rows = []
    for t in times:
        variance = model.variance(model.process.marginal(points.x0, t).sample(points.noise), t)[:, 0]
        order = variance.argsort()
        below = points.weight[order].cumsum(0)
        low, high = (float(variance[order][torch.searchsorted(below, q)]) for q in (0.1, 0.9))
        rows.append((points.mean(variance), low, high))
    mean, low, high = np.array(rows).T / torch.sigmoid(-log_snrs).numpy()
    x0, _ = mixtures.sample(data, DRAWS)
    at, found = estimate_variance(model, x0, times[log_snrs > -2][::3], gaussian_noise(1), batch=DRAWS)
    return Assumed(log_snrs.numpy(), mean, low, high, at.numpy(), (found / torch.sigmoid(-at)).numpy())


def analytic(data: str, schedule: str, model: Denoiser | None = None) -> AnalyticVariance:
    """The exact model with the mean of Var[x_0 | x_t] at each level instead of its value at each x_t."""
    model = model or mixtures.denoiser(data, schedule)
    points = nodes(mixtures.mixture(data))
    times, log_snrs = _levels(model, _NODES)
    return AnalyticVariance(model, log_snrs, _mean_squares(model, points, times))


def by_variance(data: str, schedule: str, grid: str) -> dict[str, Values]:
    """Bits above the truth for each number of `STEPS` under every variance; "optimal" knows it at each x_t."""
    model, spaced = CachedDenoiser(mixtures.denoiser(data, schedule)), TIMESTEP_SPACINGS.build({"name": grid})
    points, best = nodes(mixtures.mixture(data)), truth(data)
    rules: dict[str, tuple[Denoiser, VarianceRule]] = {
        **{name: (model, VARIANCE_RULES.build({"name": name})) for name in VARIANCE_RULES},
        "analytic": (analytic(data, schedule, model), OptimalVariance()),
    }
    return {
        name: np.array([_bits(known, points, spaced(model.process, n), rule) - best for n in STEPS])
        for name, (known, rule) in rules.items()
    }


@dataclass(frozen=True)
class Searched:
    """Grids and what they cost: for every grid by name, the log-SNR of its times and bits above the truth.

    Attributes:
        log_snrs: grid -> number of steps -> where its steps begin, from noise to data.
        bits: grid -> bits above the truth for each number of `STEPS`, with the analytic variance.
    """

    log_snrs: dict[str, dict[int, Values]]
    bits: dict[str, Values]


def by_grid(data: str, schedule: str) -> Searched:
    """The searched grid against every registered one; with the table of mean squares at hand no model is asked."""
    known, points, best = analytic(data, schedule), nodes(mixtures.mixture(data)), truth(data)
    process = known.process
    inner, _ = _levels(known, _FINE)
    rising = torch.cat([torch.zeros(1, dtype=torch.float64), inner.flip(0)])
    cost = _cost(known, rising)
    times = {SEARCHED: {n: rising[best_steps(cost, n)[0]] for n in STEPS}}
    times |= {name: {n: timesteps(process, n, name) for n in STEPS} for name in TIMESTEP_SPACINGS}
    return Searched(
        {name: {n: process.log_snr(t[:-1]).numpy() for n, t in grid.items()} for name, grid in times.items()},
        {name: np.array([expected(known, points, t) - best for t in grid.values()]) for name, grid in times.items()},
    )


def expected(known: AnalyticVariance, points: Nodes, times: Tensor) -> float:
    """The bound of a grid in bits, from the mean squares alone: the costs of its steps add up to it."""
    steps = _cost(known, times.flip(0)).diagonal(1).sum() + 0.5 * math.log(2 * math.pi)
    return with_resolution(points.mean(prior_term(known.process, points.x0)) + float(steps))


@dataclass(frozen=True)
class Student:
    """A perfect student of DDIM with `TEACHER` steps, after some halvings.

    Attributes:
        steps: it takes.
        z, answer: what it answers at t = 1, over the noise z; after no halving, the teacher's E[x_0 | z].
        start, lands: where its samples land, over evenly likely starts; plain: where DDIM with as many steps does.
    """

    steps: int
    z: Values
    answer: Values
    start: Values
    lands: Values
    plain: Values


def student(data: str, schedule: str, rounds: int) -> Student:
    """The student after `rounds` halvings, 0 <= rounds <= ROUNDS."""
    if not 0 <= rounds <= ROUNDS:
        raise ValueError(f"{TEACHER} steps can be halved 0 to {ROUNDS} times; got {rounds}")
    model, steps = mixtures.denoiser(data, schedule), TEACHER >> rounds
    z = torch.linspace(-3.5, 3.5, 281, dtype=torch.float64)[:, None]
    grid = _even(TEACHER)
    first = grid[: (1 << rounds) + 1]
    landed = DDIM().sample(model, z, first)
    answer = one_step_target(model.process, z, landed, 1.0, float(first[-1]))
    start = torch.as_tensor(ndtri(_even_shares(1000)))[:, None]
    lands, plain = (DDIM().sample(model, start, times) for times in (grid, _even(steps)))
    return Student(steps, *(v[:, 0].numpy() for v in (z, answer, start, lands, plain)))


def distances(data: str, schedule: str) -> tuple[Values, Values]:
    """Numbers of steps, and how far DDIM's samples are from the data: the mean distance of equal quantiles."""
    model, shares = mixtures.denoiser(data, schedule), _even_shares(1000)
    start, real = torch.as_tensor(ndtri(shares))[:, None], quantiles(model.mixture, shares)
    steps = [1 << k for k in range(ROUNDS + 1)]
    return np.array(steps, dtype=float), np.array(
        [np.abs(np.sort(DDIM().sample(model, start, _even(n))[:, 0].numpy()) - real).mean() for n in steps]
    )


def quantiles(data: Mixture, shares: Values) -> Values:
    """The points below which a share of one-dimensional data lies."""
    x = np.linspace(-8, 8, 16001)
    bumps = zip(data.weights.tolist(), data.means[:, 0].tolist(), data.covs[:, 0, 0].sqrt().tolist(), strict=True)
    below = sum(weight * ndtr((x - mean) / std) for weight, mean, std in bumps)
    return np.interp(shares, below / float(data.weights.sum()), x)


def densities(samples: Sequence[Values], data: str, bins: int = 70) -> tuple[Values, list[Values], Values]:
    """Centers of bins, the density of each sample there, and the density of the data."""
    exact = mixtures.mixture(data)
    edges = np.linspace(-3.2, 3.2, bins + 1)
    centers = (edges[1:] + edges[:-1]) / 2
    component = torch.distributions.Normal(exact.means[:, 0], exact.covs[:, 0, 0].sqrt())
    real = torch.exp(component.log_prob(torch.as_tensor(centers)[:, None])) @ exact.weights
    return centers, [np.histogram(s, edges)[0] / (len(s) * np.diff(edges)) for s in samples], real.numpy()


@dataclass(frozen=True)
class Measured:
    """Bits per dimension over numbers of steps, and the standard errors."""

    steps: Values
    bits: Values
    error: Values


def measured(columns: Columns, **chosen: str) -> dict[str, Measured]:
    """Curves of a measured table (`pedesis_zoo evaluate --few-steps`), by what is left open.

    Args:
        chosen: either grid="..." (a curve for each variance) or variance="..." (a curve for each grid).
    """
    ((fixed, value),) = chosen.items()
    opened = "variance" if fixed == "grid" else "grid"
    rows = [i for i, cell in enumerate(columns[fixed]) if cell == value]
    curves = {}
    for name in dict.fromkeys(str(columns[opened][i]) for i in rows):
        mine = [i for i in rows if columns[opened][i] == name]
        curves[name] = Measured(
            *(np.array([columns[c][i] for i in mine], dtype=float) for c in ("steps", "bits", "error"))
        )
    return curves


@dataclass(frozen=True)
class Gain:
    """What a choice saves: bits per dimension, image by image, and their standard error."""

    steps: int
    better: str
    worse: str
    bits: float
    error: float

    @property
    def clear(self) -> bool:
        """More than two standard errors above zero."""
        return self.bits > 2 * self.error


def gains(columns: Columns, steps: int) -> list[Gain]:
    """The paired differences of a measured table at one number of steps: the two claims of the lecture notes."""
    rows = {
        (columns["grid"][i], columns["variance"][i]): i for i, n in enumerate(columns["steps"]) if float(n) == steps
    }
    fixed = [("posterior variance", "posterior"), ("beta variance", "beta")]
    pairs = [
        ("analytic variance", f"{worse}, uniform grid", "over_analytic", rows["uniform", name]) for worse, name in fixed
    ]
    pairs.append((f"{SEARCHED} grid", "uniform grid, analytic variance", "over_searched", rows["uniform", "analytic"]))
    return [
        Gain(steps, better, worse, float(columns[column][i]), float(columns[f"{column}_error"][i]))
        for better, worse, column, i in pairs
    ]


def _levels(model: Denoiser, count: int) -> tuple[Tensor, Tensor]:
    """Times and log-SNRs, even in log_snr from t = 1 to nearly clean data."""
    process = model.process
    low, high = float(process.log_snr(1.0)), min(12.0, float(process.log_snr(0.0)))
    log_snrs = torch.linspace(low, high, count, dtype=torch.float64)
    times = process.schedule.time(log_snrs).clamp(0, 1)
    times[0] = 1.0
    return times, log_snrs


def _cost(known: AnalyticVariance, rising: Tensor) -> Tensor:
    """What a step between any two of these times costs, nats: times from 0 upwards."""
    squares = known.at(known.process.log_snr(rising[1:]))
    return variational_cost(known.process, rising, torch.cat([squares[:1], squares]))


def _mean_squares(model: Denoiser, points: Nodes, times: Tensor) -> Tensor:
    """E (x_0 - x0_hat)^2 at each time."""
    guesses = (model(model.process.marginal(points.x0, t).sample(points.noise), t).x0 for t in times)
    return torch.tensor([points.mean((guess - points.x0)[:, 0] ** 2) for guess in guesses], dtype=torch.float64)


def _bits(model: Denoiser, points: Nodes, times: Tensor, rule: VarianceRule) -> float:
    return sum(terms(model, points, times, rule).values())


def _even(steps: int) -> Tensor:
    return torch.linspace(1, 0, steps + 1, dtype=torch.float64)


def _even_shares(count: int) -> Values:
    return (np.arange(count) + 0.5) / count
