r"""What the network is asked for: a linear combination of the data and the noise.

    target = a x_0 + b eps,      x_t = alpha x_0 + sigma eps

    x0 (1, 0)   eps (0, 1)   score (0, -1/sigma)   v (-sigma, alpha)   flow (-1, 1)

One inverse serves all, for sigma > 0 and alpha > 0:

    x_0 = (sigma target - b x_t) / (a sigma - b alpha)
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from pedesis.utils.registry import Described, Registry

PARAMETERIZATIONS: Registry[Parameterization] = Registry("parameterization")


class Parameterization(Described):
    """[O4] The coefficients (a, b) of x_0 and eps in the network's target: the notes' three interpretations, and more.

    Formula: I:\\ \\hat x_0\\ (1, 0),\\quad II:\\ \\hat\\epsilon\\ (0, 1),\\quad
        III:\\ s_\\theta\\ (0, -1/\\sigma),\\qquad x_0 = \\frac{\\sigma\\,\\mathrm{out}-b\\,x_t}{a\\sigma-b\\alpha}
    Source: 001, "Denoising matching term", interpretations I-III
    """

    @abstractmethod
    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) for given alpha and sigma."""

    def target(self, x0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """a x_0 + b eps: what a perfect network would answer if it knew both."""
        a, b = self.coefficients(alpha, sigma)
        return a * x0 + b * eps

    def x0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The estimate of x_0 that a network output stands for."""
        a, b = self.coefficients(alpha, sigma)
        return (sigma * output - b * x_t) / (a * sigma - b * alpha)

    def eps_error_scale(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """d eps / d output at fixed x_t: ||eps - eps_hat|| = |scale| ||target - output||."""
        a, b = self.coefficients(alpha, sigma)
        return alpha / (b * alpha - a * sigma)


@PARAMETERIZATIONS.register("x0")
class X0(Parameterization):
    """Interpretation I: the network denoises."""

    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones_like(alpha), torch.zeros_like(alpha)


@PARAMETERIZATIONS.register("eps")
class Eps(Parameterization):
    """Interpretation II: the network finds the noise (Ho et al. 2020)."""

    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(alpha), torch.ones_like(alpha)


@PARAMETERIZATIONS.register("score")
class Score(Parameterization):
    """Interpretation III: the network is the score, grad log q(x_t)."""

    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(alpha), -1 / sigma


@PARAMETERIZATIONS.register("v")
class Velocity(Parameterization):
    """v = alpha eps - sigma x_0 (Salimans and Ho 2022): well scaled at every noise level."""

    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return -sigma, alpha


@PARAMETERIZATIONS.register("flow")
class FlowVelocity(Parameterization):
    """eps - x_0, the velocity of a straight path (Lipman et al. 2023)."""

    def coefficients(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return -torch.ones_like(alpha), torch.ones_like(alpha)
