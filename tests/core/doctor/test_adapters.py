"""Other people's libraries as they are installed: no finding."""

from __future__ import annotations

import copy
import itertools
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pedesis import doctor
from pedesis.doctor import adapters


@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler"])
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("schedule", ["linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("steps", [10, 100, pytest.param(1000, marks=pytest.mark.soak)])
def test_chains_of_diffusers(name: str, prediction: str, schedule: str, steps: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    more = {"set_alpha_to_one": True} if name == "DDIMScheduler" else {}
    end = min(20 / steps, 0.9) if schedule == "linear" else 0.02
    scheduler = getattr(diffusers, name)(
        steps, beta_end=end, beta_schedule=schedule, prediction_type=prediction, clip_sample=False, **more
    )
    report = doctor.examine(**adapters.diffusers.chain(scheduler))
    assert report.ok, report


def test_a_chain_of_diffusers_that_ends_at_the_first_level_is_named() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDIMScheduler(100, beta_end=0.2, set_alpha_to_one=False, clip_sample=False)
    assert "last-step-not-clean" in doctor.examine(**adapters.diffusers.chain(scheduler)).names


SOLVERS: dict[str, dict[str, Any]] = {
    "DDIMScheduler": {"clip_sample": False},
    "EulerDiscreteScheduler": {},
    "HeunDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
    "UniPCMultistepScheduler": {},
}
GRIDS = {10: (2, 5, 10), 100: (10, 20, 50), 1000: (10, 20, 50)}
"""Numbers of steps that divide those of training: the step of their DDIM is as long as the quotient says."""


def solver(name: str, steps: int, dtype: torch.dtype, **options: Any) -> Any:
    """A scheduler of diffusers with its tables in a type."""
    diffusers = pytest.importorskip("diffusers")
    made = getattr(diffusers, name)(
        steps, **{"beta_end": min(20 / steps, 0.9), "timestep_spacing": "trailing", **SOLVERS.get(name, {}), **options}
    )
    for key, value in vars(made).items():
        if isinstance(value, Tensor) and value.is_floating_point():
            setattr(made, key, value.to(dtype))
    return made


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", GRIDS)
def test_solvers_of_diffusers_arrive(name: str, prediction: str, dtype: torch.dtype, steps: int) -> None:
    scheduler = solver(name, steps, dtype, prediction_type=prediction)
    report = doctor.convergence(adapters.diffusers.walk(scheduler), steps=GRIDS[steps])
    assert report.ok and "measured order" in str(report), report


DPM = "DPMSolverMultistepScheduler"


OPTIONS: list[dict[str, Any]] = [
    {"solver_order": 1},
    {"solver_order": 3},
    {"solver_type": "heun"},
    {"lower_order_final": False},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"use_karras_sigmas": True},
    {"use_lu_lambdas": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("steps", GRIDS)
def test_every_dpm_solver_of_diffusers_arrives(options: dict[str, Any], steps: int) -> None:
    if steps == 10 and "use_karras_sigmas" in options:
        pytest.skip("no false alarm: it tells the model the nearest of ten levels, which is not the one of its input")
    scheduler = solver(DPM, steps, torch.float32, **options)
    grid = (10, 20, 50) if steps > 10 else (2, 4, 5)
    report = doctor.convergence(adapters.diffusers.walk(scheduler), steps=grid)
    assert report.ok, report


def test_a_coarse_grid_is_to_blame_and_not_the_steps_on_it() -> None:
    """The errors of the last step and of those before cancel in 25 of 100 steps, so that they rise again in 50; and in
    the last steps of such a chain log-SNR moves as far in 100 steps as in 50, which no order of the solver mends."""
    walk = adapters.diffusers.walk(solver(DPM, 100, torch.float64))
    report = doctor.convergence(walk, steps=(25, 50))
    assert report.ok and "grid of times is coarse: steps of first order leave" in str(report), report

    def rough(oracle: doctor.Oracle, noise: Tensor, steps: int) -> Tensor:
        """The same, with a prediction that is 2 % too large."""
        large = copy.copy(oracle)
        large.eps = lambda x, alpha, sigma: 1.02 * oracle.eps(x, alpha, sigma)  # type: ignore[method-assign]
        return walk(large, noise, steps)  # type: ignore[no-any-return]

    assert "do not come nearer" in str(doctor.convergence(rough, steps=(25, 50)))


NOISY: dict[str, dict[str, Any]] = {
    "DDPMScheduler": {"clip_sample": False},
    "EulerAncestralDiscreteScheduler": {},
    DPM: {"algorithm_type": "sde-dpmsolver++"},
}


@pytest.mark.parametrize("name", NOISY)
@pytest.mark.parametrize("schedule", ["linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("steps", GRIDS)
def test_solvers_of_diffusers_that_draw_noise_arrive(name: str, schedule: str, steps: int) -> None:
    scheduler = solver(name, steps, torch.float32, beta_schedule=schedule, **NOISY[name])
    report = doctor.convergence(adapters.diffusers.walk(scheduler), steps=GRIDS[steps][1:])
    assert report.ok and "draws noise" in str(report), report


def test_a_coarse_grid_hides_no_wrong_variance() -> None:
    """A sampler of ten steps whose noise is too small by a third is accused, the right one is not."""
    right = adapters.diffusers.walk(solver("DDPMScheduler", 10, torch.float64, clip_sample=False))

    def wrong(oracle: doctor.Oracle, noise: Tensor, steps: int) -> Tensor:
        with Quiet():
            return right(oracle, noise, steps)  # type: ignore[no-any-return]

    assert doctor.convergence(right, steps=(5, 10)).ok
    assert "do not come nearer to the data" in str(doctor.convergence(wrong, steps=(5, 10)))


class Quiet(TorchFunctionMode):
    """Noise that is too small."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        return 0.67 * out if getattr(func, "__name__", "") in ("randn", "randn_like") else out


def test_a_last_step_to_clean_data_hides_the_order_of_heun() -> None:
    """Even steps of t let sigma^2 of the last step fall only as their number; up to there Heun is of order 2."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.HeunDiscreteScheduler(1000, beta_end=0.02, timestep_spacing="trailing")
    said = str(doctor.convergence(adapters.diffusers.walk(scheduler)))
    whole, inner = (float(each) for each in re.findall(r"order ([\d.]+) \(([\d.]+) up to the last step", said)[0])
    assert whole == pytest.approx(1, abs=0.3) and inner > 1.6, said


@pytest.mark.parametrize("objective", ["pred_noise", "pred_x0", "pred_v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("steps", [10, 100, 1000])
def test_denoising_diffusion_pytorch(objective: str, schedule: str, steps: int) -> None:
    package = pytest.importorskip("denoising_diffusion_pytorch")

    class Nothing(nn.Module):
        channels, out_dim, self_condition = 3, 3, False

    diffusion = package.GaussianDiffusion(
        Nothing(), image_size=8, timesteps=steps, objective=objective, beta_schedule=schedule
    )
    report = doctor.examine(**adapters.denoising_diffusion_pytorch.chain(diffusion))
    if schedule == "linear" and steps == 10:
        assert report.names == ("beta-out-of-range",), "their betas of ten steps rise to 2"
        return
    assert report.ok, report
    assert "understood as the squared error of" in str(report) and "loss" in report.examined
    assert isinstance(diffusion.model, Nothing), "their object is left alone"


@pytest.mark.parametrize("objective", ["pred_noise", "pred_x0", "pred_v"])
@pytest.mark.parametrize(("steps", "eta"), [(100, 0.0), (10, 0.0), (10, 0.5)])
def test_ddim_of_denoising_diffusion_pytorch(objective: str, steps: int, eta: float) -> None:
    package = pytest.importorskip("denoising_diffusion_pytorch")

    class Nothing(nn.Module):
        channels, out_dim, self_condition = 3, 3, False

    diffusion = package.GaussianDiffusion(
        Nothing(), image_size=8, timesteps=100, sampling_timesteps=steps, objective=objective, ddim_sampling_eta=eta
    )
    chain = adapters.denoising_diffusion_pytorch.chain(diffusion, loop="ddim_sample")
    report = doctor.examine(betas=chain["betas"], sample=chain["sample"], prediction=chain["prediction"], t_from=0)
    assert report.ok and "understood as DDIM" in str(report), report


@pytest.mark.parametrize("options", [{}, {"gam": 1.0, "mu": 0.5}, {"gam": 2.0}])
def test_smalldiffusion(options: dict[str, Any]) -> None:
    package = pytest.importorskip("smalldiffusion")
    schedule = package.ScheduleLogLinear(1000, sigma_min=0.002, sigma_max=80)
    report = doctor.convergence(adapters.smalldiffusion.walk(package.samples, schedule, **options))
    assert report.ok, report


@pytest.mark.parametrize("sampler", ["DDPMSampler", "DDIMSampler", "EulerSampler", "HeunSampler"])
@pytest.mark.parametrize("schedule", ["VPSchedule", "CosineSchedule", "VESchedule", "RectifiedSchedule"])
def test_azula(sampler: str, schedule: str) -> None:
    samplers, noise = pytest.importorskip("azula.sample"), pytest.importorskip("azula.noise")
    report = doctor.convergence(adapters.azula.walk(getattr(samplers, sampler), getattr(noise, schedule)()))
    assert report.ok, report


def euler(oracle: doctor.Oracle, noise: Tensor, steps: int, wrong: str = "") -> Tensor:
    """Euler in sigma, x = x_0 + sigma eps, right or with one fault."""
    sigmas = torch.cat([torch.linspace(3**0.5, 0.1, steps, dtype=torch.float64) ** 2, torch.zeros(1)])
    x = noise * (1.0 if wrong == "start" else sigmas[0])
    for now, then in itertools.pairwise(sigmas):
        eps = oracle.eps(x, 1.0, now * (1.3 if wrong == "level" else 1))
        x = x + (then - now) * eps
        if wrong == "batch":
            x = x - 0.1 * (x - x.mean(0)) / steps
        if wrong == "noise":
            x = x + 0.1 * then * torch.randn_like(x)
    return x[:, :0] if wrong == "shape" else x / 0 if wrong == "nan" else x


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("start", "begins with standard deviation"),
        ("level", "do not come nearer to the exact solution"),
        ("batch", "rows are mixed"),
        ("noise", "do not come nearer to the data"),
        ("shape", "gave back (8, 0, 2, 2)"),
        ("nan", "NaN or infinity"),
    ],
)
def test_a_wrong_sampler_is_found(wrong: str, said: str) -> None:
    assert said in str(doctor.convergence(lambda o, n, s: euler(o, n, s, wrong)))


def test_a_right_sampler_has_its_order_and_no_finding() -> None:
    report = doctor.convergence(euler)
    assert report.ok and "measured order 1.0" in str(report), report
    with pytest.raises(ValueError, match="rising"):
        doctor.convergence(euler, steps=(8,))
