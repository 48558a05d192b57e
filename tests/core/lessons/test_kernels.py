"""The lesson on diffusion kernels against scipy's densities, convolution, and counting."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from pedesis.lessons import kernels, mixtures, schedules


def law(data: str, schedule: str, t: float, x: np.ndarray) -> np.ndarray:
    """q(x_t) as the convolution of the data with the kernel, by quadrature over x_0."""
    toy, now = mixtures.mixture(data), schedules.level(schedule, t)
    x0 = np.linspace(-6, 6, 6001)
    std = toy.covs[:, 0, 0].sqrt().numpy()
    density = norm.pdf(x0[:, None], toy.means[:, 0], std) @ (toy.weights / toy.weights.sum()).numpy()
    return np.trapezoid(density * norm.pdf(x[:, None], now.signal * x0, now.noise), x0, axis=1)


@pytest.mark.row("F5")
@pytest.mark.parametrize("schedule", schedules.names())
def test_the_kernel_over_time(schedule: str) -> None:
    field = kernels.kernel_field(schedule, 1.5)
    assert field.density.shape == (len(field.x), len(field.t))
    for i in (3, 40, 119):
        now = schedules.level(schedule, field.t[i])
        np.testing.assert_allclose(
            field.density[:, i], norm.pdf(field.x, 1.5 * now.signal, now.noise), rtol=1e-9, atol=1e-12
        )


@pytest.mark.row("F10")
@pytest.mark.parametrize("data", mixtures.LINE)
def test_the_law_is_the_data_blurred_by_the_kernel(data: str) -> None:
    field = kernels.law_field(data, "cosine")
    for i in (9, 59, 119):
        np.testing.assert_allclose(field.density[:, i], law(data, "cosine", field.t[i], field.x), atol=1e-7)
    np.testing.assert_allclose(field.density[:, -1], norm.pdf(field.x), atol=0.01)


@pytest.mark.row("F1")
@pytest.mark.parametrize("schedule", ["linear", "flow", "edm"])
def test_paths_have_the_law_of_the_kernel_at_every_time(schedule: str) -> None:
    paths = kernels.paths_from(schedule, -1.2, 20_000)
    for i, t in list(enumerate(kernels.times()))[:: kernels.STEPS // 4]:
        now = schedules.level(schedule, t)
        assert paths[i].mean() == pytest.approx(-1.2 * now.signal, abs=0.03)
        assert paths[i].std() == pytest.approx(now.noise, abs=0.02)
    np.testing.assert_allclose(kernels.paths_of("three bumps", schedule, 20_000).std(1), 1, atol=0.03)


def test_a_slice_is_a_column_of_the_fields() -> None:
    at = kernels.at("uneven", "linear", 0.7, 0.25)
    i = list(kernels.times()).index(0.25) - 1
    for density, field in (
        (at.kernel, kernels.kernel_field("linear", 0.7)),
        (at.law, kernels.law_field("uneven", "linear")),
    ):
        np.testing.assert_allclose(np.interp(field.x, at.x, density), field.density[:, i], atol=1e-3)
    np.testing.assert_allclose(at.normal, norm.pdf(at.x), rtol=1e-12)


@pytest.mark.parametrize("t", [0.02, 0.3, 1.0])
def test_distances_from_noise(t: float) -> None:
    now = schedules.level("linear", t)
    closed = ((now.signal * 1.5) ** 2 + now.noise**2 - 1 - math.log(now.noise**2)) / 2 / math.log(2)
    assert kernels.kernel_kl("linear", 1.5, t) == pytest.approx(closed, rel=1e-6, abs=1e-9)
    assert kernels.law_kl("one Gaussian", "linear", t) == pytest.approx(0, abs=1e-12)
    starts = kernels.merge("two bumps", "linear", 200, t).starts
    mean = np.mean([kernels.kernel_kl("linear", float(s), t) for s in starts])
    assert -1e-9 < kernels.law_kl("two bumps", "linear", t) < mean  # KL is convex


def test_the_average_of_the_kernels_tends_to_the_law() -> None:
    errors = []
    for count in (8, 2000):
        merge = kernels.merge("three bumps", "linear", count, 0.1)
        np.testing.assert_allclose(np.trapezoid(merge.kernels, merge.x, axis=1), 1 / count, rtol=1e-4)
        errors.append(np.trapezoid(abs(merge.average - merge.law), merge.x) / 2)
    assert errors[1] < 0.03 < errors[0] / 3


def test_information_is_what_a_guess_of_the_starting_point_gains() -> None:
    """log2 N q(n | x_t), averaged over draws of n and of x_t from its kernel."""
    count, t, rng = 5, 0.2, np.random.default_rng(0)
    starts, now = kernels.merge("two bumps", "linear", count, t).starts, schedules.level("linear", t)
    n = rng.integers(0, count, 100_000)
    x_t = now.signal * starts[n] + now.noise * rng.standard_normal(len(n))
    density = norm.pdf(x_t[:, None], now.signal * starts, now.noise)
    gained = np.log2(count * density[np.arange(len(n)), n] / density.sum(1))
    assert kernels.information("two bumps", "linear", count, t) == pytest.approx(gained.mean(), abs=0.01)


def test_information_only_falls() -> None:
    bits = [kernels.information("three bumps", "cosine", 6, t) for t in (0.001, 0.1, 0.3, 0.6, 1.0)]
    assert bits[0] == pytest.approx(math.log2(6), abs=0.02)
    assert (np.diff(bits) < 0).all()
    assert bits[-1] == pytest.approx(0, abs=1e-3)


def test_the_cloud_flows_from_the_data_to_noise_and_forgets() -> None:
    cloud = kernels.cloud("ring", "linear", 4000, 11)
    np.testing.assert_array_equal(cloud.points[0], mixtures.sample("ring", 4000)[0])
    for i in (0, 3, 10):  # the correlation with the start is what is left of the signal
        with_start = np.mean(cloud.points[0] * cloud.points[i])
        assert with_start == pytest.approx(schedules.level("linear", cloud.t[i]).signal, abs=0.03)
        np.testing.assert_allclose(np.cov(cloud.points[i].T), np.eye(2), atol=0.06)


def test_the_plane() -> None:
    now, level = kernels.circles("moons", "cosine", 0.4, 6), schedules.level("cosine", 0.4)
    np.testing.assert_allclose(now.centers, level.signal * mixtures.sample("moons", 6, 1)[0].numpy(), rtol=1e-12)
    assert now.radius == pytest.approx(level.noise)
    assert np.trapezoid(np.trapezoid(now.density, now.axis), now.axis) == pytest.approx(1, abs=0.01)
    toy = mixtures.mixture("moons")
    x, y = now.axis[70], now.axis[40]
    density = [
        multivariate_normal(level.signal * m, level.signal**2 * c + level.noise**2 * np.eye(2)).pdf([x, y])
        for m, c in zip(toy.means.numpy(), toy.covs.numpy(), strict=True)
    ]
    assert now.density[40, 70] == pytest.approx(np.mean(density), rel=1e-9)


def test_one_more_starting_point_leaves_the_others_in_place() -> None:
    few, more = (kernels.merge("uneven", "linear", n, 0.5).starts for n in (8, 9))
    assert set(few) < set(more)
