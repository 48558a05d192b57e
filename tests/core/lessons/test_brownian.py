"""The lesson on Brownian motion against scipy's laws, conservation of mass, and its order of convergence."""

import numpy as np
import pytest
from scipy.stats import norm, skellam

from pedesis.lessons import brownian

P, Q = 0.2, 0.35


@pytest.mark.row("P1")
def test_walkers_follow_the_law() -> None:
    steps, count = 30, 20_000
    found, law = brownian.walkers(P, Q, steps, count), brownian.law(P, Q, steps)
    assert found.counts.sum() == count
    np.testing.assert_array_equal(found.sites, law.sites)
    assert np.abs(found.counts / count - law.walk).sum() / 2 < 0.02
    assert found.mean[-1] == pytest.approx((found.counts @ found.sites) / count)
    exact, _ = brownian.spread(P, Q, steps)
    np.testing.assert_allclose(found.mean, (Q - P) * np.arange(steps + 1), atol=0.1)
    np.testing.assert_allclose(found.variance, exact, atol=0.5)
    assert exact[-1] == pytest.approx(law.walk @ law.sites**2 - (law.walk @ law.sites) ** 2)
    assert found.paths.shape == (31, 40) and not found.paths[0].any()
    np.testing.assert_array_equal(found.paths, brownian.walkers(P, Q, steps, count).paths)


@pytest.mark.row("P6")
@pytest.mark.row("P8")
@pytest.mark.row("P9")
def test_the_heat_kernel_is_a_normal_law_of_variance_2_d_t() -> None:
    law, (_, of_heat) = brownian.law(P, Q, 50), brownian.spread(P, Q, 50)
    np.testing.assert_allclose(of_heat, (P + Q) * np.arange(51))
    np.testing.assert_allclose(law.heat, norm.pdf(law.sites, 50 * (Q - P), np.sqrt(50 * (P + Q))))
    assert law.apart == pytest.approx(np.abs(law.walk - law.heat).sum() / 2)
    falling = [brownian.law(0.3, 0.3, n).apart for n in (25, 50, 100)]
    np.testing.assert_allclose(np.divide(falling[:-1], falling[1:]), 2, rtol=0.05)  # as 1/n, without drift


@pytest.mark.row("P2")
@pytest.mark.row("P3")
@pytest.mark.row("P4")
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", brownian.SHAPES)
def test_the_master_equation_keeps_the_mass_and_its_parts_make_the_next_step(shape: str, periodic: bool) -> None:
    now, later = (brownian.concentration(P, Q, shape, n, periodic) for n in (40, 41))
    np.testing.assert_allclose(now.over_time.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(now.over_time, later.over_time[:-1])
    change = later.over_time[-1] - now.over_time[-1]
    np.testing.assert_allclose((now.drift + now.diffusion), change[1:-1], atol=1e-16)
    assert now.continuous.sum() == pytest.approx(1)


@pytest.mark.row("P4")
def test_steps_and_jumps_at_any_time_blur_alike() -> None:
    """Away from the ends, both are the start convolved with a law from one site: trinomial and Skellam."""
    found, law = brownian.concentration(P, Q, "block", 20, False), brownian.law(P, Q, 20)
    start = found.over_time[0]
    np.testing.assert_allclose(found.over_time[-1], np.convolve(start, law.walk, "same"), atol=1e-14)
    jumps = skellam.pmf(np.arange(-50, 51), 20 * Q, 20 * P)
    np.testing.assert_allclose(found.continuous, np.convolve(start, jumps, "same"), atol=1e-12)


@pytest.mark.row("P5")
@pytest.mark.row("P6")
@pytest.mark.parametrize(("p", "q"), [(P, Q), (0.45, 0.05), (0.3, 0.3)])
def test_the_walk_tends_to_the_heat_kernel_as_one_over_the_number_of_steps(p: float, q: float) -> None:
    found = [brownian.finer(p, q, per_time) for per_time in brownian.FINER]
    for step in found:
        spacing = step.x[1] - step.x[0]
        assert step.walk.sum() * spacing == pytest.approx(1)
        assert step.walk @ step.x * spacing == pytest.approx(4 * (q - p), abs=1e-9)
    slopes = np.diff(np.log([step.apart for step in found])) / np.diff(np.log(brownian.FINER))
    np.testing.assert_allclose(slopes[1:], -1, atol=0.06)
    variance = found[-1].walk @ (found[-1].x - 4 * (q - p)) ** 2 * spacing
    assert variance == pytest.approx(4 * (p + q - (q - p) ** 2 / 256))


@pytest.mark.row("P10")
@pytest.mark.parametrize("shape", brownian.SHAPES)
def test_waves_fade_by_their_factor(shape: str) -> None:
    found = brownian.spectrum(0.3, 0.1, shape, 30.0)
    np.testing.assert_allclose(found.spectrum_now, found.spectrum_start * found.factor, atol=1e-12)
    np.testing.assert_allclose(found.factor, np.exp(-0.2 * found.k**2 * 30))
    assert found.spectrum_now[found.k == 0] == pytest.approx(1)
    kernel = norm.pdf(found.x, 0, np.sqrt(2 * 0.2 * 30)) * 0.2
    np.testing.assert_allclose(found.now, np.convolve(found.start, kernel, "same"), atol=1e-6)


@pytest.mark.row("P9")
def test_grains_spread_as_their_circle_says() -> None:
    found = brownian.grains(P, Q, 25.0, 20_000, 6)
    apart = found.points - found.middle[:, None]
    np.testing.assert_allclose(apart.mean(axis=1), 0, atol=0.15)
    np.testing.assert_allclose(np.sqrt((apart**2).sum(axis=2).mean(axis=1)), found.radius, rtol=0.03)
    np.testing.assert_allclose(found.radius**2, 2 * (P + Q) * found.t)
    assert found.middle[-1].tolist() == pytest.approx([25 * (Q - P), 0])


def test_an_unknown_shape_is_named() -> None:
    with pytest.raises(ValueError, match="'hep'; did you mean 'heap'"):
        brownian.spectrum(P, Q, "hep", 1.0)
