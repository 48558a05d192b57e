"""The lesson on the bound against integrals, closed forms and its own library by Monte Carlo."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from pedesis.lessons import elbo, mixtures, schedules
from pedesis.samplers.timesteps import timesteps
from pedesis.theory.elbo import elbo as monte_carlo
from pedesis.theory.reverse import OptimalVariance
from pedesis.utils.noise import gaussian_noise

BIN = -math.log2(elbo.RESOLUTION)


@pytest.mark.parametrize("data", mixtures.LINE)
def test_the_truth_is_the_entropy(data: str) -> None:
    exact = mixtures.mixture(data)

    def density(x: float) -> float:
        bumps = zip(exact.weights.tolist(), exact.means[:, 0].tolist(), exact.covs[:, 0, 0].tolist(), strict=True)
        return float(sum(w * stats.norm.pdf(x, m, v**0.5) for w, m, v in bumps))

    entropy, _ = integrate.quad(lambda x: -density(x) * math.log2(max(density(x), 1e-300)), -9, 9, limit=400)
    assert elbo.truth(data) == pytest.approx(entropy + BIN, abs=1e-5)


@pytest.mark.row("O6")
@pytest.mark.parametrize("schedule", ["cosine", "linear", "flow"])
@pytest.mark.parametrize("steps", [1, 2, 8])
def test_one_gaussian_costs_its_entropy_in_any_number_of_steps(schedule: str, steps: int) -> None:
    """Its reverse conditionals are Gaussian, so nothing is lost, and each x_t costs exactly what it tells."""
    found = elbo.bound("one Gaussian", schedule, steps)
    assert found.total == pytest.approx(0.5 * math.log2(2 * math.pi * math.e) + BIN, abs=1e-4)
    snr = np.exp(found.log_snr[1:])
    np.testing.assert_allclose(found.distortion[1:] ** 2, 1 / (1 + snr), rtol=1e-4)
    np.testing.assert_allclose(found.rate[1:], 0.5 * np.log2(1 + snr), atol=1e-4)
    np.testing.assert_allclose(found.rate[1:], np.log2(1 / found.distortion[1:]), atol=1e-4)


@pytest.mark.row("O10")
@pytest.mark.parametrize("data", ["two bumps", mixtures.LINE[3]])
def test_the_integral_is_what_monte_carlo_estimates(data: str) -> None:
    model, count = mixtures.denoiser(data, "cosine"), 20_000
    x0, _ = mixtures.sample(data, count)
    times = timesteps(model.process, 6)
    drawn = monte_carlo(model, x0, times, gaussian_noise(1), OptimalVariance(), levels=None)
    found = elbo.bound(data, "cosine", 6, "uniform")
    for term, nats in (
        ("prior", drawn.prior),
        ("denoising", drawn.diffusion),
        ("reconstruction", drawn.reconstruction),
    ):
        bits = nats / math.log(2) + (BIN if term == "reconstruction" else 0)
        assert found.of(term) == pytest.approx(bits.mean().item(), abs=4 * bits.std().item() / count**0.5 + 1e-6), term


@pytest.mark.parametrize("variance", elbo.RULES)
@pytest.mark.parametrize("data", mixtures.LINE)
def test_nobody_beats_the_truth_and_steps_close_the_gap(data: str, variance: str) -> None:
    truth = elbo.truth(data)
    totals = {n: sum(terms.values()) for n, terms in elbo.sweep(data, "cosine", variance=variance).items()}
    assert min(totals.values()) > truth - 1e-4
    assert 1 in totals or variance == "posterior"
    if variance == "optimal":
        assert totals[64] - truth < 0.03 and totals[64] <= totals[8] <= totals[2] + 1e-9


def test_the_terms_of_the_sweep_are_those_of_the_bound() -> None:
    found, swept = (
        elbo.bound("uneven", "linear", 4, "uniform", "beta"),
        elbo.sweep("uneven", "linear", "uniform", "beta"),
    )
    assert {term: pytest.approx(found.of(term)) for term in swept[4]} == swept[4]
    assert found.terms == ("prior", "denoising", "denoising", "denoising", "reconstruction")
    assert found.t.tolist() == [1, 1, 0.75, 0.5, 0.25]
    assert found.rate[0] == 0 and found.rate[-1] + found.bits[-1] == pytest.approx(found.total)
    assert (np.diff(found.distortion) <= 1e-9).all(), "whoever knows more errs less"


@pytest.mark.row("O7")
@pytest.mark.parametrize("schedule", ["cosine", "linear-log-snr"])
def test_one_step_is_the_vae_with_that_latent(schedule: str) -> None:
    found = elbo.bound("two bumps", schedule, 1)
    level = schedules.end(schedule).log_snr
    curve = elbo.vae("two bumps", np.array([level]))
    assert found.of("denoising") == 0 and len(found.bits) == 2
    assert curve.rate[0] == pytest.approx(found.of("prior"), abs=1e-12)
    assert curve.distortion[0] == pytest.approx(found.of("reconstruction"), rel=1e-12)


def test_the_bits_of_a_level_are_half_the_snr_times_the_error() -> None:
    """In many steps d rate / d log_snr = 1/2 SNR E(x_0 - x0_hat)^2 (Guo, Shamai, Verdu 2005); they sum to the term."""
    found = elbo.bound("two bumps", "cosine", 400)
    middle, bits = found.per_level()
    error = np.interp(middle, found.log_snr[1:], found.distortion[1:]) ** 2
    np.testing.assert_allclose(bits, np.exp(middle) * error / 2 / math.log(2), rtol=0.02, atol=1e-3)
    assert (bits * np.diff(found.log_snr[1:])).sum() == pytest.approx(found.of("denoising"))


@pytest.mark.row("L2")
@pytest.mark.parametrize("log_snr", [-6.0, 0.0, 4.0])
def test_the_linear_vae_in_closed_form_is_the_one_step_bound(log_snr: float) -> None:
    curve = elbo.vae("one Gaussian", np.array([log_snr]))
    assert elbo.linear_vae(log_snr) == pytest.approx(curve.total[0], abs=1e-9)
    assert curve.total[0] == pytest.approx(elbo.truth("one Gaussian"), abs=1e-6)
    assert curve.rate[0] == pytest.approx(0.5 * math.log2(1 + math.exp(log_snr)), abs=1e-6)


@pytest.mark.parametrize("log_snr", [-25.0, 25.0])
def test_useless_and_perfect_latents_both_cost_the_gaussian_of_the_same_size(log_snr: float) -> None:
    """Without a latent the decoder must be one Gaussian; with a perfect one the prior is: the same code twice."""
    curve = elbo.vae("two bumps", np.array([log_snr]))
    assert curve.total[0] == pytest.approx(elbo.truth("one Gaussian"), abs=1e-3)


def test_one_step_and_the_posterior_variance_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="single step"):
        elbo.bound("two bumps", "cosine", 1, variance="posterior")


def test_a_measured_bound_is_read_back() -> None:
    columns = {
        "term": ["prior", "denoising", "reconstruction", "total"],
        "t": [1.0, 1.0, 0.2, 0.0],
        "log_snr": [-10.0, -10.0, 3.0, math.inf],
        "bits": [0.1, 2.0, 1.5, 3.6],
        "error": [0.0, 0.2, 0.1, 0.25],
        "rms": [90.0, 80.0, 5.0, 0.0],
    }
    found, total, error = elbo.from_table(columns)
    assert (total, error) == (3.6, 0.25) and found.total == pytest.approx(3.6)
    assert found.rate.tolist() == pytest.approx([0, 0.1, 2.1]) and found.of("denoising") == 2.0
    with pytest.raises(ValueError, match="total; got 'reconstruction'"):
        elbo.from_table({name: column[:-1] for name, column in columns.items()})


def test_the_nodes_integrate_moments(points: torch.Tensor) -> None:
    nodes = elbo.nodes(mixtures.mixture("uneven"))
    assert nodes.mean(torch.ones_like(nodes.weight)) == pytest.approx(1, abs=1e-12)
    for values, expected in ((nodes.x0, (0, 1)), (nodes.eps, (0, 1))):
        moments = [nodes.mean(values[:, 0] ** k) for k in (1, 2)]
        assert moments == pytest.approx(expected, abs=1e-6)
    assert nodes.mean((nodes.x0 * nodes.eps)[:, 0]) == pytest.approx(0, abs=1e-12)
    assert nodes.mean(nodes.eps[:, 0] ** 4) == pytest.approx(3, abs=1e-9)
