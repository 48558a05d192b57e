r"""log p(x_0) by the probability-flow ODE.

    log p(x_0) = log prior(x_1) + int_0^1 div v(x_t, t) dt,      dx/dt = v

The flow carries every point to the prior and keeps count of how volumes change on the way (Song et al. 2021,
equation 39). The integral is done by scipy's adaptive solver in the variable y = x / alpha, r = sigma / alpha, where
v is eps_hat, from the smallest noise level that is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.gaussian import Noise
from pedesis.theory.probability_flow import divergence


@dataclass(frozen=True)
class LogLikelihood:
    """log p(x) in nats, (B,), of data with noise of log_snr = `start` added; the latent x_1; evaluations made."""

    nats: Tensor
    latent: Tensor
    evaluations: int

    @property
    def bits_per_dim(self) -> Tensor:
        """-log2 p per number, for a density over numbers of unit scale, (B,)."""
        return -self.nats / (self.latent[0].numel() * math.log(2))


def log_likelihood(
    denoiser: Denoiser,
    x: Tensor,
    condition: Condition = None,
    start: float = 12.0,
    probe: Noise | None = None,
    tolerance: float = 1e-5,
) -> LogLikelihood:
    """log p(x) under the flow of a denoiser.

    Args:
        x: (B, ...). start: log_snr at which the walk begins; x is taken to be the data there.
        probe: draws the probes of Hutchinson's trace estimate (one for the whole walk); None sums the exact trace
            over every dimension, which costs that many backward passes.
        tolerance: relative and absolute, of the adaptive solver (Dormand-Prince 5(4)).
    """
    process = denoiser.process
    high = min(start, float(process.log_snr(0.0)))
    shape, size = x.shape, x[0].numel()
    if probe is not None:
        probes = [probe(x)]
    else:
        probes = list(torch.eye(size, dtype=x.dtype, device=x.device).reshape(size, 1, *shape[1:]))
    evaluations = 0

    def rates(r: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        nonlocal evaluations
        evaluations += 1
        log_snr = torch.tensor(-2 * math.log(r), dtype=torch.float64)
        t = float(process.schedule.time(log_snr))
        alpha = float(process.alpha_sigma(log_snr)[0])
        y = torch.as_tensor(state[: len(x) * size], dtype=x.dtype, device=x.device).reshape(shape).requires_grad_()
        with torch.enable_grad():
            eps = denoiser(alpha * y, t, condition).eps
            trace = sum(divergence(eps, y, one.expand_as(y)) for one in probes)
        assert isinstance(trace, Tensor)
        return np.concatenate([eps.detach().double().flatten().cpu().numpy(), trace.detach().double().cpu().numpy()])

    alpha_0 = float(process.alpha_sigma(torch.tensor(high, dtype=torch.float64))[0])
    low = float(process.log_snr(1.0))
    begin = np.concatenate([(x / alpha_0).double().flatten().cpu().numpy(), np.zeros(len(x))])
    span = (math.exp(-high / 2), math.exp(-low / 2))
    walk = solve_ivp(rates, span, begin, method="RK45", rtol=tolerance, atol=tolerance)
    if not walk.success:
        raise FloatingPointError(f"the flow could not be followed to the prior: {walk.message}")

    end = torch.as_tensor(walk.y[:, -1], dtype=x.dtype, device=x.device)
    alpha_1 = float(process.alpha_sigma(torch.tensor(low, dtype=torch.float64))[0])
    latent = alpha_1 * end[: -len(x)].reshape(shape)
    log_prior = process.prior(latent).log_prob(latent)
    change = end[-len(x) :] + size * (math.log(alpha_1) - math.log(alpha_0))
    return LogLikelihood(log_prior + change, latent, evaluations)


def dequantize(pixels: Tensor, uniform: Tensor, levels: int = 256) -> tuple[Tensor, float]:
    """Spread integer levels over their bins: x = (level + u) 2/levels - 1, and the nats per number to subtract.

    log P(level) >= E log p(x) + log(2 / levels) per number, the bound of uniform dequantization (Theis et al. 2016).

    Args:
        pixels: levels 0 .. levels - 1, any shape. uniform: the same shape, in [0, 1).
    """
    return (pixels + uniform) * (2 / levels) - 1, math.log(2 / levels)


def discrete_bits(likelihood: LogLikelihood, bin_nats: float) -> Tensor:
    """Bits per dimension of the discrete data behind a dequantized likelihood, (B,)."""
    size = likelihood.latent[0].numel()
    return -(likelihood.nats + size * bin_nats) / (size * math.log(2))
