"""Langevin: exact laws, the order of Euler-Maruyama, thermal equilibrium, time reversed, and the bridge to Process."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from pedesis.physics.fokker_planck import FokkerPlanck
from pedesis.physics.langevin import (
    OrnsteinUhlenbeck,
    boltzmann_density,
    einstein_relation,
    euler_maruyama,
    reverse_drift,
)
from pedesis.process import Process
from pedesis.schedules import FromBetas, Linear, VariancePreserving

OU = OrnsteinUhlenbeck(rate=1.3, noise=0.9)
Field = Callable[[np.ndarray, float], np.ndarray]


class Fixed(np.random.Generator):
    """A generator whose every normal number is `value`: it lays bare the coefficients of one step."""

    def __init__(self, value: float):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def standard_normal(self, size: object = None, *_: object, **__: object) -> np.ndarray:  # type: ignore[override]
        return np.full(size, self.value)  # type: ignore[call-overload]


def moments(drift: Field, noise: float, mean: float, var: float, times: np.ndarray) -> tuple[float, float, float]:
    """Mean, variance and total gain of Euler-Maruyama for an affine drift, by the exact recursion of its steps."""
    total = 1.0
    for pair in itertools.pairwise(times):
        at_zero, at_one = euler_maruyama(drift, noise, [0.0, 1.0], pair, Fixed(0.0))[-1]
        kick = euler_maruyama(drift, noise, [0.0], pair, Fixed(1.0))[-1, 0] - at_zero
        gain = at_one - at_zero
        mean, var, total = at_zero + gain * mean, gain**2 * var + kick**2, total * gain
    return mean, var, total


@pytest.mark.row("P12")
def test_simulation_has_the_closed_mean_variance_and_memory() -> None:
    """Standard errors: sqrt(v/N) of a mean, v sqrt(2/N) of a variance."""
    times, walkers = np.array([0.0, 0.2, 0.5, 1.7]), 20_000
    paths = OU.paths(np.full(walkers, 2.0), times, np.random.default_rng(0))
    var = OU.variance(times[1:])
    assert paths.shape == (4, walkers)
    assert_allclose(paths[0], 2.0)
    assert_allclose((paths[1:].mean(1) - OU.mean(2.0, times[1:])) / np.sqrt(var / walkers), 0, atol=4)
    assert_allclose(paths[1:].var(1) / var, 1, atol=4 * math.sqrt(2 / walkers))
    covariance = np.cov(paths[1], paths[3])[0, 1]
    assert_allclose(covariance, var[0] * math.exp(-OU.rate * 1.5), atol=4 * math.sqrt(var[0] * var[2] / walkers))


@pytest.mark.row("P12")
def test_the_closed_form_solves_its_moment_equations() -> None:
    """d<x>/dt = -g <x>, dV/dt = -2 g V + s^2; two steps are one; and rest is the limit."""
    t, h = np.array([0.1, 0.6, 2.0]), 1e-5
    assert_allclose((OU.mean(1.5, t + h) - OU.mean(1.5, t - h)) / (2 * h), -OU.rate * OU.mean(1.5, t), rtol=1e-8)
    growth = (OU.variance(t + h) - OU.variance(t - h)) / (2 * h)
    assert_allclose(growth, -2 * OU.rate * OU.variance(t) + OU.noise**2, rtol=1e-6)
    assert_allclose(OU.mean(OU.mean(1.5, 0.3), 0.5), OU.mean(1.5, 0.8))
    assert_allclose(OU.variance(0.3) * math.exp(-2 * OU.rate * 0.5) + OU.variance(0.5), OU.variance(0.8))
    assert_allclose([OU.variance(0.0), OU.variance(40.0)], [0.0, OU.stationary_variance])
    assert_allclose(OU.stationary_variance, 0.81 / 2.6)


@pytest.mark.row("P12")
def test_euler_maruyama_has_weak_order_one() -> None:
    """The exact recursion of its mean and variance against the closed form, halving the step."""
    errors = []
    for steps in (20, 40, 80, 160):
        mean, var, _ = moments(OU.drift, OU.noise, 1.5, 0.2, np.linspace(0, 1, steps + 1))
        exact_var = 0.2 * math.exp(-2 * OU.rate) + OU.variance(1.0)
        errors.append([abs(mean - OU.mean(1.5, 1.0)), abs(var - exact_var)])
    ratios = np.log2(np.divide(errors[:-1], errors[1:]))
    assert_allclose(ratios[-1], 1, atol=0.05)


@pytest.mark.row("P12")
def test_the_reverse_sde_runs_the_forward_one_backwards() -> None:
    """Euler's reversed chain ends, at order one, with the first mean and variance, and with the forward covariance.

    The plain drift backwards, without the score, ends elsewhere.
    """
    mean_0, var_0, end = 1.5, 0.2, 0.8

    def mean(t: float) -> float:
        return float(OU.mean(mean_0, t))

    def var(t: float) -> float:
        return float(var_0 * math.exp(-2 * OU.rate * t) + OU.variance(t))

    def score(x: np.ndarray, t: float) -> np.ndarray:
        return -(x - mean(t)) / var(t)

    backwards = reverse_drift(OU.drift, OU.noise, score)
    expected = np.array([mean_0, var_0, var_0 * math.exp(-OU.rate * end)])
    errors = []
    for steps in (100, 200, 400, 800):
        times = np.linspace(end, 0, steps + 1)
        m, v, gain = moments(backwards, OU.noise, mean(end), var(end), times)
        errors.append(np.abs(np.array([m, v, gain * var(end)]) - expected))
    assert_allclose(np.log2(errors[-2] / errors[-1]), 1, atol=0.05)
    assert errors[-1].max() < 2e-3
    _, without_score, _ = moments(OU.drift, OU.noise, mean(end), var(end), times)
    assert without_score > 5 * var_0


@pytest.mark.row("P12")
def test_thermal_equilibrium_in_a_double_well() -> None:
    """D = mu k_B T: Fokker-Planck rests on the Boltzmann density, and Euler-Maruyama samples it."""
    mobility, thermal_energy = 0.9, 0.8
    diffusion = einstein_relation(mobility, thermal_energy)

    def drift(x: np.ndarray, t: float) -> np.ndarray:
        return -mobility * (4 * x**3 - 4 * x + 0.3)

    equation = FokkerPlanck(drift, lambda x, t: diffusion, -3.0, 3.0, 400)
    boltzmann = boltzmann_density((equation.x**2 - 1) ** 2 + 0.3 * equation.x, thermal_energy, equation.width)
    assert_allclose(boltzmann.sum() * equation.width, 1)
    assert_allclose(equation.stationary(), boltzmann, atol=1e-3)
    wrong = boltzmann_density((equation.x**2 - 1) ** 2 + 0.3 * equation.x, 2 * thermal_energy, equation.width)
    assert np.abs(equation.stationary() - wrong).max() > 0.1

    walkers = 10_000
    times = np.arange(0, 12, 0.01)
    ends = euler_maruyama(drift, math.sqrt(2 * diffusion), np.ones(walkers), times, np.random.default_rng(2))[-1]
    for power in (1, 2, 4):
        exact, square = (equation.x ** (power * n) @ boltzmann * equation.width for n in (1, 2))
        error = math.sqrt((square - exact**2) / walkers)
        assert_allclose((ends**power).mean(), exact, atol=4 * error + 0.01 * abs(exact))


@pytest.mark.row("P12")
def test_a_spring_shares_the_energy_equally() -> None:
    """U = k x^2/2 makes g = mu k and s^2/2 = D: k <x^2>/2 = k_B T/2, whatever the mobility."""
    for mobility in (0.2, 3.0):
        noise = math.sqrt(2 * einstein_relation(mobility, 0.7))
        assert_allclose(OrnsteinUhlenbeck(mobility * 2.5, noise).stationary_variance, 0.7 / 2.5)


@pytest.mark.row("P12")
@pytest.mark.parametrize(("s", "t"), [(0.0, 0.3), (0.1, 0.15), (0.4, 1.0)])
def test_the_forward_process_of_constant_beta_is_this_process(s: float, t: float) -> None:
    """g = b/2, s = sqrt(b): the transitions agree, for the continuous schedule and for T equal betas."""
    rate, steps, beta = 12.0, 100, 0.09
    x = np.linspace(-2, 2, 5)
    points = torch.from_numpy(x)
    chain = -steps * math.log1p(-beta)
    for schedule, b in [(VariancePreserving(rate, rate), rate), (FromBetas([beta] * steps), chain)]:
        process, ou = Process(schedule), OrnsteinUhlenbeck(b / 2, math.sqrt(b))
        kernel = process.transition(points, s, t)
        assert_allclose(kernel.mean, ou.mean(x, t - s), rtol=1e-10)
        assert_allclose(kernel.var, ou.variance(t - s), rtol=1e-10)
        middle = torch.tensor([0.305], dtype=torch.float64)
        assert_allclose(process.drift(middle), -ou.rate, rtol=1e-8)
        assert_allclose(process.diffusion(middle), ou.noise, rtol=1e-8)
        assert ou.stationary_variance == pytest.approx(1.0)


@pytest.mark.row("P12")
def test_one_step_of_the_chain_is_one_time_step() -> None:
    """With g = 1/2, s = 1 the step sqrt(1 - beta) x + sqrt(beta) eps is exact, and takes the time -log(1 - beta)."""
    unit = OrnsteinUhlenbeck(0.5, 1.0)
    for beta in (1e-4, 0.02, 0.5):
        length = -math.log1p(-beta)
        assert_allclose([unit.mean(1.0, length), unit.variance(length)], [math.sqrt(1 - beta), beta], rtol=1e-12)


@pytest.mark.row("P12")
@pytest.mark.erratum("E17")
def test_the_reverse_step_must_move_the_mean() -> None:
    """z_{t-1} ~ N(z_t, beta_t I), as printed, from N(0, 1): variance 1 + sum beta = 11.05 at T = 1000.

    With the score -z of N(0, 1) in the mean, or by the reversed SDE, it stays 1.
    """
    betas = Linear().betas.numpy()[::-1]
    unit = OrnsteinUhlenbeck(0.5, 1.0)
    backwards = reverse_drift(unit.drift, unit.noise, lambda x, t: -x)
    printed = correct = 1.0
    for beta in betas:
        printed += beta
        correct = (1 - beta) ** 2 / (1 - beta) * correct + beta
    falling = np.append(0.0, -betas.cumsum())
    assert_allclose(printed, 11.05)
    assert_allclose(correct, 1, rtol=1e-12)
    assert_allclose(moments(backwards, 1.0, 0.0, 1.0, falling)[1], 1, atol=0.01)


def test_what_cannot_be() -> None:
    rng = np.random.default_rng()
    with pytest.raises(ValueError, match="rate must be positive and finite; got 0"):
        OrnsteinUhlenbeck(0, 1.0)
    with pytest.raises(ValueError, match=r"noise must be positive and finite; got -1\.0"):
        OrnsteinUhlenbeck(1.0, -1.0)
    with pytest.raises(ValueError, match="t must be at least 0 and finite; got -1"):
        OU.variance(-1)
    with pytest.raises(ValueError, match="times must be finite and strictly increasing"):
        OU.paths(np.zeros(2), [1.0, 0.0], rng)
    with pytest.raises(ValueError, match="times must be finite and strictly monotonic"):
        euler_maruyama(OU.drift, 1.0, np.zeros(2), [0.0, 1.0, 0.5], rng)
    with pytest.raises(ValueError, match="noise must be at least 0 and finite; got -1"):
        euler_maruyama(OU.drift, -1, np.zeros(2), [0.0, 1.0], rng)
    with pytest.raises(ValueError, match=r"thermal_energy must be positive and finite; got -0\.5"):
        einstein_relation(1.0, -0.5)
    with pytest.raises(ValueError, match="spacing must be positive and finite; got 0"):
        boltzmann_density(np.zeros(3), 1.0, 0)
