"""A mistake at work: the doctor names it, right code is right, and what it does is what theory says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.lessons import what_goes_wrong as lesson
from pedesis.lessons.mixtures import denoiser
from pedesis.lessons.schedules import process
from pedesis.process import Chain, Time
from pedesis.theory.exact import Mixture, MixtureDenoiser


@pytest.mark.parametrize("name", lesson.wrongs())
def test_the_doctor_names_it_and_a_factor_shows_it(name: str) -> None:
    now = lesson.wrong(name, "moons", 0)
    assert f"[{name}]" in now.said
    assert now.line != now.right_line
    assert float(np.abs(np.nan_to_num(now.factor - now.right_factor)).max()) > 0
    assert len(now.right_samples) == lesson.POINTS


def test_right_samples_have_the_moments_of_the_data_and_too_little_noise_shrinks_them() -> None:
    now = lesson.wrong("noise-without-root", "ring", 0)
    exact = denoiser("ring", lesson.SCHEDULE)
    cov = exact.moments(torch.zeros(1, 2, dtype=torch.float64), 1.0)[1]
    truth = float(cov[0].trace())
    assert np.trace(np.cov(now.right_samples.T)) == pytest.approx(truth, rel=0.1)
    assert np.trace(np.cov(now.samples.T)) < 0.9 * truth


def test_pictures_of_right_code_have_the_law_of_the_walk_and_those_of_wrong_code_have_not() -> None:
    """With the exact denoiser of independent N(0, 0.1) pixels; and nothing depends on global random numbers."""
    one = Mixture(torch.ones(1), torch.zeros(1, 4), 0.1 * torch.eye(4)[None]).mapped(Tensor.double)

    class Flat(MixtureDenoiser):
        def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
            return super().x0(x_t.flatten(1), t).reshape(x_t.shape)

        predict, variance = Denoiser.predict, Denoiser.variance

    model, like = Flat(one, process("cosine")), torch.empty(2000, 1, 2, 2, dtype=torch.float64)
    right, again = (lesson.pictures(None, model, like, None, 3) for _ in range(2))
    spread = spread_of_the_walk(model.process.chain(lesson.PICTURE_STEPS), 0.1)
    assert torch.equal(right, again) and float(right.std()) == pytest.approx(spread, rel=0.03)
    assert float(lesson.pictures("noise-forgotten", model, like, None, 3).std()) < 0.8 * spread
    for name in lesson.wrongs():
        assert bool(lesson.pictures(name, model, like[:2], None, 3).isfinite().all()), name


def spread_of_the_walk(chain: Chain, variance: float) -> float:
    """The standard deviation at the end of Algorithm 2 with beta_tilde on N(0, variance): every step is linear in x."""
    total = 1.0
    for t in range(len(chain.beta) - 1, 0, -1):
        bar, before, beta = (float(each) for each in (chain.alpha_bar[t], chain.alpha_bar[t - 1], chain.beta[t]))
        gain = bar**0.5 * variance / (bar * variance + 1 - bar)
        factor = (before**0.5 * beta * gain + (1 - beta) ** 0.5 * (1 - before)) / (1 - bar)
        total = factor**2 * total + (float(chain.beta_tilde[t]) if t > 1 else 0.0)
    return float(total**0.5)
