"""The interpretations of one exact model agree, Tweedie holds, and weights are those of the closed forms."""

import numpy as np
import pytest
import torch

from pedesis.lessons import interpretations, mixtures, schedules
from pedesis.losses import WEIGHTS
from pedesis.parameterizations import PARAMETERIZATIONS


def level(t: float) -> tuple[float, float]:
    now = schedules.level("cosine", t)
    return now.signal, now.noise


def test_everything_registered_is_offered() -> None:
    assert set(interpretations.names()) == set(PARAMETERIZATIONS)
    assert set(interpretations.losses()) == set(WEIGHTS)
    with pytest.raises(ValueError, match="unknown parameterization 'nonsense'"):
        interpretations.parameterization("nonsense")


@pytest.mark.row("O4")
@pytest.mark.parametrize("name", interpretations.names())
def test_answers_mean_the_same_arrows(name: str) -> None:
    t = 0.3
    now = interpretations.answer("moons", "cosine", name, t)
    np.testing.assert_allclose(now.meant, now.exact, atol=1e-12)
    y, x = np.meshgrid(now.x, now.x, indexing="ij")
    x_t, (alpha, sigma) = np.stack([x, y], -1), level(t)
    eps = (x_t - alpha * now.exact) / sigma
    wanted = {
        "x0": now.exact,
        "eps": eps,
        "score": -eps / sigma,
        "v": alpha * eps - sigma * now.exact,
        "flow": eps - now.exact,
    }[name]
    np.testing.assert_allclose(now.said, wanted, atol=1e-12)
    assert interpretations.disagreement("moons", "cosine", t)[name] < 1e-12


def test_the_score_is_the_slope_of_the_law() -> None:
    h, t = 1e-5, 0.3
    now = interpretations.answer("ring", "cosine", "score", t)
    exact = mixtures.denoiser("ring", "cosine")
    for row, column in ((3, 4), (6, 6), (10, 2)):
        at = torch.tensor([[now.x[column], now.x[row]]])
        for axis in (0, 1):
            step = torch.zeros(1, 2, dtype=torch.float64)
            step[0, axis] = h
            slope = (exact.log_prob(at + step, t) - exact.log_prob(at - step, t)) / (2 * h)
            assert now.said[row, column, axis] == pytest.approx(slope.item(), abs=1e-6)


@pytest.mark.row("R3")
@pytest.mark.row("R4")
@pytest.mark.parametrize(("s", "t"), [(0.01, 0.02), (0.29, 0.3), (0.5, 1.0)])
def test_the_forms_of_the_mean_agree(s: float, t: float) -> None:
    assert interpretations.means_disagree("grid", "cosine", s, t) < 1e-9


@pytest.mark.row("R7")
@pytest.mark.parametrize("data", mixtures.LINE)
@pytest.mark.parametrize("schedule", ["cosine", "edm"])
@pytest.mark.parametrize(("t", "x_t"), [(0.02, 0.6), (0.1, 0.2), (0.4, -1.3), (0.9, 2.5)])
def test_tweedie_gives_the_mean_of_the_posterior(data: str, schedule: str, t: float, x_t: float) -> None:
    now = interpretations.posterior(data, schedule, t, x_t)
    assert np.trapezoid(now.density, now.x0) == pytest.approx(1, abs=1e-6)
    assert now.by_tweedie == pytest.approx(now.by_denoiser, abs=1e-9)
    assert now.by_tweedie == pytest.approx(now.by_integral, abs=1e-6)


def test_the_line_holds_law_score_and_mean() -> None:
    t, now = 0.4, interpretations.line("uneven", "cosine", 0.4)
    alpha, sigma = level(t)
    assert np.trapezoid(now.law, now.x) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(now.data, now.x) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(np.gradient(np.log(now.law), now.x)[1:-1], now.score[1:-1], atol=2e-3)
    np.testing.assert_allclose(now.mean, (now.x + sigma**2 * now.score) / alpha)
    gaussian = interpretations.line("one Gaussian", "cosine", t)  # data N(0, 1): E[x_0 | x_t] = alpha x_t
    np.testing.assert_allclose(gaussian.mean, alpha * gaussian.x, atol=1e-9)


def test_errors_are_amplified_as_the_closed_forms_say() -> None:
    curves, t = interpretations.amplified("cosine"), interpretations.TIMES
    alpha, sigma = np.array([level(float(now)) for now in t]).T
    for name, wanted in {"x0": np.ones_like(t), "eps": sigma / alpha, "score": sigma**2 / alpha, "v": sigma}.items():
        np.testing.assert_allclose(curves[name][0], wanted, rtol=1e-9)
    for name, wanted in {"x0": alpha / sigma, "eps": np.ones_like(t), "score": sigma, "v": alpha}.items():
        np.testing.assert_allclose(curves[name][1], wanted, rtol=1e-9)


@pytest.mark.parametrize("schedule", schedules.names())
def test_each_loss_is_flat_on_its_own_error(schedule: str) -> None:
    for name, measured in (("simple", "eps"), ("x0", "x0"), ("v", "v")):
        np.testing.assert_allclose(interpretations.loss_weights(schedule, measured)[name], 1, rtol=1e-6)


def test_weights_written_for_another_answer_are_the_same_loss() -> None:
    """w_Q amplified_Q^2 does not depend on Q."""
    weights = {name: interpretations.loss_weights("cosine", name) for name in interpretations.names()}
    curves = interpretations.amplified("cosine")
    for loss in interpretations.losses():
        cost = [weights[name][loss] / curves[name][1] ** 2 for name in interpretations.names()]
        np.testing.assert_allclose(cost, np.broadcast_to(cost[0], np.shape(cost)), rtol=1e-9)


@pytest.mark.row("O9")
def test_a_step_costs_what_ddpm_says() -> None:
    t, weights = interpretations.step_weights("linear", 1000)
    np.testing.assert_allclose(t, np.arange(2, 1001) / 1000)
    beta = np.linspace(1e-4, 0.02, 1000)
    alpha_bar = np.cumprod(1 - beta)
    b, now, before = beta[1:], alpha_bar[1:], alpha_bar[:-1]
    tilde = b * (1 - before) / (1 - now)
    np.testing.assert_allclose(weights["x0"], before * b**2 / (2 * tilde * (1 - now) ** 2), rtol=1e-6)
    np.testing.assert_allclose(weights["eps"], b**2 / (2 * tilde * (1 - b) * (1 - now)), rtol=1e-6)
    np.testing.assert_allclose(weights["score"], b**2 / (2 * tilde * (1 - b)), rtol=1e-6)
