r"""The variational bound on data whose truth is known: its terms, where its bits go, and the one-step case, a VAE.

    bits(x_0) = [ prior + sum_i denoising_i - log p(x_0 | x_t1) ] / ln 2 + log2(1/RESOLUTION)   >=   truth

The data are numbers on a line, written with the resolution of a pixel, so that a density costs bits. Every mean over
data and noise is an integral, done by quadrature: the noise that the library is given are its nodes.

    rate(t)       bits paid for x_t: the prior term and the steps from 1 down to t
    distortion(t) rms error of x0_hat when x_t is known
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.gaussian import Noise
from pedesis.lessons import mixtures
from pedesis.lessons.schedules import Values
from pedesis.process import PriorMismatch, Process
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.schedules import LinearLogSNR
from pedesis.theory.elbo import Elbo, elbo
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.latent import LinearVAE
from pedesis.theory.reverse import VARIANCE_RULES, OptimalVariance, VarianceRule

RESOLUTION = 2 / 255
"""Numbers are told apart as the gray levels of a pixel are: in bins of this width."""

STEPS = (1, 2, 3, 4, 6, 8, 16, 32, 64)
"""Numbers of steps that are compared."""

GRID_NAMES, RULES = tuple(TIMESTEP_SPACINGS), tuple(VARIANCE_RULES)
"""Names of the time grids and of the variances of a generative step."""

_BITS = 1 / math.log(2)


@dataclass(frozen=True)
class Nodes:
    """Points and weights of the integral over data and noise: x_0 (B, 1), eps (B, 1) and weight (B,), sum 1."""

    x0: Tensor
    eps: Tensor
    weight: Tensor

    def noise(self, like: Tensor) -> Tensor:
        """The noise that turns the library's estimates into the integral."""
        return self.eps.to(like)

    def mean(self, values: Tensor) -> float:
        """The integral of values (B,)."""
        return float(self.weight @ values)


def nodes(data: Mixture, per_width: float = 0.6, noises: int = 16) -> Nodes:
    """An even grid over the data, finer than its narrowest bump, times Gauss-Hermite nodes for the noise."""
    means, stds = data.means[:, 0], data.covs[:, 0, 0].sqrt()
    low, high = float((means - 5.5 * stds).min()), float((means + 5.5 * stds).max())
    x0 = torch.linspace(low, high, math.ceil((high - low) / (per_width * float(stds.min()))), dtype=torch.float64)
    density = torch.exp(-((x0[:, None] - means) ** 2) / (2 * stds**2)) / stds @ data.weights
    eps, weights = (torch.as_tensor(a) for a in np.polynomial.hermite_e.hermegauss(noises))
    weight = torch.outer(density / density.sum(), weights / weights.sum())
    return Nodes(x0.repeat_interleave(noises)[:, None], eps.repeat(len(x0))[:, None], weight.flatten())


@dataclass(frozen=True)
class Bound:
    """The bound in bits, term by term, from noise to data.

    Attributes:
        terms: "prior", "denoising" ..., "reconstruction".
        t, log_snr: where the x_t is that a term starts from.
        bits: of each term.
        distortion: rms error of x0_hat at that x_t; for the prior term, without knowing anything.
    """

    terms: tuple[str, ...]
    t: Values
    log_snr: Values
    bits: Values
    distortion: Values

    def of(self, term: str) -> float:
        """The bits of all terms of one kind."""
        return float(self.bits[np.array(self.terms) == term].sum())

    @property
    def total(self) -> float:
        """The bound itself."""
        return float(self.bits.sum())

    @property
    def rate(self) -> Values:
        """Bits paid before each term: what it took to know its x_t."""
        paid: Values = np.concatenate([[0.0], np.cumsum(self.bits)[:-1]])
        return paid

    def per_level(self, values: Values | None = None) -> tuple[Values, Values]:
        """The denoising bits (or their errors) per unit of log_snr: the middles of the steps, and values there.

        They hardly depend on the grid: with many steps they are 1/2 SNR E(x_0 - x0_hat)^2, in bits.
        """
        steps = self.log_snr[1:]
        each = (self.bits if values is None else values)[1:-1]
        return (steps[1:] + steps[:-1]) / 2, each / np.diff(steps)


def bound(data: str, schedule: str, steps: int, grid: str = "log-snr", variance: str = "optimal") -> Bound:
    """The bound of the exact model of toy data (a name of `mixtures.LINE`) on a grid of `steps` steps.

    Raises:
        ValueError: one step with the posterior variance, which leaves the decoder no width.
    """
    model = mixtures.denoiser(data, schedule)
    points, times = nodes(model.mixture), timesteps(model.process, steps, grid)
    found = _elbo(model, points, times, VARIANCE_RULES.build({"name": variance}))
    known = [model(model.process.marginal(points.x0, t).sample(points.noise), t).x0 for t in times[:-1]]
    rms = [math.sqrt(points.mean((guess - points.x0)[:, 0] ** 2)) for guess in known]
    unknown = points.mean(points.x0[:, 0] ** 2) - points.mean(points.x0[:, 0]) ** 2
    log_snr, start = model.process.log_snr(times[:-1]), [0, *range(steps)]  # prior and first step start at t = 1
    return Bound(
        ("prior", *["denoising"] * (steps - 1), "reconstruction"),
        times[start].numpy(),
        log_snr[start].numpy(),
        np.array(
            [points.mean(nats) * _BITS for nats in (found.prior, *found.per_step)] + [_reconstruction(points, found)]
        ),
        np.array([math.sqrt(unknown), *rms]),
    )


def sweep(data: str, schedule: str, grid: str = "log-snr", variance: str = "optimal") -> dict[int, dict[str, float]]:
    """The bits of the three terms for each number of `STEPS`; one step is left out where it does not exist."""
    model, spaced = mixtures.denoiser(data, schedule), TIMESTEP_SPACINGS.build({"name": grid})
    points, rule = nodes(model.mixture), VARIANCE_RULES.build({"name": variance})
    steps = STEPS if variance != "posterior" else STEPS[1:]
    return {n: terms(model, points, spaced(model.process, n), rule) for n in steps}


def terms(model: Denoiser, points: Nodes, times: Tensor, rule: VarianceRule) -> dict[str, float]:
    """The bits of the three terms for any denoiser, grid and variance rule."""
    found = _elbo(model, points, times, rule)
    return {
        "prior": points.mean(found.prior) * _BITS,
        "denoising": points.mean(found.diffusion) * _BITS,
        "reconstruction": _reconstruction(points, found),
    }


def truth(data: str) -> float:
    """E -log2 p(x_0) at the resolution: what no code can beat."""
    exact = mixtures.mixture(data)
    points = nodes(exact)
    component = torch.distributions.Normal(exact.means[:, 0], exact.covs[:, 0, 0].sqrt())
    log_prob = (component.log_prob(points.x0) + exact.weights.log()).logsumexp(1)
    return with_resolution(-points.mean(log_prob))


def from_table(columns: Mapping[str, Sequence[str | float]]) -> tuple[Bound, float, float]:
    """A measured bound (`pedesis_zoo evaluate --bits`): its terms, its total, and the total's standard error."""
    *terms, last = (str(term) for term in columns["term"])
    if last != "total":
        raise ValueError(f"the last row of a measured bound is its total; got {last!r}")
    t, log_snr, bits, rms = (np.array(columns[name][:-1], dtype=float) for name in ("t", "log_snr", "bits", "rms"))
    return Bound(tuple(terms), t, log_snr, bits, rms), float(columns["bits"][-1]), float(columns["error"][-1])


@dataclass(frozen=True)
class Vae:
    """The bound with one latent x_1 of a given noise level, in bits: KL to the prior, and the decoder's -log p."""

    log_snr: Values
    rate: Values
    distortion: Values

    @property
    def total(self) -> Values:
        """The bound."""
        return self.rate + self.distortion


def vae(data: str, log_snrs: Values) -> Vae:
    """A diffusion with T = 1 whose only latent has the log-SNR given: a variational autoencoder."""
    exact = mixtures.mixture(data)
    points, once = nodes(exact), torch.tensor([1.0, 0.0], dtype=torch.float64)
    found = [
        _elbo(MixtureDenoiser(exact, one_latent(level)), points, once, OptimalVariance()) for level in log_snrs.tolist()
    ]
    rate = np.array([points.mean(bound.rate) * _BITS for bound in found])
    distortion = np.array([_reconstruction(points, bound) for bound in found])
    return Vae(log_snrs, rate, distortion)


def linear_vae(log_snr: float) -> float:
    """The same for one Gaussian from the other end: the closed form of the linear VAE that matches it, in bits."""
    alpha, sigma, _ = (float(v) for v in one_latent(log_snr).scales(1.0, torch.zeros(1, 1, dtype=torch.float64)))
    points = nodes(mixtures.mixture("one Gaussian"))
    encoder = one_latent(log_snr).marginal(points.x0, 1.0)
    return with_resolution(-points.mean(LinearVAE(alpha, 0.0, sigma**2).elbo(points.x0, encoder)))


def one_latent(log_snr: float) -> Process:
    """A process whose end, the only latent of a T = 1 chain, has this log-SNR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriorMismatch)  # the latent of a VAE need not be pure noise
        return Process(LinearLogSNR(maximum=30.0, minimum=log_snr))


def with_resolution(nats: float) -> float:
    """Nats of a density -> bits of a bin of the resolution."""
    return nats * _BITS - math.log2(RESOLUTION)


def _elbo(model: Denoiser, points: Nodes, times: Tensor, rule: VarianceRule) -> Elbo:
    noise: Noise = points.noise
    with torch.no_grad():
        return elbo(model, points.x0, times, noise, rule, levels=None)


def _reconstruction(points: Nodes, found: Elbo) -> float:
    return with_resolution(points.mean(found.distortion))
