"""The schedule lesson against closed forms and published numbers."""

import math

import numpy as np
import pytest

from pedesis.lessons import schedules
from pedesis.process import Process
from pedesis.schedules import SCHEDULES


def test_every_schedule_without_required_arguments_appears() -> None:
    assert "betas" not in schedules.names()
    assert {"linear", "vp", "cosine", "sigmoid", "flow", "edm", "linear-log-snr"} <= set(schedules.names())
    assert set(schedules.names()) <= set(SCHEDULES)


@pytest.mark.parametrize("name", schedules.names())
def test_curves_agree_with_each_other(name: str) -> None:
    c = schedules.curves(name)
    np.testing.assert_allclose(c.signal + c.noise, 1, rtol=1e-12)
    np.testing.assert_allclose(np.log(c.signal / c.noise), c.log_snr, atol=1e-9)
    assert (c.time_share > 0).all()
    # the shares of all noise levels make up the whole of t
    total = np.sum((c.time_share[1:] + c.time_share[:-1]) / 2 * -np.diff(c.log_snr))
    assert total == pytest.approx(1 - c.t[0], rel=0.02)


@pytest.mark.row("F8")
def test_betas_of_the_linear_schedule_are_those_of_ddpm() -> None:
    np.testing.assert_allclose(schedules.betas("linear", 1000), np.linspace(1e-4, 0.02, 1000), rtol=1e-9)


@pytest.mark.row("O8")
def test_the_trap_of_100_steps() -> None:
    alpha_bar, end = schedules.ddpm(100)
    product = np.cumprod(1 - np.linspace(1e-4, 0.02, 100))
    np.testing.assert_allclose(alpha_bar, np.concatenate([[1], product]), rtol=1e-12)
    assert end.alpha_bar == pytest.approx(0.3636, abs=5e-5)
    assert end.prior_kl == pytest.approx(0.33, abs=0.005)
    assert end.prior_kl == pytest.approx(-0.5 * math.log2(1 - end.alpha_bar), rel=1e-12)
    assert not end.good
    _, long = schedules.ddpm(1000)
    assert long.prior_kl == pytest.approx(2.9e-5, rel=0.01)
    assert long.good
    assert schedules.prior_kl_of_ddpm(np.array([100.0, 1000.0])).tolist() == [end.prior_kl, long.prior_kl]


@pytest.mark.parametrize("name", schedules.names())
def test_prior_kl_is_that_of_the_process(name: str) -> None:
    end = schedules.end(name)
    assert end.prior_kl == pytest.approx(Process(schedules.build(name)).prior_kl(), rel=1e-9)
    assert end.prior_kl == pytest.approx(0.5 * math.log2(1 + end.snr), rel=1e-9)
    assert end.snr == pytest.approx(math.exp(end.log_snr))


def test_levels() -> None:
    clean = schedules.level("linear", 0)
    assert (clean.alpha_bar, clean.noise, clean.log_snr) == (1, 0, math.inf)
    middle = schedules.level("linear", 0.5)
    assert middle.alpha_bar == pytest.approx(np.prod(1 - np.linspace(1e-4, 0.02, 1000)[:500]))
    assert middle.signal**2 + middle.noise**2 == pytest.approx(1)
    with pytest.raises(ValueError, match=r"\[0, 1\]; got 1.1"):
        schedules.level("linear", 1.1)
    with pytest.raises(ValueError, match="at least 1 step; got 0"):
        schedules.ddpm(0)
    with pytest.raises(ValueError, match="at least 1 step; got -1"):
        schedules.betas("linear", -1)
