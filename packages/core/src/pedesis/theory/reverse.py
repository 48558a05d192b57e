r"""The generative step p_theta(x_s | x_t) and its variance.

    p_theta(x_s | x_t) = N( c_t x_t + c_0 x0_hat,  var_q + c_0^2 Var[x_0 | x_t] )

c_t, c_0 and var_q are the coefficients of the posterior q(x_s | x_t, x_0). The mean is the posterior's with
the estimate in place of x_0; the variance is that of the best Gaussian (law of total variance). The usual
choices differ only in the Var[x_0 | x_t] they assume:

    posterior    0                                the data are one known point:  beta_tilde
    beta         sigma^2 / (alpha^2 + sigma^2)    the data are N(0, I):          beta (in VP)
    optimal      what the denoiser says           exact, analytic or learned
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from pedesis.denoiser import Prediction
from pedesis.gaussian import Gaussian
from pedesis.process import Process, Time, broadcast
from pedesis.utils.registry import Described, Registry

VARIANCE_RULES: Registry[VarianceRule] = Registry("variance rule")


class VarianceRule(Described):
    """[O3] The Var[x_0 | x_t] that a generative step assumes.

    Formula: \\Sigma_\\theta = \\mathrm{var}_q + c_0^2\\,\\mathrm{Var}[x_0\\mid x_t]:\\quad
        0 \\mapsto \\tilde\\beta_t,\\quad 1-\\bar\\alpha_t \\mapsto \\beta_t
    Source: 001, "VDM: Denoising matching term"; 003

    Attributes:
        assumed: whether Var[x_0 | x_t] is an assumption about the data rather than known: then nothing is known of
            p(x_0 | x_t) but its mean, and the step to clean data is that mean.
    """

    assumed = True

    @abstractmethod
    def data_variance(self, prediction: Prediction) -> Tensor:
        """Var[x_0 | x_t], broadcastable to x_t."""


@VARIANCE_RULES.register("posterior")
class PosteriorVariance(VarianceRule):
    """beta_tilde: right when x_0 is known (the lower bound of all choices)."""

    def data_variance(self, prediction: Prediction) -> Tensor:
        return torch.zeros_like(prediction.sigma)


@VARIANCE_RULES.register("beta")
class BetaVariance(VarianceRule):
    """beta: right when the data are N(0, I) (the upper bound for data of at most unit variance)."""

    def data_variance(self, prediction: Prediction) -> Tensor:
        return prediction.sigma**2 / (prediction.alpha**2 + prediction.sigma**2)


@VARIANCE_RULES.register("optimal")
class OptimalVariance(VarianceRule):
    """The denoiser's own Var[x_0 | x_t]: exact for closed forms, analytic or learned for networks."""

    assumed = False

    def data_variance(self, prediction: Prediction) -> Tensor:
        if prediction.variance is None:
            raise ValueError(
                "the 'optimal' variance rule needs a denoiser that knows Var[x_0 | x_t]; this one does not. "
                "Use 'posterior' or 'beta', or a model with a learned or analytic variance."
            )
        return prediction.variance


def reverse_kernel(process: Process, prediction: Prediction, s: Time, t: Time, rule: VarianceRule) -> Gaussian:
    """[O2] p_theta(x_s | x_t) for s < t, mean and variance of the shape of x_t (B, ...).

    Formula: p_\\theta(x_{t-1}\\mid x_t) = \\mathcal N(\\mu_\\theta(x_t,t),\\ \\Sigma_\\theta(x_t,t))
    Source: 001, "VDM: Denoising matching term"; 003 (3); 004
    """
    c_t, c_0, var = (broadcast(c, prediction.x_t) for c in process.posterior_coefficients(s, t))
    mean = c_t * prediction.x_t + c_0 * prediction.x0
    return Gaussian(mean, var + c_0**2 * rule.data_variance(prediction))
