r"""Noise schedules: how the signal fades, as one decreasing function of time.

    log_snr(t) = log( alpha_t^2 / sigma_t^2 ),   t in [0, 1]

Everything else follows. In variance-preserving form alpha_bar_t = sigmoid(log_snr(t)), so that
log_snr = -log(expm1(-log alpha_bar)). A schedule is strictly decreasing and finite on (0, 1];
log_snr(0) = +inf (clean data) unless the schedule says otherwise. Schedules whose formula would reach
-inf at t = 1 (cosine, sigmoid, flow) end at `minimum` instead, by rescaling t; they are never clamped,
because a flat piece of schedule makes every KL between its steps 0/0.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from pedesis.utils.registry import Described, Registry

SCHEDULES: Registry[Schedule] = Registry("schedule")


class Schedule(nn.Module, Described):
    """A strictly decreasing log signal-to-noise ratio on [0, 1]; write `log_snr`, the rest is derived."""

    __repr__ = Described.__repr__  # not that of a module, which says nothing of its arguments

    @abstractmethod
    def log_snr(self, t: Tensor) -> Tensor:
        """log(alpha_t^2 / sigma_t^2) in nats, for float64 t in [0, 1] of any shape."""

    def slope(self, t: Tensor) -> Tensor:
        """d log_snr / dt < 0, by automatic differentiation."""
        learned = any(p.requires_grad for p in self.parameters())
        with torch.enable_grad():
            t = t.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.log_snr(t).sum(), t, create_graph=learned)
        return slope

    def time(self, log_snr: Tensor) -> Tensor:
        """The t at which the schedule passes `log_snr`, by bisection to float64 precision.

        Values above log_snr(0) give 0 and values below log_snr(1) give 1.
        """
        low, high = torch.zeros_like(log_snr), torch.ones_like(log_snr)
        with torch.no_grad():
            for _ in range(64):
                middle = (low + high) / 2
                above = self.log_snr(middle) > log_snr
                low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        # 0 and 1 are the limits of the two bracketing sequences, not members of them.
        return torch.where(high <= 2.0**-64, 0.0, torch.where(low >= 1 - 2.0**-53, 1.0, (low + high) / 2))


def log_snr_from_log_alpha_bar(log_alpha_bar: Tensor) -> Tensor:
    """log(alpha_bar / (1 - alpha_bar)) without cancellation for alpha_bar near 1."""
    return -torch.log(torch.expm1(-log_alpha_bar))


class FromBetas(Schedule):
    """[F7] Any discrete chain beta_1..beta_T, laid on the grid t = i/T.

    Formula: 0 < \\beta_t < 1,\\qquad \\log\\bar\\alpha_t = \\sum_{s\\le t}\\log(1-\\beta_s)
    Source: 000, "Forward encoder"

    Between grid points log alpha_bar is linear, so that alpha_bar(0) = 1 and a constant beta is exactly
    the Ornstein-Uhlenbeck process at every t. Increasing betas are usual, not required: see `increasing`.

    Raises:
        ValueError: a beta outside (0, 1), or none at all.
    """

    def __init__(self, betas: Sequence[float] | Tensor):
        super().__init__()
        table = torch.as_tensor(betas, dtype=torch.float64).flatten()
        if len(table) == 0:
            raise ValueError("a chain needs at least one beta")
        if not bool(((table > 0) & (table < 1)).all()):
            bad = table[~((table > 0) & (table < 1))][0].item()
            raise ValueError(f"every beta must lie strictly between 0 and 1; got {bad}")
        self.betas = table
        self.increasing = bool((table.diff() > 0).all())
        self.log_alpha_bars = torch.cat([torch.zeros(1, dtype=torch.float64), torch.log1p(-table).cumsum(0)])

    def config(self) -> dict[str, Any]:
        return {"betas": self.betas.tolist()}

    def log_snr(self, t: Tensor) -> Tensor:
        steps = len(self.betas)
        position = t.double() * steps
        index = position.detach().floor().long().clamp(0, steps - 1)
        left, right = self.log_alpha_bars[index], self.log_alpha_bars[index + 1]
        return log_snr_from_log_alpha_bar(left + (position - index) * (right - left))


SCHEDULES.register("betas")(FromBetas)


@SCHEDULES.register("linear")
class Linear(FromBetas):
    """[F8] The linear schedule of DDPM.

    Formula: \\beta_t = \\beta_1 + \\tfrac{t-1}{T-1}(\\beta_T-\\beta_1),\\quad
        T=1000,\\ \\beta_1=10^{-4},\\ \\beta_T=0.02
    Source: 001, "VDM: implementation details"; Ho et al. 2020, section 4
    """

    def __init__(self, steps: int = 1000, first: float = 1e-4, last: float = 0.02):
        super().__init__(torch.linspace(first, last, steps, dtype=torch.float64))
        self.arguments = {"steps": steps, "first": first, "last": last}

    def config(self) -> dict[str, Any]:
        return self.arguments


@SCHEDULES.register("vp")
class VariancePreserving(Schedule):
    """The continuous VP-SDE: beta(t) = first + t (last - first), log alpha_bar = -int_0^t beta.

    Source: Song et al. 2021 (score SDE), equation 33. `first == last` is the Ornstein-Uhlenbeck process.
    """

    def __init__(self, first: float = 0.1, last: float = 20.0):
        super().__init__()
        if not (first > 0 and last > 0):
            raise ValueError(f"the rates of the VP schedule must be positive; got {first} and {last}")
        self.first, self.last = first, last

    def config(self) -> dict[str, Any]:
        return {"first": self.first, "last": self.last}

    def log_snr(self, t: Tensor) -> Tensor:
        return log_snr_from_log_alpha_bar(-(self.first * t + 0.5 * (self.last - self.first) * t**2))


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """alpha_bar = cos^2(angle) / cos^2(angle_0), angle = (u + offset) / (1 + offset) * pi/2.

    Source: Nichol and Dhariwal 2021, equation 17. u = t * end, with end such that log_snr(1) = `minimum`.
    """

    def __init__(self, offset: float = 0.008, minimum: float = -10.0):
        super().__init__()
        self.offset, self.minimum = offset, minimum
        self.first_angle = offset / (1 + offset) * math.pi / 2
        alpha_bar_end = 1 / (1 + math.exp(-minimum))
        last_angle = math.acos(math.cos(self.first_angle) * math.sqrt(alpha_bar_end))
        self.range = last_angle - self.first_angle

    def config(self) -> dict[str, Any]:
        return {"offset": self.offset, "minimum": self.minimum}

    def log_snr(self, t: Tensor) -> Tensor:
        turn = self.range * t  # angle - first_angle, kept apart so that 1 - alpha_bar is exact near t = 0
        angle = self.first_angle + turn
        return 2 * angle.cos().log() - turn.sin().log() - (angle + self.first_angle).sin().log()


@SCHEDULES.register("sigmoid")
class Sigmoid(Schedule):
    """alpha_bar = (sigmoid(last) - sigmoid(u)) / (sigmoid(last) - sigmoid(first)), u from first to last.

    Source: Jabri, Fleet, Chen 2022 (scalable adaptive computation), with tau = 1. u stops where
    log_snr = `minimum`. With sigmoid(a) - sigmoid(b) = sinh((a-b)/2) / (2 cosh(a/2) cosh(b/2)) the ratio
    alpha_bar / (1 - alpha_bar) needs no difference of nearly equal numbers.
    """

    def __init__(self, first: float = -3.0, last: float = 3.0, minimum: float = -10.0):
        super().__init__()
        if not first < last:
            raise ValueError(f"the sigmoid schedule needs first < last; got {first} and {last}")
        self.first, self.last, self.minimum = first, last, minimum
        low, high = (1 / (1 + math.exp(-edge)) for edge in (first, last))
        end = high - (high - low) / (1 + math.exp(-minimum))
        self.range = math.log(end / (1 - end)) - first

    def config(self) -> dict[str, Any]:
        return {"first": self.first, "last": self.last, "minimum": self.minimum}

    def log_snr(self, t: Tensor) -> Tensor:
        rise = self.range * t
        rest = (self.last - self.first) - rise
        constant = math.log(math.cosh(self.first / 2)) - math.log(math.cosh(self.last / 2))
        return (rest / 2).sinh().log() - (rise / 2).sinh().log() + constant


@SCHEDULES.register("flow")
class Flow(Schedule):
    """Straight paths, alpha = 1 - u and sigma = u in the flow frame: log_snr = 2 log((1 - u)/u).

    Source: Lipman et al. 2023; Liu et al. 2023. u = t * end, with end such that log_snr(1) = `minimum`.
    """

    def __init__(self, minimum: float = -10.0):
        super().__init__()
        self.minimum = minimum
        self.end = 1 / (1 + math.exp(minimum / 2))

    def config(self) -> dict[str, Any]:
        return {"minimum": self.minimum}

    def log_snr(self, t: Tensor) -> Tensor:
        u = self.end * t
        return 2 * (torch.log1p(-u) - u.log())


@SCHEDULES.register("edm")
class ElucidatedDiffusion(Schedule):
    """sigma/alpha = (a + t (b - a))^rho with a = sigma_min^(1/rho), b = sigma_max^(1/rho); finite at t = 0.

    Source: Karras et al. 2022, equation 5.
    """

    def __init__(self, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0):
        super().__init__()
        if not 0 < sigma_min < sigma_max:
            raise ValueError(f"the EDM schedule needs 0 < sigma_min < sigma_max; got {sigma_min} and {sigma_max}")
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho

    def config(self) -> dict[str, Any]:
        return {"sigma_min": self.sigma_min, "sigma_max": self.sigma_max, "rho": self.rho}

    def log_snr(self, t: Tensor) -> Tensor:
        first, last = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return -2 * self.rho * torch.log(first + t * (last - first))


@SCHEDULES.register("linear-log-snr")
class LinearLogSNR(Schedule):
    """log_snr(t) = maximum + t (minimum - maximum): equal steps of information; finite at t = 0.

    Source: Kingma et al. 2021 (VDM), the fixed schedule, with its published end points.
    """

    def __init__(self, maximum: float = 13.3, minimum: float = -5.0):
        super().__init__()
        if not minimum < maximum:
            raise ValueError(f"log_snr must decrease: got maximum {maximum} and minimum {minimum}")
        self.maximum, self.minimum = maximum, minimum

    def config(self) -> dict[str, Any]:
        return {"maximum": self.maximum, "minimum": self.minimum}

    def log_snr(self, t: Tensor) -> Tensor:
        return self.maximum + t * (self.minimum - self.maximum)


@SCHEDULES.register("learned")
class Learned(Schedule):
    """[F9] [N1] A noise schedule with parameters: a monotone function between two learned end points.

    Formula: \\bar\\alpha_t = \\mathrm{sigmoid}(-\\gamma_\\eta(t)),\\quad \\gamma_\\eta\\text{ increasing};\\qquad
        L = \\tfrac12\\,\\mathbb E\\,\\gamma_\\eta'(t)\\,\\|\\epsilon-\\hat\\epsilon\\|^2
    Source: 001, "Enhancements"; Kingma et al. 2021 (VDM), appendix H

    log_snr(t) falls from `maximum` to `minimum` along a mixture of a straight line and logistic steps, whose weights,
    places and widths are the parameters (see `pedesis.training.variational.LearnedScheduleLoss`).

    Args:
        maximum, minimum: the end points at the start of training; both are learned.
        units: number of logistic steps.
    """

    def __init__(self, maximum: float = 13.3, minimum: float = -5.0, units: int = 16):
        super().__init__()
        self.arguments = {"maximum": maximum, "minimum": minimum, "units": units}
        self.maximum = nn.Parameter(torch.tensor(float(maximum)))
        self.minimum = nn.Parameter(torch.tensor(float(minimum)))
        self.line = nn.Parameter(torch.tensor(1.0))
        self.weight = nn.Parameter(torch.full((units,), -6.0))
        self.place = nn.Parameter(torch.linspace(0, 1, units))
        self.slant = nn.Parameter(torch.full((units,), math.log(float(units))))

    def config(self) -> dict[str, Any]:
        return self.arguments

    def log_snr(self, t: Tensor) -> Tensor:
        here = self.maximum.device  # times are kept on the CPU, what was learned may be elsewhere
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64, device=here)
        rise, (first, last) = self.rise(t.to(here)), self.rise(ends)
        share = (rise - first) / (last - first)
        return torch.lerp(self.maximum.double(), self.minimum.double(), share).to(t.device)

    def rise(self, t: Tensor) -> Tensor:
        """An increasing function of t: a line plus logistic steps, all with positive weights."""
        steps = torch.sigmoid(self.slant.double().exp() * (t.double()[..., None] - self.place.double()))
        rise: Tensor = softplus(self.line.double()) * t + (softplus(self.weight.double()) * steps).sum(-1)
        return rise


def alpha_bar(log_snr: Tensor) -> Tensor:
    """sigmoid(log_snr) = alpha_t^2 of the variance-preserving process."""
    return logsigmoid(log_snr).exp()
