"""Samplers: identities, observed orders of convergence, independence of batch mates."""

import itertools
import math

import pytest
import torch

from pedesis.exact import Mixture, MixtureDenoiser
from pedesis.grids import GRIDS
from pedesis.noise import PerSeed, gaussian_noise
from pedesis.process import FRAMES, Process
from pedesis.samplers import DDIM, SAMPLERS, Ancestral, Sampler

D = torch.float64
ORDERS = {"ddim": 1, "heun": 2, "dpm++2m": 2}
DETERMINISTIC = [name for name in SAMPLERS if not SAMPLERS.build({"name": name}).stochastic]


def grid_between(process: Process, high: float, low: float, steps: int) -> torch.Tensor:
    """Times whose log_snr falls evenly between two finite levels."""
    return process.schedule.time(torch.linspace(low, high, steps + 1, dtype=D))


def test_every_deterministic_sampler_has_an_order_to_be_tested() -> None:
    assert set(DETERMINISTIC) == set(ORDERS)


@pytest.mark.parametrize("name", sorted(ORDERS))
@pytest.mark.parametrize("frame", list(FRAMES))
def test_observed_order_on_a_mixture(name: str, frame: str, mixture: Mixture, points: torch.Tensor) -> None:
    """Halving the step divides the error by 2^order; measured between finite noise levels."""
    process = Process("cosine", frame)
    denoiser, sampler = MixtureDenoiser(mixture, process), SAMPLERS.build({"name": name})
    start = process.prior(points).var.sqrt() * points

    def end(steps: int) -> torch.Tensor:
        return sampler.sample(denoiser, start, grid_between(process, 4.0, -6.0, steps))

    # the truth by extrapolation of a finer run of Heun's method
    heun = SAMPLERS.build({"name": "heun"})
    fine, finer = (heun.sample(denoiser, start, grid_between(process, 4.0, -6.0, n)) for n in (800, 1600))
    truth = finer + (finer - fine) / 3
    errors = [(end(n) - truth).abs().mean().item() for n in (80, 160, 320)]
    observed = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert all(abs(order - ORDERS[name]) < 0.25 for order in observed), (observed, errors)


@pytest.mark.row("N2")
@pytest.mark.row("O16")
@pytest.mark.parametrize("frame", list(FRAMES))
def test_ddim_with_eta_one_is_ancestral_sampling(frame: str, mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine", frame)
    denoiser = MixtureDenoiser(mixture, process)
    times = GRIDS.build({"name": "uniform"})(process, 25)
    results = [s.sample(denoiser, points, times, noise=PerSeed(range(16))) for s in (DDIM(eta=1.0), Ancestral())]
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


@pytest.mark.row("F11")
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_the_implicit_kernel_keeps_every_marginal(eta: float) -> None:
    """With the true x_0 and eps, x_s drawn from the kernel has exactly the law q(x_s | x_0)."""
    from pedesis.denoiser import Prediction
    from pedesis.samplers.ancestral import implicit_kernel
    from pedesis.samplers.base import Step, walk_levels

    process = Process("cosine")
    now, s = walk_levels(process, torch.tensor([0.7, 0.4], dtype=D))
    x0, share = torch.tensor([[0.8]], dtype=D), eta**2 * -math.expm1(now.log_snr - s.log_snr)
    one = torch.ones((), dtype=D)

    def mean(eps: float) -> torch.Tensor:
        noise = torch.tensor([[eps]], dtype=D)
        prediction = Prediction(now.alpha * x0 + now.sigma * noise, x0, noise, one * now.alpha, one * now.sigma)
        return implicit_kernel(Step(0, now, prediction.x_t, prediction), s, share).mean

    slope = mean(1.0) - mean(0.0)  # linear in eps, so the variance over eps ~ N(0, 1) is slope^2
    target = process.marginal(x0, 0.4)
    torch.testing.assert_close(mean(0.0), target.mean)
    torch.testing.assert_close(slope**2 + s.sigma**2 * share, target.var.reshape(1, 1))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_vp_and_ve_runs_with_the_same_noise_agree(name: str, mixture: Mixture, points: torch.Tensor) -> None:
    """The frame is a change of variable: x / alpha walks the same path."""
    vp, ve = Process("cosine", "vp"), Process("cosine", "ve")
    alpha = vp.scales(1.0, points)[0]
    results = []
    for process, start in ((vp, points), (ve, points / alpha)):
        times = GRIDS.build({"name": "uniform"})(process, 12)
        sampler = SAMPLERS.build({"name": name})
        results.append(sampler.sample(MixtureDenoiser(mixture, process), start, times, noise=PerSeed(range(16))))
    torch.testing.assert_close(*results, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", list(SAMPLERS))
@pytest.mark.parametrize("grid", list(GRIDS))
def test_samples_have_the_law_of_the_data(name: str, grid: str) -> None:
    """One Gaussian: mean and variance of 20,000 samples, against the closed form of the data."""
    process = Process("cosine")
    data = Mixture(torch.ones(1, dtype=D), torch.tensor([[0.7]], dtype=D), torch.tensor([[[0.16]]], dtype=D))
    noise = gaussian_noise(0)
    start = noise(torch.empty(20_000, 1, dtype=D))
    sampler = SAMPLERS.build({"name": name})
    times = GRIDS.build({"name": grid})(process, 150)
    assert len(times) == 151 and times[0] == 1 and times[-1] == 0
    x = sampler.sample(MixtureDenoiser(data, process), start, times, noise=noise)
    assert x.mean().item() == pytest.approx(0.7, abs=0.02)
    assert x.std().item() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_row_does_not_depend_on_its_batch_mates(name: str, mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, sampler = MixtureDenoiser(mixture, process), SAMPLERS.build({"name": name})
    times = GRIDS.build({"name": "uniform"})(process, 6)

    def run(seeds: list[int]) -> torch.Tensor:
        noise = PerSeed(seeds)
        start = noise(torch.empty(len(seeds), 2, dtype=D))
        return sampler.sample(denoiser, start, times, noise=noise)

    together = run([11, 12, 13, 14])
    torch.testing.assert_close(run([13])[0], together[2], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(together[0], together[1])


def test_a_trajectory_yields_every_time_and_ends_in_the_sample(mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine")
    times = GRIDS.build({"name": "uniform"})(process, 5)
    steps = list(DDIM().trajectory(MixtureDenoiser(mixture, process), points, times))
    assert [step.level.t for step in steps] == times.tolist()
    assert steps[-1].prediction is None and steps[0].x_t is points
    torch.testing.assert_close(steps[-1].x0, DDIM().sample(MixtureDenoiser(mixture, process), points, times))


def test_deterministic_samplers_encode_and_decode(mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine")
    denoiser = MixtureDenoiser(mixture, process)
    down = grid_between(process, 5.0, -8.0, 400)
    x = 0.5 * points
    heun: Sampler = SAMPLERS.build({"name": "heun"})
    there = heun.sample(denoiser, x, down.flip(0))
    torch.testing.assert_close(heun.sample(denoiser, there, down), x, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("sampler", "times", "noise", "message"),
    [
        (DDIM(), [1.0], None, "at least two"),
        (DDIM(), [1.0, 0.5, 0.5], None, "strictly"),
        (Ancestral(), [0.1, 0.9], PerSeed(range(16)), "strictly"),
        (Ancestral(), [1.0, 0.0], None, "draws noise"),
        (Ancestral(), [1.0, 0.5, 0.0], PerSeed(range(3)), "3 seeds"),
    ],
)
def test_wrong_walks_are_named(
    sampler: Sampler, times: list[float], noise: PerSeed | None, message: str, mixture: Mixture, points: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=message):
        sampler.sample(MixtureDenoiser(mixture, Process("cosine")), points, torch.tensor(times, dtype=D), noise=noise)
