"""The forward process: the theorems that make it one."""

import pytest
import torch

from pedesis.gaussian import Gaussian
from pedesis.process import Process, broadcast
from pedesis.schedules import FromBetas, Linear
from pedesis.theory.joint import transition_by_bayes

D = torch.float64
LEVELS = [(0.1, 0.35, 0.8), (0.02, 0.5, 1.0), (0.3, 0.31, 0.32)]


@pytest.mark.row("F5")
@pytest.mark.parametrize(("r", "s", "t"), LEVELS)
def test_chapman_kolmogorov(process: Process, points: torch.Tensor, r: float, s: float, t: float) -> None:
    """Going from r to s to t is the same as going from r to t."""
    first = process.transition(points, r, s)
    second = process.transition(first.mean, s, t)
    gain = process.transition(torch.ones_like(points), s, t).mean
    direct = process.transition(points, r, t)
    torch.testing.assert_close(second.mean, direct.mean)
    torch.testing.assert_close(second.var + gain**2 * first.var, direct.var.expand_as(gain))


@pytest.mark.row("F5")
@pytest.mark.parametrize(("r", "s", "t"), LEVELS)
def test_the_kernel_is_the_chain_from_clean_data(
    process: Process, points: torch.Tensor, r: float, s: float, t: float
) -> None:
    early, late = process.marginal(points, s), process.marginal(points, t)
    onward = process.transition(early.mean, s, t)
    gain = process.transition(torch.ones_like(points), s, t).mean
    torch.testing.assert_close(onward.mean, late.mean)
    torch.testing.assert_close(onward.var + gain**2 * early.var, late.var.expand_as(gain))


@pytest.mark.row("R6")
@pytest.mark.parametrize(("r", "s", "t"), LEVELS)
def test_bayes_swaps_the_order(process: Process, points: torch.Tensor, r: float, s: float, t: float) -> None:
    """q(x_s|x_0) q(x_t|x_s) = q(x_t|x_0) q(x_s|x_t,x_0) as densities."""
    x0, x_s, x_t = points, points.roll(1, 0), points.roll(2, 0)
    forward = process.marginal(x0, s).log_prob(x_s) + process.transition(x_s, s, t).log_prob(x_t)
    backward = process.marginal(x0, t).log_prob(x_t) + process.posterior(x_t, x0, s, t).log_prob(x_s)
    torch.testing.assert_close(forward, backward, rtol=1e-7, atol=1e-7)
    for other in (x0, 0.5 * x0):
        swapped = transition_by_bayes(process, x_s, x_t, other, s, t)
        torch.testing.assert_close(swapped, process.transition(x_s, s, t).log_prob(x_t), rtol=1e-7, atol=1e-7)


def test_the_posterior_at_clean_data_is_the_data(points: torch.Tensor) -> None:
    posterior = Process(Linear()).posterior(points.roll(1, 0), points, 0.0, 0.4)
    torch.testing.assert_close(posterior.mean, points)
    assert float(posterior.var.max()) == 0


@pytest.mark.row("F1")
@pytest.mark.row("R2")
def test_the_discrete_chain_is_ddpms(points: torch.Tensor) -> None:
    """Transition and posterior on the grid t = i/T, written out as Ho et al. write them."""
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=D)
    alpha_bar = torch.cumprod(1 - beta, 0)
    process = Process(Linear())
    chain = process.chain(1000)
    torch.testing.assert_close(chain.beta[1:], beta, rtol=1e-9, atol=0)
    torch.testing.assert_close(chain.alpha_bar[1:], alpha_bar, rtol=1e-10, atol=0)
    assert chain.alpha_bar[0] == 1
    for i in (2, 17, 500, 1000):
        b, now, before = beta[i - 1], alpha_bar[i - 1], alpha_bar[i - 2]
        step = process.transition(points, (i - 1) / 1000, i / 1000)
        torch.testing.assert_close(step.mean, (1 - b).sqrt() * points, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(step.var, b, rtol=1e-7, atol=0)
        x0 = points.roll(1, 0)
        expected = ((1 - b).sqrt() * (1 - before) * points + before.sqrt() * b * x0) / (1 - now)
        posterior = process.posterior(points, x0, (i - 1) / 1000, i / 1000)
        torch.testing.assert_close(posterior.mean, expected, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(posterior.var, b * (1 - before) / (1 - now), rtol=1e-7, atol=0)
        torch.testing.assert_close(chain.beta_tilde[i], b * (1 - before) / (1 - now), rtol=1e-7, atol=0)


@pytest.mark.row("F2")
def test_variance_is_preserved_step_by_step() -> None:
    process = Process(FromBetas(torch.linspace(0.01, 0.5, 30)))
    x = torch.ones(1, 1, dtype=D)
    for i in range(30):
        step = process.transition(x, i / 30, (i + 1) / 30)
        assert (step.mean**2 + step.var).item() == pytest.approx(1)


def test_the_sde_coefficients_are_the_limit_of_short_transitions(process: Process) -> None:
    """(mean - x)/h -> f x and var/h -> g^2."""
    t, h = 0.4321, 1e-6
    x = torch.ones(1, 1, dtype=D)
    step = process.transition(x, t, t + h)
    slope = (step.mean - x).item() / h
    assert slope == pytest.approx(process.drift(t + h / 2).item(), rel=1e-4, abs=1e-8)
    assert step.var.item() / h == pytest.approx(process.diffusion(t + h / 2).item() ** 2, rel=1e-4)


@pytest.mark.row("F6")
def test_the_marginal_reaches_the_prior(process: Process, points: torch.Tensor) -> None:
    unit = torch.ones(1, 3, dtype=D)
    end, prior = process.marginal(unit, 1.0), process.prior(unit)
    kl = (end.kl(prior) / 3 / torch.log(torch.tensor(2.0))).item()
    assert kl == pytest.approx(process.prior_kl(), rel=1e-6, abs=1e-12)


def test_process_survives_its_spec(process: Process, points: torch.Tensor) -> None:
    twin = Process.from_spec(process.spec())
    if not list(process.parameters()):
        torch.testing.assert_close(twin.marginal(points, 0.3).mean, process.marginal(points, 0.3).mean)


@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 9), (3, 1, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_shape_and_type_and_one_time_per_row(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    process = Process("cosine")
    x0 = torch.ones(shape, dtype=dtype)
    t = torch.tensor([0.1, 0.5, 0.9])
    rows = process.marginal(x0, t)
    assert rows.mean.shape == shape and rows.mean.dtype == dtype
    for i in range(3):
        torch.testing.assert_close(rows.mean[i : i + 1], process.marginal(x0[i : i + 1], float(t[i])).mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, x: p.marginal(x, 1.5), r"\[0, 1\]"),
        (lambda p, x: p.marginal(x, -0.1), r"\[0, 1\]"),
        (lambda p, x: p.marginal(x, float("nan")), r"\[0, 1\]"),
        (lambda p, x: p.marginal(x, torch.rand(5)), "one per row"),
        (lambda p, x: p.marginal(x, torch.rand(16, 1)), "one per row"),
        (lambda p, x: p.transition(x, 0.5, 0.5), "s < t"),
        (lambda p, x: p.posterior(x, x, 0.6, 0.5), "s < t"),
        (lambda p, x: Process("cosine", "ve").chain(10), "'vp' frame"),
    ],
)
def test_wrong_times_are_named(call: object, message: str, points: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=message):
        call(Process("cosine"), points)  # type: ignore[operator]


def test_broadcast_keeps_values() -> None:
    assert broadcast(torch.tensor([1.0, 2.0]), torch.zeros(2, 3, 4)).shape == (2, 1, 1)
    assert isinstance(Process("cosine").prior(torch.zeros(1, 2)), Gaussian)
