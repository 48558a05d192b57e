r"""Sampling: a walk down a list of times, one `step` at a time.

    1 = t_0 > t_1 > ... > t_n = 0,    x at t_0 from the prior,    x at t_(i+1) = step(x at t_i)

A sampler writes `step`, or `kernel` if its step is a Gaussian. The loop, streaming and the record of what
happened live here, once. No sampler knows of guidance: that is the denoiser's affair.
"""

from __future__ import annotations

import copy
import itertools
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Gaussian, Noise
from pedesis.process import Process, Time
from pedesis.utils.device import values_checked
from pedesis.utils.registry import Described, Registry

SAMPLERS: Registry[Sampler] = Registry("sampler")


@dataclass(frozen=True)
class Level:
    """A time and its noise level, as plain numbers."""

    t: float
    log_snr: float
    alpha: float
    sigma: float

    @property
    def ratio(self) -> float:
        """sigma / alpha, the sigma of EDM: the noise level of x / alpha, in which all frames are the same."""
        return self.sigma / self.alpha


@dataclass(frozen=True)
class Step:
    """The state of a walk: x_t at a level, and what the denoiser said there (None once t has reached its end)."""

    index: int
    level: Level
    x_t: Tensor
    prediction: Prediction | None

    @property
    def x0(self) -> Tensor:
        """The current estimate of the clean data; at the end of the walk, x itself."""
        return self.x_t if self.prediction is None else self.prediction.x0

    @property
    def predicted(self) -> Prediction:
        """The prediction, where there is one."""
        assert self.prediction is not None, "a finished walk has no prediction"
        return self.prediction


Denoise = Callable[[Tensor, Time], Prediction]


class Sampler(Described):
    """One rule for getting from x_t to x_s.

    Attributes:
        evaluations: how often a step asks the denoiser, where it asks most (an adaptive one: for each piece); `count`
            is exact for a whole walk.
        stochastic: whether a step draws noise; only deterministic samplers can also walk upwards in t.
        memory: how many earlier steps `step` is shown.
        jumps: whether a step follows one answer to its end, so that a flow map is told it (`Denoiser.toward`).
    """

    evaluations = 1
    memory = 0

    @property
    def jumps(self) -> bool:
        return False

    @property
    def stochastic(self) -> bool:
        return False

    @abstractmethod
    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        """x_s from the present step; `before` holds the last `memory` steps, the latest last."""

    def ending_in_mean(self) -> Sampler:
        """The same sampler with a step to clean data that is a mean, never a draw.

        Pictures are shown so (Ho et al. 2020, section 3.3): what p(x_0 | x_t) adds to its mean is noise to the eye.
        """
        return self

    def trajectory(
        self,
        denoiser: Denoiser,
        x: Tensor,
        times: Tensor,
        condition: Condition = None,
        noise: Noise | None = None,
    ) -> Iterator[Step]:
        """Yield a `Step` at every time, the last with the finished x.

        Args:
            x: the state at times[0], (B, ...).
            times: (n + 1,) float64, strictly decreasing from at most 1 to at least 0 (or increasing, to
                encode, with a deterministic sampler; from t = 0, where eps_hat = 0, the first step is alpha_s x).
            noise: draws the normal numbers of a stochastic sampler.

        Raises:
            ValueError: times that are not a strictly monotone list, or noise missing where it is needed.
        """
        process = denoiser.process
        _check_walk(self, times, noise)
        levels = walk_levels(process, times)
        before: tuple[Step, ...] = ()

        def denoise(x_t: Tensor, t: Time) -> Prediction:
            prediction: Prediction = asked(x_t, t, condition)
            return prediction

        for index, (level, target) in enumerate(itertools.pairwise(levels)):
            asked = denoiser.toward(target.log_snr) if self.jumps else denoiser
            with torch.no_grad(), values_checked(index > 0):
                now = Step(index, level, x, denoise(x, level.t))
            yield now
            with torch.no_grad(), values_checked():
                x = self.step(process, now, target, denoise, noise or _no_noise, before)
            if level.sigma > 0:  # clean data say nothing about the steps that follow
                before = (*before, now)[-self.memory :] if self.memory else ()
        yield Step(len(levels) - 1, levels[-1], x, None)

    def count(self, process: Process, times: Tensor) -> int:
        """How often a walk asks the denoiser, exactly: it is taken, on one number, with a denoiser that counts.

        An adaptive sampler asks as often as its data need; what is counted is a walk with x0_hat = 0, the least.
        """
        counter = _Counter(process)
        self.sample(counter, torch.ones(1, 1, dtype=torch.float64), times, noise=torch.zeros_like)
        return counter.asked

    def sample(
        self,
        denoiser: Denoiser,
        x: Tensor,
        times: Tensor,
        condition: Condition = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """The end of `trajectory`."""
        for last in self.trajectory(denoiser, x, times, condition, noise):
            pass
        return last.x_t


class _Counter(Denoiser):
    """x0_hat = 0, and how often it was asked."""

    asked = 0

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        self.asked += 1
        return torch.zeros_like(x_t)


class GaussianSampler(Sampler):
    """A sampler whose step draws from a Gaussian kernel; the step to clean data, t = 0, is the kernel's mean.

    Attributes:
        draws_data: whether that last step draws too, because its kernel is the law p(x_0 | x_t) and not a guess.
    """

    draws_data = False

    @abstractmethod
    def kernel(self, process: Process, now: Step, s: Level, denoise: Denoise, before: Sequence[Step]) -> Gaussian:
        """p(x_s | x_t); a variance of zero everywhere makes the step deterministic."""

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        kernel = self.kernel(process, now, s, denoise, before)
        adds_noise = (s.t > 0 or self.draws_data) and self._draws(kernel)
        return kernel.sample(noise) if adds_noise else kernel.mean

    def _draws(self, kernel: Gaussian) -> bool:
        """What the sampler says of itself; one that says nothing is judged by its variance, for which a GPU waits."""
        says = type(self).stochastic is not Sampler.stochastic
        return self.stochastic if says else bool((kernel.var > 0).any())

    def ending_in_mean(self) -> Sampler:
        twin = copy.copy(self)
        twin.draws_data = False
        return twin


def walk_levels(process: Process, times: Tensor) -> list[Level]:
    """The noise levels of a list of times, as plain float64 numbers."""
    with torch.no_grad():
        log_snrs = process.log_snr(times)
        alphas, sigmas = process.alpha_sigma(log_snrs)
    rows = zip(times.tolist(), log_snrs.tolist(), alphas.tolist(), sigmas.tolist(), strict=True)
    return [Level(*row) for row in rows]


def _no_noise(like: Tensor) -> Tensor:
    raise ValueError("this sampler draws noise: give `noise`, for instance pedesis.utils.noise.PerSeed(seeds)")


def _check_walk(sampler: Sampler, times: Tensor, noise: Noise | None) -> None:
    if times.ndim != 1 or len(times) < 2:
        raise ValueError(f"times must be a list of at least two; got shape {tuple(times.shape)}")
    steps = times.diff()
    if not bool((steps < 0).all()) and not (bool((steps > 0).all()) and not sampler.stochastic):
        raise ValueError(
            "times must decrease strictly (deterministic samplers may also go strictly upwards, to encode); "
            f"{sampler.name!r} got {times.tolist()[:6]}..."
        )
    if sampler.stochastic and noise is None:
        _no_noise(times)


def half_step(now: Level, s: Level) -> float:
    """(log_snr_s - log_snr_t)/2, the step in half log-SNR of the DPM-Solver papers; +inf at clean data."""
    return (s.log_snr - now.log_snr) / 2 if s.log_snr != math.inf else math.inf
