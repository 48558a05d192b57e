"""Samplers: identities, the law of what they draw, independence of batch mates, wrong walks."""

import itertools
import math

import pytest
import torch

from pedesis.editing.inpainting import RePaint
from pedesis.process import FRAMES, Process
from pedesis.samplers import DDIM, SAMPLERS, Ancestral, Heun, Sampler, Step
from pedesis.samplers.base import walk_levels
from pedesis.samplers.timesteps import TIMESTEP_SPACINGS, timesteps
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import PerSeed, gaussian_noise

D = torch.float64
GAUSSIAN = Mixture(torch.ones(1, dtype=D), torch.full((1, 1), 0.7, dtype=D), torch.full((1, 1, 1), 0.16, dtype=D))


@pytest.mark.row("N2")
@pytest.mark.row("O16")
@pytest.mark.parametrize("frame", list(FRAMES))
def test_ddim_with_eta_one_is_ancestral_sampling(frame: str, mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine", frame)
    denoiser = MixtureDenoiser(mixture, process)
    times = timesteps(process, 25)
    results = [s.sample(denoiser, points, times, noise=PerSeed(range(16))) for s in (DDIM(eta=1.0), Ancestral())]
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-9)


def variance_drawn(sampler: Sampler, steps: int) -> float:
    """The variance of what a linear sampler draws for data N(0, 1/4), exactly: the sum of its squared gains."""
    denoiser = MixtureDenoiser(Mixture(torch.ones(1, dtype=D), torch.zeros(1, 1, dtype=D), QUARTER), Process("linear"))
    row = itertools.count(1)

    def noise(like: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(like).index_fill(0, torch.tensor([next(row)]), 1.0)

    start = torch.zeros(steps + 2, 1, dtype=D)  # a row for the prior and one for each draw
    start[0] = 1
    times = timesteps(denoiser.process, steps)
    return float(sampler.sample(denoiser, start, times, noise=noise).square().sum())


QUARTER = torch.full((1, 1, 1), 0.25, dtype=D)


@pytest.mark.row("O16")
@pytest.mark.parametrize(("steps", "variance"), [(10, 0.24393807), (50, 0.26185674), (1000, 0.25075208)])
def test_algorithm_2_adds_no_noise_to_clean_data(steps: int, variance: float) -> None:
    """Its variances with sigma_t^2 = beta_t and z = 0 at t = 1, from the recursion written out by hand."""
    assert variance_drawn(Ancestral("beta"), steps) == pytest.approx(variance, abs=5e-9)


@pytest.mark.parametrize("steps", [1, 2, 10, 50])
def test_the_optimal_variance_keeps_the_law_of_continuous_data_in_any_number_of_steps(steps: int) -> None:
    assert variance_drawn(Ancestral("optimal"), steps) == pytest.approx(0.25, abs=1e-9)
    assert variance_drawn(Ancestral("optimal").ending_in_mean(), steps) < 0.25 - 1e-6


LAST = [
    *(SAMPLERS.build({"name": name}) for name in SAMPLERS),
    *(Ancestral("beta"), Ancestral("optimal").ending_in_mean(), DDIM(eta=1.0), Heun(churn=0.4)),
    *(RePaint(Ancestral("beta"), 1), RePaint(Ancestral("optimal"), 1).ending_in_mean()),
]


@pytest.mark.parametrize("schedule", ["cosine", "linear-log-snr"])
@pytest.mark.parametrize("sampler", LAST, ids=lambda sampler: f"{sampler.name}-{sampler.config()}")
def test_a_step_to_clean_data_draws_nothing(
    sampler: Sampler, schedule: str, mixture: Mixture, points: torch.Tensor
) -> None:
    """Walks of one step from several levels, with every sampler and those of its settings that draw; also where t = 0
    is a little short of clean data."""
    denoiser = MixtureDenoiser(mixture, Process(schedule))

    def refuse(like: torch.Tensor) -> torch.Tensor:
        raise AssertionError(f"noise was drawn for {tuple(like.shape)}")

    for t in (1.0, 0.5, 0.02):
        end = sampler.sample(denoiser, points, torch.tensor([t, 0.0], dtype=D), noise=refuse)
        assert end.isfinite().all()


@pytest.mark.row("F11")
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_the_implicit_kernel_keeps_every_marginal(eta: float) -> None:
    """With the true x_0 and eps, x_s drawn from the kernel has exactly the law q(x_s | x_0)."""
    from pedesis.denoiser import Prediction
    from pedesis.samplers.ancestral import implicit_kernel

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
@pytest.mark.parametrize("frame", [name for name in FRAMES if name != "vp"])
def test_runs_with_the_same_noise_agree_in_every_frame(
    name: str, frame: str, mixture: Mixture, points: torch.Tensor
) -> None:
    """The frame is a change of variable: x / alpha walks the same path."""
    results = []
    for process in (Process("cosine", "vp"), Process("cosine", frame)):
        times = timesteps(process, 12)
        first = walk_levels(process, times)[0]
        start = math.hypot(first.alpha, first.sigma) * points
        sampler = SAMPLERS.build({"name": name})
        results.append(sampler.sample(MixtureDenoiser(mixture, process), start, times, noise=PerSeed(range(16))))
    torch.testing.assert_close(*results, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", list(SAMPLERS))
@pytest.mark.parametrize("grid", list(TIMESTEP_SPACINGS))
def test_samples_have_the_law_of_the_data(name: str, grid: str) -> None:
    """One Gaussian: mean and variance of 20,000 samples, against the closed form of the data."""
    process = Process("cosine")
    noise = gaussian_noise(0)
    start = noise(torch.empty(20_000, 1, dtype=D))
    sampler = SAMPLERS.build({"name": name})
    steps = {"adaptive": 30, "langevin": 75}.get(name, 150)  # each of theirs is many
    times = timesteps(process, steps, grid)
    assert len(times) == steps + 1 and times[0] == 1 and times[-1] == 0
    x = sampler.sample(MixtureDenoiser(GAUSSIAN, process), start, times, noise=noise)
    assert x.mean().item() == pytest.approx(0.7, abs=0.02)
    slow = 0.05 if name == "langevin" else 0.02  # a few Langevin steps a level do not forget the level before
    assert x.std().item() == pytest.approx(0.4, abs=slow)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_row_does_not_depend_on_its_batch_mates(name: str, mixture: Mixture) -> None:
    process = Process("cosine")
    denoiser, sampler = MixtureDenoiser(mixture, process), SAMPLERS.build({"name": name})
    times = timesteps(process, 6)

    def run(seeds: list[int]) -> torch.Tensor:
        noise = PerSeed(seeds)
        start = noise(torch.empty(len(seeds), 2, dtype=D))
        return sampler.sample(denoiser, start, times, noise=noise)

    together = run([11, 12, 13, 14])
    torch.testing.assert_close(run([13])[0], together[2], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(together[0], together[1])


def test_a_trajectory_yields_every_time_and_ends_in_the_sample(mixture: Mixture, points: torch.Tensor) -> None:
    process = Process("cosine")
    times = timesteps(process, 5)
    steps = list(DDIM().trajectory(MixtureDenoiser(mixture, process), points, times))
    assert [step.level.t for step in steps] == times.tolist()
    assert steps[-1].prediction is None and steps[0].x_t is points
    torch.testing.assert_close(steps[-1].x0, DDIM().sample(MixtureDenoiser(mixture, process), points, times))


@pytest.mark.parametrize(
    ("sampler", "times", "noise", "message"),
    [
        (DDIM(), [1.0], None, "at least two"),
        (DDIM(), [1.0, 0.5, 0.5], None, "strictly"),
        (Ancestral(), [0.1, 0.9], PerSeed(range(16)), "strictly"),
        (Heun(churn=0.2), [0.1, 0.9], PerSeed(range(16)), "strictly"),
        (Heun(churn=0.2), [1.0, 0.0], None, "draws noise"),
        (Ancestral(), [1.0, 0.0], None, "draws noise"),
        (Ancestral(), [1.0, 0.5, 0.0], PerSeed(range(3)), "3 seeds"),
    ],
)
def test_wrong_walks_are_named(
    sampler: Sampler, times: list[float], noise: PerSeed | None, message: str, mixture: Mixture, points: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=message):
        sampler.sample(MixtureDenoiser(mixture, Process("cosine")), points, torch.tensor(times, dtype=D), noise=noise)


def test_churn_is_step_by_step_the_published_algorithm(mixture: Mixture, points: torch.Tensor) -> None:
    """Algorithm 2 of Karras et al. written out in their variables: up by (1 + gamma), then Heun's step."""
    process, gamma, factor = Process("cosine", "ve"), 0.3, 1.007
    denoiser, seeds = MixtureDenoiser(mixture, process), range(16)
    times = timesteps(process, 24, "rho")
    sigmas = [level.sigma for level in walk_levels(process, times)]

    def slope(x: torch.Tensor, sigma: float) -> torch.Tensor:
        t = float(process.schedule.time(torch.tensor(-2 * math.log(sigma), dtype=D)))
        return (x - denoiser(x, t).x0) / sigma

    noise = PerSeed(seeds)
    x = sigmas[0] * points
    for high, low in itertools.pairwise(sigmas):  # a level of ours is their sigma_hat; their own is below it
        inside = 0.05 <= low <= 50
        bottom = low / (1 + gamma) if inside else low
        d = slope(x, high)
        ahead = x + (bottom - high) * d
        if bottom > 0:
            ahead = x + (bottom - high) * (d + slope(ahead, bottom)) / 2
        x = ahead + (math.sqrt(low**2 - bottom**2) * factor * noise(x) if inside else 0)
    sampler = Heun(churn=gamma, noise_factor=factor, lowest=0.05, highest=50)
    ours = sampler.sample(denoiser, sigmas[0] * points, times, noise=PerSeed(seeds))
    torch.testing.assert_close(ours, x, rtol=1e-8, atol=1e-8)
    for wrong in ({"churn": 0.5}, {"churn": -0.1}, {"noise_factor": 0.0}, {"lowest": 2.0, "highest": 1.0}):
        with pytest.raises(ValueError, match="S_churn|noise_factor"):
            Heun(**wrong)


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
    truth, times = alpha**2 * 0.16 + sigma**2, process.schedule.time(torch.linspace(-6, 4, 7, dtype=D))
    noise = gaussian_noise(0)
    start = process.marginal(torch.full((20_000, 1), 0.7, dtype=D), float(times[0])).sample(noise)
    spreads = {}
    for corrections in (0, 8):
        sampler = PredictorCorrector(corrections, share=0.2)
        spreads[corrections] = (
            sampler.sample(MixtureDenoiser(GAUSSIAN, process), start, times, noise=noise).var().item()
        )
    assert spreads[0] < 0.9 * truth
    assert abs(spreads[8] - truth) < 0.5 * abs(spreads[0] - truth), (spreads, truth)
