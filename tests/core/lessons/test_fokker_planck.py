"""The lesson on Fokker-Planck: closed forms, paths against the grid, rest, and what is forgotten."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from pedesis.lessons import fokker_planck as lesson
from pedesis.process import Process
from pedesis.schedules import FromBetas


@pytest.mark.row("P11")
@pytest.mark.row("P12")
@pytest.mark.parametrize("force", ["spring", "no force"])
def test_two_heaps_stay_gaussians(force: str) -> None:
    """From 2/3 N(x0, 0.04) + 1/3 N(-x0, 0.04), by the closed forms of a spring and of free diffusion."""
    g, s, x0 = 0.8, 0.7, 1.5
    found = lesson.flow(force, g, s, "two heaps", x0, 10)
    for i in (0, 7, 30, 80):
        t = found.t[i]
        shrink, grown = (np.exp(-g * t), s**2 * -np.expm1(-2 * g * t) / (2 * g)) if force == "spring" else (1, s**2 * t)
        std = np.sqrt(0.04 * shrink**2 + grown)
        exact = (2 * norm.pdf(found.x, x0 * shrink, std) + norm.pdf(found.x, -x0 * shrink, std)) / 3
        np.testing.assert_allclose(found.density[i], exact, atol=0.01 * exact.max())


@pytest.mark.row("P11")
@pytest.mark.parametrize("force", lesson.FORCES)
@pytest.mark.parametrize("start", lesson.STARTS)
def test_paths_and_equation_agree_and_mass_is_kept(force: str, start: str) -> None:
    found = lesson.flow(force, 1.0, 0.8, start, 1.5, 20_000)
    width = found.x[1] - found.x[0]
    np.testing.assert_allclose(found.density.sum(axis=1) * width, 1, rtol=1e-9)
    assert found.density.min() > -1e-12
    grid, paths = lesson.on_the_grid(found), lesson.of_the_paths(found)
    np.testing.assert_allclose(grid.mean, paths.mean, atol=0.05)
    np.testing.assert_allclose(grid.variance, paths.variance, atol=0.08)
    for i in (0, 20, 80):
        np.testing.assert_allclose(
            np.mean(found.paths[i][:, None] < found.x[::20] + width / 2, axis=0),
            np.cumsum(found.density[i])[::20] * width,
            atol=0.03,
        )


@pytest.mark.row("P11")
def test_what_rests_stays_at_rest() -> None:
    for force in lesson.FORCES[:2]:
        found = lesson.flow(force, 3.0, 1.2, "block", 2.5, 10)
        np.testing.assert_allclose(lesson._step(force, 3.0, 1.2) @ found.rest, found.rest, atol=1e-9)
        assert np.abs(found.density[-1] - found.rest).sum() < np.abs(found.density[10] - found.rest).sum()
    assert not lesson.flow("no force", 1.0, 1.0, "heap", 1.0, 10).rest.any()
    wells = lesson.flow("two wells", 2.0, 0.5, "heap", 1.0, 10)
    assert abs(wells.x[wells.rest.argmax()]) == pytest.approx(2, abs=0.1)


@pytest.mark.row("P12")
def test_returning_laws_and_their_distance_from_rest() -> None:
    g, s = 0.7, 0.9
    found = lesson.returns(g, s, (-1.5, 0.0, 2.0))
    rest = s**2 / (2 * g)
    np.testing.assert_allclose(found.means[2], 2 * np.exp(-g * found.t))
    np.testing.assert_allclose(found.std**2, rest * (1 - np.exp(-2 * g * found.t)))
    ratio = found.std[1:] ** 2 / rest
    np.testing.assert_allclose(
        found.bits[0], (ratio - 1 - np.log(ratio) + found.means[0, 1:] ** 2 / rest) / (2 * np.log(2)), atol=1e-12
    )
    late = slice(-20, None)
    rates = [np.diff(np.log(bits[late])) / np.diff(found.t[1:][late]) for bits in found.bits]
    np.testing.assert_allclose(rates[0], -2 * g, rtol=0.02)
    np.testing.assert_allclose(rates[1], -4 * g, rtol=0.02)


@pytest.mark.row("P12")
def test_the_spring_is_the_forward_process() -> None:
    """g = beta/2 and s = sqrt(beta) with a constant beta are q(x_t | x_0) of a chain of equal betas."""
    chain = Process(FromBetas([0.1] * 120))
    beta = -120 * np.log1p(-0.1) / lesson.END  # per unit of the lesson's time
    found = lesson.returns(beta / 2, np.sqrt(beta), (1.0,))
    for i in (8, 40, 80):
        alpha, sigma = chain.alpha_sigma(chain.log_snr(found.t[i] / lesson.END))
        assert found.means[0, i] == pytest.approx(float(alpha), rel=1e-9)
        assert found.std[i] == pytest.approx(float(sigma), rel=1e-9)


@pytest.mark.row("P12")
def test_only_the_spring_forgets_fast() -> None:
    g, s, x0 = 1.0, 0.8, 2.0
    t = lesson.times()
    apart = {force: lesson.forgetting(force, g, s, x0) for force in lesson.FORCES}
    for force, shrink, std in (
        ("spring", np.exp(-g * t), np.sqrt(0.04 * np.exp(-2 * g * t) + s**2 / (2 * g) * -np.expm1(-2 * g * t))),
        ("no force", np.ones_like(t), np.sqrt(0.04 + s**2 * t)),
    ):  # two normal laws of one variance
        np.testing.assert_allclose(apart[force], 2 * ndtr(x0 * shrink / std) - 1, atol=0.01)
    assert (np.diff(apart["two wells"]) < 1e-12).all()  # nothing is ever learned about the start
    assert apart["spring"][-1] < 0.1 < 0.5 < apart["no force"][-1] < apart["two wells"][-1]


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="'sprin'; did you mean 'spring'"):
        lesson.flow("sprin", 1.0, 1.0, "heap", 1.0)
    with pytest.raises(ValueError, match="'heaps'"):
        lesson.flow("spring", 1.0, 1.0, "heaps", 1.0)
