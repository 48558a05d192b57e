"""Errata of diffusion: the chain, its reverse steps, its bound and its training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.guidance.classifier_guidance import class_gradient
from pedesis.lessons.evidence.base import Evidence
from pedesis.lessons.guidance import exact as two_classes
from pedesis.lessons.mixtures import denoiser, sample
from pedesis.lessons.schedules import Values, process
from pedesis.process import Process
from pedesis.schedules import FromBetas
from pedesis.theory.elbo import discretized_log_prob
from pedesis.theory.kernels import denoising_weights, mean_from_eps, small_step_reverse, tweedie
from pedesis.utils.noise import gaussian_noise

STEPS, D = 1000, torch.float64


def classifier_sign() -> Evidence:
    x, model, t = np.linspace(-2.5, 2.5, 101), two_classes(), 0.3
    points = torch.stack([torch.as_tensor(x), torch.full((101,), 0.3, dtype=D)], 1)
    label = torch.zeros(101, dtype=torch.int64)
    difference = (model(points, t, label).score - model(points, t).score)[:, 0].numpy()
    truth = class_gradient(model.log_class, points, t, label)[:, 0].numpy()
    says = "The slope of the classifier leads to its class, on the left; the printed sign leads away from it."
    return Evidence(
        says,
        "x_t",
        "slope of log p(y | x_t)",
        x,
        -difference,
        difference,
        truth,
        ("pedesis.guidance.classifier_guidance:class_gradient",),
    )


def kernel_mean() -> Evidence:
    i, moments = _chain_of(torch.ones(4000, 1, dtype=D))
    corrected = [process("linear").marginal(torch.ones(1, 1, dtype=D), k / STEPS).mean.item() for k in i]
    printed = np.sqrt(1 - _betas()[i - 1])
    says = "The mean of x_t for x_0 = 1: the data fade, but without the bar they stay as they are."
    where = ("pedesis.process:Process.marginal",)
    return Evidence(says, "step t", "mean of x_t", i.astype(float), printed, np.array(corrected), moments[0], where)


def mean_prefactor() -> Evidence:
    i, chain = np.arange(1, STEPS + 1), process("linear")
    x_t, t = torch.ones(STEPS, 1, dtype=D), torch.arange(1, STEPS + 1, dtype=D) / STEPS
    s = (torch.arange(STEPS, dtype=D)) / STEPS
    x0 = x_t / chain.scales(t, x_t)[0]  # the x_0 for which there is no noise in x_t
    really = chain.posterior(x_t, x0, s, t).mean[:, 0].numpy()
    corrected = mean_from_eps(chain, x_t, torch.zeros_like(x_t), s, t)[:, 0].numpy()
    says = "The mean of a reverse step from $x_t = 1$ without noise: it should hardly move, and is thrown out to 155.8."
    where = ("pedesis.theory.kernels:mean_from_eps",)
    printed = 1 / np.sqrt(_alpha_bar())
    return Evidence(says, "step t", "mean of x_(t-1)", i.astype(float), printed, corrected, really, where, True)


def eps_weight() -> Evidence:
    t, chain = torch.arange(2, STEPS + 1, dtype=D) / STEPS, process("linear")
    s, beta, alpha_bar = t - 1 / STEPS, _betas()[1:], _alpha_bar()[1:]
    _, _, var = chain.posterior_coefficients(s, t)
    x_t = torch.full((len(t), 1), 0.5, dtype=D)
    none, one = (
        Gaussian(mean_from_eps(chain, x_t, torch.full_like(x_t, eps), s, t), var[:, None]) for eps in (0.0, 1.0)
    )
    printed = beta / (2 * alpha_bar * (1 - alpha_bar) * var.numpy())
    corrected, really = denoising_weights(chain, s, t).eps.numpy(), none.kl(one).numpy()
    says = "What a wrong noise estimate costs in the bound, in nats: measured as the KL of two reverse steps."
    where = ("pedesis.theory.kernels:denoising_weights",)
    x = np.arange(2, STEPS + 1).astype(float)
    return Evidence(says, "step t", "nats per squared error", x, printed, corrected, really, where, True)


def two_steps() -> Evidence:
    beta, noise = np.linspace(0.002, 0.05, 13), gaussian_noise(0)
    zero = torch.zeros(40_000, 1, dtype=D)
    really, corrected = [], []
    for b in beta.tolist():
        chain = Process(FromBetas([b, b, *[0.5] * 8]))  # eight more steps, so that it ends in noise
        x = chain.transition(chain.transition(zero, 0.0, 0.1).sample(noise), 0.1, 0.2).sample(noise)
        really.append(x.var().item())
        corrected.append(chain.marginal(zero, 0.2).var.item())
    printed = (1 - np.sqrt(beta)) * beta + np.sqrt(beta)
    says = "The variance after two steps that add the variance beta each."
    where = ("pedesis.process:Process.transition",)
    return Evidence(says, "beta", "variance", beta, printed, np.array(corrected), np.array(really), where)


def tweedie_mean() -> Evidence:
    t, exact = np.linspace(0.05, 1, 20), denoiser("two bumps", "cosine")
    x0, _ = sample("two bumps", 4000)
    corrected, really = [], []
    for now in t.tolist():
        x_t = exact.process.marginal(x0, now).sample(gaussian_noise(1))
        predicted = exact(x_t, now)
        really.append(float((tweedie(exact.process, x_t, predicted.score, now) - x0).square().mean().sqrt()))
        assert predicted.variance is not None
        corrected.append(float(predicted.variance.mean().sqrt()))
    says = "How far the formula's value is from the x_0 that x_t came from: as far as a mean is from a draw, not 0."
    where = ("pedesis.theory.kernels:tweedie",)
    return Evidence(says, "t", "distance from x_0", t, np.zeros_like(t), np.array(corrected), np.array(really), where)


def outer_bins() -> Evidence:
    mean, std = np.linspace(0.5, 1.5, 51), 0.2
    levels = torch.linspace(-1, 1, 256, dtype=D)[:, None]
    cells = [Gaussian(torch.full_like(levels, m), torch.tensor(std**2, dtype=D)) for m in mean.tolist()]
    corrected = np.array([discretized_log_prob(levels, cell).exp().sum().item() for cell in cells])
    printed = norm(mean, std).cdf(1 + 1 / 255) - norm(mean, std).cdf(-1 - 1 / 255)
    says = "The probability of all 256 gray levels together: with finite outer bins some of it is lost."
    where = ("pedesis.theory.elbo:discretized_log_prob",)
    return Evidence(
        says, "mean of the decoder", "sum of probabilities", mean, printed, corrected, np.ones_like(mean), where
    )


def log_posterior(halved: bool) -> Evidence:
    """The bracket of the notes as a quadratic in z = z_{t-1}, from its value at z = 0; without its 1/2 (E15) or E16."""
    b, steps, i, z_t, x = 0.4, 10, 4, 0.8, 0.5
    chain = Process(FromBetas([b] * steps))
    before = (1 - b) ** (i - 1)
    z = np.linspace(-1.5, 2, 71)

    def bracket(second: float) -> Values:
        cross = z * (before**0.5 * x / (1 - before) + (1 - b) ** 0.5 * z_t / b)
        values: Values = z**2 / (1 - before) + second * z**2 - 2 * cross
        return values

    right = bracket((1 - b) / b)
    x_t, x_0 = (torch.full((71, 1), value, dtype=D) for value in (z_t, x))
    posterior = chain.posterior(x_t, x_0, (i - 1) / steps, i / steps)
    at_zero = posterior.log_prob(torch.zeros(71, 1, dtype=D))
    really = (posterior.log_prob(torch.as_tensor(z)[:, None]) - at_zero).numpy()
    printed = right if halved else -bracket(1 / b) / 2
    says = (
        "log q(z_(t-1) | z_t, x) less its value at 0: without the factor -1/2 it has no maximum."
        if halved
        else "log q(z_(t-1) | z_t, x) less its value at 0: without 1 - beta the density is too narrow and off."
    )
    where = ("pedesis.process:Process.posterior",)
    return Evidence(says, "z_(t-1)", "log density", z, printed, -right / 2, really, where)


def no_score() -> Evidence:
    noise, chain, every = gaussian_noise(0), process("linear"), 50
    x, really = noise(torch.zeros(4000, 1, dtype=D)), [1.0]
    for i in range(STEPS, 1, -1):
        x = small_step_reverse(chain, x, -x, (i - 1) / STEPS, i / STEPS).sample(noise)
        if (i - 1) % every == 0:
            really.append(x.var().item())
    left = np.arange(STEPS, 0, -every)
    printed = 1 + np.array([_betas()[int(i) :].sum() for i in left])
    says = "The variance while denoising data N(0, 1), from t = 1000 down: it stays 1; without the score it grows."
    where = ("pedesis.theory.kernels:small_step_reverse",)
    done, one = (STEPS - left).astype(float), np.ones(len(left))
    return Evidence(says, "steps done", "variance", done, printed, one, np.array(really), where)


def wrong_way() -> Evidence:
    noise, chain, rate, steps = gaussian_noise(0), process("linear"), 0.05, np.arange(31.0)
    x0 = 0.3 * noise(torch.zeros(20_000, 1, dtype=D))
    eps = noise(x0)
    alpha, sigma, _ = chain.scales(0.5, x0)
    x_t = alpha * x0 + sigma * eps

    def measured(sign: float) -> Values:
        w, errors = torch.zeros((), dtype=D, requires_grad=True), []
        for _ in steps:
            error = (w * x_t - eps).square().mean()
            errors.append(error.item())
            (slope,) = torch.autograd.grad(sign * error, w)
            w = (w - rate * slope).detach().requires_grad_()
        return np.array(errors)

    var, cross = float(alpha**2 * 0.09 + sigma**2), float(sigma)  # E x_t^2 and E x_t eps
    best = cross / var
    closed = 1 - cross * best + var * (best * (1 - 2 * rate * var) ** steps) ** 2
    says = "The error of the noise estimate g = w x_t while gradient descent follows the loss with either sign."
    where = ("pedesis.losses.denoising:Loss",)
    return Evidence(says, "steps of training", "squared error", steps, measured(-1), closed, measured(1), where)


def variance_kept() -> Evidence:
    start = 0.5 * gaussian_noise(5)(torch.zeros(20_000, 1, dtype=D))
    i, moments = _chain_of(start)
    chain = process("linear")
    kernels = [chain.marginal(torch.full((1, 1), 0.5, dtype=D), k / STEPS) for k in i]
    corrected = np.array([(kernel.mean**2 + kernel.var).item() for kernel in kernels])  # 0.5 is their deviation
    says = "The variance of x_t for data of variance 1/4: the chain leads it to 1, and does not begin there."
    where = ("pedesis.process:VariancePreservingFrame",)
    return Evidence(says, "step t", "variance of x_t", i.astype(float), np.ones(len(i)), corrected, moments[1], where)


def _betas() -> Values:
    """beta_1..beta_T of DDPM."""
    betas: Values = process("linear").chain(STEPS).beta[1:].numpy()
    return betas


def _alpha_bar() -> Values:
    """Their running product, without the 1 of clean data."""
    alpha_bar: Values = process("linear").chain(STEPS).alpha_bar[1:].numpy()
    return alpha_bar


def _chain_of(x: Tensor, every: int = 50) -> tuple[NDArray[np.int64], Values]:
    """Walk DDPM's chain step by step; steps 1, 50, 100, .. and there (mean, variance), (2, n)."""
    noise, chain, steps, moments = gaussian_noise(1), process("linear"), [], []
    for i in range(1, STEPS + 1):
        x = chain.transition(x, (i - 1) / STEPS, i / STEPS).sample(noise)
        if i == 1 or i % every == 0:
            steps.append(i)
            moments.append([x.mean().item(), x.var().item()])
    return np.array(steps), np.array(moments).T
