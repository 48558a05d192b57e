"""Editing: inpainting against the exact conditional, partial noising, interpolation."""

import math

import pytest
import torch

from pedesis.editing.image_to_image import noise_to_start
from pedesis.editing.inpainting import InpaintingDenoiser, repaint
from pedesis.editing.interpolation import slerp
from pedesis.process import Process
from pedesis.samplers import DDIM, Ancestral
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

D = torch.float64
CORRELATION = 0.9


def test_repaint_finds_the_conditional_that_one_pass_misses() -> None:
    """Correlated Gaussian, first number known: E[x_2 | x_1 = 1] = 0.9 in closed form."""
    cov = torch.tensor([[[1, CORRELATION], [CORRELATION, 1]]], dtype=D)
    process = Process("cosine")
    exact = MixtureDenoiser(Mixture(torch.ones(1, dtype=D), torch.zeros(1, 2, dtype=D), cov), process)
    mask, known = torch.tensor([[True, False]]), torch.tensor([[1.0, 0.0]], dtype=D)
    denoiser, count = InpaintingDenoiser(exact, known, mask), 4000
    times, noise = torch.linspace(1, 0, 31, dtype=D), gaussian_noise(0)
    start = noise(torch.empty(count, 2, dtype=D))
    means = []
    for repeats in (1, 10):
        x = repaint(Ancestral(), denoiser, start, times, noise, repeats)
        assert torch.equal(x[:, 0], torch.ones(count, dtype=D)), "what is known is kept"
        means.append(x[:, 1].mean().item())
    assert means[0] < CORRELATION - 0.2 and abs(means[1] - CORRELATION) < 0.06, means


def test_one_repeat_is_plain_sampling(mixture: Mixture, points: torch.Tensor) -> None:
    denoiser, times = MixtureDenoiser(mixture, Process("cosine")), torch.linspace(1, 0, 9, dtype=D)
    plain = DDIM().sample(denoiser, points, times)
    torch.testing.assert_close(repaint(DDIM(), denoiser, points, times, gaussian_noise(0), repeats=1), plain)


def test_a_mask_that_knows_everything_or_nothing(mixture: Mixture, points: torch.Tensor) -> None:
    inner, times = MixtureDenoiser(mixture, Process("cosine")), torch.linspace(1, 0, 9, dtype=D)
    everything = InpaintingDenoiser(inner, points, torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(DDIM().sample(everything, points.roll(1, 0), times), points)
    nothing = InpaintingDenoiser(inner, points, torch.zeros(1, 2, dtype=torch.bool))
    torch.testing.assert_close(nothing(points, 0.5).eps, inner(points, 0.5).eps)
    with pytest.raises(ValueError, match="boolean"):
        InpaintingDenoiser(inner, points, torch.ones(1, 2))


def test_starting_from_a_picture_goes_part_of_the_way(points: torch.Tensor) -> None:
    process, times = Process("cosine"), torch.linspace(1, 0, 11, dtype=D)
    x, remaining = noise_to_start(process, points, times, 0.3, torch.zeros_like)
    assert remaining.tolist() == times[-4:].tolist()
    torch.testing.assert_close(x, process.marginal(points, 0.3).mean)
    assert len(noise_to_start(process, points, times, 1.0, torch.zeros_like)[1]) == 11
    with pytest.raises(ValueError, match="strength"):
        noise_to_start(process, points, times, 0.0, torch.zeros_like)


def test_slerp_keeps_the_norm_of_noise_and_its_ends() -> None:
    draw = gaussian_noise(0)
    a, b = draw(torch.empty(50, 784)), draw(torch.empty(50, 784))
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    middle = slerp(a, b, 0.5)
    assert middle.norm(dim=1).mean().item() == pytest.approx(math.sqrt(784), rel=0.02)
    assert ((a + b) / 2).norm(dim=1).mean().item() < 0.75 * math.sqrt(784)
    torch.testing.assert_close(slerp(a, a, 0.3), a)
