r"""The forward process: a chain of Gaussians between data (t = 0) and noise (t = 1).

    x_t = alpha_t x_0 + sigma_t eps,   log_snr = log(alpha_t^2 / sigma_t^2)

    q(x_t | x_0)      = N(alpha_t x_0, sigma_t^2)                                    marginal (diffusion kernel)
    q(x_t | x_s)      = N(alpha_t/alpha_s x_s, -sigma_t^2 expm1(d))                  transition (forward encoder)
    q(x_s | x_t, x_0) = N(alpha_t sigma_s^2/(alpha_s sigma_t^2) x_t
                          - alpha_s expm1(d) x_0,  -sigma_s^2 expm1(d))              posterior
    dx = f x dt + g dW,  f = d log alpha/dt,  g^2 = -sigma_t^2 d log_snr/dt          the same, as an SDE

with 0 <= s < t <= 1 and d = log_snr(t) - log_snr(s) < 0. A schedule says how fast log_snr falls; a frame
says how alpha and sigma share it: variance preserving, variance exploding, or straight flow.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from pedesis.gaussian import Gaussian
from pedesis.schedules import SCHEDULES, Schedule
from pedesis.utils.device import to_device
from pedesis.utils.registry import Described, Registry

FRAMES: Registry[Frame] = Registry("frame")

Time = float | Tensor
"""A time in [0, 1]: one number for the whole batch, or a tensor with one per row, (B,)."""


class Frame(Described):
    """log alpha as a function of log_snr; sigma follows from log sigma = log alpha - log_snr/2."""

    @abstractmethod
    def log_alpha(self, log_snr: Tensor) -> Tensor:
        """log alpha_t in nats."""

    @abstractmethod
    def log_alpha_slope(self, log_snr: Tensor) -> Tensor:
        """d log alpha / d log_snr."""


@FRAMES.register("vp")
class VariancePreservingFrame(Frame):
    """[F2] alpha^2 + sigma^2 = 1: data of variance 1 keep variance 1.

    Formula: a_t^2\\,\\mathrm{Var}(x_{t-1}) + s_t^2 = 1 \\text{ when } \\mathrm{Var}(x_{t-1}) = 1
    Source: 001, "VDM: important remarks"
    """

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        return 0.5 * logsigmoid(log_snr)

    def log_alpha_slope(self, log_snr: Tensor) -> Tensor:
        return 0.5 * torch.sigmoid(-log_snr)


@FRAMES.register("ve")
class VarianceExplodingFrame(Frame):
    """alpha = 1: the data stay, the noise grows (Song et al. 2021; Karras et al. 2022)."""

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        return torch.zeros_like(log_snr)

    def log_alpha_slope(self, log_snr: Tensor) -> Tensor:
        return torch.zeros_like(log_snr)


@FRAMES.register("flow")
class FlowFrame(Frame):
    """alpha + sigma = 1: straight lines from data to noise (Lipman et al. 2023)."""

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        return logsigmoid(log_snr / 2)

    def log_alpha_slope(self, log_snr: Tensor) -> Tensor:
        return 0.5 * torch.sigmoid(-log_snr / 2)


class PriorMismatch(UserWarning):
    """The chain ends too far from its prior: sampling starts from a distribution the data never reach."""


@dataclass(frozen=True)
class Chain:
    """The lecture's symbols as float64 tensors of length T + 1; index t = 0..T, entry 0 being clean data.

    beta_0 = 0, alpha_bar_0 = 1; `alpha` is the per-step factor 1 - beta, `alpha_bar` its running product,
    `beta_tilde` the variance of q(x_{t-1} | x_t, x_0).
    """

    beta: Tensor
    alpha: Tensor
    alpha_bar: Tensor
    beta_tilde: Tensor


class Process(nn.Module):
    """A schedule seen in a frame.

    Args:
        schedule: log_snr(t), as a `Schedule`, or the name of one with its default arguments.
        frame: "vp", "ve" or "flow", or a `Frame`.

    Warns:
        PriorMismatch: if `prior_kl()` exceeds 0.01 bits per dimension.
    """

    def __init__(self, schedule: Schedule | str = "cosine", frame: Frame | str = "vp"):
        super().__init__()
        self.schedule = SCHEDULES.of(schedule)
        self.frame = FRAMES.of(frame)
        mismatch = self.prior_kl()
        if mismatch > 0.01:
            warnings.warn(
                f"at t = 1 the data still show: the prior-matching KL is {mismatch:.2g} bits per dimension (above "
                "0.01). Use more noise (larger betas, more steps, or a lower final log_snr).",
                PriorMismatch,
                stacklevel=2,
            )

    def spec(self) -> dict[str, Any]:
        """Plain data from which `Process.from_spec` rebuilds it."""
        return {"schedule": self.schedule.spec(), "frame": self.frame.spec()}

    def __repr__(self) -> str:
        return f"Process({self.schedule!r}, {self.frame.name!r})"

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Process:
        """Rebuild from the result of `spec()`."""
        return cls(SCHEDULES.build(spec["schedule"]), FRAMES.build(spec["frame"]))

    # -- coefficients -------------------------------------------------------------------------------------

    def log_snr(self, t: Time) -> Tensor:
        """log_snr at time t, float64 on the CPU, of the shape of t. Raises ValueError outside [0, 1]."""
        t = torch.as_tensor(t, dtype=torch.float64, device="cpu")
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(f"t must lie in [0, 1]; got values from {t.min().item():g} to {t.max().item():g}")
        log_snr: Tensor = self.schedule.log_snr(t)
        return log_snr

    def alpha_sigma(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at a given log_snr, in its own precision."""
        log_alpha = self.frame.log_alpha(log_snr)
        return log_alpha.exp(), (log_alpha - log_snr / 2).exp()

    def scales(self, t: Time, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """alpha_t, sigma_t, log_snr_t, shaped to multiply `like` (B, ...), in its type, on its device.

        Raises:
            ValueError: t outside [0, 1], or neither one number nor one per row of `like`.
        """
        log_snr = self.log_snr(t)
        alpha, sigma = self.alpha_sigma(log_snr)
        return broadcast(alpha, like), broadcast(sigma, like), broadcast(log_snr, like)

    # -- Gaussians ----------------------------------------------------------------------------------------

    def marginal(self, x0: Tensor, t: Time) -> Gaussian:
        """[F5] The diffusion kernel q(x_t | x_0); its `sample` is the reparameterized x_t.

        Formula: q(x_t\\mid x_0) = \\mathcal N(\\sqrt{\\bar\\alpha_t}\\,x_0,\\ (1-\\bar\\alpha_t)I)
        Source: 000, "Diffusion kernel"; 001, "VDM: analytical q(x_t|x_0)"; 002; 003 (13)-(14); 004
        """
        alpha, sigma, _ = self.scales(t, x0)
        return Gaussian(alpha * x0, sigma**2)

    def transition(self, x_s: Tensor, s: Time, t: Time) -> Gaussian:
        """[F1] The forward encoder q(x_t | x_s), s < t; on the grid s = (i-1)/T, t = i/T it is one step.

        Formula: q(x_t\\mid x_{t-1}) = \\mathcal N(\\sqrt{1-\\beta_t}\\,x_{t-1},\\ \\beta_t I)
        Source: 000, "Forward encoder"; 001; 002; 003 (1); 004

        Raises:
            ValueError: unless 0 <= s < t <= 1.
        """
        log_snr_s, log_snr_t = self._ordered(s, t)
        (alpha_s, _), (alpha_t, sigma_t) = self.alpha_sigma(log_snr_s), self.alpha_sigma(log_snr_t)
        var = -(sigma_t**2) * torch.expm1(log_snr_t - log_snr_s)
        return Gaussian(broadcast(alpha_t / alpha_s, x_s) * x_s, broadcast(var, x_s))

    def posterior(self, x_t: Tensor, x0: Tensor, s: Time, t: Time) -> Gaussian:
        """[R2] q(x_s | x_t, x_0), s < t, the target of the reverse process; at s = 0 it is x_0 itself.

        Formula: \\mathcal N\\Big(\\tfrac{\\sqrt{\\alpha_t}(1-\\bar\\alpha_{t-1})x_t
            + \\sqrt{\\bar\\alpha_{t-1}}\\beta_t x_0}{1-\\bar\\alpha_t},\\
            \\tilde\\beta_t I\\Big),\\quad \\tilde\\beta_t = \\tfrac{\\beta_t(1-\\bar\\alpha_{t-1})}{1-\\bar\\alpha_t}
        Source: 000, "Conditional distribution"; 001, "VDM: analytical q(x_{t-1}|x_t,x_0)"; 002; 003

        Raises:
            ValueError: unless 0 <= s < t <= 1.
        """
        c_t, c_0, var = self.posterior_coefficients(s, t)
        mean = broadcast(c_t, x_t) * x_t + broadcast(c_0, x_t) * x0
        return Gaussian(mean, broadcast(var, x_t))

    def posterior_coefficients(self, s: Time, t: Time) -> tuple[Tensor, Tensor, Tensor]:
        """(coefficient of x_t, coefficient of x_0, variance) of `posterior`, float64 on the CPU."""
        log_snr_s, log_snr_t = self._ordered(s, t)
        (alpha_s, sigma_s), (alpha_t, sigma_t) = self.alpha_sigma(log_snr_s), self.alpha_sigma(log_snr_t)
        kept = -torch.expm1(log_snr_t - log_snr_s)
        return alpha_t * sigma_s**2 / (alpha_s * sigma_t**2), alpha_s * kept, sigma_s**2 * kept

    def prior(self, like: Tensor) -> Gaussian:
        """N(0, (alpha_1^2 + sigma_1^2) I), where generation starts; N(0, I) in the VP frame."""
        alpha, sigma, _ = self.scales(1.0, like)
        return Gaussian(torch.zeros_like(like), alpha**2 + sigma**2)

    def prior_kl(self) -> float:
        """[F6] How far the chain ends from its prior: KL(q(x_1 | x_0) || prior) at x_0^2 = 1, in bits per dimension.

        Formula: q(z_T\\mid x)\\to\\mathcal N(0,I)\\iff\\sum_t\\beta_t\\to\\infty,\\qquad
            KL = \\tfrac12\\log_2(1+\\mathrm{SNR}_T)
        Source: 000, "Diffusion kernel" (with the condition that the notes omit); 002
        """
        with torch.no_grad():
            return float(softplus(self.log_snr(1.0))) / (2 * math.log(2))

    # -- the same process, continuous and discrete --------------------------------------------------------

    def drift(self, t: Time) -> Tensor:
        """f(t) of dx = f(t) x dt + g(t) dW: d log alpha/dt, float64 on the CPU."""
        t = torch.as_tensor(t, dtype=torch.float64)
        return self.frame.log_alpha_slope(self.log_snr(t)) * self.schedule.slope(t)

    def diffusion(self, t: Time) -> Tensor:
        """g(t) of dx = f(t) x dt + g(t) dW: g^2 = -sigma^2 d log_snr/dt, float64 on the CPU."""
        t = torch.as_tensor(t, dtype=torch.float64)
        _, sigma = self.alpha_sigma(self.log_snr(t))
        return sigma * (-self.schedule.slope(t)).sqrt()

    def chain(self, steps: int) -> Chain:
        """The discrete chain on t = i/steps, in the lecture's symbols.

        Raises:
            ValueError: outside the VP frame, whose symbols these are.
        """
        if not isinstance(self.frame, VariancePreservingFrame):
            raise ValueError(f"beta and alpha_bar belong to the 'vp' frame; this process is in {self.frame.name!r}")
        log_snr = self.log_snr(torch.arange(steps + 1, dtype=torch.float64) / steps)
        difference = log_snr.diff()  # from -inf upwards if log_snr(0) = +inf
        sigma_squared = torch.sigmoid(-log_snr)
        zero = torch.zeros(1, dtype=torch.float64)
        beta = torch.cat([zero, -sigma_squared[1:] * torch.expm1(difference)])
        beta_tilde = torch.cat([zero, -sigma_squared[:-1] * torch.expm1(difference)])
        return Chain(beta=beta, alpha=1 - beta, alpha_bar=torch.sigmoid(log_snr), beta_tilde=beta_tilde)

    def _ordered(self, s: Time, t: Time) -> tuple[Tensor, Tensor]:
        earlier, later = (torch.as_tensor(time, dtype=torch.float64, device="cpu") for time in (s, t))
        if not bool((earlier < later).all()):
            raise ValueError(f"the earlier time must come first, s < t; got s = {s} and t = {t}")
        return self.log_snr(earlier), self.log_snr(later)


def broadcast(value: Tensor, like: Tensor) -> Tensor:
    """Shape a number () or a batch of numbers (B,) to multiply `like` (B, ...), in its type and device.

    Raises:
        ValueError: data that are no floating tensor (pixels, say), or numbers of another length.
    """
    if not isinstance(like, Tensor) or not like.is_floating_point():
        raise ValueError(
            f"data must be a floating tensor; got {getattr(like, 'dtype', type(like).__name__)}: "
            "pedesis.utils.images.to_model makes model data of pixels"
        )
    if like.ndim == 0:
        raise ValueError("data have rows, (B, ...), one per example; got a tensor without dimensions")
    if value.ndim == 1 and value.shape[0] == like.shape[0]:
        value = value.reshape(-1, *([1] * (like.ndim - 1)))
    elif value.ndim != 0:
        raise ValueError(
            f"a time must be one number or one per row ({like.shape[0]}); got a tensor of shape {tuple(value.shape)}"
        )
    return to_device(value, like.device, like.dtype)
