r"""Brownian motion: what the random walk becomes when its steps are small and many.

    dC/dt = -v dC/dx + D d^2C/dx^2,   v = (q - p) delta/tau,   D = (p + q) delta^2 / (2 tau)
    C(x, t) = (4 pi D t)^(-1/2) exp(-x^2 / 4Dt),   <x^2> = 2 D t                (from one point, v = 0)
    F(k, t) = F(k, 0) exp(-D k^2 t)                                             (its Fourier transform)

delta is the length of a jump, tau the time between jumps, p and q the probabilities of left and right.
Lengths and times are in any one pair of units; D is in length^2/time, v in length/time, k in 1/length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import fft, fftfreq, fftshift, ifft, ifftshift

from pedesis.physics.checks import Array, non_negative, positive, time_steps, whole


def rescaled_rate(p: float, delta: float, dx: float) -> float:
    """p'' = p (delta/dx)^2: the jumps of length dx per time tau that spread as p jumps of length delta do."""
    non_negative(p=p)
    positive(delta=delta, dx=dx)
    return p * (delta / dx) ** 2


def walk_diffusivity(jump: float, delta: float, tau: float) -> float:
    """[P5] D of the continuum limit without drift, p = q = `jump` (the notes' D tilde).

    Formula: p'' = p\\,(\\delta/\\Delta x)^2,\\qquad \\frac{\\partial C}{\\partial t} =
        D\\,\\frac{\\partial^2 C}{\\partial x^2},\\qquad D = \\frac{\\delta^2\\tilde D}{\\tau}
    Source: 002, "Continuous Space", with errata E11 and E12

    Raises:
        ValueError: jump negative, delta or tau not positive.
    """
    return continuum_limit(jump, jump, delta, tau)[1]


def continuum_limit(p: float, q: float, delta: float, tau: float) -> tuple[float, float]:
    """[P6] Drift velocity v and diffusivity D of a walk that goes left with p and right with q.

    Formula: \\frac{\\partial C}{\\partial t} = -v\\,\\frac{\\partial C}{\\partial x}
        + D\\,\\frac{\\partial^2 C}{\\partial x^2},\\qquad v = \\frac{(q-p)\\,\\delta}{\\tau},\\qquad
        D = \\frac{(p+q)\\,\\delta^2}{2\\tau}
    Source: 002, "Continuous Space", the drift term, which the notes set to zero

    p and q are jumps per time tau: probabilities, or the rates of a `ContinuousWalk`, which may exceed 1.

    Raises:
        ValueError: p or q negative, delta or tau not positive.
    """
    non_negative(p=p, q=q)
    positive(delta=delta, tau=tau)
    return (q - p) * delta / tau, (p + q) * delta**2 / (2 * tau)


def einstein_diffusivity(delta: float, tau: float) -> float:
    """[P7] Einstein's diffusion: D of a walker that never rests, p = q = 1/2.

    Formula: \\tilde D = \\tfrac12\\ \\Rightarrow\\ D = \\frac{\\delta^2}{2\\tau}
    Source: 002, "Continuous Space"; Einstein 1905

    Raises:
        ValueError: delta or tau not positive.
    """
    return walk_diffusivity(0.5, delta, tau)


def heat_kernel(distance: ArrayLike, t: ArrayLike, diffusivity: float, dimension: int = 1) -> Array:
    """[P8] The heat kernel: the density at time t of what started in one point.

    Formula: C(x,t) = (4\\pi D t)^{-d/2}\\,e^{-|x|^2/4Dt}
    Source: 002, "Solution for the diffusion process" (d = 1)

    `distance` is |x| (or x itself for d = 1), t > 0; they broadcast. In 1/length^d.

    Raises:
        ValueError: t or D not positive, dimension below 1.
    """
    positive(t=t, diffusivity=diffusivity)
    whole(1, dimension=dimension)
    spread = 4 * diffusivity * np.asarray(t, dtype=np.float64)
    kernel: Array = (np.pi * spread) ** (-dimension / 2) * np.exp(
        -(np.asarray(distance, dtype=np.float64) ** 2) / spread
    )
    return kernel


def mean_squared_displacement(t: ArrayLike, diffusivity: float, dimension: int = 1) -> Array:
    """[P9] <|x(t) - x(0)|^2> of Brownian motion without drift, linear in t >= 0; in length^2.

    Formula: \\langle |x|^2\\rangle = 2\\,d\\,D\\,t
    Source: 002, "Continuous Space", last line (d = 1)

    Raises:
        ValueError: t or D negative, dimension below 1.
    """
    non_negative(t=t, diffusivity=diffusivity)
    whole(1, dimension=dimension)
    return np.asarray(2 * dimension * diffusivity * np.asarray(t, dtype=np.float64))


@dataclass(frozen=True)
class FourierGrid:
    """[P10] The Fourier transform on a grid, its inverse, and the heat equation that it solves.

    Formula: F(k) = \\int e^{-ikx} f(x)\\,dx,\\quad f(x) = \\frac{1}{2\\pi}\\int e^{ikx}F(k)\\,dk,\\quad
        \\frac{dF}{dt} = -Dk^2F\\ \\Rightarrow\\ F(k,t) = F(k,0)\\,e^{-Dk^2t}
    Source: 002, "Solution for the diffusion process", with erratum E13

    The integrals are sums over the grids `x` and `k`: exact for a function that fades within the grid and has
    no detail finer than `dx`. What passes one end comes back at the other.

    Raises:
        ValueError: fewer than 2 points, dx not positive.
    """

    points: int
    dx: float

    def __post_init__(self) -> None:
        whole(2, points=self.points)
        positive(dx=self.dx)

    @property
    def x(self) -> Array:
        """Positions, increasing, around 0: (points,)."""
        return (np.arange(self.points, dtype=np.float64) - self.points // 2) * self.dx

    @property
    def dk(self) -> float:
        """Spacing of the wave numbers, 2 pi / (points dx)."""
        return 2 * np.pi / (self.points * self.dx)

    @property
    def k(self) -> Array:
        """Wave numbers, increasing, around 0: (points,)."""
        wave_numbers: Array = 2 * np.pi * fftshift(fftfreq(self.points, self.dx))
        return wave_numbers

    def transform(self, f: ArrayLike) -> NDArray[np.complex128]:
        """F(k), the sum of e^{-ikx} f(x) dx: f (..., points) over `x` gives F (..., points) over `k`."""
        spectrum: NDArray[np.complex128] = fftshift(fft(ifftshift(self._on_grid(f), axes=-1)), axes=-1) * self.dx
        return spectrum

    def inverse(self, spectrum: ArrayLike) -> NDArray[np.complex128]:
        """f(x), 1/(2 pi) times the sum of e^{ikx} F(k) dk: the inverse of `transform`, same shapes."""
        total = self.points * fftshift(ifft(ifftshift(self._on_grid(spectrum), axes=-1)), axes=-1)
        f: NDArray[np.complex128] = total * self.dk / (2 * np.pi)
        return f

    def heat(self, f: ArrayLike, t: float, diffusivity: float) -> Array:
        """The heat equation solved from a real f (..., points) over a time t >= 0."""
        non_negative(t=t, diffusivity=diffusivity)
        solved: Array = self.inverse(self.transform(f) * np.exp(-diffusivity * self.k**2 * t)).real
        return solved

    def _on_grid(self, values: ArrayLike) -> NDArray[np.generic]:
        array = np.asarray(values)
        if array.ndim == 0 or array.shape[-1] != self.points:
            raise ValueError(f"the last axis must have the {self.points} points of the grid; got shape {array.shape}")
        return array


def brownian_paths(
    times: ArrayLike,
    diffusivity: float,
    walkers: int,
    rng: np.random.Generator,
    drift: ArrayLike = 0.0,
    dimension: int = 1,
) -> Array:
    """Exact paths of dx = v dt + sqrt(2 D) dW from the origin: (len(times), walkers, dimension).

    `times` increase strictly from the start; `drift` is v, one number or (dimension,).
    """
    steps = time_steps(times)[:, None, None]
    non_negative(diffusivity=diffusivity)
    whole(1, walkers=walkers, dimension=dimension)
    noise = rng.standard_normal((len(steps), walkers, dimension))
    moves = np.asarray(drift) * steps + np.sqrt(2 * diffusivity * steps) * noise
    return np.concatenate([np.zeros((1, walkers, dimension)), moves.cumsum(axis=0)])
