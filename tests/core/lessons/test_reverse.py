"""The lesson on the reverse conditional: Bayes' rule, the law of total probability, and orders in beta."""

import numpy as np
import pytest
from scipy.stats import norm

from pedesis.lessons import mixtures, reverse, schedules


@pytest.mark.row("R2")
def test_the_numbers_of_ddpms_steps() -> None:
    beta = np.concatenate([[0], np.linspace(1e-4, 0.02, 1000)])
    alpha_bar = np.cumprod(1 - beta)
    for i in (2, 300, 1000):
        found = reverse.step("linear", (i - 1) / 1000, i / 1000)
        assert found.beta == pytest.approx(beta[i], rel=1e-7)
        assert found.beta_tilde == pytest.approx(beta[i] * (1 - alpha_bar[i - 1]) / (1 - alpha_bar[i]), rel=1e-7)
        on_x_t = np.sqrt(1 - beta[i]) * (1 - alpha_bar[i - 1]) / (1 - alpha_bar[i])
        assert found.on_x_t == pytest.approx(on_x_t, rel=1e-7)
        assert found.on_x_0 == pytest.approx(np.sqrt(alpha_bar[i - 1]) * beta[i] / (1 - alpha_bar[i]), rel=1e-7)


def test_steps_of_one_size() -> None:
    times, steps = reverse.steps("cosine", 0.2, 8)
    np.testing.assert_allclose(times, np.linspace(0.3, 1, 8))
    assert steps[2] == reverse.step("cosine", times[2] - 0.2, times[2])
    assert all(s.beta_tilde < s.beta for s in steps)


def test_a_step_never_reaches_clean_data() -> None:
    assert reverse.before(0.5, 0.1) == pytest.approx(0.4)
    assert reverse.before(0.5, 0.5) == pytest.approx(0.01)
    assert reverse.before(0.02, 0.5) > 0


@pytest.mark.row("R2")
@pytest.mark.parametrize(("s", "t"), [(0.2, 0.3), (0.29, 0.3), (0.1, 0.9)])
def test_the_posterior_is_prior_times_likelihood(s: float, t: float) -> None:
    known = reverse.bayes("linear", 1.0, -0.3, s, t)
    product = known.prior * known.likelihood
    np.testing.assert_allclose(known.posterior, product / np.trapezoid(product, known.x), rtol=1e-6, atol=1e-9)
    now, before = schedules.level("linear", t), schedules.level("linear", s)
    np.testing.assert_allclose(known.prior, norm.pdf(known.x, before.signal, before.noise), rtol=1e-9)
    a = now.signal / before.signal
    spread = np.sqrt(now.noise**2 - a**2 * before.noise**2)
    np.testing.assert_allclose(known.likelihood, norm.pdf(known.x, -0.3 / a, spread / a), rtol=1e-6)


@pytest.mark.row("R1")
@pytest.mark.parametrize("data", mixtures.LINE)
@pytest.mark.parametrize(("s", "t"), [(0.2, 0.3), (0.05, 0.8)])
def test_the_exact_law_averages_the_known_one_over_the_data(data: str, s: float, t: float) -> None:
    """q(x_s | x_t) = integral of q(x_s | x_t, x_0) p(x_0 | x_t) over x_0, on a fine grid."""
    x_t, step, now = 0.4, reverse.step("linear", s, t), schedules.level("linear", t)
    found = reverse.reverse(data, "linear", x_t, s, t)
    toy, x_0 = mixtures.mixture(data), np.linspace(-12, 12, 8001)
    prior = norm.pdf(x_0[:, None], toy.means[:, 0], toy.covs[:, 0, 0].sqrt().numpy()) @ toy.weights.numpy()
    weight = prior * norm.pdf(x_t, now.signal * x_0, now.noise)
    weight /= np.trapezoid(weight, x_0)
    some = slice(0, None, 40)
    known = norm.pdf(found.x[some, None], step.on_x_t * x_t + step.on_x_0 * x_0, np.sqrt(step.beta_tilde))
    np.testing.assert_allclose(found.exact[some], np.trapezoid(known * weight, x_0, axis=1), atol=1e-8)


@pytest.mark.row("R9")
@pytest.mark.row("O3")
def test_the_two_gaussians_and_their_distances() -> None:
    now = reverse.reverse("uneven", "cosine", -0.2, 0.4, 0.6)
    moments = [np.trapezoid(now.exact * now.x**n, now.x) for n in (0, 1, 2)]
    assert moments[0] == pytest.approx(1, abs=1e-9)
    std = np.sqrt(moments[2] - moments[1] ** 2)
    np.testing.assert_allclose(now.best, norm.pdf(now.x, moments[1], std), atol=1e-7)
    beta = reverse.step("cosine", 0.4, 0.6).beta
    assert np.trapezoid(now.small * now.x**2, now.x) - np.trapezoid(now.small * now.x, now.x) ** 2 == pytest.approx(
        beta
    )
    for gaussian, predicted in ((now.small, now.small_kl), (now.best, now.best_kl)):
        kl = np.trapezoid(now.exact * np.log2(now.exact / gaussian), now.x)
        assert predicted == pytest.approx(kl, rel=1e-6)
    assert now.best_kl < now.small_kl


@pytest.mark.row("R9")
@pytest.mark.parametrize("data", mixtures.LINE[:-1])
def test_orders_in_beta(data: str) -> None:
    """KL ~ beta^2 for the mean from the score and variance beta, beta^3 for the exact mean and variance."""
    found = reverse.gaps(data, "linear", 0.3, 0.3, 13)
    for values, order in ((found.small, 2), (found.best, 3)):
        slopes = np.diff(np.log(values)) / np.diff(np.log(found.beta))
        assert slopes[0] == pytest.approx(order, abs=0.15)
        assert values[0] < 1e-6 < 0.01 < values[-1]
    assert (found.best <= found.small * 1.001).all()


@pytest.mark.row("R9")
def test_one_gaussian_stays_gaussian_at_every_step() -> None:
    found = reverse.gaps("one Gaussian", "linear", 1.3, 0.7, 7)
    np.testing.assert_allclose([found.small, found.best], 0, atol=1e-12)
    assert found.beta[-1] > 0.5
