"""The lesson's noisy pictures have the mean and variance of the closed form, by either way."""

import numpy as np
import pytest

from pedesis.lessons import forward, pictures, schedules


@pytest.fixture
def cat() -> pictures.Pixels:
    return pictures.picture("cat")


@pytest.mark.row("F5")
@pytest.mark.parametrize("schedule", schedules.names())
@pytest.mark.parametrize("t", [0.1, 0.5, 1.0])
def test_the_jump_is_the_kernel(cat: pictures.Pixels, schedule: str, t: float) -> None:
    alpha_bar = schedules.level(schedule, t).alpha_bar
    eps = forward.jump(np.full_like(cat, 255), schedule, t) - np.sqrt(alpha_bar)  # white is x0 = 1
    n = eps.size
    assert abs(eps.mean()) < 4 * np.sqrt((1 - alpha_bar) / n)
    assert abs(eps.var() / (1 - alpha_bar) - 1) < 4 * np.sqrt(2 / n)


@pytest.mark.row("F1")
@pytest.mark.parametrize("schedule", schedules.names())
@pytest.mark.parametrize("steps", [1, 7, 100])
def test_any_number_of_steps_has_the_law_of_the_jump(cat: pictures.Pixels, schedule: str, steps: int) -> None:
    walked = forward.walk(cat, schedule, 0.4, steps, seed=3)
    measured, law = forward.moments(walked, cat, schedule, 0.4), forward.law(cat, schedule, 0.4)
    n = walked.size
    assert abs(measured.noise_mean) < 4 / np.sqrt(n)
    assert abs(measured.noise_std - 1) < 4 / np.sqrt(2 * n)
    assert measured.mean == pytest.approx(law.mean, abs=0.03)
    assert measured.std == pytest.approx(law.std, abs=0.03)
    # the noise knows nothing of the picture
    x0 = cat.astype(float) / 127.5 - 1
    eps = forward.added(walked, cat, schedule, 0.4)
    assert abs(np.corrcoef(x0.ravel(), eps.ravel())[0, 1]) < 4 / np.sqrt(n)


def test_one_step_is_the_jump(cat: pictures.Pixels) -> None:
    np.testing.assert_allclose(forward.walk(cat, "linear", 0.3, 1), forward.jump(cat, "linear", 0.3), atol=1e-5)


def test_the_film_begins_with_the_picture_and_holds_the_jump(cat: pictures.Pixels) -> None:
    film = forward.film(cat, "cosine", [0.0, 0.3, 1.0], seed=5)
    np.testing.assert_array_equal(forward.show(film[0]), cat)
    np.testing.assert_allclose(film[1], forward.jump(cat, "cosine", 0.3, seed=5), atol=1e-6)
    assert not np.array_equal(film[1], forward.jump(cat, "cosine", 0.3, seed=6))


def test_remains_of_a_chain_that_keeps_all_or_nothing(cat: pictures.Pixels) -> None:
    np.testing.assert_array_equal(forward.show(forward.remains(cat, 1.0)), cat)
    assert abs(forward.remains(cat, 0.0).std() - 1) < 0.03


def test_histogram_integrates_to_one() -> None:
    eps = np.random.default_rng(0).standard_normal(100_000)
    histogram = forward.histogram({"eps": eps})
    width = histogram.centers[1] - histogram.centers[0]
    assert histogram.measured["eps"].sum() * width == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(histogram.normal, np.exp(-(histogram.centers**2) / 2) / np.sqrt(2 * np.pi))
    np.testing.assert_allclose(histogram.measured["eps"], histogram.normal, atol=0.02)


def test_bad_numbers_are_named(cat: pictures.Pixels) -> None:
    with pytest.raises(ValueError, match="at least 1 step; got 0"):
        forward.walk(cat, "linear", 0.5, 0)
    with pytest.raises(ValueError, match=r"t in \(0, 1\]; got 0"):
        forward.walk(cat, "linear", 0, 5)
    with pytest.raises(ValueError, match="no noise has been added at t = 0"):
        forward.moments(forward.jump(cat, "linear", 0), cat, "linear", 0)
    with pytest.raises(ValueError, match=r"\[0, 1\]; got 1.5"):
        forward.remains(cat, 1.5)
    with pytest.raises(ValueError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        forward.jump(cat, "cosin", 0.5)


def test_the_formula_shows_the_numbers() -> None:
    assert "0.630" in forward.kernel_formula("linear", 0.3)
    assert "0.604" in forward.kernel_formula("linear", 0.3)
