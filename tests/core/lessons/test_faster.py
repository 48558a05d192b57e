"""The lesson on few steps: what theory says must be best is best, and the student is its teacher."""

import itertools

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from pedesis.lessons import elbo, faster, mixtures
from pedesis.samplers import DDIM
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.theory.reverse import OptimalVariance

SHAPES = mixtures.LINE[:-1]


def test_one_gaussian_is_as_wide_as_beta_assumes() -> None:
    found = faster.assumed("one Gaussian", "cosine")
    for share in (found.mean, found.low, found.high):
        np.testing.assert_allclose(share, 1, atol=1e-6)
    np.testing.assert_allclose(found.estimated, 1, atol=0.1)


@pytest.mark.row("N4")
@pytest.mark.parametrize("data", SHAPES)
def test_the_norm_of_the_score_tells_the_mean_variance(data: str) -> None:
    found = faster.assumed(data, "cosine")
    assert ((found.low <= found.mean + 1e-9) | (found.mean < found.high)).all()
    assert found.mean.max() <= 1 + 1e-6, "no data of variance 1 are wider than a Gaussian, on average"
    at_those = np.interp(found.at, found.log_snr, found.mean)
    np.testing.assert_allclose(found.estimated, at_those, atol=0.1)
    table = faster.analytic(data, "cosine")
    shares = (table.variances / torch.sigmoid(-table.log_snrs)).numpy()
    # E Var[x_0 | x_t] from the law of the posterior, against E (x_0 - x0_hat)^2 from the estimate
    np.testing.assert_allclose(np.interp(found.log_snr, table.log_snrs.numpy(), shares), found.mean, atol=0.01)


@pytest.mark.row("O3")
@pytest.mark.parametrize("grid", ["uniform", "log-snr"])
@pytest.mark.parametrize("data", SHAPES)
def test_knowing_more_never_costs_more(data: str, grid: str) -> None:
    """optimal knows the variance at every x_t, analytic its best constant at every level: a theorem, step by step."""
    wasted = faster.by_variance(data, "cosine", grid)
    assert all((bits > -1e-4).all() for bits in wasted.values())
    assert (wasted["optimal"] <= wasted["analytic"] + 1e-6).all()
    for fixed in ("posterior", "beta"):
        assert (wasted["analytic"] <= wasted[fixed] + 1e-3).all(), fixed
    assert wasted["analytic"][-1] < wasted["beta"][-1] and wasted["analytic"][-1] < wasted["posterior"][-1]


@pytest.mark.row("N5")
@pytest.mark.parametrize("data", [SHAPES[0], SHAPES[-1]])
def test_no_grid_beats_the_searched_one(data: str) -> None:
    found = faster.by_grid(data, "cosine")
    best = found.bits[faster.SEARCHED]
    for name, bits in found.bits.items():
        assert (best <= bits + 0.003).all(), name
    assert (np.diff(best) < 0).all(), "more steps can only help who may choose them"
    for steps, starts in found.log_snrs[faster.SEARCHED].items():
        assert len(starts) == steps and (np.diff(starts) > 0).all() and starts[0] == pytest.approx(-10)


@pytest.mark.row("N5")
@pytest.mark.parametrize("grid", list(TIMESTEP_SPACINGS))
def test_the_costs_of_a_grid_add_up_to_its_bound(grid: str) -> None:
    """What the mean squares promise, and the bound that the library takes of the model itself."""
    data = SHAPES[-1]
    known, points = faster.analytic(data, "cosine"), elbo.nodes(mixtures.mixture(data))
    times = timesteps(known.process, 6, grid)
    taken = sum(elbo.terms(known, points, times, OptimalVariance()).values())
    assert faster.expected(known, points, times) == pytest.approx(taken, abs=2e-3)


@pytest.mark.row("N6")
@pytest.mark.parametrize("rounds", [0, 2, faster.ROUNDS])
def test_one_step_with_the_students_answer_lands_where_the_teacher_does(rounds: int) -> None:
    found = faster.student("uneven", "cosine", rounds)
    model = mixtures.denoiser("uneven", "cosine")
    assert found.steps * 2**rounds == faster.TEACHER
    z = torch.as_tensor(found.z)[:, None]
    times = torch.linspace(1, 0, faster.TEACHER + 1, dtype=torch.float64)[: 2**rounds + 1]
    landed = DDIM().sample(model, z, times)[:, 0].numpy()
    alpha, sigma = (v.numpy() for v in model.process.alpha_sigma(model.process.log_snr(times[[0, -1]])))
    step = alpha[1] * found.answer + sigma[1] * (found.z - alpha[0] * found.answer) / sigma[0]
    np.testing.assert_allclose(step, landed, atol=1e-9)
    assert (np.diff(found.answer) > 0).all(), "paths of a flow on a line never cross"
    if rounds == 0:  # the answer that takes one step is the denoiser's own
        np.testing.assert_allclose(found.answer, model.x0(z, 1.0)[:, 0].numpy(), atol=1e-9)


def test_the_answer_grows_from_the_mean_to_the_data() -> None:
    spans = [np.ptp(faster.student("two bumps", "cosine", r).answer) for r in range(faster.ROUNDS + 1)]
    assert all(a < b for a, b in itertools.pairwise(spans))
    assert spans[0] < 0.1 and spans[-1] > 2
    one = faster.student("two bumps", "cosine", faster.ROUNDS)
    assert np.abs(one.plain).max() < 0.1, "one step of DDIM gives the mean"
    assert np.std(one.lands) == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match="0 to 6 times; got 7"):
        faster.student("two bumps", "cosine", 7)


def test_ddim_closes_in_on_the_data_at_first_order() -> None:
    steps, away = faster.distances("three bumps", "cosine")
    assert steps.tolist() == [1, 2, 4, 8, 16, 32, 64] and (np.diff(away) < 0).all()
    assert away[-2] / away[-1] == pytest.approx(2, abs=0.2)


def test_quantiles_and_densities_are_those_of_the_data() -> None:
    data = mixtures.mixture("uneven")
    laws = [stats.norm(m, v**0.5) for m, v in zip(data.means[:, 0].tolist(), data.covs[:, 0, 0].tolist(), strict=True)]
    weights = (data.weights / data.weights.sum()).tolist()
    for share in (0.001, 0.2, 0.5, 0.99):

        def below(x: float, share: float = share) -> float:
            return float(sum(w * law.cdf(x) for w, law in zip(weights, laws, strict=True))) - share

        exact = optimize.brentq(below, -8, 8, xtol=1e-12)
        assert faster.quantiles(data, np.array([share]))[0] == pytest.approx(exact, abs=1e-5)
    draws = faster.quantiles(data, (np.arange(20_000) + 0.5) / 20_000)
    centers, (measured,), real = faster.densities([draws], "uneven", bins=40)
    np.testing.assert_allclose(measured, real, atol=0.06)
    assert real.sum() * np.diff(centers)[0] == pytest.approx(1, abs=0.01)


COLUMNS = {
    "steps": [5.0, 5.0, 5.0, 5.0, 10.0, 10.0, 10.0, 10.0],
    "grid": [faster.SEARCHED, "uniform", "uniform", "uniform"] * 2,
    "variance": ["analytic", "analytic", "posterior", "beta"] * 2,
    "bits": [3.0, 3.5, 4.0, 4.5, 2.0, 2.5, 3.0, 3.5],
    "error": [0.1] * 8,
    "over_analytic": [0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.05, 1.0],
    "over_analytic_error": [0.0, 0.0, 0.01, 0.02, 0.0, 0.0, 0.03, 0.02],
    "over_searched": [0.0, 0.5, 0.7, 0.2, 0.0, 0.4, 0.7, 0.2],
    "over_searched_error": [0.0, 0.1, 0.1, 0.1, 0.0, 0.1, 0.1, 0.1],
}


def test_measured_curves_are_read_by_variance_and_by_grid() -> None:
    variances = faster.measured(COLUMNS, grid="uniform")
    assert list(variances) == ["analytic", "posterior", "beta"]
    assert variances["posterior"].steps.tolist() == [5, 10] and variances["posterior"].bits.tolist() == [4, 3]
    grids = faster.measured(COLUMNS, variance="analytic")
    assert {name: curve.bits.tolist() for name, curve in grids.items()} == {
        faster.SEARCHED: [3, 2],
        "uniform": [3.5, 2.5],
    }


def test_a_gain_is_clear_above_two_standard_errors() -> None:
    gains = faster.gains(COLUMNS, 10)
    assert [(gain.better, gain.bits, gain.clear) for gain in gains] == [
        ("analytic variance", 0.05, False),
        ("analytic variance", 1.0, True),
        (f"{faster.SEARCHED} grid", 0.4, True),
    ]
