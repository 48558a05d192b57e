r"""Bits per dimension of a model's variational bound: by noise level, and in few steps.

    bits = L / (D ln 2),     L = prior term + denoising terms + reconstruction       (`pedesis.theory.elbo`)

What has to be chosen beforehand is learned from training images: the mean squared error of x0_hat at each noise level,
which is the best Var[x_0 | x_t] that depends on the level alone (the analytic variance); the width of the decoder that
codes pixels best when x_t1 lies there; and from both the cheapest grid (`pedesis.theory.step_search`). The bound is
then taken on test images.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Gaussian
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.theory.cached import CachedDenoiser
from pedesis.theory.elbo import Elbo, discretized_log_prob, elbo
from pedesis.theory.likelihood import log_likelihood
from pedesis.theory.reverse import BetaVariance, OptimalVariance, PosteriorVariance, VarianceRule
from pedesis.theory.step_search import best_steps, variational_cost
from pedesis.theory.variance import AnalyticVariance
from pedesis.utils.noise import gaussian_noise
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.models.measurements import Cell

HIGHEST = 14.0
"""The log-SNR at which the cleanest level lies: noise of an eighth of a grey level."""

WIDTHS = tuple(2 ** (i / 4) for i in range(-4, 17))
"""Widths of the decoder that are tried, as multiples of the mean square."""

BATCH = 50
FEW = (5, 10, 25, 50)
"""Numbers of steps that are compared."""

SEARCHED = "searched"
"""The name of the grid that `pedesis.theory.step_search` finds."""

Results = dict[str, Estimate]
Row = dict[str, Cell]
Choice = tuple[Denoiser, VarianceRule]


@dataclass(frozen=True)
class Levels:
    """What training images say about a denoiser at each noise level.

    Attributes:
        table: the denoiser with E (x_0 - x0_hat)^2 per dimension as its Var[x_0 | x_t], at K levels.
        widths: the variance of p(x_0 | x_t) under which the pixels' bins are likeliest (K,). It exceeds the mean
            square where many pixels are black or white: their bins reach to infinity and ask for no precision.
        reconstruction: -E log p(x_0 | x_t) per dimension with that width, nats (K,): the price of ending there.
    """

    table: AnalyticVariance
    widths: Tensor
    reconstruction: Tensor

    def analytic(self, denoiser: Denoiser, times: Tensor) -> AnalyticVariance:
        """A denoiser with the mean squares at the times of a grid, and with the decoder's width at the last but 0."""
        log_snrs = denoiser.process.log_snr(times[:-1])
        variances = self.table.at(log_snrs)
        variances[-1] = self._at(self.widths.log(), log_snrs[-1:])[0].exp()
        return AnalyticVariance(denoiser, log_snrs, variances)

    def searched(self, steps: int, nodes: int = 400) -> Tensor:
        """The grid of `steps` steps with the least expected bound, among nodes even in log_snr; from 1 down to 0."""
        process, known = self.table.process, self.table.log_snrs
        log_snrs = torch.linspace(float(known[-1]), float(known[0]), nodes, dtype=torch.float64)
        times = torch.cat([torch.zeros(1, dtype=torch.float64), process.schedule.time(log_snrs)])
        times[-1] = 1.0
        squares = self.table.at(log_snrs)
        cost = variational_cost(process, times, torch.cat([squares[:1], squares]))
        cost[0, 1:] = self._at(self.reconstruction, log_snrs)
        path, _ = best_steps(cost, steps)
        return times[path]

    def _at(self, values: Tensor, log_snrs: Tensor) -> Tensor:
        return torch.as_tensor(np.interp(log_snrs.numpy(), self.table.log_snrs.numpy(), values.numpy()))


def learn_levels(denoiser: Denoiser, x0: Tensor, condition: Condition = None, count: int = 40, seed: int = 0) -> Levels:
    """Measure `Levels` on images (N, C, H, W) in [-1, 1]."""
    process = denoiser.process
    low, high = float(process.log_snr(1.0)), min(HIGHEST, float(process.log_snr(0.0)))
    log_snrs = torch.linspace(low, high, count, dtype=torch.float64)
    times = process.schedule.time(log_snrs).clamp(0, 1)
    rows = []
    for i, t in enumerate(tqdm(times, unit="level", disable=None)):
        noise = gaussian_noise(seed, i)
        with torch.no_grad():
            parts = [denoiser(process.marginal(part, t).sample(noise), t, y).x0 for part, y in _parts(x0, condition)]
        guess = torch.cat(parts)
        square = float((guess - x0).double().square().mean())
        prices = {
            square * ratio: float(
                -discretized_log_prob(x0, Gaussian(guess, torch.tensor(square * ratio))).double().mean()
            )
            for ratio in WIDTHS
        }
        width = min(prices, key=prices.__getitem__)
        rows.append((square, width, prices[width] / x0[0].numel()))
    squares, widths, reconstruction = torch.tensor(rows, dtype=torch.float64).T
    return Levels(AnalyticVariance(denoiser, log_snrs, squares), widths, reconstruction)


def choices(denoiser: CachedDenoiser, levels: Levels, times: Tensor, learned: bool) -> dict[str, Choice]:
    """The variances that a denoiser can be given on a grid, by name; "learned" is a network's own."""
    own: dict[str, Choice] = {"learned": (denoiser, OptimalVariance())} if learned else {}
    return {
        **own,
        "analytic": (levels.analytic(denoiser, times), OptimalVariance()),
        "posterior": (denoiser, PosteriorVariance()),
        "beta": (denoiser, BetaVariance()),
    }


def has_learned(denoiser: Denoiser, x0: Tensor) -> bool:
    """Whether a denoiser says a variance of its own."""
    with torch.no_grad():
        return denoiser(x0[:2], 0.5).variance is not None


def bounds(
    denoiser: CachedDenoiser, x0: Tensor, times: Tensor, rules: Mapping[str, Choice], condition: Condition, seed: int
) -> Iterator[tuple[Tensor, dict[str, Elbo]]]:
    """The bound under several variances at common x_t, a batch at a time: (images, bound of each rule)."""
    for i, (part, y) in enumerate(_parts(x0, condition)):
        denoiser.memory.clear()
        with torch.no_grad():
            found = {
                name: elbo(model, part, times, gaussian_noise(seed, i), rule, y)
                for name, (model, rule) in rules.items()
            }
        yield part, found


def by_level(
    denoiser: Denoiser, levels: Levels, x0: Tensor, steps: int, condition: Condition = None, seed: int = 1
) -> list[Row]:
    """The terms of the bound one after the other, from noise to data, on the searched grid; and their total.

    Columns: term, t and log_snr (where x_t is known), bits per dimension, the standard error of their mean, and the
    rms error of x0_hat there in grey levels. The variance is the model's own if it has learned one, else analytic.
    """
    inner = CachedDenoiser(denoiser)
    times = levels.searched(steps)
    name, rule = next(iter(choices(inner, levels, times, has_learned(denoiser, x0)).items()))
    bits, squares = [], []
    batches = bounds(inner, x0, times, {name: rule}, condition, seed)
    for part, terms in tqdm(batches, total=math.ceil(len(x0) / BATCH), unit=f"x{BATCH} pictures", disable=None):
        bound = terms[name]
        each = torch.cat([bound.prior[None], bound.per_step, bound.reconstruction[None]])
        bits.append(each.double().cpu() / (bound.dimensions * math.log(2)))
        squares.append(torch.stack([_square(inner.memory[float(t)], part) for t in times[:-1]]))
    table, rms = torch.cat(bits, 1), 127.5 * torch.cat(squares, 1).mean(1).sqrt()
    log_snrs = denoiser.process.log_snr(times[:-1])
    terms_of = ["prior", *["denoising"] * (steps - 1), "reconstruction"]
    places = torch.stack([times[:-1], log_snrs, rms], 1)[[0, *range(steps)]].tolist()
    rows: list[Row] = [
        {"term": term, "t": t, "log_snr": log_snr, "bits": mean, "error": error, "rms": off}
        for term, (t, log_snr, off), (mean, error) in zip(terms_of, places, map(mean_and_error, table), strict=True)
    ]
    mean, error = mean_and_error(table.sum(0))
    return [*rows, {"term": "total", "t": 0.0, "log_snr": math.inf, "bits": mean, "error": error, "rms": 0.0}]


def in_few_steps(
    denoiser: Denoiser,
    levels: Levels,
    x0: Tensor,
    steps: Sequence[int] = FEW,
    condition: Condition = None,
    seed: int = 1,
) -> list[Row]:
    """Bits per dimension for every number of steps, grid and variance, and how many of them are the reconstruction's.

    `over_analytic` is what a row needs more than the analytic variance on the same grid, `over_searched` more than
    the searched grid with the same variance: means of the differences image by image, with their standard errors.
    """
    inner = CachedDenoiser(denoiser)
    learned = has_learned(denoiser, x0)
    rows: list[Row] = []
    for n, grid in tqdm([(n, g) for n in steps for g in (SEARCHED, *TIMESTEP_SPACINGS)], unit="grid", disable=None):
        times = levels.searched(n) if grid == SEARCHED else timesteps(denoiser.process, n, grid)
        rules = choices(inner, levels, times, learned)
        parts = [found for _, found in bounds(inner, x0, times, rules, condition, seed)]
        bits = {name: torch.cat([found[name].bits_per_dim.double() for found in parts]) for name in rules}
        if grid == SEARCHED:
            best = bits
        for name, each in bits.items():
            last = torch.cat([found[name].distortion.double() for found in parts]) / (x0[0].numel() * math.log(2))
            row: Row = {"steps": n, "grid": grid, "variance": name, "reconstruction": float(last.mean())}
            compared = {"": each, "over_analytic": each - bits["analytic"], "over_searched": each - best[name]}
            for column, values in compared.items():
                row[column or "bits"], row[f"{column}_error".lstrip("_")] = mean_and_error(values)
            rows.append(row)
    return rows


def by_flow(
    denoiser: Denoiser,
    levels: Levels,
    x0: Tensor,
    condition: Condition = None,
    steps: int = 100,
    seed: int = 1,
    tolerance: float = 1e-4,
) -> Tensor:
    """Bits per dimension of images by the probability-flow ODE, (N,); unbiased, for the trace is Hutchinson's.

    -log p(x_0) <= E[ -log p(x_t) + log q(x_t | x_0) - log p(x_0 | x_t) ]

    t is the cleanest level of the searched grid of `steps` steps, p(x_t) is the flow's density there, and p(x_0 | x_t)
    the decoder of the bound: noise of that level dequantizes the pixels, and costs its own entropy less.
    """
    times = levels.searched(steps)
    t = float(times[-2])
    decoder = levels.analytic(denoiser, times)
    bits = []
    for i, (part, y) in enumerate(_parts(x0, condition)):
        noisy_batch = denoiser.process.marginal(part, t)
        x_t = noisy_batch.sample(gaussian_noise(seed, i))
        start = float(denoiser.process.log_snr(t))
        flow = log_likelihood(denoiser, x_t, y, start, partial(_signs, seed, i), tolerance)
        with torch.no_grad():
            predicted = decoder(x_t, t, y)
            assert predicted.variance is not None
            decoded = discretized_log_prob(part, Gaussian(predicted.x0, predicted.variance))
        nats = noisy_batch.log_prob(x_t).double() - flow.nats.double() - decoded.double()
        bits.append(nats / (part[0].numel() * math.log(2)))
    return torch.cat(bits)


def _parts(x0: Tensor, condition: Condition) -> Iterator[tuple[Tensor, Condition]]:
    labels = itertools.repeat(None) if condition is None else condition.split(BATCH)
    return zip(x0.split(BATCH), labels, strict=False)


def _signs(seed: int, part: int, like: Tensor) -> Tensor:
    """Probes of Hutchinson's trace with the least variance: +1 or -1."""
    return gaussian_noise(seed, part, 1)(like).sign()


def _square(predicted: Prediction, x0: Tensor) -> Tensor:
    """Mean squared error of each picture, (B,)."""
    return (predicted.x0 - x0).double().square().flatten(1).mean(1).cpu()


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))
