r"""The three interpretations of a denoiser, and v: different questions, one answer.

    answer = a x_0 + b eps:    x0 (1, 0)   eps (0, 1)   score (0, -1/sigma)   v (-sigma, alpha)   flow (-1, 1)
    E[x_0 | x_t] = (x_t + sigma^2 grad log q(x_t)) / alpha                        Tweedie
    KL(q || p_theta) = w_x0 |x_0 - x0_hat|^2 = w_eps |eps - eps_hat|^2 = w_score |score - score_hat|^2

An error of one is an error of all, and a loss that weighs one weighs all: w_Q = w_eps (d eps / d Q)^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedesis.denoiser import Prediction
from pedesis.lessons.mixtures import denoiser, sample
from pedesis.lessons.plane import axis, field
from pedesis.lessons.schedules import Values, process
from pedesis.losses import WEIGHTS
from pedesis.parameterizations import PARAMETERIZATIONS, Parameterization
from pedesis.theory.exact import MixtureDenoiser
from pedesis.theory.kernels import denoising_weights, mean_from_eps, mean_from_score, tweedie
from pedesis.utils.noise import gaussian_noise

D = torch.float64
TIMES = np.concatenate([[0.005, 0.01, 0.02, 0.03], np.linspace(0.05, 1, 39)])
"""Times of all curves over t."""

DRAWS = 500


def names() -> tuple[str, ...]:
    """Everything that a network can be asked for."""
    return tuple(PARAMETERIZATIONS)


def losses() -> tuple[str, ...]:
    """Every registered loss weight."""
    return tuple(WEIGHTS)


def parameterization(name: str) -> Parameterization:
    """A registered parameterization. Raises UnknownName, a ValueError, for any other."""
    return PARAMETERIZATIONS.build({"name": name})


# -- one model, many answers --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a perfect network says, and what it means, on the lattice of `x`.

    Attributes:
        x: (N,). said: (N, N, 2), the answer. meant: (N, N, 2), the x_0 that is computed from it.
        exact: (N, N, 2), E[x_0 | x_t] itself.
    """

    x: Values
    said: Values
    meant: Values
    exact: Values


def answer(data: str, schedule: str, name: str, t: float, points: int = 13) -> Answer:
    """The answer field of toy data in the plane at t in (0, 1]."""
    exact, rule, x = denoiser(data, schedule), parameterization(name), axis(points, 2.4)

    def said(x_t: Tensor) -> Tensor:
        return _said(rule, exact(x_t, t))

    def meant(x_t: Tensor) -> Tensor:
        alpha, sigma, _ = exact.process.scales(t, x_t)
        return rule.x0(said(x_t), x_t, alpha, sigma)

    return Answer(x, field(said, x), field(meant, x), field(lambda x_t: exact.x0(x_t, t), x))


def disagreement(data: str, schedule: str, t: float) -> dict[str, float]:
    """The largest difference, over draws of x_t, between x_0 computed from each answer and E[x_0 | x_t]."""
    exact, x_t = _draws(data, schedule, t)
    truth = exact(x_t, t)
    alpha, sigma, _ = exact.process.scales(t, x_t)
    apart = {
        name: parameterization(name).x0(_said(parameterization(name), truth), x_t, alpha, sigma) - truth.x0
        for name in names()
    }
    return {name: float(difference.abs().max()) for name, difference in apart.items()}


def means_disagree(data: str, schedule: str, s: float, t: float) -> float:
    """The largest difference between the mean of a reverse step written in x_0, in eps and in the score."""
    exact, x_t = _draws(data, schedule, t)
    truth = exact(x_t, t)
    forms = [
        exact.process.posterior(x_t, truth.x0, s, t).mean,
        mean_from_eps(exact.process, x_t, truth.eps, s, t),
        mean_from_score(exact.process, x_t, truth.score, s, t),
    ]
    return float((torch.stack(forms) - forms[0]).abs().max())


# -- Tweedie, on a line -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """Toy data on a line at one time.

    Attributes:
        x: (m,), positions of x_t and of x_0. law: q(x_t). score: its logarithmic slope.
        mean: E[x_0 | x_t] as a function of x_t. data: p(x_0).
    """

    x: Values
    law: Values
    score: Values
    mean: Values
    data: Values


def line(data: str, schedule: str, t: float, points: int = 501) -> Line:
    """The law of x_t, its score and the mean of x_0, over x_t; t in (0, 1]."""
    exact, x = denoiser(data, schedule), torch.linspace(-3.5, 3.5, points, dtype=D)[:, None]
    log_law, score = _log_law_and_slope(exact, x, t)
    mean = tweedie(exact.process, x, score, t)
    arrays = (x[:, 0], log_law.exp(), score[:, 0], mean[:, 0], _log_data(data, x).exp())
    return Line(*(values.numpy() for values in arrays))


@dataclass(frozen=True)
class Posterior:
    """All x_0 that one x_t may stand for.

    Attributes:
        x0: (m,). density: p(x_0 | x_t). by_tweedie: the mean from the score of q(x_t), the slope of its logarithm.
        by_denoiser: the mean in closed form. by_integral: the mean of `density`, by quadrature.
    """

    x0: Values
    density: Values
    by_tweedie: float
    by_denoiser: float
    by_integral: float


def posterior(data: str, schedule: str, t: float, x_t: float, points: int = 3001) -> Posterior:
    """p(x_0 | x_t) on a line by Bayes' rule, and its mean in three ways; t in (0, 1]."""
    exact = denoiser(data, schedule)
    here = torch.tensor([[x_t]], dtype=D)
    mean, std = exact.x0(here, t), exact.variance(here, t).sqrt()
    x0 = mean + 12 * std * torch.linspace(-1, 1, points, dtype=D)[:, None]
    joint = _log_data(data, x0) + exact.process.marginal(x0, t).log_prob(here)
    density = (joint - exact.log_prob(here, t)).exp()
    _, score = _log_law_and_slope(exact, here, t)
    return Posterior(
        x0[:, 0].numpy(),
        density.numpy(),
        tweedie(exact.process, here, score, t).item(),
        mean.item(),
        torch.trapezoid(x0[:, 0] * density, x0[:, 0]).item(),
    )


# -- what an error costs ------------------------------------------------------------------------------------


def amplified(schedule: str) -> dict[str, tuple[Values, Values]]:
    """What an error of 1 in each answer becomes over `TIMES`: (error of x_0, error of eps)."""
    alpha, sigma = (values.detach() for values in _scales(schedule))
    found = {}
    for name in names():
        of_eps = parameterization(name).eps_error_scale(alpha, sigma).abs()
        found[name] = (of_eps * sigma / alpha).numpy(), of_eps.numpy()
    return found


def loss_weights(schedule: str, measured: str) -> dict[str, Values]:
    """The weight of each loss over `TIMES`, on a squared error of `measured` (a name of `names`)."""
    chain, t = process(schedule), torch.as_tensor(TIMES)
    snr, change = chain.log_snr(t).exp(), parameterization(measured).eps_error_scale(*_scales(schedule)) ** 2
    return {name: (WEIGHTS.build({"name": name})(chain, t, snr) * change).detach().numpy() for name in losses()}


def step_weights(schedule: str, steps: int) -> tuple[Values, dict[str, Values]]:
    """t = i/T for i = 2..T, and what a squared error of x_0, eps and score costs there in the KL of a step, nats."""
    t = torch.arange(2, steps + 1, dtype=D) / steps
    weights = denoising_weights(process(schedule), t - 1 / steps, t)
    by_name = {"x0": weights.x0, "eps": weights.eps, "score": weights.score}
    return t.numpy(), {name: values.numpy() for name, values in by_name.items()}


# -- shared -------------------------------------------------------------------------------------------------


def _scales(schedule: str) -> tuple[Tensor, Tensor]:
    """alpha and sigma over `TIMES`."""
    chain = process(schedule)
    return chain.alpha_sigma(chain.log_snr(torch.as_tensor(TIMES)))


def _said(rule: Parameterization, truth: Prediction) -> Tensor:
    return rule.target(truth.x0, truth.eps, truth.alpha, truth.sigma)


def _draws(data: str, schedule: str, t: float) -> tuple[MixtureDenoiser, Tensor]:
    x0, _ = sample(data, DRAWS)
    exact = denoiser(data, schedule)
    return exact, exact.process.marginal(x0, t).sample(gaussian_noise(1))


def _log_data(data: str, x0: Tensor) -> Tensor:
    """log p(x_0), by a schedule that begins without noise."""
    return denoiser(data, "cosine").log_prob(x0, 0)


def _log_law_and_slope(exact: MixtureDenoiser, x_t: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """log q(x_t) and its gradient, by differentiation."""
    x = x_t.clone().requires_grad_()
    log_law = exact.log_prob(x, t)
    (slope,) = torch.autograd.grad(log_law.sum(), x)
    return log_law.detach(), slope
