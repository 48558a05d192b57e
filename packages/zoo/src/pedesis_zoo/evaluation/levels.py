r"""What training images say of a denoiser at each noise level, before its bound is taken (`variational_bound`).

E (x_0 - x0_hat)^2      per dimension: the best Var[x_0 | x_t] that depends on the level alone (analytic variance)
width                   of the decoder p(x_0 | x_t1) that codes pixels best when x_t1 lies there
grid                    the cheapest of so many steps, from both (`pedesis.theory.step_search`)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pedesis.denoiser import Condition, Denoiser
from pedesis.gaussian import Gaussian
from pedesis.theory.elbo import discretized_log_prob
from pedesis.theory.step_search import best_steps, variational_cost
from pedesis.theory.variance import AnalyticVariance
from pedesis.utils.distributed import divided, first
from pedesis.utils.noise import gaussian_noise

HIGHEST = 14.0
"""The log-SNR at which the cleanest level lies: noise of an eighth of a gray level."""

VARIANCE_RATIOS = tuple(2 ** (i / 4) for i in range(-4, 17))
"""Variances of the decoder that are tried, as multiples of the mean square."""

BATCH = 50
"""How many images are computed at once; each batch has noise of its own."""


@dataclass(frozen=True)
class Levels:
    """What training images say about a denoiser at each noise level.

    Attributes:
        table: the denoiser with E (x_0 - x0_hat)^2 per dimension as its Var[x_0 | x_t], at K levels.
        decoder_variances: the variance of p(x_0 | x_t) under which the pixels' bins are likeliest (K,). It exceeds the
            mean square where many pixels are black or white: their bins reach to infinity and ask for no precision.
        reconstruction: -E log p(x_0 | x_t) per dimension with that variance, nats (K,): the price of ending there.
    """

    table: AnalyticVariance
    decoder_variances: Tensor
    reconstruction: Tensor

    def analytic(self, denoiser: Denoiser, times: Tensor) -> AnalyticVariance:
        """A denoiser with the mean squares at the times of a grid, and with the decoder's at the last but 0."""
        log_snrs = denoiser.process.log_snr(times[:-1])
        variances = self.table.at(log_snrs)
        variances[-1] = self._at(self.decoder_variances.log(), log_snrs[-1:])[0].exp()
        return AnalyticVariance(denoiser, log_snrs, variances)

    def searched(self, steps: int, nodes: int = 400) -> Tensor:
        """The grid of `steps` steps with the least expected bound, from 1 down to 0.

        It is searched among times even in log_snr: at least `nodes`, and three for each step.
        """
        process, known = self.table.process, self.table.log_snrs
        log_snrs = torch.linspace(float(known[-1]), float(known[0]), max(nodes, 3 * steps), dtype=torch.float64)
        times = process.schedule.time(log_snrs)
        noisy = times > 0  # a schedule that ends here would say 0 twice
        log_snrs, times = log_snrs[noisy], torch.cat([torch.zeros(1, dtype=torch.float64), times[noisy]])
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

    def measured(levels: range) -> Tensor:
        rows = []
        for i in tqdm(levels, unit="level", disable=None if first() else True):
            t, noise = times[i], gaussian_noise(seed, i)
            with torch.no_grad():
                guess = torch.cat(
                    [denoiser(process.marginal(part, t).sample(noise), t, y).x0 for part, y in parts(x0, condition)]
                )
            square = float((guess - x0).double().square().mean())
            prices = {
                square * ratio: float(
                    -discretized_log_prob(x0, Gaussian(guess, torch.tensor(square * ratio))).double().mean()
                )
                for ratio in VARIANCE_RATIOS
            }
            width = min(prices, key=prices.__getitem__)
            rows.append((square, width, prices[width] / x0[0].numel()))
        return torch.tensor(rows, dtype=torch.float64)

    squares, decoder_variances, reconstruction = divided(count, measured).T
    return Levels(AnalyticVariance(denoiser, log_snrs, squares), decoder_variances, reconstruction)


def parts(x0: Tensor, condition: Condition) -> Iterator[tuple[Tensor, Condition]]:
    """Images and conditions, `BATCH` at a time."""
    labels = itertools.repeat(None) if condition is None else condition.split(BATCH)
    return zip(x0.split(BATCH), labels, strict=False)


def numbered(x0: Tensor, condition: Condition, rows: range) -> Iterator[tuple[int, Tensor, Condition]]:
    """The batches that some rows are made of, each with its number among those of all rows."""
    labels = None if condition is None else condition[rows.start : rows.stop]
    for i, (part, y) in enumerate(parts(x0[rows.start : rows.stop], labels), rows.start // BATCH):
        yield i, part, y
