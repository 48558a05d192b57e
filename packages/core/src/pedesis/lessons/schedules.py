r"""Noise schedules: the curves behind every diffusion model, and the two numbers that tell a bad one.

    SNR(t) = alpha_bar_t / (1 - alpha_bar_t),   alpha_bar_t = sigmoid(log SNR(t))     signal power
    KL(q(x_1 | x_0) || N(0, I)) = 1/2 log2(1 + SNR(1))   bits per dimension at x_0^2 = 1
    |dt / d log SNR|                                     how long a schedule stays at a noise level

On the axis of log SNR all schedules are one curve; they differ only in how fast they travel along it.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from pedesis.gaussian import Gaussian
from pedesis.process import Process
from pedesis.schedules import SCHEDULES, Linear, Schedule, alpha_bar

Values = NDArray[np.float64]

TOLERANCE = 0.01
"""Bits per dimension of prior mismatch above which `Process` warns."""

_POINTS = 401


def names() -> tuple[str, ...]:
    """Every registered schedule that can be made without arguments, in the order of its definition."""
    return tuple(name for name in SCHEDULES if not _required(SCHEDULES[name]))


@lru_cache
def build(name: str) -> Schedule:
    """A registered schedule with its default arguments. Raises UnknownName, a ValueError, for any other."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a learned schedule starts from random parameters: the same ones in every session
        return SCHEDULES.build({"name": name}).requires_grad_(False)


@lru_cache
def process(name: str) -> Process:
    """The variance-preserving process of a registered schedule."""
    return Process(build(name))


def source(name: str) -> str:
    """The class of a registered schedule as "module:name", for `lessons.library.entry`."""
    return f"{SCHEDULES[name].__module__}:{SCHEDULES[name].__qualname__}"


@dataclass(frozen=True)
class Level:
    """The state of a schedule at one time; `snr` is alpha_bar / (1 - alpha_bar), `log_snr` its natural logarithm."""

    t: float
    alpha_bar: float
    log_snr: float
    snr: float

    @property
    def signal(self) -> float:
        """Factor of the data, sqrt(alpha_bar)."""
        return math.sqrt(self.alpha_bar)

    @property
    def noise(self) -> float:
        """Factor of the noise, sqrt(1 - alpha_bar), without cancellation."""
        return math.sqrt(1 / (1 + self.snr)) if math.isfinite(self.snr) else 0.0


def level(name: str, t: float) -> Level:
    """Where a schedule is at time t in [0, 1]. Raises ValueError for a t outside, or a name that is unknown."""
    if not 0 <= t <= 1:
        raise ValueError(f"t must lie in [0, 1]; got {t}")
    log_snr = build(name).log_snr(torch.tensor(t, dtype=torch.float64))
    return Level(t, alpha_bar(log_snr).item(), log_snr.item(), log_snr.exp().item())


@dataclass(frozen=True)
class Curves:
    """One schedule over t in (0, 1].

    Attributes:
        t: the times.
        signal, noise: alpha_bar and 1 - alpha_bar, the powers of data and noise.
        log_snr: natural logarithm of signal/noise.
        time_share: |dt / d log SNR|, the time spent per unit of log SNR; its integral is 1.
    """

    t: Values
    signal: Values
    noise: Values
    log_snr: Values
    time_share: Values


def curves(name: str, points: int = _POINTS) -> Curves:
    """The curves of a registered schedule on an even grid of t."""
    schedule = build(name)
    t = torch.linspace(0, 1, points, dtype=torch.float64)[1:]
    log_snr = schedule.log_snr(t)
    share = -1 / schedule.slope(t)
    return Curves(
        t.numpy(), alpha_bar(log_snr).numpy(), alpha_bar(-log_snr).numpy(), log_snr.numpy(), share.detach().numpy()
    )


def betas(name: str, steps: int) -> Values:
    """beta_1..beta_T of the T-step chain with this schedule's noise levels at t = i/T."""
    _positive(steps)
    return process(name).chain(steps).beta[1:].numpy()


@dataclass(frozen=True)
class End:
    """How close a schedule comes to pure noise.

    Attributes:
        start_log_snr: log SNR(0); infinite where the data start clean.
        log_snr, snr, alpha_bar: at t = 1.
        prior_kl: KL(q(x_1 | x_0) || N(0, I)) in bits per dimension, at x_0^2 = 1.
    """

    start_log_snr: float
    log_snr: float
    snr: float
    alpha_bar: float
    prior_kl: float

    @property
    def good(self) -> bool:
        """Whether the mismatch is small enough that sampling may start from N(0, I)."""
        return self.prior_kl <= TOLERANCE


def end(name: str) -> End:
    """The terminal numbers of a registered schedule."""
    return _end(build(name))


def ddpm(steps: int) -> tuple[Values, End]:
    """alpha_bar_0..alpha_bar_T and the end of DDPM's betas, 1e-4 to 0.02, spread over `steps` steps: the trap.

    The two ends of beta were chosen for T = 1000; with fewer steps the same betas take away less signal.
    """
    _positive(steps)
    schedule = Linear(steps)
    grid = torch.arange(steps + 1, dtype=torch.float64) / steps
    return alpha_bar(schedule.log_snr(grid)).numpy(), _end(schedule)


def prior_kl_of_ddpm(steps: Values) -> Values:
    """Prior KL in bits per dimension of DDPM's betas spread over each of these numbers of steps."""
    return np.array([ddpm(int(n))[1].prior_kl for n in steps])


def _end(schedule: Schedule) -> End:
    start, stop = schedule.log_snr(torch.tensor([0.0, 1.0], dtype=torch.float64))
    return End(start.item(), stop.item(), stop.exp().item(), alpha_bar(stop).item(), prior_kl(stop.item()))


def prior_kl(log_snr: float) -> float:
    """KL(q(x_1 | x_0) || N(0, 1)) in bits, for one dimension with x_0 = 1, when log SNR(1) is `log_snr`."""
    stop = torch.tensor([log_snr], dtype=torch.float64)
    q = Gaussian(alpha_bar(stop).sqrt(), torch.exp(-softplus(stop)))
    return q.kl(Gaussian(torch.zeros_like(stop), torch.ones_like(stop))).item() / math.log(2)


def _positive(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"a chain needs at least 1 step; got {steps}")


def _required(cls: type[Schedule]) -> list[str]:
    """Constructor arguments without a default."""
    return [
        p.name
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
