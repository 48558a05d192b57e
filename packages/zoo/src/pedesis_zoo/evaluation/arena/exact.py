r"""On mixtures in the plane, whose denoiser is known: everything that is wrong in the points is the entry's doing.

    error       root mean square distance to the end of the probability flow from the same noise, by a very fine solve
    distance    sliced Wasserstein distance to the data, of the points of all seeds
    order       of convergence, between finite noise levels (`pedesis.doctor.order`)

A guidance rule is held against p(x) p(y | x)^scale, which no rule samples exactly: zero is not to be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.doctor.order import observed_order
from pedesis.lessons import guidance as classes
from pedesis.lessons import mixtures
from pedesis.lessons.sampling import distance, spread
from pedesis.process import Process
from pedesis.samplers import SAMPLERS, DPMSolver3M
from pedesis.samplers.timesteps import LogSNR, timesteps
from pedesis.theory.exact import MixtureDenoiser
from pedesis.utils.noise import gaussian_noise, generator
from pedesis.utils.registry import UnknownName
from pedesis_zoo.evaluation.arena.entries import Entry, Setting
from pedesis_zoo.evaluation.arena.walks import Distance, Result, blamed, measured, steps_within
from pedesis_zoo.evaluation.images import count_rows
from pedesis_zoo.evaluation.metrics import Estimate

GUIDED = "two classes"
"""The name of the data that guidance rules meet on."""

TRUTH, CHECKED = 400, 256
"""Steps of the fine solve, and points that it is taken for."""

KNOWN = 20_000
"""Draws of the data that points are held against."""


class Fine(LogSNR):
    """Equal steps of log-SNR down to where nothing is left to say."""

    last = 16.0


def contests(
    kind: str, data: Sequence[str], budgets: Sequence[int], scales: Sequence[float]
) -> list[tuple[str, int, float | None]]:
    """(data, budget, scale) of everything that an entry of a kind is measured on.

    Raises:
        UnknownName: no such data.
    """
    for name in data:
        if name not in mixtures.PLANE:
            raise UnknownName("mixture in the plane", name, mixtures.PLANE)
    if kind == "guidance":
        return [(GUIDED, budget, scale) for scale in scales for budget in budgets] if data else []
    return [(name, budget, None) for name in data for budget in budgets]


def contest(
    entry: Entry, on: str, budget: int, scale: float | None, points: int, seed: int, order: float | None
) -> Result | None:
    """One entry, on one mixture, within one number of evaluations; None if not a single step fits."""
    setting = entry.setting
    with blamed(entry, f"on the mixture {on!r} with {budget} evaluations"):
        inner, denoiser, condition = denoisers_for(setting, on, scale, points)
        process = inner.process
        steps = steps_within(setting.sampler, setting.grid, process, budget // (2 if scale is not None else 1))
        if not steps:
            return None
        noise = gaussian_noise(seed)
        start = process.prior(torch.zeros(points, 2, dtype=torch.float64)).sample(noise)
        times = timesteps(process, steps, setting.grid)
        with count_rows(inner) as rows:
            end = setting.sampler.sample(denoiser, start, times, condition, noise)
        if end.shape != start.shape:
            raise ValueError(f"it gave back {tuple(end.shape)} for {tuple(start.shape)}")
    error = accuracy = None
    if not setting.sampler.stochastic and scale is None:
        error = float((end[:CHECKED] - flow_end(inner, seed, points)).square().sum(1).mean().sqrt())
    if condition is not None:
        accuracy = float(classes.exact().log_class(end, 0, condition).exp().mean())
    return Result(
        entry, on, budget, steps, rows() / points, end, distance_to(on, scale, points), scale, error, order, accuracy
    )  # fmt: skip


def denoisers_for(
    setting: Setting, on: str, scale: float | None, points: int
) -> tuple[Denoiser, Denoiser, Tensor | None]:
    """The exact denoiser, the one that the sampler asks, and its condition."""
    if scale is not None:
        assert setting.guidance is not None
        plain = classes.exact()
        return plain, setting.guidance(plain, scale), torch.zeros(points, dtype=torch.long)
    exact = mixtures.denoiser(on, "cosine")
    if setting.schedule is not None:
        exact = MixtureDenoiser(exact.mixture, Process(setting.schedule))
    return exact, exact, None


def distance_title(scale: float | None) -> str:
    """What is measured, in words."""
    if scale is None:
        return "sliced Wasserstein distance to the data; error: from the end of the probability flow"
    return "sliced Wasserstein distance to p(x) p(y | x)^scale; accuracy: mean of p(y | x)"


def order_of(entry: Entry) -> float | None:
    """The measured order of a sampler; None for entries of other kinds, and where it cannot be measured."""
    if entry.kind != "sampler":
        return None
    if not entry.own:
        return order_of_ours(entry.name)
    with blamed(entry, "as its order was measured"):
        return observed_order(entry.thing)


@lru_cache
def order_of_ours(name: str) -> float | None:
    """The measured order of a registered sampler."""
    return observed_order(SAMPLERS.build({"name": name}))


@lru_cache(maxsize=32)
def flow_end(denoiser: Denoiser, seed: int, points: int) -> Tensor:
    """Where the probability flow takes the first `CHECKED` of the points that start from a seed."""
    process = denoiser.process
    start = process.prior(torch.zeros(points, 2, dtype=torch.float64)).sample(gaussian_noise(seed))[:CHECKED]
    return DPMSolver3M().sample(denoiser, start, timesteps(process, TRUTH, Fine()))


def distance_to(on: str, scale: float | None, points: int) -> Distance:
    """The distance of that many points from data."""
    quantiles = aim(on, scale, points)
    return lambda rows: distance(rows.numpy(), quantiles)


@lru_cache
def aim(on: str, scale: float | None, points: int) -> np.ndarray:
    """What the quantiles of `points` points of some data should be; of p(x | y) p(y | x)^(scale - 1) under a scale."""
    return spread(truth(on, scale), points)


@lru_cache
def truth(on: str, scale: float | None) -> np.ndarray:
    """Draws of the data; those under a scale by rejection from the class."""
    if scale is None:
        drawn: np.ndarray = mixtures.sample(on, KNOWN)[0].numpy()
        return drawn
    mine = classes.draws(0, KNOWN)
    right = classes.exact().log_class(torch.as_tensor(mine), 0, torch.zeros(KNOWN, dtype=torch.long))
    kept = torch.rand(KNOWN, generator=generator(0, 2), dtype=torch.float64).log() <= (scale - 1) * right
    return np.asarray(mine[kept.numpy()])


def floor(on: str, scale: float | None, points: int, seed: int = 1) -> Estimate:
    """The distance that as many draws of the data themselves have: points drawn at random can do no better."""
    every = torch.as_tensor(truth(on, scale))
    drawn = every[torch.randint(len(every), (points,), generator=generator(seed, 3))]
    return measured(distance_to(on, scale, points), drawn)
