"""Losses: what is written, at times that are spread evenly."""

import pytest
import torch

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import WEIGHTS, Loss
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import TrainingNoise, gaussian_noise

D = torch.float64


class Exact(torch.nn.Module):
    """A perfect network for a mixture, answering in any parameterization."""

    def __init__(self, mixture: Mixture, process: Process, name: str):
        super().__init__()
        self.truth, self.name = MixtureDenoiser(mixture, process), name

    def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor | None) -> torch.Tensor:
        process = self.truth.process
        t = process.schedule.time(log_snr)
        alpha, sigma, _ = process.scales(t, x)
        x_t = x * (alpha**2 + sigma**2).sqrt()
        predicted = self.truth(x_t, t, condition)
        return PARAMETERIZATIONS.build({"name": self.name}).target(predicted.x0, predicted.eps, alpha, sigma)


@pytest.mark.row("O13")
@pytest.mark.parametrize("name", list(PARAMETERIZATIONS))
@pytest.mark.parametrize("weight", ["simple", "x0", "v", "min-snr"])
def test_the_loss_is_the_weighted_error_of_eps_in_every_parameterization(
    mixture: Mixture, name: str, weight: str
) -> None:
    process = Process("cosine")
    x0, _ = mixture.sample(256, gaussian_noise(0), torch.rand(256, generator=torch.Generator().manual_seed(0), dtype=D))
    denoiser = NetworkDenoiser(Exact(mixture, process, name), process, name)
    losses, t = Loss(weight)(denoiser, x0, None, TrainingNoise(3, 1, 256))

    noise = TrainingNoise(3, 1, 256)
    torch.testing.assert_close(noise.stratified(), t)
    eps = noise(x0)
    x_t = process.scales(t, x0)[0] * x0 + process.scales(t, x0)[1] * eps
    predicted = MixtureDenoiser(mixture, process)(x_t, t)
    snr = process.log_snr(t).exp()
    expected = {
        "simple": (eps - predicted.eps).square().mean(1),
        "x0": (x0 - predicted.x0).square().mean(1),
        "v": (process.scales(t, x0)[0] * eps - process.scales(t, x0)[1] * x0 - predicted.v).square().mean(1),
        "min-snr": (eps - predicted.eps).square().mean(1) * snr.clamp(max=5) / snr,
    }[weight]
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-7)


def test_the_variational_weight_integrates_to_the_change_in_log_snr() -> None:
    """With eps_hat = 0 the loss is 1/2 |d log_snr/dt| E eps^2, whose mean over t in [a, 1] is half the drop."""
    process = Process("linear-log-snr")
    t = torch.linspace(0, 1, 1001, dtype=D)
    weight = WEIGHTS.build({"name": "variational"})(process, t, process.log_snr(t).exp())
    drop = process.log_snr(0.0) - process.log_snr(1.0)
    torch.testing.assert_close(torch.trapezoid(weight, t), drop / 2)


def test_times_are_spread_evenly_and_split_batches_draw_the_same() -> None:
    whole = TrainingNoise(5, 9, 64)
    t = whole.stratified()
    assert (t > 0).all() and (t <= 1).all()
    assert torch.allclose(t.sort().values.diff(), torch.tensor(1 / 64, dtype=D))
    like = torch.empty(64, 3)
    draws = [whole(like), whole.uniform(like)]
    for rows in (range(16), range(16, 64)):
        part = TrainingNoise(5, 9, 64, rows)
        assert torch.equal(part.stratified(), t[rows.start : rows.stop])
        for draw, mine in zip(
            draws, (part(like[rows.start : rows.stop]), part.uniform(like[rows.start : rows.stop])), strict=True
        ):
            assert torch.equal(mine, draw[rows.start : rows.stop])


@pytest.mark.row("O13")
def test_times_of_a_chain_are_its_steps_the_first_included(mixture: Mixture) -> None:
    process = Process("cosine")
    x0 = torch.linspace(-2, 2, 2000, dtype=D).reshape(1000, 2)
    denoiser = NetworkDenoiser(Exact(mixture, process, "eps"), process, "eps")
    losses, t = Loss("simple", steps=10)(denoiser, x0, None, TrainingNoise(3, 1, 1000))
    steps, counts = (t * 10).round().unique(return_counts=True)
    assert steps.tolist() == list(range(1, 11)) and counts.tolist() == [100] * 10
    torch.testing.assert_close(t * 10, (t * 10).round())
    assert losses.shape == t.shape
    with pytest.raises(ValueError, match="at least 1 step"):
        Loss(steps=0)


def test_condition_dropout_has_its_rate() -> None:
    seen: list[torch.Tensor] = []

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor, log_snr: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
            seen.append(condition)
            return x

    denoiser = NetworkDenoiser(Network(), Process("cosine"))
    Loss("simple", 0.2)(denoiser, torch.zeros(5000, 1), torch.ones(5000, dtype=torch.int64), TrainingNoise(0, 0, 5000))
    assert abs((seen[0] < 0).double().mean().item() - 0.2) < 5 * (0.16 / 5000) ** 0.5
