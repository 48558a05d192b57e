"""A mistake at work: the doctor names it, right code is right, and what it does is what theory says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pedesis.lessons import what_goes_wrong as lesson
from pedesis.lessons.mixtures import denoiser


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
