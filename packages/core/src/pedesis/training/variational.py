r"""Losses that learn the noise as well as the mean, from the variational bound.

    Hybrid                 L_simple + 0.001 L_vlb        the network's second output, Var[x_0 | x_t]
    LearnedScheduleLoss    L_vlb in continuous time      the parameters of the schedule

Each follows the bound only where it should: the variance must not pull at the mean, and the shape of the schedule,
on which the bound does not depend, is chosen to make its estimate steady.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser, Prediction
from pedesis.gaussian import Gaussian
from pedesis.losses import Loss, Weight, checked_probability, eps_error, noisy_batch
from pedesis.process import Process
from pedesis.schedules import Learned
from pedesis.theory.elbo import denoising_term, discretized_log_prob, prior_term
from pedesis.theory.reverse import OptimalVariance
from pedesis.utils.noise import TrainingNoise


class HybridLoss(Loss):
    """L_simple + share L_vlb (Nichol and Dhariwal 2021, section 3.1), for a network with a learned variance.

    L_vlb is the bound of a chain of `steps` in nats per dimension, as an unbiased estimate from the same x_t. Its
    gradient reaches the variance only: the mean in it is held fixed.

    Args:
        weight, condition_dropout: of the first term, as in `pedesis.losses.Loss`.
        steps: T of the chain; t is drawn from its grid. share: of L_vlb.
        levels: gray levels of the data, or None for continuous data.
    """

    steps: int

    def __init__(
        self,
        weight: Weight | str = "simple",
        condition_dropout: float = 0.0,
        steps: int = 1000,
        share: float = 0.001,
        levels: int | None = 256,
    ):
        super().__init__(weight, condition_dropout, steps)
        if steps < 2:
            raise ValueError(f"the bound needs a chain of at least 2 steps; got {steps}")
        self.share, self.levels = share, levels

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times t (B,), on the grid i/steps.

        Raises:
            ValueError: a network without a learned variance.
        """
        process = denoiser.process
        t = noise.stratified(self.steps)
        log_snr = process.log_snr(t)
        batch = noisy_batch(process, x0, condition, noise, t, log_snr, self.condition_dropout)
        network_output, logit = denoiser.network_output(batch.x_t, log_snr, batch.condition)
        if logit is None:
            raise ValueError("the hybrid loss trains a network with a variance output: build it with variance=True")
        simple = self.weight(process, t, log_snr.exp()) * eps_error(denoiser, batch, network_output)
        predicted = denoiser.prediction_from_output(batch.x_t, t, network_output.detach(), logit)
        return simple + self.share * self.steps * self.bound(process, predicted, x0, t), t

    def bound(self, process: Process, predicted: Prediction, x0: Tensor, t: Tensor) -> Tensor:
        """The term of the chain's bound that belongs to each t, nats per dimension (B,)."""
        last = t <= 1.5 / self.steps  # these steps end at clean data: their term is the reconstruction
        s = torch.where(last, t / 2, t - 1 / self.steps)
        nats = denoising_term(process, predicted, x0, s, t, OptimalVariance()).to(t)
        pixels = Gaussian(predicted.x0[last], OptimalVariance().data_variance(predicted)[last])
        log_prob = (
            pixels.log_prob(x0[last]) if self.levels is None else discretized_log_prob(x0[last], pixels, self.levels)
        )
        return nats.masked_scatter(last, -log_prob.to(t)) / x0[0].numel()


class LearnedScheduleLoss:
    """The bound in continuous time, as a loss of the network and of its schedule (Kingma et al. 2021, VDM).

        L = KL(q(x_1 | x_0) || p) - E log p(x_0 | x at t = 0) - 1/2 E_t log_snr'(t) ||eps - eps_hat||^2

    The end points of the schedule follow the bound. The bound does not depend on the shape between them, but its
    estimate from one t does: the shape follows the gradient of E[L_t^2], that is of the estimate's variance. In
    continuous time the bound does not depend on Var[x_0 | x_t] either; a network with that output learns it from
    -log N(x_0; x0_hat, Var), whose minimum it is, without touching the mean or the schedule.

    Args:
        condition_dropout: as in `pedesis.losses.Loss`.
        levels: gray levels of the data, or None for continuous data.
        share: of the loss of the variance.
    """

    def __init__(self, condition_dropout: float = 0.0, levels: int | None = 256, share: float = 0.1):
        self.condition_dropout = checked_probability("condition_dropout", condition_dropout)
        self.levels, self.share = levels, share

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The bound of each row in nats per dimension (B,), with the share of the variance; and the times t (B,).

        Raises:
            ValueError: a process whose schedule is not `pedesis.schedules.Learned`.
        """
        process, schedule = denoiser.process, denoiser.process.schedule
        if not isinstance(schedule, Learned):
            raise ValueError(f"this loss trains the schedule 'learned'; got {schedule.name!r}")
        t = noise.stratified()
        maximum, minimum = schedule.maximum.to(t.device), schedule.minimum.to(t.device)
        width = minimum - maximum
        place = (schedule.log_snr(t) - maximum) / width  # 0 to 1: the shape alone
        steepness = schedule.slope(t) / width
        log_snr, slope = maximum + width * place, width * steepness

        batch = noisy_batch(process, x0, condition, noise, t, log_snr, self.condition_dropout)
        network_output, logit = denoiser.network_output(batch.x_t, log_snr, batch.condition)
        diffusion = -0.5 * slope * eps_error(denoiser, batch, network_output)

        def squared(gradient: Tensor) -> Tensor:  # d L^2 = 2 L d L, row by row
            return 2 * diffusion.detach() * gradient

        if place.requires_grad:
            place.register_hook(squared)
            steepness.register_hook(squared)
        total = diffusion + self.ends(process, x0, noise).to(t) / x0[0].numel()
        if logit is not None:
            with torch.no_grad():
                mean = denoiser.prediction_from_output(batch.x_t, t, network_output).x0
            var = logit.sigmoid() * (batch.sigma**2 / (batch.alpha**2 + batch.sigma**2)).detach()
            total = total - self.share * Gaussian(mean, var).log_prob(x0).to(t) / x0[0].numel()
        return total, t

    def ends(self, process: Process, x0: Tensor, noise: TrainingNoise) -> Tensor:
        """The prior and reconstruction terms, nats (B,); the decoder reads x_0 from x at t = 0 without the network."""
        alpha, sigma, _ = process.scales(0.0, x0)
        seen = Gaussian(x0 + sigma / alpha * noise(x0), (sigma / alpha) ** 2)
        log_prob = seen.log_prob(x0) if self.levels is None else discretized_log_prob(x0, seen, self.levels)
        return prior_term(process, x0) - log_prob
