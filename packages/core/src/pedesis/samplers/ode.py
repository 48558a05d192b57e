r"""The probability-flow ODE, in variables in which every frame looks the same:

    y = x / alpha,                   r = sigma / alpha = exp(-log_snr/2),     dy/dr = eps_hat
    u = x / sqrt(alpha^2 + sigma^2), tan(angle) = sigma / alpha,              du/d(angle) = v_hat

DDIM is Euler's method on the first, Heun adds a correction; the second keeps u at unit size, for error control.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pedesis.gaussian import Noise
from pedesis.process import Process, broadcast
from pedesis.samplers.base import SAMPLERS, Denoise, Level, Sampler, Step, half_step, walk_levels


@SAMPLERS.register("heun")
class Heun(Sampler):
    """Heun's second-order method, with churn if asked for (Karras et al. 2022, algorithms 1 and 2): two evaluations.

    With churn a step goes further down, to sigma_s / (1 + churn), and noise lifts it back to sigma_s, so that errors
    are forgotten on the way. A step in which r changes more than `LONGEST`-fold, as the one to clean data, is Euler's:
    two slopes say too little about it, and at r = 0 there is none.

    Args:
        churn: the paper's gamma = S_churn / steps, 0 <= churn <= sqrt(2) - 1; 0 is deterministic.
        noise_factor: S_noise, the standard deviation of that noise; a little above 1 makes up for lost detail.
        lowest, highest: the range of sigma / alpha in which there is churn (S_tmin, S_tmax).
    """

    evaluations = 2
    LONGEST = 4.0

    def __init__(self, churn: float = 0.0, noise_factor: float = 1.0, lowest: float = 0.0, highest: float = math.inf):
        if not 0 <= churn <= math.sqrt(2) - 1:
            raise ValueError(f"churn is S_churn / steps and must lie between 0 and sqrt(2) - 1 = 0.414; got {churn}")
        if not noise_factor > 0 or not lowest < highest:
            raise ValueError(
                f"noise_factor must be positive and lowest < highest; got {noise_factor}, {lowest} and {highest}"
            )
        self.churn, self.noise_factor, self.lowest, self.highest = churn, noise_factor, lowest, highest

    def config(self) -> dict[str, Any]:
        names = ("churn", "noise_factor", "lowest", "highest")
        return {name: getattr(self, name) for name in names}

    @property
    def stochastic(self) -> bool:
        return self.churn > 0

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        below = self.below(process, s)
        x = below.alpha * now.predicted.x0 + below.sigma * now.predicted.eps
        if abs(half_step(now.level, below)) <= math.log(self.LONGEST):
            change = below.alpha * (below.ratio - now.level.ratio)
            x = x + change * (denoise(x, below.t).eps - now.predicted.eps) / 2
        if below is s:
            return x
        lift = process.transition(x, below.t, s.t)
        return lift.mean + self.noise_factor * lift.var.sqrt() * noise(x)

    def below(self, process: Process, s: Level) -> Level:
        """The level from which churn lifts back to s; s itself where there is none."""
        if self.churn == 0 or not self.lowest <= s.ratio <= self.highest:
            return s
        log_snr = torch.tensor([s.log_snr + 2 * math.log1p(self.churn)], dtype=torch.float64)
        (level,) = walk_levels(process, process.schedule.time(log_snr))
        return level if level.t < s.t else s


@SAMPLERS.register("adaptive")
class Adaptive(Sampler):
    """The flow followed to a tolerance: Bogacki and Shampine's pair of orders 3 and 2, with control of the error.

    A step of the walk is cut into as many pieces as it needs, each of three evaluations; the list of times only says
    where to stop and look. Every row has pieces of its own, so that it does not depend on its batch mates: the batch
    is evaluated until the last row is done.

    Args:
        rtol, atol: a piece is accepted if the root mean square of error / (atol + rtol |u|) over a row is at most 1.
        last: log_snr from which the step to clean data is x0_hat at once (there eps_hat does not exist).
    """

    evaluations = 3
    SHORTEST = 1e-3  # of a step: a piece this short is accepted as it is

    def __init__(self, rtol: float = 0.01, atol: float = 0.01, last: float = 9.0):
        if not (rtol >= 0 and atol >= 0 and rtol + atol > 0):
            raise ValueError(f"the tolerances must be at least 0, and one of them above it; got {rtol} and {atol}")
        self.rtol, self.atol, self.last = rtol, atol, last

    def config(self) -> dict[str, Any]:
        return {"rtol": self.rtol, "atol": self.atol, "last": self.last}

    def step(
        self, process: Process, now: Step, s: Level, denoise: Denoise, noise: Noise, before: Sequence[Step]
    ) -> Tensor:
        size = math.hypot(now.level.alpha, now.level.sigma)
        u, rate = now.x_t / size, now.predicted.v / size
        start = math.atan(now.level.ratio)
        goal = math.atan(s.ratio) if s.ratio > 0 else min(start, math.atan(math.exp(-self.last / 2)))
        angle = torch.full((len(u),), start, dtype=torch.float64)
        width, shortest = goal - angle, self.SHORTEST * abs(goal - start)
        while bool((angle != goal).any()):
            left = goal - angle
            width = torch.where(width.abs() < left.abs(), width, left)
            there = torch.where(width == left, goal, angle + width)
            ahead, rate_there, error = piece(process, denoise, u, rate, angle, there)
            scale = self.atol + self.rtol * torch.maximum(u.abs(), ahead.abs())
            miss = (error / scale).flatten(1).square().mean(1).sqrt().double().cpu()
            good = ~(miss > 1) | (width.abs() <= shortest)
            kept = broadcast(good, u) > 0
            u, rate = torch.where(kept, ahead, u), torch.where(kept, rate_there, rate)
            angle = torch.where(good, there, angle)
            wanted = width.abs() * (0.9 * miss ** (-1 / 3)).nan_to_num(1.0).clamp(0.2, 5.0)
            width = wanted.clamp(min=shortest) * math.copysign(1, goal - start)
        if s.ratio > 0:
            return math.hypot(s.alpha, s.sigma) * u
        return s.alpha * (math.cos(goal) * u - math.sin(goal) * rate)


def piece(
    process: Process, denoise: Denoise, u: Tensor, rate: Tensor, angle: Tensor, there: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """u of third order at the angle `there`, its rate, and the difference from second order.

    Args:
        rate: the rate at u. angle, there: one per row, (B,), float64.
    """
    width = there - angle
    angles = torch.stack([angle + width / 2, angle + 3 * width / 4, there])
    different, where = angles.unique(return_inverse=True)
    times = process.schedule.time(-2 * different.tan().log())[where]

    def rotation(u: Tensor, t: Tensor) -> Tensor:
        alpha, sigma, _ = process.scales(t, u)
        size = torch.hypot(alpha, sigma)
        return denoise(size * u, t).v / size

    h = broadcast(width, u)
    second = rotation(u + h / 2 * rate, times[0])
    third = rotation(u + 3 * h / 4 * second, times[1])
    ahead = u + h * (2 * rate + 3 * second + 4 * third) / 9
    rate_there = rotation(ahead, times[2])
    return ahead, rate_there, h * (-5 * rate + 6 * second + 8 * third - 9 * rate_there) / 72
