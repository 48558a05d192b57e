"""The lazy walk: its law against matrix powers, the trinomial of scipy, and simulated walkers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm
from scipy.sparse import csr_array
from scipy.stats import chisquare, multinomial, poisson

from pedesis.physics.walk import ContinuousWalk, LazyWalk, conserving

WALKS = [LazyWalk(0.25, 0.25), LazyWalk(0.2, 0.5), LazyWalk(0.0, 0.3), LazyWalk(0.9, 0.1), LazyWalk(0.6, 0.0)]


def moments(positions: np.ndarray, law: np.ndarray) -> tuple[float, float]:
    mean = positions @ law
    return mean, (positions - mean) ** 2 @ law


@pytest.mark.row("P1")
@pytest.mark.parametrize("walk", WALKS)
def test_the_law_is_the_trinomial(walk: LazyWalk) -> None:
    """Sum the probabilities of all (left, right, stay) with right - left = k."""
    steps = 9
    expected = np.zeros(2 * steps + 1)
    for left in range(steps + 1):
        for right in range(steps + 1 - left):
            moves = [left, right, steps - left - right]
            expected[right - left + steps] += multinomial.pmf(moves, steps, [walk.p, walk.q, walk.stay])
    positions, law = walk.law(steps)
    assert_allclose(law, expected, atol=1e-15)
    assert_allclose(moments(positions, law), [walk.mean(steps), walk.variance(steps)], atol=1e-12)


@pytest.mark.row("P2")
@pytest.mark.parametrize("walk", WALKS)
def test_the_law_is_a_power_of_the_matrix(walk: LazyWalk) -> None:
    steps = 40
    matrix = walk.matrix(2 * steps + 1).toarray()
    assert_allclose(walk.law(steps)[1], np.linalg.matrix_power(matrix, steps)[:, steps], rtol=1e-10, atol=1e-16)


@pytest.mark.row("P1")
@pytest.mark.parametrize("walk", WALKS)
def test_simulated_walkers_follow_the_law(walk: LazyWalk) -> None:
    """Chi-square of both simulations, the sites with fewer than 5 expected walkers in one bin."""
    steps, walkers, rng = 12, 20_000, np.random.default_rng(0)
    expected = walkers * walk.law(steps)[1]
    paths = walk.paths(steps, walkers, rng)
    assert paths.shape == (steps + 1, walkers)
    assert not paths[0].any()
    assert set(np.unique(np.diff(paths, axis=0))) == {
        jump for jump, chance in [(-1, walk.p), (0, walk.stay), (1, walk.q)] if chance > 0
    }
    ends = np.bincount(paths[-1] + steps, minlength=2 * steps + 1)
    for counts in (ends, walk.counts(steps, walkers, rng)):
        assert counts.sum() == walkers
        assert not counts[expected == 0].any()
        rare = expected < 5
        seen, wanted = (np.append(n[~rare], n[rare].sum()) for n in (counts, expected))
        assert chisquare(seen, wanted).pvalue > 1e-3


@pytest.mark.row("P2")
@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("periodic", [False, True])
def test_the_matrix_is_stochastic_by_columns(walk: LazyWalk, periodic: bool) -> None:
    matrix = walk.matrix(7, periodic).toarray()
    assert_allclose(matrix.sum(axis=0), 1, rtol=1e-15)
    assert matrix.min() >= 0
    middle = np.eye(7)[3]
    assert_allclose(matrix @ middle, [0, 0, walk.p, walk.stay, walk.q, 0, 0], atol=1e-16)
    ends = np.zeros((2, 7))
    ends[0, :2], ends[1, 5:] = [walk.stay, walk.q], [walk.p, walk.stay]
    ends[0, 6 if periodic else 0] += walk.p
    ends[1, 0 if periodic else 6] += walk.q
    assert_allclose(matrix[:, [0, 6]].T, ends, atol=1e-16)


@pytest.mark.row("P2")
def test_what_is_at_rest() -> None:
    """On a ring the even spread stays; between walls detailed balance gives the powers of q/p."""
    walk = LazyWalk(0.2, 0.3)
    assert_allclose(walk.matrix(6, periodic=True) @ np.full(6, 1 / 6), 1 / 6)
    geometric = 1.5 ** np.arange(6)
    assert_allclose(walk.matrix(6) @ geometric, geometric)


@pytest.mark.row("P3")
@pytest.mark.parametrize("walk", WALKS)
def test_drift_and_diffusion_make_one_step(walk: LazyWalk) -> None:
    concentration = np.random.default_rng(1).random((11, 3))
    drift, diffusion = walk.drift_and_diffusion(concentration)
    for periodic in (False, True):
        change = walk.matrix(11, periodic) @ concentration - concentration
        assert_allclose(drift + diffusion, change[1:-1], atol=1e-15)
    slope, bowl = np.arange(11.0), np.arange(11.0) ** 2
    assert_allclose(walk.drift_and_diffusion(slope), [np.full(9, walk.p - walk.q), np.zeros(9)], atol=1e-15)
    assert_allclose(walk.drift_and_diffusion(bowl)[1], walk.p + walk.q)


@pytest.mark.row("P4")
def test_skellam_solves_the_master_equation() -> None:
    walk, t, sites = ContinuousWalk(0.7, 1.9, tau=0.4), 1.3, 81
    start = np.eye(sites)[30]
    positions = np.arange(sites) - 30
    solved = walk.evolve(start, t)
    assert_allclose(solved, walk.law(t).pmf(positions), atol=1e-13)
    assert_allclose(moments(positions, solved), [walk.mean(t), walk.variance(t)], rtol=1e-10)
    assert_allclose([walk.mean(t), walk.variance(t)], [3.9, 8.45])


@pytest.mark.row("P4")
@pytest.mark.parametrize("periodic", [False, True])
def test_continuous_time_is_the_limit_of_small_jump_probabilities(periodic: bool) -> None:
    """p' = p dt/tau: t/dt steps of the walk tend to the master equation, at first order in dt."""
    walk, t = ContinuousWalk(0.2, 0.5, tau=0.25), 1.5
    start = np.random.default_rng(2).dirichlet(np.ones(9))
    limit = walk.evolve(start, t, periodic)
    assert_allclose(limit, expm(walk.generator(9, periodic).toarray() * t) @ start, rtol=1e-12)
    assert_allclose(limit.sum(), 1, rtol=1e-14)
    errors = []
    for steps in (64, 128, 256):
        share = t / steps / walk.tau
        matrix = LazyWalk(walk.p * share, walk.q * share).matrix(9, periodic).toarray()
        errors.append(np.abs(np.linalg.matrix_power(matrix, steps) @ start - limit).max())
    assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 1, atol=0.05)


@pytest.mark.row("P4")
def test_one_sided_jumps_in_continuous_time_are_poisson() -> None:
    solved = ContinuousWalk(0.0, 2.0, tau=0.5).evolve(np.eye(60)[0], 1.5)
    assert_allclose(solved[:40], poisson(6.0).pmf(np.arange(40)), atol=1e-14)


def test_a_conserving_generator_loses_nothing() -> None:
    moves = np.array([[0.0, 2.0, 1.0], [3.0, 0.0, 0.5], [0.0, 4.0, 0.0]])
    generator = conserving(csr_array(moves)).toarray()
    assert_allclose(generator.sum(axis=0), 0, atol=1e-15)
    assert_allclose(generator - np.diag(np.diag(generator)), moves)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"p must be at least 0 and finite; got -0\.1"):
        LazyWalk(-0.1, 0.5)
    with pytest.raises(ValueError, match=r"p \+ q must be at most 1; got p = 0.6 and q = 0.5"):
        LazyWalk(0.6, 0.5)
    with pytest.raises(ValueError, match="q must be at least 0 and finite; got nan"):
        ContinuousWalk(0.6, float("nan"))
    with pytest.raises(ValueError, match="tau must be positive and finite; got 0"):
        ContinuousWalk(0.6, 0.5, tau=0)
    with pytest.raises(ValueError, match="p must be positive and finite; got 0"):
        ContinuousWalk(0, 0.5).law(1.0)
    with pytest.raises(ValueError, match="t must be at least 0 and finite; got -1"):
        ContinuousWalk(0.1, 0.5).evolve(np.ones(3), -1)
    walk = LazyWalk(0.3, 0.3)
    with pytest.raises(ValueError, match="steps must be a whole number, 0 or more; got -1"):
        walk.law(-1)
    with pytest.raises(ValueError, match=r"steps must be a whole number, 0 or more; got 2\.5"):
        walk.paths(2.5, 3, np.random.default_rng())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sites must be a whole number, 3 or more; got 2"):
        walk.matrix(2)
    with pytest.raises(ValueError, match="sites must be a whole number, 3 or more; got 2"):
        walk.drift_and_diffusion([0.5, 0.5])
