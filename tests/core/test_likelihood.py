"""log p by the probability flow, against closed forms."""

import math

import pytest
import torch

from pedesis.process import FRAMES, Process
from pedesis.samplers import SAMPLERS
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.likelihood import dequantize, discrete_bits, log_likelihood
from pedesis.theory.probability_flow import divergence, velocity
from pedesis.utils.noise import gaussian_noise

D = torch.float64


@pytest.mark.parametrize("frame", list(FRAMES))
def test_the_flow_knows_the_density_of_a_mixture(mixture: Mixture, points: torch.Tensor, frame: str) -> None:
    """Exact model, exact trace: equal to the closed form at the level where the walk starts."""
    process = Process("cosine", frame)
    denoiser = MixtureDenoiser(mixture, process)
    start = float(process.schedule.time(torch.tensor(12.0, dtype=D)))
    found = log_likelihood(denoiser, points, tolerance=1e-7)
    torch.testing.assert_close(found.nats, denoiser.log_prob(points, start), rtol=0, atol=2e-3)


def test_classes_and_hutchinsons_estimate(mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, label = MixtureDenoiser(mixture, process), torch.ones(2000, dtype=torch.int64)
    x = torch.tensor([[0.2, -0.9]], dtype=D).expand(2000, 2)
    start = float(process.schedule.time(torch.tensor(12.0, dtype=D)))
    found = log_likelihood(denoiser, x, label, probe=gaussian_noise(0), tolerance=1e-4)
    truth = denoiser.log_prob(x[:1], start, label[:1]).item()
    error = found.nats.std() / math.sqrt(2000)
    assert abs(found.nats.mean().item() - truth) < 4 * error + 2e-3
    assert found.evaluations > 20


def test_the_latent_is_where_the_deterministic_samplers_go(mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine")
    denoiser = MixtureDenoiser(mixture, process)
    latent = log_likelihood(denoiser, points, tolerance=1e-7).latent
    times = process.schedule.time(torch.linspace(-10, 12, 801, dtype=D))
    times[0] = 1.0
    back = SAMPLERS.build({"name": "heun"}).sample(denoiser, latent, times)
    torch.testing.assert_close(back, points, rtol=0, atol=2e-3)


@pytest.mark.parametrize("frame", list(FRAMES))
def test_velocity_moves_the_density_by_the_continuity_equation(
    mixture: Mixture, points: torch.Tensor, frame: str
) -> None:
    """d/dt log q(x(t), t) along the flow = -div v, with the density differentiated in time by finite differences."""
    process = Process("cosine", frame)
    denoiser, t, h = MixtureDenoiser(mixture, process), 0.5, 1e-5
    x = points.clone().requires_grad_()
    v = velocity(denoiser, x, t)
    trace = sum(divergence(v, x, unit.expand_as(x)) for unit in torch.eye(2, dtype=D)[:, None])
    ahead, behind = x.detach() + h * v.detach(), x.detach() - h * v.detach()
    rate = (denoiser.log_prob(ahead, t + h) - denoiser.log_prob(behind, t - h)) / (2 * h)
    torch.testing.assert_close(rate, -trace.detach(), rtol=1e-4, atol=1e-4)  # type: ignore[union-attr]


def test_dequantised_bits_of_a_known_law() -> None:
    """Levels of a Gaussian wide against the bins: the bound is close to the entropy of the levels."""
    law = Mixture(torch.ones(1, dtype=D), torch.zeros(1, 1, dtype=D), torch.full((1, 1, 1), 0.04, dtype=D))
    noise, count = gaussian_noise(0), 4000
    levels = ((0.2 * noise(torch.empty(count, 1, dtype=D)) + 1) * 128).floor().clamp(0, 255)
    x, bin_nats = dequantize(levels, torch.rand(count, 1, generator=torch.Generator().manual_seed(0), dtype=D))
    assert (((x + 1) * 128).floor() == levels).all()
    bits = discrete_bits(log_likelihood(MixtureDenoiser(law, Process("cosine")), x), bin_nats)
    entropy = 0.5 * math.log2(2 * math.pi * math.e * 0.04) - math.log2(2 / 256)
    assert bits.mean().item() == pytest.approx(entropy, abs=4 * bits.std().item() / math.sqrt(count) + 0.01)
