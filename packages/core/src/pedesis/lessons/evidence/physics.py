"""Errata of the physics: walks, Brownian motion, the heat equation, Ornstein-Uhlenbeck."""

from __future__ import annotations

import numpy as np

from pedesis.lessons.evidence.base import Evidence
from pedesis.physics.brownian import FourierGrid, heat_kernel, rescaled_rate, walk_diffusivity
from pedesis.physics.langevin import OrnsteinUhlenbeck
from pedesis.physics.walk import ContinuousWalk, LazyWalk


def smaller_jumps() -> Evidence:
    dx, p, t = np.linspace(0.1, 1, 37), 0.3, 2.0

    def variance(rate: float, step: float) -> float:
        return step**2 * float(ContinuousWalk(rate, rate, 1.0).variance(t))

    corrected = np.array([variance(rescaled_rate(p, 1.0, step), step) for step in dx.tolist()])
    printed = np.array([variance(p * step**2, step) for step in dx.tolist()])
    says = "The spread of a walk whose jumps are made smaller: it stays that of the walk with jumps of 1."
    where = ("pedesis.physics.brownian:rescaled_rate",)
    return Evidence(says, "length of a jump", "variance", dx, printed, corrected, np.full(37, variance(p, 1.0)), where)


def half_of_d() -> Evidence:
    steps, jump = np.arange(0.0, 41, 2), 0.25
    laws = [LazyWalk(jump, jump).law(int(n)) for n in steps]
    really = np.array([float(positions**2 @ law) for positions, law in laws])
    says = "The mean squared displacement 2Dt of a walk that jumps left or right with 1/4 each."
    where = ("pedesis.physics.brownian:walk_diffusivity",)
    corrected = 2 * walk_diffusivity(jump, 1.0, 1.0) * steps
    return Evidence(says, "time", "variance", steps, jump * steps, corrected, really, where)


def inverse_transform() -> Evidence:
    grid, t, diffusion = FourierGrid(400, 0.05), 0.9, 0.4
    back = grid.inverse(np.exp(-diffusion * grid.k**2 * t)).real
    shown = np.abs(grid.x) <= 4
    says = "The heat kernel brought back from Fourier space: without the prefactor it is 2 pi times too high."
    where = ("pedesis.physics.brownian:FourierGrid.inverse",)
    x, f = grid.x[shown], back[shown]
    return Evidence(says, "x", "density", x, 2 * np.pi * f, f, heat_kernel(x, t, diffusion), where)


def rest() -> Evidence:
    t, unit = np.linspace(0, 5, 26), OrnsteinUhlenbeck(1.0, 1.0)
    paths = unit.paths(np.zeros(10_000), t, np.random.default_rng(0))
    printed = OrnsteinUhlenbeck(1.0, 2.0**0.5).variance(t)  # the process for which B = s^2/2 is 1
    says = "The variance of dx = -x dt + dW from x = 0, simulated, and by the equation with either B."
    where = ("pedesis.physics.langevin:OrnsteinUhlenbeck.variance",)
    return Evidence(says, "time", "variance", t, printed, unit.variance(t), paths.var(1), where)
