r"""The order of convergence of one of our samplers, measured where it means something: between finite noise levels.

    error(n steps) ~ n^(-order),    order = log2( error(n) / error(2 n) )

A deterministic sampler is held against the probability flow of a mixture. One that draws noise is held against the law:
on Gaussian data every step is affine in the states that it sees and in the noise, so mean and covariance are carried
through each step exactly, without sampling (its weak order).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.doctor.known import GaussianData
from pedesis.process import Process, Time
from pedesis.samplers import Sampler, Step, UniPC
from pedesis.samplers.base import Level, walk_levels
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

HIGH, LOW = 4.0, -6.0
"""The log-SNR where a walk ends, and where it begins."""

D = torch.float64


class OneGaussian(Denoiser):
    """The denoiser of Gaussian data, that of `GaussianData`."""

    data = GaussianData(0.7, 0.4)

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        alpha, sigma, _ = self.process.scales(t, x_t)
        return self.data.x0(x_t, alpha.flatten()[0], sigma.flatten()[0])

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        alpha, sigma, _ = self.process.scales(t, x_t)
        return (1 / (1 / self.data.std**2 + (alpha / sigma) ** 2)).expand_as(x_t)


def observed_order(sampler: Sampler, steps: int | None = None) -> float | None:
    """log2 of how much the error falls from `steps` to twice as many; strong, or weak for one that draws noise.

    By default from 40 steps, or 80 of a sampler that draws noise, which is slower to show its order. None where it has
    none: it is another one from half as many steps, or a step that draws noise is not affine on Gaussian data.
    """
    error = weak_error if sampler.stochastic else strong_error
    steps = steps or (80 if sampler.stochastic else 40)
    errors = [error(sampler, count) for count in (steps // 2, steps, 2 * steps)]
    if None in errors or 0 in errors:
        return None
    before, order = (math.log2(many / few) for few, many in zip(errors[1:], errors[:-1], strict=True))  # type: ignore[operator]
    return order if abs(order - before) < 1 else None


def grid(process: Process, steps: int) -> Tensor:
    """Times whose log_snr rises evenly from `LOW` to `HIGH`."""
    return process.schedule.time(torch.linspace(LOW, HIGH, steps + 1, dtype=D))


@lru_cache
def flow() -> tuple[MixtureDenoiser, Tensor, Tensor]:
    """A denoiser of three Gaussians in the plane, 64 points at `LOW`, and where the probability flow takes them."""
    means = torch.tensor([[1.0, 0.4], [-0.8, 0.9], [0.1, -1.1]], dtype=D)
    covs = torch.tensor([[[0.2, 0.05], [0.05, 0.1]], [[0.1, 0.0], [0.0, 0.3]], [[0.15, -0.04], [-0.04, 0.12]]], dtype=D)
    denoiser = MixtureDenoiser(Mixture(torch.tensor([0.5, 0.2, 0.3], dtype=D), means, covs), Process("cosine"))
    points = gaussian_noise(0)(torch.empty(64, 2, dtype=D))
    return denoiser, points, UniPC(3).sample(denoiser, points, grid(denoiser.process, 400))


def strong_error(sampler: Sampler, steps: int) -> float:
    """Mean distance, coordinate by coordinate, to where the probability flow ends."""
    denoiser, points, truth = flow()
    end = sampler.sample(denoiser, points, grid(denoiser.process, steps))
    return float((end - truth).abs().mean())


def weak_error(sampler: Sampler, steps: int) -> float | None:
    """How far mean or variance at the end of a walk are off on Gaussian data, the larger of the two."""
    process = Process("cosine")
    found = end_moments(sampler, process, grid(process, steps))
    last = walk_levels(process, torch.tensor([float(grid(process, 1)[-1])], dtype=D))[0]
    truth = _law(last)
    return None if found is None else max(abs(a - b) for a, b in zip(found, truth, strict=True))


def end_moments(sampler: Sampler, process: Process, times: Tensor) -> tuple[float, float] | None:
    """Mean and variance at the end of a walk from the true law at its start, by carrying both through each step.

    None if a step is not affine in the states that it sees and in the noise.
    """
    denoiser, levels, draws = OneGaussian(process), walk_levels(process, times), 0
    start = _law(levels[0])
    mean = torch.tensor([start[0]], dtype=D)  # of the present state and of those remembered, the latest first
    cov = torch.tensor([[start[1]]], dtype=D)
    for i in range(len(levels) - 1):
        answer = gains(sampler, denoiser, levels, i, len(mean), draws)
        if answer is None:
            return None
        origin, states, noise = answer
        draws = len(noise)
        change = torch.cat([states[None], torch.eye(len(mean), dtype=D)])[: sampler.memory + 1]
        mean, cov = change @ mean, change @ cov @ change.T
        mean[0] += origin
        cov[0, 0] += noise.square().sum()
    return float(mean[0]), float(cov[0, 0])


def gains(
    sampler: Sampler, denoiser: Denoiser, levels: list[Level], i: int, known: int, draws: int
) -> tuple[float, Tensor, Tensor] | None:
    """What step i makes of nothing, and its factors of the `known` states that it sees (K,) and of its draws (N,).

    Each row of a batch holds nothing but one of these, and the last holds them all, twice: it must be their sum.
    `draws` is a guess of how many there are; None if the step is not affine.
    """
    rows, drawn = known + draws + 2, 0
    basis = torch.zeros(rows, known, dtype=D)
    basis[1 : known + 1] = torch.eye(known)
    basis[-1] = 2

    def noise(like: Tensor) -> Tensor:
        nonlocal drawn
        pulse = torch.zeros(rows, 1, dtype=D)
        if drawn < draws:
            pulse[known + 1 + drawn], pulse[-1] = 1, 2
        drawn += 1
        return pulse.reshape(like.shape)

    with torch.no_grad():
        seen = [Step(i - j, levels[i - j], x, denoiser(x, levels[i - j].t)) for j, x in enumerate(basis.split(1, 1))]
        out = sampler.step(denoiser.process, seen[0], levels[i + 1], denoiser, noise, seen[:0:-1])[:, 0]
    if drawn != draws:
        return gains(sampler, denoiser, levels, i, known, drawn)
    origin, each, everything = out[0], out[1:-1] - out[0], out[-1] - out[0]
    if not bool((everything - 2 * each.sum()).abs() <= 1e-9 * (1 + everything.abs())):
        return None
    return float(origin), each[:known], each[known:]


def _law(level: Level) -> tuple[float, float]:
    """Mean and variance of the noised Gaussian data at a level."""
    data = OneGaussian.data
    return level.alpha * data.mean, level.alpha**2 * data.std**2 + level.sigma**2
