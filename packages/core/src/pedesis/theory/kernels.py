r"""The reverse conditional in the three interpretations of the notes, and what an error in each costs.

In the variance-preserving chain with steps s = t - 1 -> t, per-step alpha_t = 1 - beta_t and cumulative alpha_bar:

    mu = [sqrt(alpha_t)(1 - alpha_bar_s) x_t + sqrt(alpha_bar_s) beta_t x_0] / (1 - alpha_bar_t)     from x_0
       = [x_t - beta_t eps / sqrt(1 - alpha_bar_t)] / sqrt(alpha_t)                                 from eps
       = [x_t + beta_t score] / sqrt(alpha_t)                                                       from the score

    KL(q || p_theta) = weight * ||difference||^2 + spread,    one weight for each interpretation

The code writes them for any process through log_snr; `Process.posterior` is the first form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.process import Process, Time, broadcast


@dataclass(frozen=True)
class StepCoefficients:
    """A step s < t of a process as plain float64 numbers: alpha_t, sigma_t, the ratio alpha_t/alpha_s, the transition's
    variance, and the posterior's coefficient of x_0 and variance."""

    alpha: Tensor
    sigma: Tensor
    ratio: Tensor
    transition_var: Tensor
    posterior_x0: Tensor
    posterior_var: Tensor


def step_coefficients(process: Process, s: Time, t: Time) -> StepCoefficients:
    """The numbers that all the forms below are made of; ValueError unless 0 <= s < t <= 1."""
    _, c_0, var = process.posterior_coefficients(s, t)
    log_snr_s, log_snr_t = process.log_snr(s), process.log_snr(t)
    (alpha_s, _), (alpha, sigma) = process.alpha_sigma(log_snr_s), process.alpha_sigma(log_snr_t)
    return StepCoefficients(alpha, sigma, alpha / alpha_s, -(sigma**2) * torch.expm1(log_snr_t - log_snr_s), c_0, var)


def mean_from_eps(process: Process, x_t: Tensor, eps: Tensor, s: Time, t: Time) -> Tensor:
    """[R3] The posterior mean written in the noise.

    Formula: \\mu = \\frac1{\\sqrt{\\alpha_t}}\\Big(x_t - \\frac{\\beta_t}{\\sqrt{1-\\bar\\alpha_t}}\\,\\epsilon\\Big)
    Source: 001, "interpretation II"; 002; 003 (corrected)
    """
    c = step_coefficients(process, s, t)
    return (x_t - broadcast(c.transition_var / c.sigma, x_t) * eps) / broadcast(c.ratio, x_t)


def mean_from_score(process: Process, x_t: Tensor, score: Tensor, s: Time, t: Time) -> Tensor:
    """[R4] The posterior mean written in the score.

    Formula: \\mu = \\frac1{\\sqrt{\\alpha_t}}\\big(x_t + (1-\\alpha_t)\\nabla\\log q(x_t)\\big)
    Source: 001, "interpretation III"
    """
    c = step_coefficients(process, s, t)
    return (x_t + broadcast(c.transition_var, x_t) * score) / broadcast(c.ratio, x_t)


def x0_from_eps(process: Process, x_t: Tensor, eps: Tensor, t: Time) -> Tensor:
    """[R5] The clean data that a noise stands for.

    Formula: x_0 = \\frac{x_t - \\sqrt{1-\\bar\\alpha_t}\\,\\epsilon}{\\sqrt{\\bar\\alpha_t}}
    Source: 001, "interpretation II"; 002; 003
    """
    alpha, sigma, _ = process.scales(t, x_t)
    return (x_t - sigma * eps) / alpha


def tweedie(process: Process, x_t: Tensor, score: Tensor, t: Time) -> Tensor:
    """[R7] Tweedie's formula: the posterior mean of the data from the score of the noisy marginal.

    Formula: \\mathbb E[x_0\\mid x_t] = \\frac{x_t + (1-\\bar\\alpha_t)\\nabla\\log q(x_t)}{\\sqrt{\\bar\\alpha_t}}
    Source: 001, "interpretation III", footnote 12 (corrected: it holds for the mean, with the marginal score)
    """
    alpha, sigma, _ = process.scales(t, x_t)
    return (x_t + sigma**2 * score) / alpha


def small_step_reverse(process: Process, x_t: Tensor, score: Tensor, s: Time, t: Time) -> Gaussian:
    """[R9] q(x_s | x_t) for a small step, from score = grad log q(x_t): Gaussian to first order in the step.

    Formula: q(z_{t-1}\\mid z_t)\\approx\\mathcal N\\Big(\\frac{z_t+\\beta_t\\nabla\\log q(z_t)}{\\sqrt{1-\\beta_t}},
        \\ \\beta_t I\\Big)
    Source: 002 (corrected: the notes drop the score)
    """
    var = step_coefficients(process, s, t).transition_var
    return Gaussian(mean_from_score(process, x_t, score, s, t), broadcast(var, x_t))


@dataclass(frozen=True)
class DenoisingWeights:
    """[O9] KL(q(x_s|x_t,x_0) || p_theta(x_s|x_t)) as a weighted squared error, for a step variance `var`.

    Formula: \\frac{\\bar\\alpha_{t-1}\\beta_t^2}{2s^2(1-\\bar\\alpha_t)^2}\\|x_0-\\hat x_0\\|^2 =
        \\frac{\\beta_t^2}{2s^2\\alpha_t(1-\\bar\\alpha_t)}\\|\\epsilon-\\hat\\epsilon\\|^2 =
        \\frac{(1-\\alpha_t)^2}{2s^2\\alpha_t}\\|\\nabla-s_\\theta\\|^2
    Source: 001, interpretations I-III; 003 (16)-(17), corrected

    Attributes:
        x0, eps, score: what a unit squared error of each costs, in nats.
        spread: what a wrong variance costs per dimension, 1/2 (log(var/var_q) - 1 + var_q/var).
    """

    x0: Tensor
    eps: Tensor
    score: Tensor
    spread: Tensor


def denoising_weights(process: Process, s: Time, t: Time, var: Tensor | None = None) -> DenoisingWeights:
    """The weights for a step s < t; `var` is that of p_theta, by default the posterior's own."""
    c = step_coefficients(process, s, t)
    var = c.posterior_var if var is None else torch.as_tensor(var, dtype=torch.float64)
    x0 = c.posterior_x0**2 / (2 * var)
    eps = x0 * (c.sigma / c.alpha) ** 2
    spread = 0.5 * (torch.log(var / c.posterior_var) - 1 + c.posterior_var / var)
    return DenoisingWeights(x0, eps, eps * c.sigma**2, spread)


def interpolated_variance(process: Process, v: Tensor, s: Time, t: Time, like: Tensor) -> Tensor:
    """[N3] The learned variance as Nichol and Dhariwal print it: between beta_tilde and beta, geometrically.

    Formula: \\sigma^2 = \\exp\\big(v\\log\\beta_t + (1-v)\\log\\tilde\\beta_t\\big),\\quad v\\in[0,1]
    Source: 001, "Enhancements" (corrected citation: Nichol and Dhariwal 2021, equation 15)
    """
    c = step_coefficients(process, s, t)
    low, high = broadcast(c.posterior_var.log(), like), broadcast(c.transition_var.log(), like)
    return torch.exp(v * high + (1 - v) * low)
