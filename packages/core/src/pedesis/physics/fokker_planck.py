r"""The Fokker-Planck equation: how a density flows under drift and diffusion.

    f_t = -J_x,   J = A f - (B f)_x        J = 0 at both ends: what is inside stays inside

On cells of width h it becomes a random walk between neighbors, df/dt = L f, with the exponentially fitted flux
(Scharfetter and Gummel 1969; Chang and Cooper 1970)

    J_{i+1/2} = ( b(-z) B_i f_i - b(z) B_{i+1} f_{i+1} ) / h,   z = h A/B at the face,   b(z) = z/(e^z - 1)

which is exact where J and A/B are constant from one middle to the next. All rates are positive, so a density
stays positive however strong the drift; columns sum to 0, so mass is kept; and the density at rest, where J = 0,
is exact up to the midpoint rule for the integral of A/B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import expm_multiply
from scipy.special import exprel, softmax

from pedesis.physics.checks import Array, non_negative, positive, whole
from pedesis.physics.walk import conserving

Coefficient = Callable[[Array, float], ArrayLike]
"""A function of positions and time, such as A(x, t); one number stands for a constant."""


@dataclass(frozen=True)
class FokkerPlanck:
    """[P11] The Fokker-Planck equation on [low, high], in cells, with ends that nothing crosses.

    Formula: \\frac{\\partial f}{\\partial t} = -\\frac{\\partial}{\\partial x}\\big(A(x,t)\\,f\\big)
        + \\frac{\\partial^2}{\\partial x^2}\\big(B(x,t)\\,f\\big)
    Source: 002, "Fokker Planck Equation"

    Args:
        drift: A(x, t) in length/time. For dx = a dt + s dW it is a.
        diffusion: B(x, t) > 0 in length^2/time. For dx = a dt + s dW it is s^2 / 2 (erratum E14).
        low, high: the ends, low < high.
        cells: how many equal cells between them, at least 2. The error falls as 1/cells^2.

    Raises:
        ValueError: low not below high, fewer than 2 cells; and, when used, a diffusion that is not positive.
    """

    drift: Coefficient
    diffusion: Coefficient
    low: float
    high: float
    cells: int

    def __post_init__(self) -> None:
        whole(2, cells=self.cells)
        if not 0 < self.high - self.low < np.inf:
            raise ValueError(f"low must be below high, both finite; got {self.low} and {self.high}")

    @property
    def width(self) -> float:
        """The width h of a cell."""
        return (self.high - self.low) / self.cells

    @property
    def x(self) -> Array:
        """The middles of the cells: (cells,)."""
        return np.linspace(self.low + self.width / 2, self.high - self.width / 2, self.cells)

    def generator(self, t: float = 0.0) -> csc_array:
        """L of df/dt = L f at time t: sparse (cells, cells), columns sum to 0, all rates positive."""
        diffusion, tilt = self._fitted(t)
        right = diffusion[:-1] / exprel(-tilt) / self.width**2
        left = diffusion[1:] / exprel(tilt) / self.width**2
        return conserving(diags_array([right, left], offsets=[-1, 1]))

    def evolve(self, density: ArrayLike, duration: float, start: float = 0.0, steps: int = 1) -> Array:
        """The density (cells, ...) after `duration` >= 0: exp(L h) per step h, with L at the middle of the step.

        Exact in time, in one step, if A and B do not depend on time; else the error falls as 1/steps^2.
        Mass and sign are kept to round-off.

        Raises:
            ValueError: a density that has not one row per cell, a negative duration, fewer than 1 step.
        """
        non_negative(duration=duration)
        whole(1, steps=steps)
        f = np.asarray(density, dtype=np.float64)
        if f.ndim == 0 or f.shape[0] != self.cells:
            raise ValueError(f"a density has one row per cell ({self.cells}); got shape {f.shape}")
        step = duration / steps
        for middle in start + step * (np.arange(steps) + 0.5):
            f = expm_multiply(self.generator(float(middle)) * step, f)
        return f

    def stationary(self, t: float = 0.0) -> Array:
        """The density with no flux anywhere, f ~ exp(int A/B dx) / B, of mass 1: (cells,)."""
        diffusion, tilt = self._fitted(t)
        log_density = np.concatenate([np.zeros(1), tilt.cumsum()]) - np.log(diffusion)
        density: Array = softmax(log_density) / self.width
        return density

    def _fitted(self, t: float) -> tuple[Array, Array]:
        """B in the cells (cells,), and z = h A/B at the faces between them (cells - 1,)."""
        faces = self.x[:-1] + self.width / 2
        in_cells = np.broadcast_to(np.asarray(self.diffusion(self.x, t), dtype=np.float64), self.x.shape)
        at_faces = np.broadcast_to(np.asarray(self.diffusion(faces, t), dtype=np.float64), faces.shape)
        positive(diffusion=np.concatenate([in_cells, at_faces]))
        return in_cells, self.width * np.broadcast_to(self.drift(faces, t), faces.shape) / at_faces
