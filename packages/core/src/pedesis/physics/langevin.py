r"""Stochastic differential equations: the Langevin equation, Ornstein-Uhlenbeck, and time run backwards.

    dx = a(x, t) dt + s dW                                       forwards; A = a, B = s^2/2 in Fokker-Planck
    dx = (a - s^2 grad log f_t(x)) dt + s dW,   dt < 0           backwards (Anderson 1982)
    dx = mu F(x) dt + sqrt(2 D) dW,   D = mu k_B T               a particle in a liquid; f ~ exp(-U / k_B T)
    dx = -g x dt + s dW                                          Ornstein-Uhlenbeck: F is a spring

The forward process of diffusion models is the last line with g = beta/2 and s = sqrt(beta), and generation is
the second line with a network in place of the score grad log f_t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from pedesis.physics.checks import Array, non_negative, positive, time_steps

Field = Callable[[Array, float], Array]
"""A function of positions and time that keeps the shape of the positions."""


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """[P12] The Ornstein-Uhlenbeck process: a noisy return to 0, with every law in closed form.

    Formula: dx = -g\\,x\\,dt + s\\,dW,\\quad A = -gx,\\ B = \\tfrac{s^2}{2},\\quad
        x_t\\mid x_0 \\sim \\mathcal N\\Big(x_0e^{-gt},\\ \\tfrac{s^2}{2g}\\big(1-e^{-2gt}\\big)\\Big)
        \\to \\mathcal N\\big(0,\\tfrac{s^2}{2g}\\big)
    Source: 002, "Fokker Planck Equation", last paragraph, with erratum E14

    Args:
        rate: g in 1/time, positive.
        noise: s in length/sqrt(time), positive.

    Raises:
        ValueError: rate or noise not positive.
    """

    rate: float
    noise: float

    def __post_init__(self) -> None:
        positive(rate=self.rate, noise=self.noise)

    def mean(self, x0: ArrayLike, t: ArrayLike) -> Array:
        """E[x_t | x_0] = x_0 exp(-g t), t >= 0; x0 and t broadcast."""
        non_negative(t=t)
        mean: Array = np.asarray(x0, dtype=np.float64) * np.exp(-self.rate * np.asarray(t, dtype=np.float64))
        return mean

    def variance(self, t: ArrayLike) -> Array:
        """Var[x_t | x_0] = s^2/(2g) (1 - exp(-2 g t)), t >= 0, of the shape of t."""
        non_negative(t=t)
        variance: Array = -self.stationary_variance * np.expm1(-2 * self.rate * np.asarray(t, dtype=np.float64))
        return variance

    @property
    def stationary_variance(self) -> float:
        """s^2/(2g), the variance after a long time, whatever the start."""
        return self.noise**2 / (2 * self.rate)

    def drift(self, x: Array, t: float = 0.0) -> Array:
        """-g x, of the shape of x: the A of Fokker-Planck."""
        return -self.rate * x

    def paths(self, x0: ArrayLike, times: ArrayLike, rng: np.random.Generator) -> Array:
        """Exact paths at strictly increasing `times`, x0 at the first: (len(times), *x0.shape)."""
        steps = time_steps(times)
        path = [np.asarray(x0, dtype=np.float64)]
        for step in steps:
            noise = rng.standard_normal(path[0].shape)
            path.append(self.mean(path[-1], step) + np.sqrt(self.variance(step)) * noise)
        return np.stack(path)


def euler_maruyama(drift: Field, noise: float, x0: ArrayLike, times: ArrayLike, rng: np.random.Generator) -> Array:
    """Paths of dx = drift(x, t) dt + noise dW by steps x + drift dt + noise sqrt|dt| z: (len(times), *x0.shape).

    `times` are strictly monotonic, x0 being at the first; falling times run an SDE of `reverse_drift` backwards.
    Errors in expected values fall as dt.

    Raises:
        ValueError: times not a strictly monotonic 1-D grid, noise negative.
    """
    steps = time_steps(times, backwards=True)
    non_negative(noise=noise)
    path = [np.asarray(x0, dtype=np.float64)]
    for t, step in zip(np.asarray(times, dtype=np.float64), steps, strict=False):
        z = rng.standard_normal(path[0].shape)
        path.append(path[-1] + drift(path[-1], float(t)) * step + noise * np.sqrt(abs(step)) * z)
    return np.stack(path)


def reverse_drift(drift: Field, noise: float, score: Field) -> Field:
    """Drift of the SDE that runs dx = drift dt + noise dW backwards in time: drift - noise^2 grad log f_t.

    `score(x, t)` is grad log f_t(x), f_t being the density of the forward process at time t. Source: Anderson 1982.
    """

    def backwards(x: Array, t: float) -> Array:
        return drift(x, t) - noise**2 * score(x, t)

    return backwards


def einstein_relation(mobility: float, thermal_energy: float) -> float:
    """D = mu k_B T: diffusivity from mobility (velocity per force) and thermal energy k_B T, both positive.

    The noise of the overdamped Langevin equation dx = mu F dt + s dW is then s = sqrt(2 D). Source: Einstein 1905.
    """
    positive(mobility=mobility, thermal_energy=thermal_energy)
    return mobility * thermal_energy


def boltzmann_density(potential: ArrayLike, thermal_energy: float, spacing: float) -> Array:
    """exp(-U / k_B T), of mass 1, for the values of U on an even grid (points,): the density at rest."""
    positive(thermal_energy=thermal_energy, spacing=spacing)
    density: Array = softmax(-np.asarray(potential, dtype=np.float64) / thermal_energy) / spacing
    return density
