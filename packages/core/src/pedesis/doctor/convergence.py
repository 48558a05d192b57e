r"""A whole sampler, end to end, of any kind: does it arrive, and how fast?

The data are one Gaussian N(m, s^2), whose denoiser is known in every frame x_t = alpha x_0 + sigma eps,

    x0_hat = m + alpha s^2 / (alpha^2 s^2 + sigma^2) (x_t - alpha m)

and so is the end of the probability flow from x_T: x_0 = m + s (x_T - alpha_T m) / sqrt(alpha_T^2 s^2 + sigma_T^2).
A deterministic sampler must come nearer to it with more steps, with an order; one that draws noise must come nearer to
m and s. Neither may depend on what else is in the batch. Steps that are written out are examined by `examine`, which
sees more.

A last step from sigma to clean data that answers with x0_hat is wrong by about sigma^2 / (2 s^2). With even steps of t
in a VP chain, where sigma^2 falls as the number of steps, any solver is of order 1 there, whatever its order before; so
that is measured too, at what the model is asked last.

More steps need not come nearer on a grid whose steps in log-SNR do not get smaller, as in the last steps of a chain of
50 or 100; and the errors of the last step and of those before it have two signs, so that they cancel at some number of
steps. A sampler is not to blame if it is exact where every right step is, on data that are one point (s = 0, and x0_hat
is that point everywhere), and if no more is left than a step of first order leaves on the same grid (`first_order`,
`ancestral`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.known import GaussianData
from pedesis.doctor.probe import noise_rows
from pedesis.doctor.report import Finding, Report
from pedesis.doctor.sandbox import Failed, described, isolated, tensors

ROWS = 4096
"""Rows in which the moments of a sampler that draws noise are measured."""
ENOUGH = 1e-3
"""The error, of data with standard deviation 1/2, that is no finding in any number of steps."""
COARSE = 3.0
"""How many times the error of first order a step of higher order may leave where the grid is too coarse for it."""


@dataclass
class Oracle(GaussianData):
    """The exact denoiser of N(mean, std^2); what a sampler asks instead of its network.

    Attributes:
        first, last: what it was asked first, x_T, alpha_T, sigma_T, and last. levels: alpha, sigma of every question.
        astray: how far the x_t of any question was from the flow at its level, at most; see `off`. unlike: how far
            their mean and standard deviation were from those of that level, in units of the latter.
    """

    first: list[tuple[Tensor, float, float]] = field(default_factory=list)
    last: list[tuple[Tensor, float, float]] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    astray: float = 0.0
    unlike: float = 0.0

    def x0(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """E[x_0 | x_t], of the shape of x_t; alpha >= 0 and sigma > 0 are numbers."""
        a, s = float(alpha), float(sigma)
        self.last = [(x_t.detach().double(), a, s)]
        self.first = self.first or self.last
        self.levels.append((a, s))
        self.astray = max(self.astray, self.off())
        unit = (self.last[0][0] - a * self.mean) / math.hypot(a * self.std, s)
        self.unlike = max(self.unlike, abs(float(unit.mean())), abs(float(unit.std()) - 1))
        return super().x0(x_t, a, s)

    def eps(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """E[eps | x_t] = (x_t - alpha x0_hat) / sigma."""
        return super().eps(x_t, float(alpha), float(sigma))

    def v(self, x_t: Tensor, alpha: Any, sigma: Any) -> Tensor:
        """alpha eps - sigma x_0, where alpha^2 + sigma^2 = 1."""
        return super().v(x_t, float(alpha), float(sigma))

    def end(self) -> Tensor:
        """Where the probability flow ends that begins where the first question was asked."""
        return self.flow(1.0, 0.0)

    def off(self) -> float:
        """How far the x_t of the last question is from the flow at its level, in units of x_0; the largest element."""
        x_t, a, s = self.last[0]
        return float((x_t - self.flow(a, s)).abs().max()) / math.hypot(a, s)

    def flow(self, alpha: float, sigma: float) -> Tensor:
        """Where the probability flow is at a level that begins where the first question was asked."""
        x_t, a, s = self.first[0]
        gain = math.hypot(alpha * self.std, sigma) / math.hypot(a * self.std, s)
        return alpha * self.mean + gain * (x_t - a * self.mean)

    def steps(self) -> list[tuple[float, float, float]]:
        """For every step down the levels asked for, and to clean data, in the frame x_t / alpha = x_0 + r eps: r before
        and after, and how much of x_t / alpha - m the denoiser keeps, k = s^2 / (s^2 + r^2)."""
        falling: list[float] = []
        for alpha, sigma in self.levels:
            if not falling or sigma < (1 - 1e-6) * falling[-1] * alpha:
                falling.append(sigma / max(alpha, 1e-9))
        return [(r, s, self.std**2 / (self.std**2 + r**2)) for r, s in itertools.pairwise([*falling, 0.0])]

    def first_order(self) -> float:
        """The largest error that steps of first order (DDIM, Euler in r) leave on the grid that was asked for; each
        goes straight to the estimate, x_s / alpha_s = x0_hat + s / r (x_t / alpha - x0_hat)."""
        x_t, a, s = self.first[0]
        gain = math.prod(kept + then / now * (1 - kept) for now, then, kept in self.steps())
        exact = self.std / math.hypot(self.std, s / max(a, 1e-9))
        return abs(gain - exact) * float((x_t / max(a, 1e-9) - self.mean).abs().max())

    def ancestral(self) -> float:
        """How far off the standard deviation is that ancestral steps (DDPM) leave on the grid that was asked for."""
        var: float = self.std**2 + self.steps()[0][0] ** 2
        for now, then, kept in self.steps():
            share = (then / now) ** 2
            var = (share + (1 - share) * kept) ** 2 * var + then**2 * (1 - share)
        return abs(math.sqrt(var) - self.std)


Walk = Callable[[Oracle, Tensor, int], Any]
"""(oracle, standard normal noise (B, ...), number of steps) -> x_0."""


def convergence(sample: Walk, *, steps: Sequence[int] = (16, 32, 64), shape: Sequence[int] = (1, 2, 2)) -> Report:
    """Examine a sampler of any kind by where it ends.

    Args:
        sample: (oracle, noise, steps) -> x_0; it begins at the noise, scaled as it wants it, and asks `oracle.x0`,
            `oracle.eps` or `oracle.v` of (x_t, alpha, sigma).
        steps: numbers of steps to try, rising. shape: of one example.

    Returns:
        The report; a note names the measured order, or the moments of a sampler that draws noise.

    Raises:
        ValueError: fewer than two numbers of steps, or some that do not rise.
    """
    if len(steps) < 2 or list(steps) != sorted(set(steps)) or steps[0] < 1:
        raise ValueError(f"steps are two or more rising numbers; got {list(steps)}")
    with isolated():
        try:
            found = examined(sample, list(steps), tuple(shape))
        except Failed as problem:
            found = [Finding("sample", f"the sampler {problem}")]
    return Report.of(["sample"], found)


def walked(sample: Walk, noise: Tensor, steps: int, oracle: Oracle | None = None) -> tuple[Tensor, Oracle]:
    """The end of one walk, and whom it asked. Raises Failed if there is none."""
    oracle = oracle or Oracle()
    try:
        outputs = tensors(sample(oracle, noise.clone(), steps))
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {described(error)} in {steps} steps") from None
    if not oracle.first:
        raise Failed("never asked the model")
    if not outputs or outputs[-1].shape != noise.shape:
        raise Failed(f"gave back {tuple(outputs[-1].shape) if outputs else 'no tensor'} for {tuple(noise.shape)}")
    end = outputs[-1].detach().double()
    if not bool(end.isfinite().all()):
        raise Failed(f"gave back NaN or infinity in {steps} steps")
    return end, oracle


def examined(sample: Walk, steps: list[int], shape: tuple[int, ...]) -> list[Finding]:
    """Findings, by the kind of sampler."""
    noise = noise_rows(8, shape)
    first, oracle = walked(sample, noise, steps[0])
    again, _ = walked(sample, noise, steps[0])
    found = begun(noise, oracle)
    if not torch.equal(first, again):
        return [*found, *moments(sample, steps, shape)]
    alone, _ = walked(sample, noise[:1], steps[0])
    if float((alone - first[:1]).abs().max()) > 1e-4:
        found.append(Finding("sample", "the first row of a batch of 8 ends elsewhere than alone: rows are mixed"))
    return [*found, *order(sample, steps, noise)]


def begun(noise: Tensor, oracle: Oracle) -> list[Finding]:
    """A finding if the walk does not begin at noise of the level that the model is told."""
    x_t, a, s = oracle.first[0]
    wanted = math.hypot(a * oracle.std, s)
    got = float((x_t - x_t.mean()).norm() / (noise - noise.mean()).norm())
    if abs(got / wanted - 1) < 0.05:
        return []
    sentence = f"the walk begins with standard deviation {got:.3g} where the model is told a level of {wanted:.3g}"
    return [Finding("sample", sentence, got=got, expected=wanted)]


def order(sample: Walk, steps: list[int], noise: Tensor) -> list[Finding]:
    """A finding if more steps do not come nearer to the end of the probability flow; else the order, as a note."""
    errors, before, least = [], [], 0.0
    for count in steps:
        end, oracle = walked(sample, noise, count)
        errors.append(float((end - oracle.end()).abs().max()))
        before.append(oracle.off())
        least = oracle.first_order()
    rate, inner = (
        math.log(max(each[-2], 1e-12) / max(each[-1], 1e-12)) / math.log(steps[-1] / steps[-2])
        for each in (errors, before)
    )
    figures = ", ".join(f"{error:.2g} in {count}" for count, error in zip(steps, errors, strict=True))
    more = f" ({inner:.1f} up to the last step, to clean data)" if inner > rate + 0.5 and before[-1] > 1e-9 else ""
    if errors[-1] > ENOUGH and rate < 0.5:
        if errors[-1] > COARSE * least or not exact_at_a_point(sample, noise, steps[-1]):
            sentence = f"more steps do not come nearer to the exact solution: the error is {figures} steps"
            return [Finding("sample", sentence, got=errors[-1], expected=0.0)]
        more += f"; its grid of times is coarse: steps of first order leave {least:.2g} there"
    return [Finding("sample", f"deterministic; error {figures} steps, measured order {rate:.1f}{more}", level="note")]


def exact_at_a_point(sample: Walk, noise: Tensor, steps: int) -> bool:
    """Whether it arrives, and is on the flow at every question, if the data are one point: then x0_hat is that point,
    what a step remembers of the last ones does not differ, and any right step is exact, however long."""
    end, oracle = walked(sample, noise, steps, Oracle(std=0.0))
    return max(float((end - oracle.end()).abs().max()), oracle.astray) < ENOUGH


def moments(sample: Walk, steps: list[int], shape: tuple[int, ...]) -> list[Finding]:
    """A finding if mean or standard deviation of a sampler that draws noise are wrong and stay so."""
    noise = noise_rows(ROWS, shape)
    off, said_, least = [], [], 0.0
    for count in (steps[0], steps[-1]):
        end, oracle = walked(sample, noise, count)
        mean, std = float(end.mean()), float(end.std())
        off.append(max(abs(mean - oracle.mean), abs(std - oracle.std)) / oracle.std)
        said_.append(f"mean {mean:.3f} and standard deviation {std:.3f} in {count} steps")
        least = oracle.ancestral() / oracle.std
    sure = 5 / math.sqrt(noise.numel())
    truth = f"{'; '.join(said_)}; right are {Oracle.mean:.3f} and {Oracle.std:.3f}"
    more = ""
    if off[-1] > sure and off[-1] > 0.6 * off[0]:
        point, asked = walked(sample, noise, steps[-1], Oracle(std=0.0))
        exact = float((point - asked.mean).abs().max()) < ENOUGH and asked.unlike < sure
        if off[-1] > COARSE * least or not exact:
            return [Finding("sample", f"more steps do not come nearer to the data: {truth}", got=off[-1], expected=0.0)]
        more = f"; its grid of times is coarse: ancestral steps leave it off by {least * Oracle.std:.2g} there"
    return [Finding("sample", f"draws noise; {truth}{more}", level="note")]
