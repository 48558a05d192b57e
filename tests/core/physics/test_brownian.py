"""Brownian motion: the continuum limit with its observed order, the heat kernel, and Fourier's way to it."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from pedesis.physics.brownian import (
    FourierGrid,
    brownian_paths,
    continuum_limit,
    einstein_diffusivity,
    heat_kernel,
    mean_squared_displacement,
    rescaled_rate,
    walk_diffusivity,
)
from pedesis.physics.walk import ContinuousWalk, LazyWalk


def observed_orders(errors: list[float]) -> np.ndarray:
    """log2 of the ratio of successive errors, each step of refinement being a factor of 2."""
    return np.log2(np.divide(errors[:-1], errors[1:]))


@pytest.mark.row("P5")
@pytest.mark.row("P8")
@pytest.mark.parametrize(("jump", "order"), [(0.25, 2), (0.1, 2), (1 / 6, 4)])
def test_the_walk_tends_to_the_heat_kernel(jump: float, order: int) -> None:
    """At fixed D and t the law per length converges at order 2 in delta; at 4 for p = 1/6, whose kurtosis is 3."""
    diffusion, t, errors = 0.7, 1.0, []
    for steps in (100, 400, 1600):
        delta, tau = math.sqrt(diffusion * t / steps / jump), t / steps
        assert_allclose(walk_diffusivity(jump, delta, tau), diffusion)
        positions, law = LazyWalk(jump, jump).law(steps)
        errors.append(np.abs(law / delta - heat_kernel(positions * delta, t, diffusion)).max())
    assert_allclose(observed_orders(errors), order, atol=0.05)


@pytest.mark.row("P6")
def test_the_walk_with_drift_tends_to_a_moving_heat_kernel() -> None:
    """q - p is of the order of delta, so that v stays finite."""
    velocity, diffusion, t, errors = 1.3, 0.7, 1.0, []
    for delta in (0.1, 0.05, 0.025):
        tau = delta**2
        p, q = (diffusion * tau / delta**2 + sign * velocity * tau / (2 * delta) for sign in (-1, 1))
        assert_allclose(continuum_limit(p, q, delta, tau), [velocity, diffusion])
        walk = ContinuousWalk(p, q, tau)
        assert_allclose([walk.mean(t) * delta, walk.variance(t) * delta**2], [velocity * t, 2 * diffusion * t])
        positions = np.arange(-round(4 / delta), round(6 / delta))
        moving = heat_kernel(positions * delta - velocity * t, t, diffusion)
        errors.append(np.abs(walk.law(t).pmf(positions) / delta - moving).max())
    assert_allclose(observed_orders(errors), 2, atol=0.05)


@pytest.mark.row("P7")
def test_einsteins_walker_never_rests() -> None:
    """<x^2> of the walk with p = q = 1/2 is n delta^2, exactly 2 D t."""
    delta, tau, steps = 0.3, 0.2, 17
    positions, law = LazyWalk(0.5, 0.5).law(steps)
    assert_allclose((positions * delta) ** 2 @ law, 2 * einstein_diffusivity(delta, tau) * steps * tau)
    assert einstein_diffusivity(2.0, 4.0) == 0.5


@pytest.mark.row("P5")
@pytest.mark.erratum("E11")
def test_smaller_jumps_must_be_more_frequent() -> None:
    """With p (delta/dx)^2 jumps of length dx spread as those of delta; with the printed p (dx/delta)^2 they do not."""
    p, delta, tau, t = 0.3, 1.0, 0.5, 2.0
    spread = delta**2 * ContinuousWalk(p, p, tau).variance(t)
    for dx in (0.5, 0.1):
        rate = rescaled_rate(p, delta, dx)
        assert_allclose(dx**2 * ContinuousWalk(rate, rate, tau).variance(t), spread)
        assert_allclose(walk_diffusivity(rate, dx, tau), walk_diffusivity(p, delta, tau))
        printed = p * (dx / delta) ** 2
        assert_allclose(dx**2 * ContinuousWalk(printed, printed, tau).variance(t), (dx / delta) ** 4 * spread)


@pytest.mark.row("P5")
@pytest.mark.erratum("E12")
def test_the_diffusivity_has_no_half() -> None:
    """p = q = 1/4, 20 steps: the variance is 10 = 2 D t; the printed D gives 5, and half of Einstein's D."""
    positions, law = LazyWalk(0.25, 0.25).law(20)
    variance = positions**2 @ law
    assert_allclose(variance, 10)
    assert_allclose(2 * walk_diffusivity(0.25, 1.0, 1.0) * 20, variance)
    printed = 1.0**2 * 0.25 / (2 * 1.0)
    assert_allclose(2 * printed * 20, 5)
    assert walk_diffusivity(0.5, 1.0, 1.0) == einstein_diffusivity(1.0, 1.0) == 2 * (0.5 / 2)


@pytest.mark.row("P8")
@pytest.mark.row("P9")
@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_the_kernel_has_mass_one_and_grows_as_2ddt(dimension: int) -> None:
    """Integrals over spherical shells."""
    diffusion, t = 0.7, 1.3
    sphere = 2 * math.pi ** (dimension / 2) / math.gamma(dimension / 2)

    def radial(power: int) -> float:
        density = lambda r: r ** (power + dimension - 1) * float(heat_kernel(r, t, diffusion, dimension))  # noqa: E731
        return sphere * quad(density, 0, np.inf)[0]

    assert_allclose(radial(0), 1)
    assert_allclose(radial(2), mean_squared_displacement(t, diffusion, dimension))


@pytest.mark.row("P8")
def test_the_kernel_is_a_product_over_directions() -> None:
    x = np.random.default_rng(3).normal(size=(20, 3))
    product = heat_kernel(x, 0.4, 1.7).prod(axis=1)
    assert_allclose(heat_kernel(np.linalg.norm(x, axis=1), 0.4, 1.7, dimension=3), product)


@pytest.mark.row("P8")
def test_the_kernel_solves_the_heat_equation() -> None:
    """C_t = D C_xx, both by central differences."""
    x, t, diffusion, h = np.linspace(-3, 3, 61), 0.8, 0.6, 1e-3
    in_time = (heat_kernel(x, t + h, diffusion) - heat_kernel(x, t - h, diffusion)) / (2 * h)
    bend = sum(c * heat_kernel(x + s * h, t, diffusion) for c, s in [(1, 1), (-2, 0), (1, -1)]) / h**2
    assert_allclose(in_time, diffusion * bend, atol=2e-6)


@pytest.mark.row("P9")
@pytest.mark.parametrize("dimension", [1, 3])
def test_simulated_paths_spread_linearly(dimension: int) -> None:
    """|x|^2/(2Dt) is chi-square of d degrees, so its mean over N walkers has standard error sqrt(2d/N)."""
    times, walkers, diffusion = np.array([0.0, 0.1, 0.5, 2.0, 8.0]), 20_000, 0.35
    paths = brownian_paths(times, diffusion, walkers, np.random.default_rng(4), dimension=dimension)
    assert paths.shape == (5, walkers, dimension)
    assert not paths[0].any()
    ratio = (paths[1:] ** 2).sum(-1).mean(1) / mean_squared_displacement(times[1:], diffusion, dimension)
    assert_allclose(ratio, 1, atol=4 * math.sqrt(2 / (dimension * walkers)))
    increments = np.diff(paths, axis=0)[..., 0]
    assert_allclose(np.corrcoef(increments), np.eye(4), atol=4 / math.sqrt(walkers))


@pytest.mark.row("P6")
def test_simulated_paths_drift() -> None:
    """Mean v t within 4 standard errors sqrt(2 D t/N), in each direction its own."""
    velocity = np.array([1.5, -0.5])
    paths = brownian_paths([1.0, 1.2, 3.0], 0.2, 10_000, np.random.default_rng(5), drift=velocity, dimension=2)
    assert_allclose(paths[-1].mean(0), 2.0 * velocity, atol=4 * math.sqrt(2 * 0.2 * 2.0 / 10_000))


@pytest.mark.row("P10")
@pytest.mark.parametrize("points", [256, 255])
def test_the_transform_is_the_integral(points: int) -> None:
    """A Gaussian around c of variance v: F = exp(-ikc - k^2 v/2); its phase tells the sign of the exponent."""
    grid, center, variance = FourierGrid(points, 0.1), 1.2, 0.3
    f = np.exp(-((grid.x - center) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    expected = np.exp(-1j * grid.k * center - grid.k**2 * variance / 2)
    assert_allclose(grid.transform(f), expected, atol=1e-13)
    assert_allclose(grid.inverse(expected), f, atol=1e-13)
    assert_allclose(np.diff(grid.k), grid.dk)
    direct = np.exp(-1j * np.outer(grid.k, grid.x)) @ f * grid.dx
    assert_allclose(grid.transform(f), direct, atol=1e-13)


@pytest.mark.row("P10")
@pytest.mark.parametrize("points", [64, 63])
def test_there_and_back(points: int) -> None:
    grid, f = FourierGrid(points, 0.3), np.random.default_rng(6).normal(size=(2, points))
    assert_allclose(grid.inverse(grid.transform(f)), f, atol=1e-14)
    spectrum = grid.transform(f)
    assert_allclose((np.abs(spectrum) ** 2).sum() * grid.dk / (2 * np.pi), (f**2).sum() * grid.dx)


@pytest.mark.row("P10")
@pytest.mark.erratum("E13")
def test_the_inverse_needs_one_over_two_pi() -> None:
    """The integral of e^{ikx} F dk without the prefactor, as printed, is 2 pi times too large."""
    x, t, diffusion = 0.7, 0.9, 0.4
    printed, _ = quad(lambda k: math.cos(k * x) * math.exp(-diffusion * k**2 * t), -np.inf, np.inf)
    kernel = float(heat_kernel(x, t, diffusion))
    assert_allclose(printed / (2 * math.pi), kernel)
    assert_allclose(printed / kernel, 2 * math.pi)
    grid = FourierGrid(400, 0.05)
    assert_allclose(grid.inverse(np.exp(-diffusion * grid.k**2 * t))[200 + 14], kernel)


@pytest.mark.row("P10")
@pytest.mark.row("P8")
def test_the_heat_equation_in_fourier_space() -> None:
    """A Gaussian of variance v becomes one of variance v + 2Dt; two times in a row add; mass stays; F_t = -Dk^2 F."""
    grid, diffusion = FourierGrid(512, 0.05), 0.6
    narrow = heat_kernel(grid.x, 0.2, diffusion)
    wide = grid.heat(narrow, 0.5, diffusion)
    assert_allclose(wide, heat_kernel(grid.x, 0.7, diffusion), atol=1e-13)
    rough = np.random.default_rng(7).normal(size=(3, 512))
    twice = grid.heat(grid.heat(rough, 0.02, diffusion), 0.03, diffusion)
    assert_allclose(grid.heat(rough, 0.05, diffusion), twice, atol=1e-12)
    assert_allclose(twice.sum(-1), rough.sum(-1), atol=1e-11)
    assert_allclose(grid.heat(rough, 0.0, diffusion), rough, atol=1e-13)
    before, now, after = (grid.transform(grid.heat(rough[0], t, diffusion)) for t in (0.0499, 0.05, 0.0501))
    low = np.abs(grid.k) < 5
    assert_allclose(((after - before) / 2e-4)[low], (-diffusion * grid.k**2 * now)[low], rtol=1e-5, atol=1e-12)


@pytest.mark.row("P10")
def test_a_wave_fades_at_its_own_rate() -> None:
    """cos(kx) is only multiplied, by exp(-D k^2 t)."""
    grid = FourierGrid(128, 0.1)
    wave = np.cos(3 * grid.dk * grid.x)
    assert_allclose(grid.heat(wave, 0.4, 0.9), wave * math.exp(-0.9 * (3 * grid.dk) ** 2 * 0.4), atol=1e-14)


def test_what_cannot_be() -> None:
    rng = np.random.default_rng()
    with pytest.raises(ValueError, match="p must be at least 0 and finite; got -1"):
        rescaled_rate(-1, 1.0, 1.0)
    with pytest.raises(ValueError, match="tau must be positive and finite; got 0"):
        einstein_diffusivity(1.0, 0)
    with pytest.raises(ValueError, match="t must be positive and finite; got 0"):
        heat_kernel(1.0, 0, 1.0)
    with pytest.raises(ValueError, match="dimension must be a whole number, 1 or more; got 0"):
        heat_kernel(1.0, 1.0, 1.0, dimension=0)
    with pytest.raises(ValueError, match="t must be at least 0 and finite; got -1"):
        mean_squared_displacement(-1, 1.0)
    with pytest.raises(ValueError, match="points must be a whole number, 2 or more; got 1"):
        FourierGrid(1, 0.1)
    with pytest.raises(ValueError, match=r"must have the 8 points of the grid; got shape \(7,\)"):
        FourierGrid(8, 0.1).transform(np.ones(7))
    with pytest.raises(ValueError, match="times must be finite and strictly increasing"):
        brownian_paths([1.0, 0.5], 1.0, 3, rng)
    with pytest.raises(ValueError, match=r"times must be a 1-D grid of two or more; got shape \(1,\)"):
        brownian_paths([1.0], 1.0, 3, rng)
    with pytest.raises(ValueError, match="diffusivity must be at least 0 and finite; got -2"):
        brownian_paths([0.0, 0.5], -2, 3, rng)
