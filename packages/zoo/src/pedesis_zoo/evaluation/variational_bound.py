r"""Bits per dimension of a model's variational bound: by noise level, and in few steps.

    bits = L / (D ln 2),     L = prior term + denoising terms + reconstruction       (`pedesis.theory.elbo`)

What has to be chosen beforehand is learned from training images (`levels`): the analytic variance, the width of the
decoder, and from both the cheapest grid. The bound is then taken on test images. In several processes
(`pedesis.utils.distributed`) each computes some batches, and all of them get all; each must call these functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

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
from pedesis.utils.distributed import divided, first
from pedesis.utils.noise import gaussian_noise
from pedesis_zoo.evaluation.levels import BATCH, Levels, numbered
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.models.measurements import Cell

FEW = (5, 10, 25, 50)
"""Numbers of steps that are compared."""

SEARCHED = "searched"
"""The name of the grid that `pedesis.theory.step_search` finds."""

Results = dict[str, Estimate]
Row = dict[str, Cell]
Choice = tuple[Denoiser, VarianceRule]


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
    denoiser: CachedDenoiser,
    x0: Tensor,
    times: Tensor,
    rules: Mapping[str, Choice],
    condition: Condition,
    seed: int,
    rows: range,
) -> Iterator[tuple[Tensor, dict[str, Elbo]]]:
    """The bound under several variances at common x_t, a batch at a time: (images, bound of each rule).

    Args:
        rows: which images, from a multiple of `BATCH` on: batch i of all of them has noise of its own.
    """
    for i, part, y in numbered(x0, condition, rows):
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
    rms error of x0_hat there in gray levels. The variance is the model's own if it has learned one, else analytic.
    """
    inner = CachedDenoiser(denoiser)
    times = levels.searched(steps)
    name, rule = next(iter(choices(inner, levels, times, has_learned(denoiser, x0)).items()))

    def terms_and_squares(rows: range) -> Tensor:
        found, batches = [], bounds(inner, x0, times, {name: rule}, condition, seed, rows)
        shown = {"total": math.ceil(len(rows) / BATCH), "unit": f"x{BATCH} pictures"}
        for part, terms in tqdm(batches, disable=None if first() else True, **shown):
            bound = terms[name]
            each = torch.cat([bound.prior[None], bound.per_step, bound.reconstruction[None]])
            bits = each.double().cpu() / (bound.dimensions * math.log(2))
            squares = torch.stack([_square(inner.memory[float(t)], part) for t in times[:-1]])
            found.append(torch.cat([bits, squares]).T)
        return torch.cat(found)

    both = divided(len(x0), terms_and_squares, multiple=BATCH).T
    table, rms = both[: steps + 1], 127.5 * both[steps + 1 :].mean(1).sqrt()
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
    grids = [(n, g) for n in steps for g in (SEARCHED, *TIMESTEP_SPACINGS)]
    for n, grid in tqdm(grids, unit="grid", disable=None if first() else True):
        times = levels.searched(n) if grid == SEARCHED else timesteps(denoiser.process, n, grid)
        rules = choices(inner, levels, times, learned)
        parts = divided(len(x0), partial(_bits_of_rules, inner, x0, times, rules, condition, seed), multiple=BATCH)
        bits = dict(zip(rules, parts[:, 0].T, strict=True))
        if grid == SEARCHED:
            best = bits
        for (name, each), last in zip(bits.items(), parts[:, 1].T, strict=True):
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

    def followed(rows: range) -> Tensor:
        bits = []
        for i, part, y in numbered(x0, condition, rows):
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

    return divided(len(x0), followed, multiple=BATCH)


def _bits_of_rules(
    denoiser: CachedDenoiser,
    x0: Tensor,
    times: Tensor,
    rules: Mapping[str, Choice],
    condition: Condition,
    seed: int,
    rows: range,
) -> Tensor:
    """Bits per dimension of images by each rule, and how many of them are the reconstruction's: (rows, 2, rules)."""
    parts = []
    for _, found in bounds(denoiser, x0, times, rules, condition, seed, rows):
        whole = torch.stack([found[name].bits_per_dim.double() for name in rules], 1)
        last = torch.stack([found[name].distortion.double() for name in rules], 1)
        parts.append(torch.stack([whole, last / (x0[0].numel() * math.log(2))], 1))
    return torch.cat(parts)


def _signs(seed: int, part: int, like: Tensor) -> Tensor:
    """Probes of Hutchinson's trace with the least variance: +1 or -1."""
    return gaussian_noise(seed, part, 1)(like).sign()


def _square(predicted: Prediction, x0: Tensor) -> Tensor:
    """Mean squared error of each picture, (B,)."""
    return (predicted.x0 - x0).double().square().flatten(1).mean(1).cpu()


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))
