r"""Training objectives: one squared error, weighted.

    L = E_t E_eps [ weight(t) * mean (eps - eps_hat)^2 ],   t uniform on (0, 1], or on 1/T, 2/T, ..., 1

    simple          weight 1                      L_simple of DDPM
    x0              1 / SNR                       (x0 - x0_hat)^2
    v               1 + 1 / SNR                   (v - v_hat)^2 in the VP frame
    min-snr         min(SNR, 5) / SNR             Hang et al. 2023
    variational     1/2 |d log_snr / dt|          -log p(x) per dimension, up to the two boundary terms

A weight is named after the quantity whose plain squared error it counts, in the words of `parameterizations`, where
the same word says what the network answers with. The two are chosen independently: `Loss("v")` asks that v be right,
also of a network that answers with eps.

The error is computed on the network's output and rescaled, which is the same number without the division by a
small alpha or sigma.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser, drop
from pedesis.process import Process, broadcast
from pedesis.utils.noise import TrainingNoise
from pedesis.utils.registry import Described, Registry

WEIGHTS: Registry[Weight] = Registry("loss weight")


class Weight(Described):
    """What an error in eps costs at each time."""

    @abstractmethod
    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        """The weight of (eps - eps_hat)^2 at times t (B,), where SNR_t = `snr`."""


@WEIGHTS.register("simple")
class Simple(Weight):
    """[O13] L_simple of DDPM, t = 1 included: `Loss("simple", steps=T)`; without steps, its limit of many.

    Formula: L_{simple} = \\mathbb E_{t\\sim U\\{1..T\\},x_0,\\epsilon}\\|\\epsilon-\\epsilon_\\theta(x_t,t)\\|^2
    Source: 002; 003, "Simplified loss"; Ho et al. 2020, equation 14
    """

    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        return torch.ones_like(snr)


@WEIGHTS.register("x0")
class X0Error(Weight):
    """Unit weight on the error of x0_hat: 1/SNR on that of eps_hat."""

    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        return 1 / snr


@WEIGHTS.register("v")
class VelocityError(Weight):
    """Unit weight on the error of v_hat in the VP frame: 1 + 1/SNR (Salimans and Ho 2022)."""

    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        return 1 + 1 / snr


@WEIGHTS.register("min-snr")
class MinSNR(Weight):
    """min(SNR, 5)/SNR: the x0 loss with its weight capped (Hang et al. 2023)."""

    cap = 5.0

    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        return snr.clamp(max=self.cap) / snr


@WEIGHTS.register("variational")
class Variational(Weight):
    """1/2 |d log_snr/dt|: the continuous-time bound on -log p(x) (Kingma et al. 2021, equation 17)."""

    def __call__(self, process: Process, t: Tensor, snr: Tensor) -> Tensor:
        return -0.5 * process.schedule.slope(t)


@dataclass(frozen=True)
class NoisyBatch:
    """A training batch after the forward process.

    Attributes:
        t, log_snr: (B,), float64. x0, eps, x_t: (B, ...). condition: with some rows made null.
        alpha, sigma: shaped to multiply x_t.
    """

    t: Tensor
    log_snr: Tensor
    x0: Tensor
    eps: Tensor
    x_t: Tensor
    alpha: Tensor
    sigma: Tensor
    condition: Condition


def noisy_batch(
    process: Process, x0: Tensor, condition: Condition, noise: TrainingNoise, t: Tensor, log_snr: Tensor, dropout: float
) -> NoisyBatch:
    """Draw x_t from the diffusion kernel at `log_snr`, and make each condition null with probability `dropout`."""
    alpha, sigma = (broadcast(c, x0) for c in process.alpha_sigma(log_snr))
    eps = noise(x0)
    if dropout > 0:
        condition = drop(condition, noise.uniform(torch.empty(x0.shape[0])) < dropout)
    return NoisyBatch(t, log_snr, x0, eps, alpha * x0 + sigma * eps, alpha, sigma, condition)


def eps_error(denoiser: NetworkDenoiser, batch: NoisyBatch, network_output: Tensor) -> Tensor:
    """mean (eps - eps_hat)^2 of each row (B,), float64 on the CPU, as times are: the network's own error, rescaled."""
    target = denoiser.parameterization.target(batch.x0, batch.eps, batch.alpha, batch.sigma)
    alpha, sigma = denoiser.process.alpha_sigma(batch.log_snr)
    scale = denoiser.parameterization.eps_error_scale(alpha, sigma)
    return scale**2 * (target - network_output).square().flatten(1).mean(1).to(scale)


class Loss:
    """The weighted denoising loss of a network, with condition dropout for classifier-free guidance.

    Args:
        weight: an object or a name in `WEIGHTS`.
        condition_dropout: probability that a row's condition is made null, 0..1.
        steps: T of a chain, from whose steps t is drawn, as DDPM does; None for all of (0, 1].
    """

    def __init__(self, weight: Weight | str = "simple", condition_dropout: float = 0.0, steps: int | None = None):
        self.weight = WEIGHTS.of(weight)
        self.condition_dropout = checked_probability("condition_dropout", condition_dropout)
        if steps is not None and steps < 1:
            raise ValueError(f"a chain has at least 1 step; got {steps}")
        self.steps = steps

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row, averaged over its elements (B,), and the times t (B,) it was taken at.

        t is stratified over the batch; x_t is drawn from the diffusion kernel.
        """
        process, t = denoiser.process, noise.stratified(self.steps)
        log_snr = process.log_snr(t)
        batch = noisy_batch(process, x0, condition, noise, t, log_snr, self.condition_dropout)
        network_output, _ = denoiser.network_output(batch.x_t, log_snr, batch.condition)
        return self.weight(process, t, log_snr.exp()) * eps_error(denoiser, batch, network_output), t


def checked_probability(what: str, value: float) -> float:
    """`value`, or ValueError if it does not lie between 0 and 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{what} is a probability, 0 to 1; got {value}")
    return value
