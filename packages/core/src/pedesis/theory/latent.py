r"""The variational autoencoder that the notes start from, in the one case where everything is known.

    p(z) = N(0, 1),   p(x | z) = N(w z + b, s^2),   q(z | x) = N(m(x), v)

With a linear Gaussian model the evidence, the posterior and the bound have closed forms, so that every identity
about them can be checked as an equality. One latent and one observed number per row: x and z have shape (B, 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.gaussian import Gaussian
from pedesis.process import Process, VariancePreservingFrame


def standard_kl(encoder: Gaussian) -> Tensor:
    """[L3] KL(N(mu, s^2) || N(0, I)), the 'prior matching' term of a VAE, nats (B,).

    Formula: \\mathbb E_q\\log p(x\\mid z) - KL,\\qquad KL = \\tfrac12\\sum(\\mu^2+\\sigma^2-1-\\log\\sigma^2)
    Source: 001, "Introduction (2)", footnote 3
    """
    return encoder.kl(Gaussian(torch.zeros_like(encoder.mean), torch.ones_like(encoder.mean)))


@dataclass(frozen=True)
class LinearVAE:
    """p(x | z) = N(weight z + bias, var) with a standard normal latent."""

    weight: float
    bias: float
    var: float

    def decoder(self, z: Tensor) -> Gaussian:
        """p(x | z), elementwise (B, 1)."""
        return Gaussian(self.weight * z + self.bias, torch.full_like(z, self.var))

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x, z) = log p(z) + log p(x | z), (B,)."""
        prior = Gaussian(torch.zeros_like(z), torch.ones_like(z))
        return prior.log_prob(z) + self.decoder(z).log_prob(x)

    def posterior(self, x: Tensor) -> Gaussian:
        """p(z | x), (B, 1)."""
        total = self.weight**2 + self.var
        return Gaussian(self.weight * (x - self.bias) / total, torch.full_like(x, self.var / total))

    def log_evidence(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """[L1] log p(x), two ways: the latent integrated out, or by the chain rule at any `z`; nats (B,).

        Formula: p(x) = \\int p(x,z)\\,dz = \\frac{p(x,z)}{p(z\\mid x)}
        Source: 001, "Introduction"
        """
        if z is None:
            mean = torch.full_like(x, self.bias)
            return Gaussian(mean, torch.full_like(x, self.weight**2 + self.var)).log_prob(x)
        return self.log_joint(x, z) - self.posterior(x).log_prob(z)

    def elbo(self, x: Tensor, encoder: Gaussian) -> Tensor:
        """[L2] The evidence lower bound of an encoder q(z | x) = N(mean, var), in closed form, nats (B,).

        Formula: \\log p(x) = \\mathbb E_q\\Big[\\log\\frac{p(x,z)}{q(z\\mid x)}\\Big] + KL(q(z\\mid x)\\|p(z\\mid x))
        Source: 001, "Introduction (2)", footnote 2; 003 (5)-(8)
        """
        error = (x - self.bias - self.weight * encoder.mean) ** 2 + self.weight**2 * encoder.var
        expected = -0.5 * (error / self.var + math.log(2 * math.pi * self.var))
        return expected.sum(1) - standard_kl(encoder)


def variational_diffusion_properties(process: Process, like: Tensor, tolerance: float = 0.01) -> dict[str, bool]:
    """[L5] Whether a forward process is a variational diffusion model: the notes' three properties.

    Formula: \\dim z=\\dim x,\\quad q(x_t\\mid x_{t-1})=\\mathcal N(a_tx_{t-1},\\sigma_t^2I),
        \\quad q(x_T)\\to\\mathcal N(0,I)
    Source: 001, "Variational Diffusion Models"

    Args:
        like: a batch of data, for its shape. tolerance: largest prior KL in bits per dimension.
    """
    one, two = (process.transition(factor * torch.ones_like(like), 0.3, 0.7) for factor in (1.0, 2.0))
    linear = torch.allclose(2 * one.mean, two.mean) and torch.allclose(one.var, two.var)
    standard = isinstance(process.frame, VariancePreservingFrame) and process.prior_kl() <= tolerance
    return {
        "same dimension": one.mean.shape == like.shape,
        "linear Gaussian encoder": linear,
        "standard normal end": standard,
    }
