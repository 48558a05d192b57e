"""The lesson on training: the least loss is the exact one, runs repeat, and drawings survive a link."""

import numpy as np
import pytest
import torch

from pedesis.lessons import mixtures, sampling, training
from pedesis.theory.exact import Mixture

D = torch.float64


def gaussian(std: float) -> Mixture:
    return Mixture(torch.ones(1, dtype=D), torch.zeros(1, 2, dtype=D), std**2 * torch.eye(2, dtype=D)[None])


@pytest.mark.parametrize("std", [1.0, 0.5])
def test_the_least_loss_of_a_gaussian_is_known(std: float) -> None:
    """E |v - E[v | x_t]|^2 = Var[x_0 | x_t] / sigma^2 = std^2 / (alpha^2 std^2 + sigma^2), averaged over t."""
    run = training.Training(gaussian(std))
    alpha, sigma, _ = run.exact.process.scales(torch.linspace(1e-4, 1, 4001, dtype=D), torch.zeros(4001, 1, dtype=D))
    expected = (std**2 / (alpha**2 * std**2 + sigma**2)).mean().item()
    error = expected * np.sqrt(2 / (2 * training.POINTS))  # of a mean of squares of normals
    assert run.least == pytest.approx(expected, abs=5 * error)


def test_the_network_comes_near_the_truth_and_not_below_it() -> None:
    run = training.Training(mixtures.mixture("ring"))
    before = sampling.error(run.exact, run.learned(), run.points, 0.5)
    run.advance(200)
    assert sampling.error(run.exact, run.learned(), run.points, 0.5) < 0.5 * before
    late = np.array(run.losses[100:])
    assert run.least < late.mean() + 4 * late.std() / np.sqrt(len(late))
    assert late.mean() < run.losses[0]


def test_a_run_in_pieces_is_the_run_in_one_piece_and_touches_no_global_state() -> None:
    state = torch.random.get_rng_state()
    one, two = (training.Training(mixtures.mixture("moons"), seed=3) for _ in range(2))
    one.advance(6)
    for _ in range(3):
        two.advance(2)
        two.learned()
    assert one.losses == two.losses and one.step == 6
    x_t = torch.ones(4, 2, dtype=D)
    assert torch.equal(one.learned()(x_t, 0.3).x0, two.learned()(x_t, 0.3).x0)
    assert training.Training(mixtures.mixture("moons"), seed=4).points.tolist() != one.points.tolist()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_smoothed_losses_keep_the_mean() -> None:
    losses = list(np.random.default_rng(0).random(47))
    ends, means = training.smoothed(losses, 20)
    assert ends.tolist() == [20, 40, 47]
    assert np.dot(np.diff([0, *ends]), means) == pytest.approx(sum(losses))
    assert [len(part) for part in training.smoothed([])] == [0, 0]


def test_a_drawing_becomes_points_where_it_was_drawn() -> None:
    at = training.centers()
    assert len(at) == training.SIDE**2 and np.allclose(at.mean(0), 0)
    mixture = training.drawn([7, 399, 7])
    np.testing.assert_array_equal(mixture.means.numpy(), at[[7, 399]])
    nearest = np.linalg.norm(training.Training(mixture).points[:, None] - at[[7, 399]], axis=2).min(1)
    assert np.sqrt((nearest**2).mean() / 2) == pytest.approx(training.CELL / 2, rel=0.05)
    with pytest.raises(ValueError, match="draw at least one"):
        training.drawn([])


@pytest.mark.parametrize("drawing", [[], [0], [399], [3, 17, 250]])
def test_a_drawing_survives_a_link(drawing: list[int]) -> None:
    assert training.cells(training.word(drawing)) == set(drawing)


@pytest.mark.parametrize("nonsense", ["-1", "<b>", "f" * 101, "1" + "0" * 5000])
def test_a_link_that_holds_no_drawing_is_refused(nonsense: str) -> None:
    with pytest.raises(ValueError, match="draw it again"):
        training.cells(nonsense)
