"""Fokker-Planck on a grid: mass, sign, order of convergence, and the densities at which it comes to rest."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm
from scipy.stats import norm

from pedesis.physics.brownian import continuum_limit
from pedesis.physics.fokker_planck import FokkerPlanck
from pedesis.physics.langevin import OrnsteinUhlenbeck
from pedesis.physics.walk import ContinuousWalk

OU = OrnsteinUhlenbeck(rate=1.3, noise=0.9)


def spring(cells: int, low: float = -3.0, high: float = 3.0) -> FokkerPlanck:
    """The Fokker-Planck equation of OU."""
    return FokkerPlanck(OU.drift, lambda x, t: OU.noise**2 / 2, low, high, cells)


@pytest.mark.row("P11")
@pytest.mark.row("P12")
def test_second_order_in_space_against_the_closed_form() -> None:
    """From N(1.1, 0.05), by the Ornstein-Uhlenbeck mean and variance."""
    t, errors = 0.4, []
    spread = np.sqrt(0.05 * np.exp(-2 * OU.rate * t) + OU.variance(t))
    for cells in (30, 60, 120, 240):
        equation = spring(cells)
        density = equation.evolve(norm(1.1, np.sqrt(0.05)).pdf(equation.x), t)
        errors.append(np.abs(density - norm(OU.mean(1.1, t), spread).pdf(equation.x)).max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert_allclose(orders[1:], 2, atol=0.05)
    assert errors[-1] < 1e-3


@pytest.mark.row("P11")
def test_evolve_is_the_matrix_exponential_and_keeps_mass() -> None:
    equation = spring(40)
    start = np.random.default_rng(0).dirichlet(np.ones(40), size=3).T
    later = equation.evolve(start, 0.7)
    assert_allclose(later, expm(equation.generator().toarray() * 0.7) @ start, rtol=1e-9)
    assert_allclose(later.sum(axis=0), 1, rtol=1e-13)
    assert_allclose(equation.generator().sum(axis=0), 0, atol=1e-12)


@pytest.mark.row("P11")
def test_a_density_stays_positive_under_strong_drift() -> None:
    """At h A/B = 167 central differences go far below zero, the fitted flux does not."""
    cells, drift, diffusion = 60, 20.0, 0.002
    equation = FokkerPlanck(lambda x, t: drift, lambda x, t: diffusion, 0.0, 1.0, cells)
    start = np.eye(cells)[5] / equation.width
    density = equation.evolve(start, 0.02)
    assert density.min() > -1e-14 * density.max()
    assert_allclose(density.sum() * equation.width, 1, rtol=1e-13)
    assert_allclose(equation.x @ density * equation.width, equation.x[5] + drift * 0.02, rtol=1e-3)

    half, bend = drift / (2 * equation.width), diffusion / equation.width**2
    central = (bend + half) * np.eye(cells, k=-1) + (bend - half) * np.eye(cells, k=1)
    central -= np.diag(central.sum(axis=0))
    assert (expm(central * 0.02) @ start).min() < -0.05 * density.max()


@pytest.mark.row("P11")
@pytest.mark.row("P12")
def test_rest_is_the_stationary_gaussian() -> None:
    """For a linear drift the fitted flux rests on the exact Gaussian, at its values in the cell middles."""
    equation = spring(50, -4.0, 4.0)
    gaussian = norm(0, np.sqrt(OU.stationary_variance)).pdf(equation.x)
    assert_allclose(equation.stationary(), gaussian / (gaussian.sum() * equation.width), rtol=1e-10)
    assert_allclose(equation.generator() @ equation.stationary(), 0, atol=1e-12)
    late = equation.evolve(np.eye(50)[3] / equation.width, 30.0)
    assert_allclose(late, equation.stationary(), rtol=1e-6, atol=1e-12)


@pytest.mark.row("P11")
def test_noise_that_depends_on_place() -> None:
    """(B f)_xx with B inside: for A = -2x, B = 1 + x^2 the density at rest is c (1 + x^2)^-2, not that of (B f_x)_x."""
    errors = []
    for cells in (40, 80, 160):
        equation = FokkerPlanck(lambda x, t: -2 * x, lambda x, t: 1 + x**2, -3.0, 3.0, cells)
        exact = (1 + equation.x**2) ** -2.0
        exact /= exact.sum() * equation.width
        errors.append(np.abs(equation.stationary() - exact).max())
        assert_allclose(equation.generator() @ equation.stationary(), 0, atol=1e-11)
    assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.1)
    moved = equation.evolve(exact, 0.5)
    assert np.abs(moved - exact).max() < 1e-3


@pytest.mark.row("P11")
def test_coefficients_that_depend_on_time() -> None:
    """Second order in the time step, measured on the same cells with very many steps.

    Second order in the cells: d<x>/dt = 4 t - <x> from <x>(0.5) = 0, so <x> = 4 (t - 1) + 2 exp(0.5 - t).
    """

    def moving(cells: int) -> tuple[FokkerPlanck, np.ndarray]:
        equation = FokkerPlanck(lambda x, t: 4 * t - x, lambda x, t: 0.1 + 0.2 * t**2, -4.0, 8.0, cells)
        return equation, norm(0, 0.5).pdf(equation.x)

    equation, start = moving(60)
    exact = equation.evolve(start, 1.0, start=0.5, steps=256)
    errors = [np.abs(equation.evolve(start, 1.0, start=0.5, steps=n) - exact).max() for n in (4, 8, 16)]
    assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.1)

    errors = []
    for cells in (60, 120, 240):
        equation, start = moving(cells)
        density = equation.evolve(start, 1.0, start=0.5, steps=128)
        errors.append(abs(equation.x @ density * equation.width - 2 - 2 * np.exp(-1.0)))
    assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.15)


@pytest.mark.row("P11")
@pytest.mark.row("P6")
@pytest.mark.parametrize("drift", [0.0, 0.8])
def test_the_scheme_is_a_walk_between_reflecting_ends(drift: float) -> None:
    """Its rates left and right are those of a continuous-time walk whose continuum limit has exactly this v.

    Its D is larger by (z/2) coth(z/2) = 1 + z^2/12: the price of staying positive.
    """
    equation = FokkerPlanck(lambda x, t: drift, lambda x, t: 0.3, -1.0, 1.0, 10)
    generator = equation.generator().toarray()
    p, q = generator[4, 5], generator[5, 4]
    assert_allclose(generator, ContinuousWalk(p, q).generator(10).toarray(), atol=1e-13)
    velocity, diffusion = continuum_limit(p, q, equation.width, 1.0)
    assert_allclose(velocity, drift, atol=1e-13)
    half = drift * equation.width / 0.3 / 2
    assert_allclose(diffusion, 0.3 * (half / np.tanh(half) if half else 1.0), rtol=1e-12)


@pytest.mark.row("P12")
@pytest.mark.erratum("E14")
def test_b_is_half_the_noise_squared() -> None:
    """g = s = 1: the SDE comes to rest with variance 1/2; B = s^2/2 agrees, the printed B = s^2 gives 1."""
    unit = OrnsteinUhlenbeck(1.0, 1.0)
    paths = unit.paths(np.zeros(20_000), [0.0, 8.0], np.random.default_rng(1))
    variance = {}
    for name, value in [("correct", 0.5), ("printed", 1.0)]:
        equation = FokkerPlanck(unit.drift, lambda x, t, value=value: value, -8.0, 8.0, 160)
        late = equation.evolve(norm(0, 0.3).pdf(equation.x), 8.0)
        variance[name] = equation.x**2 @ late * equation.width
    assert_allclose(paths[-1].var(), variance["correct"], atol=4 * 0.5 * np.sqrt(2 / 20_000))
    assert_allclose([variance["correct"], variance["printed"]], [0.5, 1.0], rtol=1e-5)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"low must be below high, both finite; got 1\.0 and 0\.0"):
        spring(10, 1.0, 0.0)
    with pytest.raises(ValueError, match="cells must be a whole number, 2 or more; got 1"):
        spring(1)
    with pytest.raises(ValueError, match="diffusion must be positive and finite"):
        FokkerPlanck(OU.drift, lambda x, t: x, -1.0, 1.0, 10).generator()
    equation = spring(10)
    with pytest.raises(ValueError, match=r"one row per cell \(10\); got shape \(9,\)"):
        equation.evolve(np.ones(9), 1.0)
    with pytest.raises(ValueError, match="duration must be at least 0 and finite; got -1"):
        equation.evolve(np.ones(10), -1.0)
    with pytest.raises(ValueError, match="steps must be a whole number, 1 or more; got 0"):
        equation.evolve(np.ones(10), 1.0, steps=0)
