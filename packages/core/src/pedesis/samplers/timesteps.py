r"""Time grids: at which noise levels a sampler stops on its way from t = 1 to t = 0.

    uniform    t_i = 1 - i/n
    quadratic  t_i = (1 - i/n)^2
    log-snr    log_snr falls by equal amounts
    rho        (sigma/alpha)^(1/rho) falls by equal amounts, rho = 7 (Karras et al. 2022, equation 5)

The last two need a finite end: they walk to log_snr = `LAST_LOG_SNR` (or log_snr(0) if that is lower) in
n - 1 steps, and take the last step to t = 0 at once.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from pedesis.process import Process
from pedesis.utils.registry import Choice, Described, Registry

TIMESTEP_SPACINGS: Registry[TimestepSpacing] = Registry("time grid")
LAST_LOG_SNR = 9.0


class TimestepSpacing(Described):
    """A rule that spaces n steps between t = 1 and t = 0."""

    @abstractmethod
    def spaced(self, process: Process, steps: int) -> Tensor:
        """(steps + 1,) float64 from 1 to 0, strictly decreasing."""

    def __call__(self, process: Process, steps: int) -> Tensor:
        """The times of `steps` steps. Raises ValueError for fewer than one."""
        if steps < 1:
            raise ValueError(f"sampling needs at least 1 step; got {steps}")
        with torch.no_grad():
            return self.spaced(process, steps)


def timesteps(process: Process, steps: int, spacing: Choice[TimestepSpacing] = "uniform") -> Tensor:
    """The times of `steps` steps, (steps + 1,) float64 from 1 to 0, by a rule of `TIMESTEP_SPACINGS` or one's own.

    Raises:
        UnknownName: no such rule. ValueError: fewer than one step.
    """
    return TIMESTEP_SPACINGS.of(spacing)(process, steps)


@TIMESTEP_SPACINGS.register("uniform")
class Uniform(TimestepSpacing):
    """Equal steps of t, as DDIM respaces its chain."""

    def spaced(self, process: Process, steps: int) -> Tensor:
        return torch.linspace(1, 0, steps + 1, dtype=torch.float64)


@TIMESTEP_SPACINGS.register("quadratic")
class Quadratic(TimestepSpacing):
    """Steps that shrink towards the data (Song, Meng, Ermon 2021, appendix D.2)."""

    def spaced(self, process: Process, steps: int) -> Tensor:
        return torch.linspace(1, 0, steps + 1, dtype=torch.float64) ** 2


class _Even(TimestepSpacing):
    """Even spacing of some function of log_snr between log_snr(1) and the last finite level."""

    last = LAST_LOG_SNR

    @abstractmethod
    def bend(self, log_snr: Tensor) -> Tensor:
        """The function that falls evenly."""

    @abstractmethod
    def unbend(self, value: Tensor) -> Tensor:
        """Its inverse."""

    def spaced(self, process: Process, steps: int) -> Tensor:
        first = process.log_snr(1.0)
        last = process.log_snr(0.0).clamp(max=self.last)
        low, high = self.bend(first), self.bend(last)
        even = torch.linspace(0, 1, steps, dtype=torch.float64) if steps > 1 else torch.zeros(1, dtype=torch.float64)
        times = process.schedule.time(self.unbend(low + even * (high - low)))
        times[0] = 1.0
        if float(times[-1]) == 0:  # a schedule whose clean end is finite: spread the steps over all of it
            even = torch.linspace(0, 1, steps + 1, dtype=torch.float64)[1:-1]
            times = process.schedule.time(self.unbend(low + even * (high - low)))
            times = torch.cat([torch.ones(1, dtype=torch.float64), times])
        return torch.cat([times, torch.zeros(1, dtype=torch.float64)])


@TIMESTEP_SPACINGS.register("log-snr")
class LogSNR(_Even):
    """Equal steps of log_snr: every step is worth the same number of nats per unit of error."""

    def bend(self, log_snr: Tensor) -> Tensor:
        return log_snr

    def unbend(self, value: Tensor) -> Tensor:
        return value


@TIMESTEP_SPACINGS.register("rho")
class Rho(_Even):
    """Equal steps of (sigma/alpha)^(1/7)."""

    rho = 7.0

    def bend(self, log_snr: Tensor) -> Tensor:
        return torch.exp(-log_snr / 2) ** (1 / self.rho)

    def unbend(self, value: Tensor) -> Tensor:
        return -2 * self.rho * value.log()
