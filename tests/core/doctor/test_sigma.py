"""Code that speaks of sigma: x_t = x_0 + sigma noise, as k-diffusion and EDM write it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis import doctor
from pedesis.doctor import adapters, mutants
from pedesis.doctor.adapters.k_diffusion import karras
from pedesis.doctor.sigma import examine_sigmas

STEPS = 12


def rows(sigma: Any, x: Tensor) -> Tensor:
    """sigma, one number or one per row, against a batch."""
    sigma = torch.as_tensor(sigma).to(x)
    return sigma.reshape(-1, *[1] * (x.ndim - 1)) if sigma.ndim else sigma


def add_noise(x0: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    return x0 + rows(sigma, x0) * noise


def euler(model: Any, x: Tensor, sigma: Any, sigma_next: Any) -> Tensor:
    """A step of algorithm 1 of Karras et al. without the correction; the model gives the denoised picture."""
    return x + (rows(sigma_next, x) - rows(sigma, x)) * (x - model(x, sigma)) / rows(sigma, x)


def ancestral(denoised: Tensor, x: Tensor, sigma: Any, sigma_next: Any, noise: Tensor) -> Tensor:
    now, then = rows(sigma, x), rows(sigma_next, x)
    up = then * (now**2 - then**2).sqrt() / now
    return x + ((then**2 - up**2).clamp(min=0).sqrt() - now) * (x - denoised) / now + up * noise


def loop(step: Callable[..., Tensor] = euler, scaled: bool = True) -> Callable[..., Tensor]:
    """A sampler as people write it; the model is told sigma, one per row."""

    def sample(model: Any, shape: tuple[int, ...]) -> Tensor:
        sigmas = karras(STEPS)
        x = torch.randn(shape, dtype=torch.float64) * (sigmas[0] if scaled else 1)
        for now, then in itertools.pairwise(sigmas):
            x = step(model, x, now.expand(len(x)), then.expand(len(x)))
        return x

    return sample


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("arrange", ["falling", "rising", "without zero"])
def test_right_code_has_no_finding(arrange: str, dtype: torch.dtype) -> None:
    sigmas = karras(STEPS).to(dtype)
    given = {"falling": sigmas, "rising": sigmas.flip(0), "without zero": sigmas[:-1]}[arrange]
    report = doctor.examine(sigmas=given, q_sample=add_noise, step=euler, sample=loop(), prediction="x0")
    assert report.ok and "Euler in sigma" in str(report) and "t is read as sigma" in str(report), report
    report = doctor.examine(sigmas=given, step=ancestral, prediction="x0")
    assert report.ok, report


def test_positions_in_the_list_are_times_too() -> None:
    sigmas = karras(STEPS)

    def step(model: Any, x: Tensor, i: int) -> Tensor:
        return euler(model, x, sigmas[i], sigmas[i + 1])

    report = doctor.examine(sigmas=sigmas, step=step, prediction="x0")
    assert report.ok and "a position in sigmas" in str(report), report


@pytest.mark.parametrize("prediction", ["x0", "eps"])
@pytest.mark.parametrize("steps", [10, 100])
def test_every_mistake_with_sigmas_is_named(prediction: str, steps: int) -> None:
    chain, found, _ = examine_sigmas(karras(steps))
    assert chain is not None and not found
    every = mutants.mutants(chain, prediction)
    wrong = {}
    for mutant in every:
        function = {mutant.subject: with_sigmas(mutant.function(chain), mutant.subject, chain.sigma)}
        names = doctor.examine(sigmas=chain.sigma, prediction=prediction, **function).names
        if names != (mutant.fault.entry.name,):
            wrong[str(mutant)] = names
    assert not wrong and len({mutant.fault.entry.name for mutant in every}) >= 7


def with_sigmas(function: Callable[..., Tensor], subject: str, sigmas: Tensor) -> Callable[..., Tensor]:
    """A function of the position as one of sigma."""

    def position(sigma: Tensor) -> Tensor:
        apart = (sigmas[1:] - sigma[:, None]).abs()
        if float(apart.amin(1).max()) > 1e-6:
            raise ValueError("no such sigma")
        return apart.argmin(1)

    if subject == "q_sample":
        return lambda x0, sigma, noise: function(x0, position(sigma), noise)
    return lambda prediction, x_t, sigma, noise: function(prediction, x_t, position(sigma), noise)


def test_a_loop_is_taken_apart() -> None:
    def reversed_step(model: Any, x: Tensor, now: Tensor, then: Tensor) -> Tensor:
        return x - (rows(then, x) - rows(now, x)) * (x - model(x, now)) / rows(now, x)

    examine = lambda sample: doctor.examine(sigmas=karras(STEPS), sample=sample, prediction="x0").names  # noqa: E731
    assert examine(loop(scaled=False)) == ("start-not-scaled",)
    assert examine(loop(reversed_step)) == ("derivative-reversed",)


def test_a_list_of_sigmas_may_be_wrong_itself() -> None:
    mixed = karras(STEPS)[torch.tensor([0, 2, 1, *range(3, STEPS + 1)])]
    assert doctor.examine(sigmas=mixed).names == ("schedule-not-monotone",)
    assert doctor.examine(sigmas=karras(STEPS, sigma_max=2.0)).names == ("noise-too-weak",)
    assert doctor.examine(sigmas=karras(STEPS).half()).names[:1] == ("half-precision-table",)
    assert doctor.examine(sigmas=[0.0]).names == ("schedule-not-monotone",)


def test_what_does_not_go_together_is_said() -> None:
    with pytest.raises(ValueError, match="give the noise levels once"):
        doctor.examine(sigmas=karras(3), betas=[0.1])
    with pytest.raises(ValueError, match="with sigmas a network predicts"):
        doctor.examine(sigmas=karras(3), prediction="v")
    report = doctor.examine(sigmas=karras(3), loss=lambda model, x0: x0.sum(), prediction="x0")
    assert "loss is examined with betas=" in str(report)


def heun(denoise: Any, x: Tensor, sigmas: Tensor, wrong: bool = False) -> Tensor:
    """Algorithm 1 of Karras et al. 2022 without churn, written from its formulas."""
    for now, then in itertools.pairwise(sigmas):
        d = (x - denoise(x, now)) / now
        end = x + (then - now) * d
        if then > 0:
            after = (end - denoise(end, 1.3 * then if wrong else then)) / then
            end = x + (then - now) * (d + after) / 2
        x = end
    return x


def test_a_sampler_of_sigmas_arrives_with_its_order() -> None:
    report = doctor.convergence(adapters.k_diffusion.walk(heun))
    order = float(re.findall(r"measured order ([\d.]+)", str(report))[0])
    assert report.ok and order == pytest.approx(2, abs=0.3), report
    assert not doctor.convergence(adapters.k_diffusion.walk(lambda *a: heun(*a, wrong=True))).ok


THEIRS = ["sample_euler", "sample_euler_ancestral", "sample_heun", "sample_dpm_2", "sample_lms", "sample_dpmpp_2m"]


@pytest.mark.parametrize("name", THEIRS)
def test_samplers_of_k_diffusion(name: str) -> None:
    """Their own package, where it is installed."""
    sampling = pytest.importorskip("k_diffusion.sampling")
    sampler = getattr(sampling, name)
    report = doctor.convergence(adapters.k_diffusion.walk(sampler, disable=True))
    assert report.ok, report
    if "euler" in name:
        report = doctor.examine(sigmas=sampling.get_sigmas_karras(20, 0.02, 30.0), sample=sampler, prediction="x0")
        assert report.ok and "Euler in sigma" in str(report), report


class Memory(torch.nn.Module):
    """A denoiser D(x, sigma) in float32 that knows the training set by heart, or the law of the data."""

    def __init__(self, data: Tensor | None = None):
        super().__init__()
        self.data = torch.nn.Parameter(torch.zeros(1, 4) if data is None else data.float())

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        noise = sigma[:, None] ** 2
        if len(self.data) == 1:  # independent N(0, 1)
            return x / (1 + noise)
        apart = (x[:, None] - self.data).square().sum(2)
        return (-apart / (2 * noise)).softmax(1) @ self.data


def test_a_model_that_is_told_sigma_is_good_or_memorizes() -> None:
    draw = torch.randn(600, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen, unseen = draw[:100], draw[100:]
    good = doctor.training(Memory(), unseen, training=seen, sigmas=karras(20))
    assert good.report.ok, good
    torch.testing.assert_close(good.held_out, good.linear, rtol=0.1, atol=0)
    assert "memorization" in doctor.training(Memory(seen), unseen, training=seen, sigmas=karras(20)).report.names
    with pytest.raises(ValueError, match="two or more noise levels"):
        doctor.training(Memory(), unseen, sigmas=[1.0])
