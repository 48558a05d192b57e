"""What the page on guidance says of two classes of Gaussians is so."""

import math

import numpy as np
import pytest
import torch

from pedesis.lessons import guidance, plane


def samples_of(sweep: guidance.Sweep, scale: float) -> guidance.Points:
    return sweep.samples[guidance.SCALES.index(scale)]


@pytest.fixture(scope="module")
def everywhere() -> guidance.Sweep:
    return guidance.sweep(0)


@pytest.mark.row("N10")
@pytest.mark.row("N11")
def test_scores_add_up_and_are_the_gradient_of_the_guided_density() -> None:
    scale, t, h = 3.0, 0.4, 1e-5
    now = guidance.scores(1, scale, t)
    np.testing.assert_allclose(now.guided, now.plain + scale * now.push, atol=1e-10)
    exact = guidance.exact()
    sigma = float(exact.process.scales(t, torch.zeros(1).double())[1])

    def log_density(points: np.ndarray) -> np.ndarray:
        x_t = torch.as_tensor(points)
        label = torch.ones(len(points), dtype=torch.int64)
        return (exact.log_prob(x_t, t) + scale * exact.log_class(x_t, t, label)).numpy()

    y, x = (c.ravel() for c in np.meshgrid(now.x, now.x, indexing="ij"))
    at = np.stack([x, y], 1)
    for axis, step in enumerate((np.array([h, 0]), np.array([0, h]))):
        slope = (log_density(at + step) - log_density(at - step)) / (2 * h)
        np.testing.assert_allclose(now.guided[..., axis].ravel(), sigma * slope, atol=1e-6)


def test_densities_are_normalised_and_scale_one_is_the_class() -> None:
    for scale in (0.0, 1.0, 5.0):
        now = guidance.densities(0, scale, 0.3, points=161)
        area = (now.x[1] - now.x[0]) ** 2
        assert now.guided.sum() * area == pytest.approx(1)
        assert now.mine.sum() * area == pytest.approx(1, abs=5e-3)  # some of it lies beyond the picture
        if scale == 0:
            np.testing.assert_allclose(now.guided, now.both, atol=5e-3)
        if scale == 1:
            np.testing.assert_allclose(now.guided, now.mine, atol=5e-3)


@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
def test_classifier_and_classifier_free_are_the_same(scale: float) -> None:
    apart, ends = guidance.classifiers_agree(0, scale)
    assert apart < 1e-11 and ends < 1e-11


def test_samples_at_scale_one_are_the_class_and_at_zero_all_data(everywhere: guidance.Sweep) -> None:
    one, none = samples_of(everywhere, 1.0), samples_of(everywhere, 0.0)
    truth = guidance.draws(0, 20_000)
    np.testing.assert_allclose(one.mean(0), truth.mean(0), atol=4 * truth.std() / math.sqrt(guidance.COUNT))
    assert np.argmin(everywhere.distance) == guidance.SCALES.index(1.0)
    np.testing.assert_allclose(none.mean(0), 0, atol=0.3)
    assert everywhere.accuracy[0] == pytest.approx(0.5, abs=0.06)


def test_accuracy_rises_and_diversity_falls_with_the_scale(everywhere: guidance.Sweep) -> None:
    assert (np.diff(everywhere.accuracy) > -1e-3).all()
    assert everywhere.recall[2] > 0.9 > everywhere.recall[6] > 2 * everywhere.recall[-1]


def test_samples_end_further_out_than_the_guided_density(everywhere: guidance.Sweep) -> None:
    for scale in (2.0, 4.0, 8.0):
        now = guidance.densities(0, scale, 0)
        y, x = np.meshgrid(now.x, now.x, indexing="ij")
        weight = now.guided / now.guided.sum()
        center = np.array([(weight * x).sum(), (weight * y).sum()])
        outwards = guidance.draws(0, 20_000).mean(0)
        assert samples_of(everywhere, scale).mean(0) @ outwards > center @ outwards


def test_an_interval_without_the_noisy_times_stays_closer_at_the_same_accuracy(everywhere: guidance.Sweep) -> None:
    late = guidance.sweep(0, 0.0, 0.3)
    near, far = (np.interp(0.98, s.accuracy, s.distance) for s in (late, everywhere))
    assert near < far / 2
    np.testing.assert_allclose(samples_of(late, 1.0), samples_of(everywhere, 1.0))


def test_the_interval_is_where_guidance_acts() -> None:
    """At scale 0 outside the interval the class acts: guided nowhere but in the last bit, samples are the class's."""
    barely = guidance.sweep(0, 0.0, 0.02)
    np.testing.assert_allclose(samples_of(barely, 0.0), samples_of(barely, 1.0), atol=0.05)
    with pytest.raises(ValueError, match=r"0 <= first < last <= 1; got 0.5 and 0.5"):
        guidance.sweep(0, 0.5, 0.5)


def test_autoguidance_repairs_a_model_and_then_overshoots(everywhere: guidance.Sweep) -> None:
    auto = guidance.auto_sweep(0, 0.6)
    best = int(np.argmin(auto.distance))
    assert 1 < guidance.SCALES[best] < 4
    assert auto.distance[best] < 0.75 * auto.distance[guidance.SCALES.index(1.0)]
    assert auto.distance[-1] > 2 * auto.distance[best]
    model = guidance.exact(guidance.MODEL_BLUR)
    alone = samples_of(auto, 1.0)
    assert alone.var(0).sum() == pytest.approx(
        guidance.draws(0, 20_000).var(0).sum() + 2 * guidance.MODEL_BLUR**2, rel=0.15
    )
    assert model.mixture.covs[0, 0, 0] == pytest.approx(0.3**2 + guidance.MODEL_BLUR**2)


def test_recall_counts_what_is_within_reach() -> None:
    truth = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    samples = np.array([[0.0, 0.9 * guidance.REACH], [3.0, 1.1 * guidance.REACH]])
    assert guidance.recall(samples, truth) == 0.25


def test_draws_belong_to_their_class() -> None:
    for label in (0, 1):
        points = torch.as_tensor(guidance.draws(label, 5000))
        share = guidance.exact().log_class(points, 0, torch.full((5000,), label)).exp().mean()
        grid = torch.as_tensor(plane.axis(121))
        x = torch.cartesian_prod(grid, grid)
        exact, wanted = guidance.exact(), torch.full((len(x),), label)
        mass = exact.log_prob(x, 0, wanted).exp() * (grid[1] - grid[0]) ** 2
        truth = (mass * exact.log_class(x, 0, wanted).exp()).sum()  # the expected accuracy, by quadrature
        assert share == pytest.approx(float(truth), abs=0.01)
    assert not np.array_equal(guidance.draws(0, 5, 1), guidance.draws(0, 5, 2))
