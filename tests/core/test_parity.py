"""Parity with independent code, step for step, on the closed-form denoiser of a mixture.

diffusers counts its chain from 0 and has no entry for clean data: its step i is t = (i + 1)/T here, and t = 0 is what
it calls the previous step of the last one. Its tables are float32; they are given ours in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import azula.denoise
import azula.guidance.mmps
import azula.linalg.covariance
import azula.sample
import diffusers
import numpy as np
import pytest
import torch

from pedesis.editing.inverse_problems import MMPS
from pedesis.editing.operators import Operator
from pedesis.process import Process
from pedesis.samplers import (
    DDIM,
    Ancestral,
    DPMSolver2M,
    DPMSolver2MSDE,
    DPMSolver3M,
    Heun,
    Sampler,
    Step,
    UniPC,
    multistep,
)
from pedesis.samplers.base import walk_levels
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

pytestmark = [  # from inside the two libraries
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning"),
]

D = torch.float64
T, STEPS = 1000, 20
CHAIN = {"num_train_timesteps": T, "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
TRUE_WEIGHTS = multistep.weights
FINITE = {"final_sigmas_type": "sigma_min"}  # ends at the first noise level, where no solver is of lower order


@pytest.fixture
def denoiser(mixture: Mixture) -> MixtureDenoiser:
    return MixtureDenoiser(mixture, Process("linear"))


def scheduler(kind: Any, spacing: str = "trailing", **settings: Any) -> Any:
    """A scheduler of diffusers on the linear chain, respaced to STEPS steps, with our float64 tables."""
    made = kind(**CHAIN, timestep_spacing=spacing, **settings)
    made.betas = torch.linspace(1e-4, 0.02, T, dtype=D)
    made.alphas_cumprod = (1 - made.betas).cumprod(0)
    made.set_timesteps(STEPS)
    if hasattr(made, "sigmas"):
        levels = walk_levels(Process("linear"), walk_times(made))
        ratios = torch.tensor([level.ratio for level in levels], dtype=D)
        if isinstance(made, diffusers.HeunDiscreteScheduler):  # it lists every level that it visits
            ratios = torch.cat([ratios[:1], ratios[1:-1].repeat_interleave(2), ratios[-1:]])
        assert torch.allclose(made.sigmas, ratios.float(), rtol=1e-3), "the same noise levels, up to its rounding"
        made.sigmas = ratios
    return made


def walk_times(made: Any) -> torch.Tensor:
    """Our times for the steps of a scheduler."""
    last = 1 / T if made.config.get("final_sigmas_type") == "sigma_min" else 0.0
    steps = (made.timesteps.unique().flip(0).to(D) + 1) / T
    return torch.cat([steps, torch.tensor([last], dtype=D)])


def ours(
    sampler: Sampler, denoiser: MixtureDenoiser, x: torch.Tensor, times: torch.Tensor, seed: int = 0
) -> list[torch.Tensor]:
    """Every state of our walk after the first, with noise drawn from one generator."""
    source = torch.Generator().manual_seed(seed)
    noise = lambda like: torch.randn(like.shape, generator=source, dtype=like.dtype)  # noqa: E731
    return [step.x_t for step in sampler.trajectory(denoiser, x, times, noise=noise)][1:]


def theirs(
    made: Any, denoiser: MixtureDenoiser, x: torch.Tensor, draw: Callable[[], dict[str, Any]] = dict
) -> list[torch.Tensor]:
    """Every state of theirs; `draw` gives the further arguments of a step."""
    states = []
    for t in made.timesteps:
        eps = denoiser(made.scale_model_input(x, t), (float(t) + 1) / T).eps
        x = made.step(eps, t if made.timesteps.is_floating_point() else int(t), x, **draw()).prev_sample
        states.append(x)
    return states


def assert_same_walk(a: list[torch.Tensor], b: list[torch.Tensor], tolerance: float) -> None:
    assert len(a) == len(b) == STEPS
    for step, (one, other) in enumerate(zip(a, b, strict=True)):
        torch.testing.assert_close(
            one, other.to(one), rtol=tolerance, atol=tolerance, msg=lambda text, step=step: f"step {step}: {text}"
        )


@pytest.mark.parametrize(("rule", "kind"), [("posterior", "fixed_small"), ("beta", "fixed_large")])
def test_ancestral_sampling_is_that_of_diffusers(
    denoiser: MixtureDenoiser, points: torch.Tensor, rule: str, kind: str
) -> None:
    """Without its clipping of x0. Its smallest variance is 1e-20 where ours is 0, hence 1e-9.

    Spaced so that it ends at its step 0, the only one where it leaves the noise out as Algorithm 2 does.
    """
    made = scheduler(diffusers.DDPMScheduler, "leading", variance_type=kind, clip_sample=False)
    source = torch.Generator().manual_seed(0)
    walk = theirs(made, denoiser, points, lambda: {"generator": source})
    assert_same_walk(ours(Ancestral(rule), denoiser, points, walk_times(made)), walk, 1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_is_that_of_diffusers(denoiser: MixtureDenoiser, points: torch.Tensor, eta: float) -> None:
    made = scheduler(diffusers.DDIMScheduler, clip_sample=False, set_alpha_to_one=True)
    source = torch.Generator().manual_seed(0)
    walk = theirs(made, denoiser, points, lambda: {"eta": eta, "generator": source})
    assert_same_walk(ours(DDIM(eta), denoiser, points, walk_times(made)), walk, 1e-9)


def test_heun_is_that_of_diffusers(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    """Theirs walks x / alpha, in single evaluations: two a step, but one to clean data."""
    made = scheduler(diffusers.HeunDiscreteScheduler)
    times = walk_times(made)
    levels = walk_levels(denoiser.process, times)
    states = theirs(made, denoiser, points / levels[0].alpha)
    walk = [state * level.alpha for state, level in zip([*states[1:-1:2], states[-1]], levels[1:], strict=True)]
    assert_same_walk(ours(Heun(), denoiser, points, times), walk, 1e-10)


def test_dpm_solver_2m_is_that_of_diffusers(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    """Its step computes in float32, hence 1e-5."""
    made = scheduler(diffusers.DPMSolverMultistepScheduler, algorithm_type="dpmsolver++", solver_order=2)
    assert_same_walk(ours(DPMSolver2M(), denoiser, points, walk_times(made)), theirs(made, denoiser, points), 1e-5)


def test_sde_dpm_solver_2m_is_that_of_diffusers(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    """As above; the noise is given, since it would draw in float32."""
    made = scheduler(diffusers.DPMSolverMultistepScheduler, algorithm_type="sde-dpmsolver++", solver_order=2)
    source = torch.Generator().manual_seed(0)
    walk = theirs(
        made, denoiser, points, lambda: {"variance_noise": torch.randn(points.shape, generator=source, dtype=D)}
    )
    assert_same_walk(ours(DPMSolver2MSDE(), denoiser, points, walk_times(made)), walk, 1e-5)


def published_weights(nodes: list[float], h: float) -> list[float]:
    """Those of the authors' program of DPM-Solver++(3M): half of the weight on u^2, the second difference."""
    powers = np.vander(nodes, increasing=True).T
    moments = powers @ TRUE_WEIGHTS(nodes, h)
    return list(np.linalg.solve(powers, moments * [1, 1, 0.5][: len(nodes)]))


def test_dpm_solver_3m_is_that_of_diffusers_but_for_one_weight(
    denoiser: MixtureDenoiser, points: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the published weight the walks agree, and are of second order; with the integral's own, of third."""
    settings = {"algorithm_type": "dpmsolver++", "solver_order": 3, "lower_order_final": False}
    made = scheduler(diffusers.DPMSolverMultistepScheduler, **settings, **FINITE)
    interpolate = [denoiser.process.schedule.time(torch.linspace(-6, 4, n + 1, dtype=D)) for n in (40, 80, 640)]
    truth = UniPC(3).sample(denoiser, points, interpolate[-1])

    def order() -> float:
        errors = [(DPMSolver3M().sample(denoiser, points, times) - truth).abs().mean() for times in interpolate[:2]]
        return math.log2(errors[0] / errors[1])

    assert order() > 2.75
    monkeypatch.setattr(multistep, "weights", published_weights)
    assert abs(order() - 2) < 0.25
    assert_same_walk(ours(DPMSolver3M(), denoiser, points, walk_times(made)), theirs(made, denoiser, points), 1e-5)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_is_that_of_diffusers(denoiser: MixtureDenoiser, points: torch.Tensor, order: int) -> None:
    """With B(h) = e^h - 1, and without its lower order in the last steps."""
    made = scheduler(
        diffusers.UniPCMultistepScheduler, solver_order=order, solver_type="bh2", lower_order_final=False, **FINITE
    )
    assert_same_walk(ours(UniPC(order), denoiser, points, walk_times(made)), theirs(made, denoiser, points), 1e-9)


class Lent(azula.denoise.Denoiser):
    """Our process and denoiser as azula's; keeps the states that it is asked about."""

    def __init__(self, inner: MixtureDenoiser):
        super().__init__()
        self.inner, self.asked = inner, list[torch.Tensor]()

    def schedule(self, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inner.process.alpha_sigma(self.inner.process.log_snr(t))

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> azula.denoise.DiracPosterior:
        self.asked.append(x_t)
        return azula.denoise.DiracPosterior(mean=self.inner(x_t, t).x0)


AZULA = {"start": 0.98, "stop": 0.02, "steps": STEPS, "silent": True, "dtype": D}


@pytest.mark.parametrize(("mine", "kind"), [(DDIM(), azula.sample.EulerSampler), (Heun(), azula.sample.HeunSampler)])
def test_euler_and_heun_are_those_of_azula(
    denoiser: MixtureDenoiser, points: torch.Tensor, mine: Sampler, kind: Any
) -> None:
    other = kind(Lent(denoiser), **AZULA)
    torch.testing.assert_close(ours(mine, denoiser, points, other.timesteps)[-1], other(points), rtol=1e-10, atol=1e-10)


def test_the_third_order_step_is_that_of_azula(denoiser: MixtureDenoiser, points: torch.Tensor) -> None:
    """Its exponential Adams-Bashforth method of order 3, from its own states (the first steps differ by design)."""
    lent = Lent(denoiser)
    other = azula.sample.xEABSampler(lent, order=3, **AZULA)
    end, levels = other(points), walk_levels(denoiser.process, other.timesteps)
    states = [*lent.asked, end]
    steps = [Step(i, levels[i], states[i], denoiser(states[i], levels[i].t)) for i in range(STEPS)]
    for i in range(2, STEPS):
        x = DPMSolver3M().step(denoiser.process, steps[i], levels[i + 1], denoiser, gaussian_noise(0), steps[i - 2 : i])
        torch.testing.assert_close(x, states[i + 1], rtol=1e-8, atol=1e-8)


class Matrix(Operator):
    """A matrix, for rows of numbers."""

    def __init__(self, matrix: torch.Tensor):
        self.matrix = matrix

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.matrix.T

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return y @ self.matrix

    def solve(self, y: torch.Tensor, prior: torch.Tensor | float, noise: float) -> torch.Tensor:
        variance = torch.as_tensor(prior, dtype=D).reshape(-1, 1, 1)
        total = variance * (self.matrix @ self.matrix.T) + noise * torch.eye(len(self.matrix), dtype=D)
        return torch.linalg.solve(total, y[..., None])[..., 0]


@pytest.mark.parametrize("t", [0.2, 0.7])
def test_moment_matching_is_that_of_azula(denoiser: MixtureDenoiser, points: torch.Tensor, t: float) -> None:
    """Both solved to the end by conjugate gradients, ours with a preconditioner."""
    operator = Matrix(torch.tensor([[0.5, 0.5], [1.0, -0.3]], dtype=D))
    y = operator.apply(points.roll(1, 0))
    covariance = azula.linalg.covariance.IsotropicCovariance(0.04)
    other = azula.guidance.mmps.MMPSDenoiser(Lent(denoiser), y, operator.apply, covariance, "cg", iterations=4)
    mine = MMPS(denoiser, operator, y, noise=0.2, iterations=4)
    theirs = other(points, torch.tensor(t, dtype=D)).mean
    torch.testing.assert_close(mine(points, t).x0, theirs, rtol=1e-7, atol=1e-7)


def test_the_levels_are_the_chain_of_diffusers() -> None:
    made = diffusers.DDPMScheduler(**CHAIN)
    levels = walk_levels(Process("linear"), (torch.arange(T, dtype=D) + 1) / T)
    alphas = torch.tensor([level.alpha for level in levels])
    torch.testing.assert_close(alphas**2, made.alphas_cumprod, rtol=1e-4, atol=0)
