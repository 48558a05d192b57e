"""Schedules: monotone, invertible, and the ones their papers define."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pedesis.process import PriorMismatch, Process
from pedesis.schedules import SCHEDULES, FromBetas, Linear, Schedule, VariancePreserving
from pedesis.utils.registry import UnknownName

D = torch.float64
T = torch.linspace(0, 1, 2001, dtype=D)


def test_log_snr_decreases_strictly_and_is_finite_after_zero(schedule: Schedule) -> None:
    log_snr = schedule.log_snr(T).detach()
    assert (log_snr.diff() < 0).all()
    assert torch.isfinite(log_snr[1:]).all()
    assert log_snr[0] > 5


def test_time_inverts_log_snr(schedule: Schedule) -> None:
    t = T[1:]
    torch.testing.assert_close(schedule.time(schedule.log_snr(t).detach()), t, rtol=0, atol=1e-9)


def test_slope_is_the_derivative(schedule: Schedule) -> None:
    t = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=D) * 0.9 + 0.05
    h = 1e-7
    centerd = (schedule.log_snr(t + h) - schedule.log_snr(t - h)).detach() / (2 * h)
    torch.testing.assert_close(schedule.slope(t).detach(), centerd, rtol=1e-4, atol=1e-4)


def test_spec_rebuilds_the_schedule(schedule: Schedule) -> None:
    twin = SCHEDULES.build(schedule.spec())
    if not list(schedule.parameters()):
        torch.testing.assert_close(twin.log_snr(T), schedule.log_snr(T))


@pytest.mark.row("F8")
def test_linear_is_the_cumulative_product_of_ddpm() -> None:
    beta = torch.linspace(1e-4, 0.02, 1000, dtype=D)
    alpha_bar = torch.cumprod(1 - beta, 0)
    grid = torch.arange(1, 1001, dtype=D) / 1000
    torch.testing.assert_close(Linear().log_snr(grid), torch.log(alpha_bar / (1 - alpha_bar)), rtol=1e-10, atol=1e-10)


@pytest.mark.row("F7")
@given(st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=50))
def test_any_betas_inside_the_unit_interval_make_a_chain(betas: list[float]) -> None:
    schedule = FromBetas(betas)
    assert schedule.increasing == all(b > a for a, b in itertools.pairwise(betas))
    end = schedule.log_snr(torch.tensor(1.0, dtype=D)).item()
    assert math.isclose(
        torch.sigmoid(torch.tensor(end, dtype=D)).item(), math.prod(1 - b for b in betas), rel_tol=1e-9, abs_tol=1e-300
    )


@pytest.mark.row("F7")
@pytest.mark.parametrize("bad", [[0.0], [1.0], [0.1, -0.2], [0.5, 1.5], [math.nan], []])
def test_betas_outside_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="beta"):
        FromBetas(bad)


def test_constant_betas_are_the_ornstein_uhlenbeck_schedule_between_grid_points_too() -> None:
    beta, steps = 0.03, 200
    constant = VariancePreserving(*[-steps * math.log1p(-beta)] * 2)
    torch.testing.assert_close(
        FromBetas([beta] * steps).log_snr(T[1:]), constant.log_snr(T[1:]), rtol=1e-10, atol=1e-10
    )


def test_cosine_matches_its_paper_before_rescaling() -> None:
    """Nichol and Dhariwal, equation 17, at the u that t stands for."""
    cosine = SCHEDULES.build({"name": "cosine"})
    end = cosine.range / (math.pi / 2 / (1 + cosine.offset))  # type: ignore[operator]
    u = T[1:] * end
    f = torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    alpha_bar = f / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    torch.testing.assert_close(torch.sigmoid(cosine.log_snr(T[1:])), alpha_bar, rtol=1e-9, atol=1e-12)
    assert cosine.log_snr(T[-1:]).item() == pytest.approx(-10)


def test_sigmoid_matches_its_paper_before_rescaling() -> None:
    sigmoid = SCHEDULES.build({"name": "sigmoid"})
    logistic = lambda x: 1 / (1 + torch.exp(-x))  # noqa: E731
    u = -3 + T[1:] * sigmoid.range  # type: ignore[operator]
    low, high = logistic(torch.tensor(-3.0, dtype=D)), logistic(torch.tensor(3.0, dtype=D))
    expected = (high - logistic(u)) / (high - low)
    torch.testing.assert_close(torch.sigmoid(sigmoid.log_snr(T[1:])), expected, rtol=1e-8, atol=1e-12)
    assert sigmoid.log_snr(T[-1:]).item() == pytest.approx(-10)


def test_flow_is_a_straight_path_in_its_frame() -> None:
    process = Process("flow", "flow")
    alpha, sigma = process.alpha_sigma(process.log_snr(T))
    end = process.schedule.end  # type: ignore[union-attr]
    torch.testing.assert_close(sigma, end * T)
    torch.testing.assert_close(alpha, 1 - end * T)


@pytest.mark.row("F6")
@pytest.mark.filterwarnings("ignore::pedesis.process.PriorMismatch")
def test_a_chain_that_ends_too_early_warns_with_the_figure() -> None:
    with pytest.warns(PriorMismatch, match=r"0\.33 bits"):
        Process(Linear(steps=100))
    assert Process(Linear(steps=100)).prior_kl() == pytest.approx(0.326, abs=1e-3)
    assert Process(Linear()).prior_kl() == pytest.approx(2.9e-5, rel=0.01)


def test_unknown_names_get_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match=r"'cosin'; did you mean 'cosine'"):
        Process("cosin")


@pytest.mark.row("F9")
@pytest.mark.row("N1")
def test_a_learned_schedule_keeps_its_ends_and_order_whatever_its_parameters() -> None:
    """Random parameters: still monotone, ends where it says; and alpha_bar = sigmoid(-gamma)."""
    for seed in range(5):
        torch.manual_seed(seed)
        schedule = SCHEDULES.build({"name": "learned", "maximum": 9.0, "minimum": -7.0, "units": 5})
        for p in (schedule.line, schedule.weight, schedule.place, schedule.slant):
            torch.nn.init.normal_(p, std=2.0)  # type: ignore[arg-type]
        log_snr = schedule.log_snr(T).detach()
        assert (log_snr.diff() < 0).all()
        assert log_snr[0].item() == pytest.approx(9) and log_snr[-1].item() == pytest.approx(-7)
    process = Process(schedule)
    alpha, _ = process.alpha_sigma(process.log_snr(T))
    torch.testing.assert_close(alpha.detach() ** 2, torch.sigmoid(log_snr))


@pytest.mark.row("N1")
def test_a_learned_schedule_learns() -> None:
    """Fitted to the cosine schedule's shape by gradient descent, it comes close to it."""
    target = SCHEDULES.build({"name": "cosine"})
    t = torch.linspace(0.02, 1, 200, dtype=D)
    torch.manual_seed(0)
    schedule = SCHEDULES.build({"name": "learned", "maximum": 8.0, "minimum": -9.0})
    optimizer = torch.optim.Adam(schedule.parameters(), lr=0.05)
    errors = []
    for _ in range(300):
        error = (schedule.log_snr(t) - target.log_snr(t)).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.05 < errors[0]
