"""Losses from the bound: the variance that they learn is the true one, and the schedule follows the right gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import MLP
from pedesis.process import Process
from pedesis.schedules import SCHEDULES, Learned
from pedesis.theory.elbo import elbo
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.reverse import OptimalVariance
from pedesis.training import ArrayBatches, TrainConfig, fit
from pedesis.training.variational import HybridLoss, LearnedScheduleLoss
from pedesis.utils.noise import TrainingNoise, gaussian_noise
from pedesis.utils.precision import full_precision

D = torch.float64


def generated(mixture: Mixture, count: int) -> torch.Tensor:
    share = torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=D)
    return mixture.sample(count, gaussian_noise(0), share)[0]


def denoiser(process: Process, variance: bool = False, width: int = 32) -> NetworkDenoiser:
    torch.manual_seed(0)
    return NetworkDenoiser(MLP(width=width, variance=variance), process, "v")


@pytest.mark.row("N3")
def test_the_hybrid_loss_learns_the_true_variance(mixture: Mixture) -> None:
    process = Process("cosine")
    x0 = generated(mixture, 4000)
    model = denoiser(process, variance=True, width=64)
    config = TrainConfig(batch=256, steps=600, learning_rate=5e-3, warmup=20)
    # the share of the bound is large here: the mean does not feel it, and 600 steps are few for 0.001
    for state in fit(
        model, ArrayBatches(x0.float(), None, 256), HybridLoss("v", share=0.03, steps=100, levels=None), config
    ):
        pass
    learned, exact = state.ema_model(), MixtureDenoiser(mixture, process)
    for t in (0.3, 0.5, 0.7):
        x_t = process.marginal(x0, t).sample(gaussian_noise(5))
        found, truth = learned(x_t.float(), t).variance.mean(), exact(x_t, t).variance.mean()
        assert found.item() == pytest.approx(truth.item(), rel=0.15), t


def test_the_bound_in_the_hybrid_loss_is_the_elbo(mixture: Mixture) -> None:
    """Averaged over the steps of the chain, it is the bound but for its prior term."""
    process, steps = Process("cosine"), 10
    model = denoiser(process, variance=True)
    torch.nn.init.normal_(model.network.last.weight, std=0.3)  # type: ignore[union-attr, arg-type]
    x0 = generated(mixture, 1).float().expand(5_000, -1)
    noise = TrainingNoise(0, 0, len(x0))
    grid = torch.linspace(1, 0, steps + 1, dtype=D)
    with torch.no_grad(), full_precision():
        both, t = HybridLoss(steps=steps, share=1.0, levels=None)(model, x0, None, TrainingNoise(0, 0, len(x0)))
        simple, _ = HybridLoss(steps=steps, share=0.0, levels=None)(model, x0, None, TrainingNoise(0, 0, len(x0)))
        terms = elbo(model, x0, grid, noise, OptimalVariance(), levels=None)
    expected = (terms.diffusion + terms.reconstruction) / 2  # per dimension
    found = both - simple
    error = math.hypot(found.std() / math.sqrt(len(x0)), expected.std() / math.sqrt(len(x0)))
    assert (t * steps).round().long().bincount().tolist() == [0] + [len(x0) // steps] * steps, (
        "every step equally often"
    )
    assert found.mean().item() == pytest.approx(expected.mean().item(), abs=4 * error)


def test_the_variance_does_not_pull_at_the_mean() -> None:
    """The gradient of the weights that make the mean is that of the first term alone."""
    x0 = gaussian_noise(1)(torch.empty(64, 2))
    gradients = []
    for share in (0.0, 1.0):
        model = denoiser(Process("cosine"), variance=True)
        loss, _ = HybridLoss(share=share, steps=50, levels=None)(model, x0, None, TrainingNoise(0, 0, 64))
        loss.mean().backward()
        gradients.append(model.network.last.weight.grad)  # type: ignore[union-attr]
    torch.testing.assert_close(gradients[0][:2], gradients[1][:2], rtol=1e-6, atol=1e-7)
    assert gradients[0][2:].abs().max() == 0 < gradients[1][2:].abs().max()


def test_each_loss_says_what_it_needs() -> None:
    model = denoiser(Process("cosine"))
    x0, noise = torch.zeros(4, 2), TrainingNoise(0, 0, 4)
    with pytest.raises(ValueError, match="variance=True"):
        HybridLoss()(model, x0, None, noise)
    with pytest.raises(ValueError, match="'learned'; got 'cosine'"):
        LearnedScheduleLoss()(model, x0, None, noise)
    with pytest.raises(ValueError, match="at least 2 steps"):
        HybridLoss(steps=1)


class GaussianNetwork(nn.Module):
    """The exact v for data N(0, data_std^2 I), from the input that `NetworkDenoiser` scales to unit variance."""

    def __init__(self, data_std: float):
        super().__init__()
        self.square = data_std**2

    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        alpha, sigma = torch.sigmoid(log_snr).sqrt()[:, None], torch.sigmoid(-log_snr).sqrt()[:, None]
        x_t = x * (alpha**2 * self.square + sigma**2).sqrt()
        x0 = alpha * self.square / (alpha**2 * self.square + sigma**2) * x_t
        return alpha * (x_t - alpha * x0) / sigma - sigma * x0


def learned(bend: float = 0.0, **ends: float) -> Learned:
    """A learned schedule, bent away from the straight line."""
    schedule = SCHEDULES.build({"name": "learned", "units": 4, "maximum": 9.0, "minimum": -9.0, **ends})
    assert isinstance(schedule, Learned)
    with torch.no_grad():
        schedule.weight.copy_(torch.tensor([bend, -6.0, -6.0, bend / 2 - 3]))
    return schedule


@pytest.mark.row("N1")
@pytest.mark.parametrize("bend", [-6.0, 1.0])
def test_for_an_exact_network_the_bound_is_the_negative_log_density(bend: float) -> None:
    """Whatever the shape of the schedule: -E log p(x_0) of N(0, s^2), the noise at t = 0 included."""
    std, rows = 0.7, 10_000
    process = Process(learned(bend))
    model = NetworkDenoiser(GaussianNetwork(std), process, "v", std)
    x0 = std * gaussian_noise(3)(torch.empty(rows, 1))
    with torch.no_grad(), full_precision():
        nats, _ = LearnedScheduleLoss(levels=None)(model, x0, None, TrainingNoise(0, 0, rows))
    entropy = 0.5 * math.log(2 * math.pi * math.e * (std**2 + math.exp(-9.0)))
    assert nats.mean().item() == pytest.approx(entropy, abs=4 * nats.std().item() / math.sqrt(rows) + 1e-3)


@pytest.mark.row("N1")
def test_the_ends_follow_the_bound_and_the_shape_the_square_of_its_estimate() -> None:
    """The gradients are those of E[L] and of E[L_t^2], by automatic differentiation of the formulas themselves."""
    process = Process(learned(0.5))
    schedule, model = process.schedule, denoiser(process)
    assert isinstance(schedule, Learned)
    torch.nn.init.normal_(model.network.last.weight, std=0.3)  # type: ignore[union-attr, arg-type]
    x0, rows = gaussian_noise(4)(torch.empty(32, 2)), 32
    with full_precision():
        loss, _ = LearnedScheduleLoss(levels=None)(model, x0, None, TrainingNoise(0, 0, rows))
        loss.mean().backward()
        found = {name: p.grad.clone() for name, p in schedule.named_parameters()}

        noise = TrainingNoise(0, 0, rows)
        t, eps, first = noise.stratified(), noise(x0), noise(x0)
        log_snr, slope = schedule.log_snr(t), schedule.slope(t)
        alpha, sigma = (c[:, None].float() for c in process.alpha_sigma(log_snr))
        network_output, _ = model.network_output(alpha * x0 + sigma * eps, log_snr)
        eps_hat = sigma * (alpha * x0 + sigma * eps) + alpha * network_output
        diffusion = -0.5 * slope * (eps - eps_hat).square().mean(1)
        wide = torch.exp(-schedule.maximum)
        decoder = 0.5 * (first.square() + wide.log() + math.log(2 * math.pi)).mean(1)
        bar = torch.sigmoid(schedule.minimum)
        prior = 0.5 * (bar * (x0**2 - 1) - torch.log1p(-bar)).mean(1)
        shape = [schedule.line, schedule.weight, schedule.place, schedule.slant]
        of_square = torch.autograd.grad(diffusion.square().mean(), shape, retain_graph=True)
        of_bound = torch.autograd.grad((diffusion + decoder + prior).mean(), [schedule.maximum, schedule.minimum])
    for name, expected in zip(("line", "weight", "place", "slant"), of_square, strict=True):
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-6)
    for name, expected in zip(("maximum", "minimum"), of_bound, strict=True):
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.row("N1")
def test_training_the_schedule_steadies_the_bound() -> None:
    """What one t says of the bound, -1/2 log_snr' E(eps - eps_hat)^2, varies less over t after training."""
    std, t = 0.7, torch.linspace(0.01, 0.99, 99, dtype=D)
    process = Process(learned(-6.0))
    model = NetworkDenoiser(GaussianNetwork(std), process, "v", std)
    x0 = std * gaussian_noise(3)(torch.empty(4000, 1))

    def spread() -> float:
        with torch.no_grad():
            signal = std**2 * process.schedule.log_snr(t).exp()
        predicted = -0.5 * process.schedule.slope(t).detach() * signal / (1 + signal)
        return (predicted.std() / predicted.mean()).item()

    before = spread()
    config = TrainConfig(batch=256, steps=150, learning_rate=5e-2, warmup=10)
    for _ in fit(model, ArrayBatches(x0, None, 256), LearnedScheduleLoss(levels=None), config):
        pass
    assert spread() < 0.6 * before


def test_the_schedules_loss_learns_the_true_variance_too() -> None:
    """Gaussian data: Var[x_0 | x_t] = s^2 sigma^2 / (alpha^2 s^2 + sigma^2); the schedule does not feel it."""
    std = 0.7
    process = Process(learned(0.0))

    class Unsure(GaussianNetwork):
        def __init__(self) -> None:
            super().__init__(std)
            self.table = nn.Embedding(40, 1)

        def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
            place = ((log_snr + 10) * 2).long().clamp(0, 39)
            return torch.cat([super().forward(x, log_snr, condition), self.table(place)], 1)

    model = NetworkDenoiser(Unsure(), process, "v", std)
    x0, noise = std * gaussian_noise(3)(torch.empty(4000, 1)), TrainingNoise(0, 0, 4000)
    gradients = []
    for share in (0.0, 1.0):
        process.zero_grad()
        LearnedScheduleLoss(levels=None, share=share)(model, x0, None, TrainingNoise(0, 0, 4000))[0].mean().backward()
        gradients.append(process.schedule.weight.grad.clone())  # type: ignore[union-attr, operator]
    torch.testing.assert_close(*gradients)

    optimizer = torch.optim.Adam(model.network.parameters(), lr=0.2)
    process.requires_grad_(False)
    for _ in range(100):
        optimizer.zero_grad()
        LearnedScheduleLoss(levels=None)(model, x0, None, noise)[0].mean().backward()
        optimizer.step()
        noise = TrainingNoise(0, 0, 4000)
    for t in (0.3, 0.5, 0.7):
        alpha, sigma = process.alpha_sigma(process.log_snr(t))
        truth = std**2 * sigma**2 / (alpha**2 * std**2 + sigma**2)
        assert model(x0, t).variance.mean().item() == pytest.approx(float(truth), rel=0.25), t
