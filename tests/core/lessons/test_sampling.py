"""The walks of the page on the reverse process: their ends, their errors and the distances that measure them."""

import math

import numpy as np
import pytest
import torch

from pedesis.denoiser import Condition
from pedesis.lessons import mixtures, plane, sampling
from pedesis.process import Process, Time
from pedesis.samplers import SAMPLERS
from pedesis.theory.exact import EmpiricalDenoiser, Mixture, MixtureDenoiser

PROCESS = Process("cosine")


def round_gaussian(var: float) -> MixtureDenoiser:
    """The exact denoiser of N(0, var I) in the plane."""
    data = Mixture(torch.ones(1).double(), torch.zeros(1, 2).double(), var * torch.eye(2).double()[None])
    return MixtureDenoiser(data, PROCESS)


def test_every_sampler_and_grid_is_offered() -> None:
    assert set(sampling.names()) == set(SAMPLERS)
    assert sampling.source("ddim") == "pedesis.samplers.ancestral:DDIM"
    assert not sampling.stochastic("ddim") and sampling.stochastic("ddpm")


@pytest.mark.parametrize("sampler", sampling.names())
def test_walks_of_all_samplers_bring_the_data(sampler: str) -> None:
    denoiser, drawn = mixtures.denoiser("grid", "cosine"), mixtures.sample("grid", 20_000, 1)[0].numpy()
    walk = sampling.walk(denoiser, sampler, 32, "log-snr", 500)
    assert walk.points.shape == (33, 500, 2)
    assert walk.t[0] == 1 and walk.t[-1] == 0
    assert abs(walk.points[0].std() - 1) < 0.1
    quantiles = sampling.spread(drawn, 500)
    floor = sampling.floor(drawn, quantiles)
    assert sampling.distance(walk.samples, quantiles) < 2.5 * floor < sampling.distance(walk.points[0], quantiles)


def test_the_denoiser_is_asked_as_often_as_is_said() -> None:
    denoiser = round_gaussian(1.0)
    asked = {name: sampling.walk(denoiser, name, 8, "uniform", 2).evaluations for name in ("ddim", "ddpm", "pc")}
    assert asked == {"ddim": 8, "ddpm": 8, "pc": 15}  # nothing is corrected after the last step


def test_from_one_point_the_flow_goes_to_one_point_and_noise_goes_anywhere() -> None:
    denoiser = mixtures.denoiser("ring", "cosine")
    quiet = sampling.walk(denoiser, "ddim", 16, "uniform", 300, together=True)
    assert quiet.spread < 1e-9
    noisy = sampling.walk(denoiser, "ddpm", 64, "uniform", 300, together=True)
    assert noisy.spread == pytest.approx(math.sqrt(2), rel=0.1)  # data of variance 1 in both directions
    np.testing.assert_array_equal(noisy.points[0], quiet.points[0])


def test_the_flow_of_a_gaussian_is_a_scaling() -> None:
    """Data N(0, s^2 I): x_t keeps its place in the normal law, so x_0 = s x_1 / sqrt(alpha^2 s^2 + sigma^2)."""
    s = 0.3
    end = sampling.flow_end(round_gaussian(s**2), 50)
    start = sampling.walk(round_gaussian(s**2), "ddim", 1, "uniform", 50).points[0]
    log_snr = float(PROCESS.log_snr(1.0))
    alpha_squared = 1 / (1 + math.exp(-log_snr))
    factor = s / math.sqrt(alpha_squared * s**2 + 1 - alpha_squared)
    np.testing.assert_allclose(end, factor * start, rtol=2e-3)


@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("heun", 2), ("dpm++2m", 2)])
def test_errors_fall_with_the_order_of_the_sampler(sampler: str, order: int) -> None:
    denoiser = round_gaussian(0.25)
    errors = sampling.flow_error(denoiser, sampler, "log-snr", sampling.flow_end(denoiser, 20))
    assert np.log2(errors[-3] / errors[-2]) == pytest.approx(order, abs=0.35)


def test_distances_are_those_of_wasserstein() -> None:
    rng = np.random.default_rng(0)
    data = rng.standard_normal((40_000, 2))
    quantiles = sampling.spread(data, 40_000)
    assert sampling.distance(data, quantiles) == 0
    shift = np.array([0.3, -0.4])  # seen from direction u it moves all points by |u . shift|: 2/pi |shift| on average
    assert sampling.distance(data + shift, quantiles) == pytest.approx(0.5 * 2 / math.pi, rel=0.01)
    stretched = sampling.distance(2 * data, quantiles)  # E|2 z - z| in every direction
    assert stretched == pytest.approx(math.sqrt(2 / math.pi), rel=0.02)
    few = sampling.spread(data, 100)
    draws = [sampling.distance(rng.standard_normal((100, 2)), few) for _ in range(50)]
    assert sampling.floor(data, few, 200) == pytest.approx(np.mean(draws), rel=0.1)


def test_frames_hold_both_ends() -> None:
    denoiser = round_gaussian(1.0)
    for steps in (1, 5, 40, 64):
        walk = sampling.walk(denoiser, "ddim", steps, "uniform", 2)
        shown = sampling.moments(walk, 41)
        assert shown[0] == 0 and shown[-1] == steps
        assert len(shown) == min(steps + 1, 41)


def test_histogram_integrates_to_one_and_finds_the_points() -> None:
    x = plane.axis(61)
    table = sampling.histogram(np.array([[1.0, -2.0]] * 3), x)
    assert table.sum() * (x[1] - x[0]) ** 2 == pytest.approx(1)
    row, column = np.argwhere(table)[0]
    assert (x[column], x[row]) == pytest.approx((1.0, -2.0))


def test_difference_of_two_gaussians() -> None:
    """eps_hat = sigma x_t / (alpha^2 s^2 + sigma^2) for data N(0, s^2 I)."""
    right, wrong, t = round_gaussian(1.0), round_gaussian(0.25), 0.5
    data = np.random.default_rng(0).standard_normal((4000, 2))
    difference = sampling.difference(right, wrong, data, t)
    alpha, sigma = (float(c) for c in PROCESS.alpha_sigma(PROCESS.log_snr(t)))
    gap = sigma * (1 / (0.25 * alpha**2 + sigma**2) - 1)
    y, x = np.meshgrid(difference.x, difference.x, indexing="ij")
    np.testing.assert_allclose(difference.apart, gap * np.hypot(x, y), rtol=1e-9)
    np.testing.assert_allclose(difference.exact[..., 0], sigma * x, atol=1e-12)
    assert difference.average == pytest.approx(gap * math.sqrt(2), rel=0.05)  # |x_t| has the mean square 2
    assert difference.average == sampling.error(right, wrong, data, t)
    assert difference.points.std() == pytest.approx(1, abs=0.03)


def test_the_training_set_gives_back_the_training_set() -> None:
    data = mixtures.sample("moons", 50)[0].numpy()
    denoiser = sampling.empirical(data, PROCESS)
    samples = sampling.walk(denoiser, "dpm++2m", 64, "log-snr", 30).samples
    nearest = np.linalg.norm(samples[:, None] - data, axis=-1).min(1)
    assert np.quantile(nearest, 0.9) < 1e-3
    x_t = torch.as_tensor(data[:9]) + 0.1
    twin = EmpiricalDenoiser(torch.as_tensor(data), PROCESS)
    torch.testing.assert_close(denoiser(x_t, 0.5).x0, twin(x_t, 0.5).x0, atol=1e-5, rtol=1e-5)
    assert denoiser(x_t, 0.5).x0.dtype == torch.float64


@pytest.mark.parametrize("label", [None, 0, 1])
def test_a_network_is_asked_in_its_own_precision_and_for_one_class(label: int | None) -> None:
    class Picky(EmpiricalDenoiser):
        def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
            assert x_t.dtype == torch.float32
            return super().x0(x_t, t, condition)

    two = Picky(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), PROCESS, labels=torch.tensor([0, 1]))
    ends = sampling.walk(sampling.single(two, label), "ddim", 8, "uniform", 40).samples
    places = set(ends[:, 0].round(3).tolist())
    assert places == ({-1.0, 1.0} if label is None else {2.0 * label - 1})


def test_bad_numbers_are_named() -> None:
    denoiser = round_gaussian(1.0)
    with pytest.raises(ValueError, match="at least 1 step; got 0"):
        sampling.walk(denoiser, "ddim", 0, "uniform", 3)
    with pytest.raises(ValueError, match="unknown sampler 'ddin'; did you mean 'ddim'"):
        sampling.walk(denoiser, "ddin", 3, "uniform", 3)
    with pytest.raises(ValueError, match="unknown time grid"):
        sampling.walk(denoiser, "ddim", 3, "even", 3)
