"""k-diffusion's convention: functions (x, sigma) -> x0 join, and ours join them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import pedesis_zoo as zoo
from pedesis.process import Process
from pedesis.samplers import DDIM
from pedesis.samplers.timesteps import timesteps
from pedesis.theory.likelihood import log_likelihood
from pedesis.utils.noise import gaussian_noise
from pedesis.utils.precision import full_precision
from pedesis_zoo.interop.k_diffusion import from_denoise, to_denoise

D = torch.float64


def of_normal(x: torch.Tensor, sigma: torch.Tensor, class_cond: torch.Tensor | None = None) -> torch.Tensor:
    """The exact denoiser of N(label, 1) per element: E[x_0 | x] = label + (x - label)/(1 + sigma^2)."""
    assert sigma.shape == (len(x),)
    center = torch.zeros(len(x), 1, dtype=D) if class_cond is None else class_cond[:, None].to(D)
    return center + (x - center) / (1 + sigma[:, None] ** 2)


def test_the_likelihood_of_a_function_is_that_of_its_law() -> None:
    x = gaussian_noise(0)(torch.empty(5, 2, dtype=D))
    found = log_likelihood(from_denoise(of_normal), x)
    law = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    torch.testing.assert_close(found.nats, law, rtol=0, atol=2e-3)


def test_ddim_is_their_euler() -> None:
    """sample_euler: x + (sigma_next - sigma) (x - denoise(x, sigma)) / sigma, down to 0."""
    denoiser = from_denoise(of_normal, sigma_min=0.03, sigma_max=14.6)
    times, labels = timesteps(denoiser.process, 10, "rho"), torch.tensor([3, 0, -2])
    sigmas = [float(denoiser.process.scales(float(t), torch.zeros(1, 1, dtype=D))[1]) for t in times]
    start = x = 14.6 * gaussian_noise(1)(torch.empty(3, 2, dtype=D))
    for now, after in itertools.pairwise(sigmas):
        x = x + (after - now) * (x - of_normal(x, torch.full((3,), now, dtype=D), labels)) / now
    torch.testing.assert_close(DDIM().sample(denoiser, start, times, labels), x)
    assert sigmas[0] == pytest.approx(14.6) and min(sigmas) == pytest.approx(0.03)


@pytest.mark.parametrize("frame", ["vp", "ve", "flow"])
def test_there_and_back(frame: str) -> None:
    """A denoiser in any frame, as a function of sigma and as a denoiser again, says what it said."""
    exact = from_denoise(of_normal)
    model = zoo.load("digits", "cpu").denoiser
    model.process = Process(model.process.schedule, frame)
    with full_precision():
        cases = (exact, torch.ones(3, 2, dtype=D), None), (model, torch.ones(3, 1, 8, 8), torch.arange(3))
        for mine, x, label in cases:
            sigma = torch.tensor([0.1, 1.0, 20.0], dtype=D)
            again = from_denoise(to_denoise(mine), keyword="condition")
            log_snr = -2 * sigma.log()
            t_mine, t_again = mine.process.schedule.time(log_snr), again.process.schedule.time(log_snr)
            alpha = mine.process.scales(t_mine, x)[0]
            said, expected = again(x, t_again, label).x0, mine(alpha * x, t_mine, label).x0
            torch.testing.assert_close(said, expected, rtol=1e-4, atol=1e-4)


def test_sigmas_outside_of_the_process_are_refused() -> None:
    denoise = to_denoise(zoo.load("digits", "cpu").denoiser)
    for sigma in (0.0, -1.0, 1e6, math.nan):
        with pytest.raises(ValueError, match="sigma lies above 0"):
            denoise(torch.zeros(1, 1, 8, 8), sigma)
