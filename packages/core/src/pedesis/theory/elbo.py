r"""The variational bound of a diffusion model, the negative ELBO, as its three terms (nats per image; less is better).

    -log p(x_0) <=  KL(q(x_1 | x_0) || p(x_1))                                     prior matching
                  + sum_i E KL(q(x_s | x_t, x_0) || p_theta(x_s | x_t))            denoising matching
                  - E log p(x_0 | x_t1)                                            reconstruction

over a grid 1 = t_n > ... > t_1 > 0, s and t neighbors. Every KL is between two Gaussians, and the last term is a
Gaussian's mass on the bin of each pixel, or its density for continuous data. With one step the middle term is empty
and the bound is that of a variational autoencoder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.special import log_ndtr

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Gaussian, Noise, sum_per_sample
from pedesis.process import Process, Time
from pedesis.theory.reverse import PosteriorVariance, VarianceRule, reverse_kernel


@dataclass(frozen=True)
class Elbo:
    """[O6] The bound on -log p(x_0), term by term, in nats per image; each (B,).

    Formula: L = KL(q(x_T|x_0)\\|p) + \\sum_{t\\ge 2}\\mathbb E_q KL(q(x_{t-1}|x_t,x_0)\\|p_\\theta)
        - \\mathbb E\\log p_\\theta(x_0|x_1)
    Source: 001, "VDM: ELBO (3)"; 003 (9)-(12), corrected

    Attributes:
        per_step: the denoising term of each evaluated step, (steps, B), already weighted; sums to `diffusion`.
        times: the later time of each of those steps, (steps, B).
        dimensions: numbers per image.
    """

    prior: Tensor
    diffusion: Tensor
    reconstruction: Tensor
    per_step: Tensor
    times: Tensor
    dimensions: int

    @property
    def nats(self) -> Tensor:
        """The bound itself, (B,)."""
        return self.prior + self.diffusion + self.reconstruction

    @property
    def rate(self) -> Tensor:
        """Nats spent on the latents, (B,): prior and denoising terms."""
        return self.prior + self.diffusion

    @property
    def distortion(self) -> Tensor:
        """Nats spent on the pixels given x_t1, (B,)."""
        return self.reconstruction

    @property
    def bits_per_dim(self) -> Tensor:
        """[O14] The bound in bits per dimension, (B,).

        Formula: \\mathrm{bpd} = \\frac{L}{D\\ln 2}
        Source: 001, "Enhancements" ("we have NLL")
        """
        return self.nats / (self.dimensions * math.log(2))


def prior_term(process: Process, x0: Tensor) -> Tensor:
    """[O8] The prior-matching term, nats (B,).

    Formula: KL(q(x_T|x_0)\\|\\mathcal N(0,I)) =
        \\tfrac12\\sum\\big(\\bar\\alpha_T(x_0^2-1)-\\log(1-\\bar\\alpha_T)\\big)
    Source: 001, "VDM: Loss terms"; 003
    """
    return process.marginal(x0, 1.0).kl(process.prior(x0))


def denoising_term(
    process: Process, prediction: Prediction, x0: Tensor, s: Time, t: Time, rule: VarianceRule
) -> Tensor:
    """KL(q(x_s | x_t, x_0) || p_theta(x_s | x_t)) at one drawn x_t, nats (B,); 0 < s < t.

    Raises:
        ValueError: if q(x_s | x_t, x_0) has no width (s at clean data): that term is the reconstruction.
    """
    posterior = process.posterior(prediction.x_t, x0, s, t)
    if bool((posterior.var <= 0).any()):
        raise ValueError("at clean data the posterior is a point; its term of the bound is the reconstruction")
    return posterior.kl(reverse_kernel(process, prediction, s, t, rule))


def decoder(process: Process, prediction: Prediction, t1: Time, t2: Time, rule: VarianceRule) -> Gaussian:
    """p(x_0 | x_t1) before it is cut into bins: mean x0_hat, variance by the sampler's rule at s = 0.

    beta gives beta_1, optimal gives Var[x_0 | x_t1]; the posterior rule, which gives 0 there, takes the variance of
    the step before, beta_tilde_2 (Ho et al. 2020).
    """
    var = rule.data_variance(prediction)
    if isinstance(rule, PosteriorVariance):
        _, _, before = process.posterior_coefficients(t1, t2)
        var = var + before.to(var)
    return Gaussian(prediction.x0, var)


def discretized_log_prob(x0: Tensor, decoder: Gaussian, levels: int = 256) -> Tensor:
    """[O11] log of the mass that a Gaussian puts on the bin of each pixel, summed: nats (B,).

    Formula: \\prod_i\\int_{\\delta_-(x^i)}^{\\delta_+(x^i)}\\mathcal N(x;\\mu^i,\\sigma^2)dx,\\quad
        \\delta_\\pm = x\\pm\\tfrac1{255},\\ \\delta_+(1)=\\infty,\\ \\delta_-(-1)=-\\infty
    Source: 003, "Data scaling, reverse process decoder", corrected; Ho et al. 2020, equation 13

    Exact in the tails: the difference of two cdfs is taken on the side where both are small.

    Args:
        x0: pixels on the levels -1 + 2k/(levels - 1), k = 0 .. levels - 1.
    """
    half = 1 / (levels - 1)
    std = decoder.var.sqrt()
    lower, upper = (x0 - half - decoder.mean) / std, (x0 + half - decoder.mean) / std
    lower = torch.where(x0 <= -1 + half, -torch.inf, lower)
    upper = torch.where(x0 >= 1 - half, torch.inf, upper)
    mirror = lower + upper > 0  # the bin lies right of the mean: use Phi(-a) - Phi(-b) instead
    low, high = torch.where(mirror, -upper, lower), torch.where(mirror, -lower, upper)
    log_high = log_ndtr(high)
    return sum_per_sample(log_high + torch.log1p(-torch.exp(log_ndtr(low) - log_high)))


def elbo(
    denoiser: Denoiser,
    x0: Tensor,
    times: Tensor,
    noise: Noise,
    rule: VarianceRule | None = None,
    condition: Condition = None,
    levels: int | None = 256,
    draws: int | None = None,
    uniform: Tensor | None = None,
) -> Elbo:
    """[O10] Estimate the bound by drawing x_t once for each step.

    Formula: -\\mathbb E_{q(x_1|x_0)}\\log p_\\theta(x_0|x_1)\\text{ by Monte Carlo, as are the denoising terms}
    Source: 001, "VDM: Loss terms"

    Args:
        times: (n + 1,) float64, from 1 down to 0, as a sampler takes them.
        rule: the variance of the generative steps; posterior by default.
        levels: gray levels of the pixels, or None for continuous data (density instead of mass).
        draws: evaluate only this many of the n - 1 denoising steps per image, drawn without bias from `uniform`
            (B,) in [0, 1), evenly spread, and weight them up (see `step_choice`).

    Raises:
        ValueError: times that do not run from 1 down to 0.
    """
    rule = rule or PosteriorVariance()
    process = denoiser.process
    if times.ndim != 1 or len(times) < 2 or times[0] != 1 or times[-1] != 0 or bool((times.diff() >= 0).any()):
        raise ValueError(f"times must fall strictly from 1 to 0; got {times.tolist()[:4]} ... {times.tolist()[-2:]}")

    inner = len(times) - 2  # steps whose end is not clean data
    choice, weight = step_choice(inner, len(x0), draws, uniform)
    terms = []
    for index in choice:  # (B,) each
        t, s = times[index], times[index + 1]
        x_t = process.marginal(x0, t).sample(noise)
        terms.append(weight * denoising_term(process, denoiser(x_t, t, condition), x0, s, t, rule))

    t1 = float(times[-2])
    x_t1 = process.marginal(x0, t1).sample(noise)
    before = float(times[-3]) if inner else t1
    if inner == 0 and isinstance(rule, PosteriorVariance):
        raise ValueError("with a single step the posterior rule gives the decoder no width; use 'beta' or 'optimal'")
    pixels = decoder(process, denoiser(x_t1, t1, condition), t1, before, rule)
    log_prob = pixels.log_prob(x0) if levels is None else discretized_log_prob(x0, pixels, levels)

    per_step = torch.stack(terms) if terms else x0.new_zeros(0, len(x0))
    where = times[torch.stack(list(choice))] if len(choice) else times.new_zeros(0, len(x0))
    return Elbo(prior_term(process, x0), per_step.sum(0), -log_prob, per_step, where, x0[0].numel())


def step_choice(steps: int, rows: int, draws: int | None, uniform: Tensor | None) -> tuple[Tensor, float]:
    """[O12] Which denoising steps to evaluate for each row, (draws, B), and the weight that keeps the sum unbiased.

    Formula: \\sum_{t=2}^T L_t = (T-1)\\,\\mathbb E_{t\\sim U\\{2..T\\}} L_t
    Source: 001, "Denoising matching term"

    Args:
        steps: T - 1. draws: how many per row; None for all. uniform: (B,) in [0, 1), the random part.
    """
    if draws is None or draws >= steps:
        return torch.arange(steps)[:, None].expand(steps, rows), 1.0
    if uniform is None:
        raise ValueError("a random choice of steps needs `uniform`, one number in [0, 1) per row")
    evenly = (torch.arange(draws, dtype=torch.float64)[:, None] + uniform.double().cpu()) / draws  # one per stratum
    return (evenly * steps).long().clamp(max=steps - 1), steps / draws
