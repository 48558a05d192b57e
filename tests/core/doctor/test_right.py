"""Right code is not accused: no finding for the textbook's programs, nor for our own functions."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis import doctor
from pedesis.denoiser import Prediction
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.samplers import DDIM, Ancestral, Sampler, Step
from pedesis.samplers.base import walk_levels
from pedesis.schedules import FromBetas
from pedesis.utils.noise import gaussian_noise

D = torch.float64


LONG = {(torch.float32, 0, "linear"), (D, 1, "cosine"), (torch.float32, 1, "scaled linear")}
"""What is tried with 1000 steps each time; the others by `make soak`."""
BOOKS = [
    pytest.param(*book, marks=[] if book[0] < 1000 or book[1:] in LONG else pytest.mark.soak)
    for book in itertools.product((10, 100, 1000), (torch.float32, D), (0, 1), ("linear", "cosine", "scaled linear"))
]


@pytest.mark.parametrize(("steps", "dtype", "base", "schedule"), BOOKS)
def test_the_textbook(textbooks: Any, chains: Any, steps: int, dtype: torch.dtype, base: int, schedule: str) -> None:
    book = textbooks(chains(schedule, steps), dtype, base)
    report = doctor.examine(
        betas=book.betas,
        alphas_cumprod=book.bars,
        q_sample=book.q_sample,
        posterior=book.q_posterior,
        step=book.p_sample_eps,
        sample=book.sample(),
        loss=book.loss(),
        guidance=book.guidance,
    )
    assert report.ok, report
    assert f"t is read as counting from {base}" in str(report)


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
@pytest.mark.parametrize("dtype", [torch.float32, D])
def test_every_prediction_and_step(textbooks: Any, chains: Any, prediction: str, dtype: torch.dtype) -> None:
    book = textbooks(chains("cosine", 100), dtype)
    for step in (book.p_sample(prediction), book.p_sample(prediction, clip=False)):
        report = doctor.examine(alphas_cumprod=book.bars, step=step, prediction=prediction)
        assert report.ok, report
    for eta in (0.0, 0.3, 1.0):
        report = doctor.examine(betas=book.betas, step=book.ddim(prediction, eta), prediction=prediction)
        assert (report.ok and "DDIM" in str(report)) or eta == 1.0, report
    whole = {"sample": book.sample(prediction), "loss": book.loss(prediction)}
    assert doctor.examine(betas=book.betas, prediction=prediction, **whole).ok


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
@pytest.mark.parametrize("sampler", [Ancestral(), Ancestral("beta"), DDIM(), DDIM(0.4), DDIM(1.0)])
@pytest.mark.parametrize(
    ("steps", "dtype"),
    [
        (10, torch.float32),
        (30, D),
        *(pytest.param(steps, dtype, marks=pytest.mark.soak) for steps in (100, 1000) for dtype in (torch.float32, D)),
    ],
)
def test_our_own_samplers(chains: Any, prediction: str, sampler: Sampler, steps: int, dtype: torch.dtype) -> None:
    process = Process(FromBetas(chains("linear", steps)))
    form = PARAMETERIZATIONS.build({"name": prediction})

    def step(prediction: Tensor, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        now, s = walk_levels(process, torch.tensor([int(t[0]), int(t[0]) - 1], dtype=D) / steps)
        prediction, x_t, noise = prediction.to(dtype), x_t.to(dtype), noise.to(dtype)
        alpha, sigma, _ = process.scales(now.t, x_t)
        x0 = form.x0(prediction, x_t, alpha, sigma)
        said = Prediction(x_t, x0, (x_t - alpha * x0) / sigma, alpha, sigma)
        return sampler.step(process, Step(0, now, x_t, said), s, lambda x, t: said, lambda like: noise, ())

    report = doctor.examine(betas=process.chain(steps).beta, step=step, prediction=prediction)
    assert report.ok, report


@pytest.mark.parametrize("steps", [10, 100, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, D])
def test_our_own_process(chains: Any, steps: int, dtype: torch.dtype) -> None:
    process = Process(FromBetas(chains("linear", steps)))

    def q_sample(x0: Tensor, t: Tensor) -> Tensor:
        return process.marginal(x0.to(dtype), t.double() / steps).sample(torch.randn_like)

    def posterior(x_t: Tensor, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        result = process.posterior(x_t.to(dtype), x0.to(dtype), (t.double() - 1) / steps, t.double() / steps)
        return result.mean, result.var

    report = doctor.examine(betas=process.chain(steps).beta, q_sample=q_sample, posterior=posterior)
    assert report.ok, report


def test_time_as_a_share_of_one() -> None:
    process = Process("cosine")
    betas = process.chain(50).beta[1:]
    own = doctor.examine(betas=betas, q_sample=lambda x0, t: process.marginal(x0, t).sample(gaussian_noise(1)))
    assert own.ok, "noise of a generator of its own is read as well"

    def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        alpha, sigma, _ = process.scales(t, x0)
        return alpha * x0 + sigma * noise

    report = doctor.examine(betas=betas, q_sample=q_sample)
    assert report.ok and "share of 1" in str(report), report


@pytest.mark.parametrize("prediction", ["x0", "v"])
@pytest.mark.parametrize("dtype", [torch.float32, D])
def test_zero_terminal_snr_is_right_but_for_eps(textbooks: Any, prediction: str, dtype: torch.dtype) -> None:
    betas = torch.linspace(0.01, 0.3, 40, dtype=D)
    betas[-1] = 1.0
    book = textbooks(betas, dtype)
    given = {"q_sample": book.q_sample, "posterior": book.q_posterior, "step": book.p_sample(prediction)}
    for schedule in ({"betas": book.betas}, {"alphas_cumprod": book.bars}):
        report = doctor.examine(**schedule, **given, prediction=prediction)
        assert report.ok and "zero terminal SNR" in str(report), report
    report = doctor.examine(betas=book.betas, prediction="eps")
    assert "predict v or x0" in str(report) and not report.ok


@pytest.mark.parametrize("steps", [10, 100])
def test_tables_that_were_rounded_apart_are_not_accused(textbooks: Any, chains: Any, steps: int) -> None:
    """A last beta of 0.999 in float32 leaves 1 - beta four digits, alphas_cumprod from float64 all."""
    betas = chains("cosine", steps).clamp(max=0.999)
    betas[-1] = 0.999
    book = textbooks(betas, D)
    given = {"betas": betas.float(), "alphas_cumprod": book.bars.float()}
    report = doctor.examine(**given, q_sample=book.q_sample, posterior=book.q_posterior, step=book.p_sample())
    assert report.ok, report
