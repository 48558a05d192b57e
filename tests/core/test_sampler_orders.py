"""Samplers: observed orders of convergence, against an independent solver and exact moments."""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from pedesis.denoiser import Condition, Denoiser
from pedesis.doctor.order import end_moments, observed_order, weak_error
from pedesis.process import Process, Time
from pedesis.samplers import DDIM, SAMPLERS, Adaptive, Heun, Sampler, UniPC
from pedesis.samplers.base import walk_levels
from pedesis.samplers.timesteps import timesteps
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

D = torch.float64
# UniPC of order 2 is corrected to order 3. The first step of dpm++3m is of order 1, which shows below errors of 1e-7.
ORDERS = {"ddim": 1, "heun": 2, "dpm++2m": 2, "dpm++3m": 3, "unipc": 3, "adaptive": 3}
DETERMINISTIC = [name for name in SAMPLERS if not SAMPLERS.build({"name": name}).stochastic]


def grid_between(process: Process, high: float, low: float, steps: int) -> torch.Tensor:
    """Times whose log_snr falls evenly between two finite levels."""
    return process.schedule.time(torch.linspace(low, high, steps + 1, dtype=D))


def test_every_deterministic_sampler_has_an_order_to_be_tested() -> None:
    assert set(DETERMINISTIC) == set(ORDERS)


def followed_flow(denoiser: MixtureDenoiser, x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """x carried from log_snr = low to high along dy/dr = eps, by scipy's solver of order 8."""
    process = denoiser.process
    scales = process.alpha_sigma(torch.tensor([low, high], dtype=D))[0].tolist()

    def rate(log_r: float, y: np.ndarray) -> np.ndarray:
        log_snr = torch.tensor(-2 * log_r, dtype=D)
        x_t = float(process.alpha_sigma(log_snr)[0]) * torch.as_tensor(y).reshape(x.shape)
        eps = denoiser(x_t, float(process.schedule.time(log_snr))).eps
        return math.exp(log_r) * eps.flatten().numpy()

    start = (x / scales[0]).flatten().numpy()
    walk = solve_ivp(rate, (-low / 2, -high / 2), start, method="DOP853", rtol=1e-9, atol=1e-10)
    return scales[1] * torch.as_tensor(walk.y[:, -1]).reshape(x.shape)


def observed_orders(sampler: Sampler, mixture: Mixture, points: torch.Tensor) -> list[float]:
    """log2 of how much the error falls when the steps, between finite noise levels, are halved."""
    process = Process("cosine")
    denoiser = MixtureDenoiser(mixture, process)
    truth = followed_flow(denoiser, points, -6.0, 4.0)
    ends = [sampler.sample(denoiser, points, grid_between(process, 4.0, -6.0, n)) for n in (40, 80, 160)]
    errors = [(end - truth).abs().mean().item() for end in ends]
    return [math.log2(a / b) for a, b in itertools.pairwise(errors)]


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_observed_order_on_a_mixture(name: str, mixture: Mixture, points: torch.Tensor) -> None:
    """Halving the step divides the error by 2^order (in one frame; below, the others walk the same path)."""
    observed = observed_orders(SAMPLERS.build({"name": name}), mixture, points)
    assert all(abs(order - ORDERS[name]) < 0.25 for order in observed), observed


def test_unipc_of_order_three_is_of_order_four(mixture: Mixture, points: torch.Tensor) -> None:
    assert min(observed_orders(UniPC(3), mixture, points)) > 3.6
    assert all(abs(order - 2) < 0.25 for order in observed_orders(UniPC(1), mixture, points))
    with pytest.raises(ValueError, match="must be 1, 2 or 3"):
        UniPC(4)


@pytest.mark.parametrize("nodes", [(0.0,), (-0.7, 0.0), (-2.1, -0.8, 0.0), (-2.0, -0.9, 0.0, 1.0)])
@pytest.mark.parametrize("h", [0.3, 2.0, -0.5])
def test_the_weights_of_a_multistep_solver_integrate_polynomials(nodes: tuple[float, ...], h: float) -> None:
    """Against quadrature, for every power that fits through the nodes; two nodes use the published m_1 = 1/2."""
    from scipy.integrate import quad

    from pedesis.samplers.multistep import weights

    found, mass = np.array(weights(nodes, h)), quad(lambda u: math.exp(h * (u - 1)), 0, 1)[0]
    for power in range(len(nodes)):
        moment = quad(lambda u, k=power: math.exp(h * (u - 1)) * u**k, 0, 1)[0] / mass
        if len(nodes) == 2 and power == 1:
            assert abs(moment - 0.5) < abs(h) / 10, "the published value is the limit for small steps"
            moment = 0.5
        assert found @ np.array(nodes) ** power == pytest.approx(moment, rel=1e-9)


def test_the_adaptive_sampler_keeps_its_tolerance(mixture: Mixture, points: torch.Tensor) -> None:
    """One step over the whole way: the error follows the tolerance, and the work grows as tolerance^(-1/3)."""
    process = Process("cosine")
    denoiser, times = MixtureDenoiser(mixture, process), grid_between(process, 4.0, -6.0, 1)
    truth = followed_flow(denoiser, points, -6.0, 4.0)
    errors, calls = [], []
    for tolerance in (1e-3, 1e-4, 1e-5):
        with count_evaluations(denoiser) as count:
            x = Adaptive(tolerance, tolerance).sample(denoiser, points, times)
        errors.append((x - truth).abs().max().item())
        calls.append(count[0])
    assert all(tolerance < error < 20 * tolerance for error, tolerance in zip(errors, (1e-3, 1e-4, 1e-5), strict=True))
    assert all(1.4 < b / a < 10 ** (1 / 3) * 1.2 for a, b in itertools.pairwise(calls)), calls
    with pytest.raises(ValueError, match="tolerances"):
        Adaptive(0.0, 0.0)


@contextmanager
def count_evaluations(denoiser: MixtureDenoiser) -> Iterator[list[int]]:
    """How often a denoiser is called."""
    count = [0]

    def add(*_: object) -> None:
        count[0] += 1

    handle = denoiser.register_forward_hook(add)
    yield count
    handle.remove()


class OneGaussian(Denoiser):
    """The denoiser of N(0.7, 0.16), written out."""

    def x0(self, x_t: torch.Tensor, t: Time, condition: Condition = None) -> torch.Tensor:
        alpha, sigma, _ = self.process.scales(t, x_t)
        return 0.7 + alpha * 0.16 / (alpha**2 * 0.16 + sigma**2) * (x_t - alpha * 0.7)


@pytest.mark.parametrize("tolerance", [1e-30, 1e-2])
def test_the_adaptive_sampler_ends_even_if_nothing_is_good_enough(
    tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tolerance below rounding, and a row that is nan; the flow of a Gaussian keeps (x - mean) / spread."""
    monkeypatch.setattr(Adaptive, "SHORTEST", 0.05)
    process, times = Process("cosine"), torch.tensor([0.6, 0.4], dtype=D)
    x = torch.tensor([[0.5], [math.nan]], dtype=D)
    end = Adaptive(tolerance, tolerance).sample(OneGaussian(process), x, times)
    before, after = walk_levels(process, times)
    spreads = [math.sqrt(level.alpha**2 * 0.16 + level.sigma**2) for level in (before, after)]
    truth = after.alpha * 0.7 + spreads[1] / spreads[0] * (0.5 - before.alpha * 0.7)
    assert end[0].item() == pytest.approx(truth, rel=1e-2 if tolerance == 1e-2 else 1e-4)
    assert end[1].isnan()


@pytest.mark.parametrize("name", [name for name in DETERMINISTIC if ORDERS[name] > 1])
def test_deterministic_samplers_encode_and_decode(name: str, mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine")
    denoiser, sampler = MixtureDenoiser(mixture, process), SAMPLERS.build({"name": name})
    down, x = grid_between(process, 5.0, -8.0, 80 if name == "adaptive" else 160), 0.5 * points
    there = sampler.sample(denoiser, x, down.flip(0))
    torch.testing.assert_close(there, followed_flow(denoiser, x, 5.0, -8.0), rtol=0, atol=1e-3)
    torch.testing.assert_close(sampler.sample(denoiser, there, down), x, rtol=0, atol=1e-3)


WEAK_ORDERS = {"ddpm": 1, "euler-maruyama": 1, "dpm++2m-sde": 2}


@pytest.mark.parametrize("name", sorted(WEAK_ORDERS))
def test_observed_weak_order_on_gaussian_data(name: str) -> None:
    observed = observed_order(SAMPLERS.build({"name": name}), 120)
    assert observed is not None and abs(observed - WEAK_ORDERS[name]) < 0.25, observed


def test_the_doctor_measures_the_same_orders_on_a_mixture_of_its_own() -> None:
    for name, order in ORDERS.items():
        observed = observed_order(SAMPLERS.build({"name": name}))
        assert observed is not None and abs(observed - order) < 0.3, (name, observed)


def test_moments_that_are_carried_are_those_of_samples() -> None:
    """Two draws a step, from a sampler that remembers, against 200,000 walks."""
    process = Process("cosine")
    denoiser, times = OneGaussian(process), grid_between(process, 2.0, -6.0, 6)
    first = walk_levels(process, times)[0]
    for name in ("pc", "dpm++2m-sde"):
        sampler, noise = SAMPLERS.build({"name": name}), gaussian_noise(1)
        moments = end_moments(sampler, process, times)
        assert moments is not None
        spread = math.sqrt(first.alpha**2 * 0.16 + first.sigma**2)
        start = first.alpha * 0.7 + spread * noise(torch.empty(200_000, 1, dtype=D))
        end = sampler.sample(denoiser, start, times, noise=noise)
        assert moments == pytest.approx((end.mean().item(), end.var().item()), abs=0.01), name


class Clamped(DDIM):
    """A step that draws noise and is not affine."""

    def step(self, *arguments: Any) -> torch.Tensor:
        return super().step(*arguments).clamp(-0.1, 0.1)


def test_a_step_that_is_not_affine_has_no_weak_order_to_carry() -> None:
    assert observed_order(Clamped(eta=1.0)) is None


@pytest.mark.parametrize("steps", [5, 10])
def test_heun_is_worth_its_two_evaluations_on_a_coarse_grid(steps: int, mixture: Mixture, points: torch.Tensor) -> None:
    """Even steps of t, the first of which lets sigma/alpha fall from 148 to 6 or 3: still better than DDIM with twice
    as many. With Heun's correction in that first step it is worse."""
    process = Process("cosine")
    denoiser = MixtureDenoiser(mixture, process)
    truth = UniPC(3).sample(denoiser, points, timesteps(process, 300, "log-snr"))

    def error(sampler: Sampler, count: int) -> float:
        times = timesteps(process, count)
        return (sampler.sample(denoiser, points, times) - truth).abs().mean().item()

    assert error(Heun(), steps) < 0.9 * error(DDIM(), 2 * steps)


def test_churn_keeps_the_second_order_of_heun() -> None:
    """The noise added is exact, so with a fixed S_churn = churn * steps the error is that of the flow's own steps."""
    errors = [weak_error(Heun(churn=8 / n), n) for n in (120, 240)]
    assert errors[0] is not None and errors[1] is not None
    assert abs(math.log2(errors[0] / errors[1]) - 2) < 0.25, errors
