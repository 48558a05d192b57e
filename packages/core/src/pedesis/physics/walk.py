r"""The lazy random walk: a particle on a line of sites that jumps left (p), right (q) or stays (1 - p - q).

    C_i(t+1) = q C_{i-1}(t) + p C_{i+1}(t) + (1 - p - q) C_i(t)          one step of the concentration
    tau dC_i/dt = q C_{i-1} + p C_{i+1} - (p + q) C_i                    the same in continuous time

Both are C' = (I + G) C and dC/dt = G C / tau with one tridiagonal G, whose columns sum to 0: no particle is
lost. Positions are whole numbers of sites; `brownian` gives them a length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csc_array, diags_array, eye_array
from scipy.sparse.linalg import expm_multiply
from scipy.stats import skellam

from pedesis.physics.checks import Array, non_negative, positive, whole


def conserving(moves: Any) -> csc_array:
    """The generator of a jump process: `moves[i, j]` is the rate j -> i, and what leaves a site is lost by it.

    Its columns sum to 0, so that dC/dt = G C keeps the mass; a wall where no move leads out reflects.
    """
    return csc_array(moves - diags_array(moves.sum(axis=0)))


def jump_generator(p: float, q: float, sites: int, periodic: bool = False) -> csc_array:
    """G of the module docstring, (sites, sites): left with p, right with q; the ends reflect or join in a ring."""
    whole(3, sites=sites)
    moves = p * eye_array(sites, k=1) + q * eye_array(sites, k=-1)
    if periodic:
        moves = moves + p * eye_array(sites, k=1 - sites) + q * eye_array(sites, k=sites - 1)
    return conserving(moves)


@dataclass(frozen=True)
class LazyWalk:
    """[P1] The walk itself: exact law, moments and simulation of particles that start at site 0.

    Formula: C_i(t+1) = q\\,C_{i-1}(t) + p\\,C_{i+1}(t) + (1-p-q)\\,C_i(t),\\quad n_i = N C_i,\\quad
        \\langle i\\rangle = n(q-p),\\quad \\mathrm{Var}(i) = n\\big(p+q-(q-p)^2\\big)
    Source: 002, "The Diffusion Process" and "Concentration"

    Args:
        p: probability of a jump to the left, in [0, 1].
        q: probability of a jump to the right, in [0, 1 - p].

    Raises:
        ValueError: p or q negative, or p + q above 1.
    """

    p: float
    q: float

    def __post_init__(self) -> None:
        non_negative(p=self.p, q=self.q)
        if self.p + self.q > 1:
            raise ValueError(f"p + q must be at most 1; got p = {self.p} and q = {self.q}")

    @property
    def stay(self) -> float:
        """1 - p - q."""
        return 1 - (self.p + self.q)

    def mean(self, steps: int) -> float:
        """Mean position after so many steps, in sites."""
        return steps * (self.q - self.p)

    def variance(self, steps: int) -> float:
        """Variance of the position after so many steps, in sites squared."""
        return steps * (self.p + self.q - (self.q - self.p) ** 2)

    def law(self, steps: int) -> tuple[NDArray[np.int64], Array]:
        """Positions -n..n and their exact (trinomial) probabilities after n steps, both (2n + 1,).

        They are the coefficients of (p/z + (1 - p - q) + q z)^n, by n convolutions of positive numbers.
        """
        whole(0, steps=steps)
        law = reduce(np.convolve, [np.array([self.p, self.stay, self.q])] * steps, np.ones(1))
        return np.arange(-steps, steps + 1), law

    def paths(self, steps: int, walkers: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of independent walkers at times 0..steps: (steps + 1, walkers), the first row 0."""
        whole(0, steps=steps, walkers=walkers)
        jumps = rng.choice(np.array([-1, 0, 1]), size=(steps, walkers), p=[self.p, self.stay, self.q])
        return np.vstack([np.zeros((1, walkers), dtype=np.int64), jumps.cumsum(axis=0)])

    def counts(self, steps: int, walkers: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """How many of N simulated walkers are at -n..n after n steps: (2n + 1,), on average N C_i."""
        whole(0, steps=steps, walkers=walkers)
        moves = rng.multinomial(steps, [self.p, self.q, self.stay], size=walkers)
        return np.bincount(moves[:, 1] - moves[:, 0] + steps, minlength=2 * steps + 1)

    def matrix(self, sites: int, periodic: bool = False) -> csc_array:
        """[P2] The Markov matrix on a finite lattice: C(t+1) = M C(t), sparse (sites, sites).

        Formula: C(t+1) = M\\,C(t),\\quad M_{i+1,i} = q,\\quad M_{i-1,i} = p,\\quad M_{ii} = 1-p-q,\\quad
            \\textstyle\\sum_i M_{ij} = 1
        Source: 002, "Markov Process"

        Columns sum to 1, so mass is kept. At a reflecting end a jump outwards means to stay; with
        `periodic` the two ends are neighbors.

        Raises:
            ValueError: fewer than 3 sites.
        """
        return csc_array(eye_array(sites) + jump_generator(self.p, self.q, sites, periodic))

    def drift_and_diffusion(self, concentration: ArrayLike) -> tuple[Array, Array]:
        """[P3] The two parts of C(t+1) - C(t): a first difference (drift) and a second one (diffusion).

        Formula: C_i(t+1)-C_i(t) = \\tfrac{p-q}{2}\\big(C_{i+1}-C_{i-1}\\big)
            + \\tfrac{p+q}{2}\\big(C_{i+1}-2C_i+C_{i-1}\\big)
        Source: 002, "Markov Process"

        `concentration` is (sites, ...); both parts are given at its inner sites, (sites - 2, ...).

        Raises:
            ValueError: fewer than 3 sites.
        """
        c = np.asarray(concentration, dtype=np.float64)
        whole(3, sites=c.shape[0] if c.ndim else 0)
        drift = (self.p - self.q) / 2 * (c[2:] - c[:-2])
        return drift, (self.p + self.q) / 2 * (c[2:] - 2 * c[1:-1] + c[:-2])


@dataclass(frozen=True)
class ContinuousWalk:
    """[P4] The walk in continuous time: the master equation, and its solution from one site (Skellam).

    Formula: \\tau\\,\\frac{dC_i}{dt} = \\tfrac{p-q}{2}\\big(C_{i+1}-C_{i-1}\\big)
        + \\tfrac{p+q}{2}\\big(C_{i+1}-2C_i+C_{i-1}\\big),\\quad p' = p\\,\\Delta t/\\tau,\\quad
        \\mathrm{Var}(i) = (p+q)\\,t/\\tau
    Source: 002, "Going into continuous time"

    Args:
        p, q: jumps to the left and right per time tau, at least 0; being rates, they may exceed 1.
        tau: the time scale, positive, in the unit of t.

    Raises:
        ValueError: p or q negative, or tau not positive.
    """

    p: float
    q: float
    tau: float = 1.0

    def __post_init__(self) -> None:
        non_negative(p=self.p, q=self.q)
        positive(tau=self.tau)

    def mean(self, t: float) -> float:
        """Mean position at time t, in sites: (q - p) t / tau."""
        return (self.q - self.p) * t / self.tau

    def variance(self, t: float) -> float:
        """Variance of the position at time t, in sites squared: (p + q) t / tau."""
        return (self.p + self.q) * t / self.tau

    def law(self, t: float) -> Any:
        """The position at time t from site 0 on the endless line, a frozen `scipy.stats.skellam`; p, q, t > 0."""
        positive(p=self.p, q=self.q, t=t)
        return skellam(self.q * t / self.tau, self.p * t / self.tau)

    def generator(self, sites: int, periodic: bool = False) -> csc_array:
        """The matrix of dC/dt = G C, sparse (sites, sites), per unit of t; its columns sum to 0."""
        return jump_generator(self.p, self.q, sites, periodic) / self.tau

    def evolve(self, concentration: ArrayLike, t: float, periodic: bool = False) -> Array:
        """exp(G t) C for a concentration (sites, ...), t >= 0: the master equation solved, mass kept."""
        non_negative(t=t)
        c = np.asarray(concentration, dtype=np.float64)
        solved: Array = expm_multiply(self.generator(c.shape[0], periodic) * t, c)
        return solved
