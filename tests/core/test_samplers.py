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
    slow = 0.05 if name == "langevin" else 0.02  # a few Langevin steps a level do not forget the level before
    assert x.std().item() == pytest.approx(0.4, abs=slow)


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


# Weak orders of the stochastic samplers: on Gaussian data every step is affine in x and in the noise, so mean and
# variance of the result follow from three runs, without sampling.
WEAK_ORDERS = {"ddpm": 1, "euler-maruyama": 1}


def end_moments(sampler: Sampler, process: Process, times: torch.Tensor) -> tuple[float, float]:
    """Mean and variance at the end of a walk from the true law at its start, by carrying both through each step."""
    from pedesis.samplers.base import Step, walk_levels

    mean0, var0 = 0.7, 0.16
    data = Mixture(torch.ones(1, dtype=D), torch.full((1, 1), mean0, dtype=D), torch.full((1, 1, 1), var0, dtype=D))
    denoiser, levels = MixtureDenoiser(data, process), walk_levels(process, times)
    mean, var = levels[0].alpha * mean0, levels[0].alpha ** 2 * var0 + levels[0].sigma ** 2

    def step(x: float, z: float, i: int) -> float:
        state = torch.tensor([[x]], dtype=D)
        now = Step(i, levels[i], state, denoiser(state, levels[i].t))
        denoise = lambda y, t: denoiser(y, t)  # noqa: E731
        return sampler.step(process, now, levels[i + 1], denoise, lambda like: torch.full_like(like, z), ()).item()

    for i in range(len(levels) - 1):
        origin = step(0.0, 0.0, i)
        gain, spread = step(1.0, 0.0, i) - origin, step(0.0, 1.0, i) - origin
        mean, var = origin + gain * mean, gain**2 * var + spread**2
    return mean, var


@pytest.mark.parametrize("name", sorted(WEAK_ORDERS))
def test_observed_weak_order_on_gaussian_data(name: str) -> None:
    process = Process("cosine")
    end = process.schedule.time(torch.tensor([4.0], dtype=D))
    alpha, sigma, _ = (float(v) for v in process.scales(float(end), torch.zeros(1, 1, dtype=D)))
    truth = (alpha * 0.7, alpha**2 * 0.16 + sigma**2)
    sampler = SAMPLERS.build({"name": name})
    errors = []
    for n in (100, 200, 400):
        found = end_moments(sampler, process, grid_between(process, 4.0, -6.0, n))
        errors.append(max(abs(a - b) for a, b in zip(found, truth, strict=True)))
    observed = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert all(abs(order - WEAK_ORDERS[name]) < 0.25 for order in observed), (observed, errors)


@pytest.mark.row("N7")
@pytest.mark.parametrize("size", [0.1, 0.5, 1.5])
def test_langevin_settles_at_its_known_variance(size: float) -> None:
    """On N(0, 1) the variance obeys v <- (1-h)^2 v + 2h, whose limit is 1/(1 - h/2); checked on the code's own step."""
    from pedesis.samplers.langevin import langevin_step, stationary_variance

    one, zero = torch.ones(1, 1, dtype=D), torch.zeros(1, 1, dtype=D)
    gain = langevin_step(one, -one, size, torch.zeros_like).item()
    spread = langevin_step(zero, zero, size, torch.ones_like).item()
    var = 3.0
    for _ in range(2000):
        var = gain**2 * var + spread**2
    assert var == pytest.approx(stationary_variance(size), rel=1e-9)
    with pytest.raises(ValueError, match="0 < h < 2"):
        stationary_variance(2.0)


def test_a_corrector_repairs_what_a_coarse_predictor_breaks() -> None:
    """Six ancestral steps leave the variance too small; Langevin corrections at each level bring it nearer."""
    from pedesis.samplers import PredictorCorrector

    process = Process("cosine")
    end = process.schedule.time(torch.tensor([4.0], dtype=D))
    alpha, sigma, _ = (float(v) for v in process.scales(float(end), torch.zeros(1, 1, dtype=D)))
    truth, times = alpha**2 * 0.16 + sigma**2, grid_between(process, 4.0, -6.0, 6)
    noise = gaussian_noise(0)
    data = Mixture(torch.ones(1, dtype=D), torch.full((1, 1), 0.7, dtype=D), torch.full((1, 1, 1), 0.16, dtype=D))
    start = process.marginal(torch.full((20_000, 1), 0.7, dtype=D), float(times[0])).sample(noise)
    spreads = {}
    for corrections in (0, 8):
        sampler = PredictorCorrector(corrections, share=0.2)
        spreads[corrections] = sampler.sample(MixtureDenoiser(data, process), start, times, noise=noise).var().item()
    assert spreads[0] < 0.9 * truth
    assert abs(spreads[8] - truth) < 0.5 * abs(spreads[0] - truth), (spreads, truth)
