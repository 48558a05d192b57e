"""The doctor's textbook is the library: every right formula has the coefficients of the core's own functions."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from pedesis.denoiser import Prediction
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import (
    EPS_FROM,
    GUIDANCE,
    POSTERIOR,
    Q_SAMPLE,
    TARGET,
    X0_FROM,
    Evaluation,
    chain_symbols,
    ddim,
    ddpm_from_eps,
    ddpm_from_x0,
    evaluate,
)
from pedesis.guidance import ClassifierFreeGuidance
from pedesis.parameterizations import PARAMETERIZATIONS
from pedesis.process import Process
from pedesis.samplers import DDIM, Ancestral, Step
from pedesis.samplers.base import walk_levels
from pedesis.schedules import FromBetas
from pedesis.theory.exact import Mixture, MixtureDenoiser

D = torch.float64
STEPS = 12


@pytest.fixture
def process(chains: Any) -> Process:
    return Process(FromBetas(chains("cosine", STEPS)))


@pytest.fixture
def known(process: Process) -> dict[str, Any]:
    return chain_symbols(process.chain(STEPS), torch.arange(1, STEPS + 1))


def times() -> torch.Tensor:
    return torch.arange(1, STEPS + 1, dtype=D) / STEPS


def test_q_sample_is_the_marginal(process: Process, known: dict[str, Any]) -> None:
    said = Evaluation(Q_SAMPLE, known).coefficients().values
    alpha, sigma = process.alpha_sigma(process.log_snr(times()))
    torch.testing.assert_close(said["x0"], alpha, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(said["noise"], sigma, rtol=1e-12, atol=1e-12)


def test_posterior_is_that_of_the_process(process: Process, known: dict[str, Any]) -> None:
    said = Evaluation(POSTERIOR, known).coefficients().values
    for role, right in zip(
        ("x_t", "x0", "variance"), process.posterior_coefficients(times() - 1 / STEPS, times()), strict=True
    ):
        torch.testing.assert_close(said[role], right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("prediction", TARGET)
def test_predictions_are_the_parameterizations(prediction: str) -> None:
    form = PARAMETERIZATIONS.build({"name": prediction})
    bars, x0, noise, out, x_t = torch.tensor([[0.9, 0.3], [0.1, 2.0], [-1.0, 0.2], [0.5, 0.6], [1.5, -0.7]], dtype=D)
    symbols = {"alpha_bar": bars, "x0": x0, "noise": noise, "prediction": out, "x_t": x_t}
    alpha, sigma = bars.sqrt(), (1 - bars).sqrt()
    clean = form.x0(out, x_t, alpha, sigma)
    torch.testing.assert_close(evaluate(TARGET[prediction], symbols), form.target(x0, noise, alpha, sigma))
    torch.testing.assert_close(evaluate(X0_FROM[prediction], symbols), clean)
    torch.testing.assert_close(evaluate(EPS_FROM[prediction], symbols), (x_t - alpha * clean) / sigma)


@pytest.mark.parametrize("prediction", TARGET)
def test_steps_are_those_of_the_samplers(process: Process, known: dict[str, Any], prediction: str) -> None:
    form = PARAMETERIZATIONS.build({"name": prediction})
    cases = [
        *((ddpm_from_eps(prediction, v), {}, Ancestral(rule)) for v, rule in RULES),
        *((ddpm_from_x0(prediction, v), {}, Ancestral(rule)) for v, rule in RULES),
        *((ddim(prediction), {"eta": eta}, DDIM(eta)) for eta in (0.0, 0.4, 1.0)),
    ]
    levels = walk_levels(process, torch.arange(STEPS + 1, dtype=D) / STEPS)
    for formula, more, sampler in cases:
        said = Evaluation(formula, {**known, **more}).coefficients().values
        for i, (s, now) in enumerate(itertools.pairwise(levels)):
            kernels = []
            for x, answer in ((1.0, 0.0), (0.0, 1.0)):
                x_t, out = torch.full((1, 1), x, dtype=D), torch.full((1, 1), answer, dtype=D)
                alpha, sigma, _ = process.scales(now.t, x_t)
                x0 = form.x0(out, x_t, alpha, sigma)
                prediction_ = Prediction(x_t, x0, (x_t - alpha * x0) / sigma, alpha, sigma)
                step = Step(0, now, x_t, prediction_)
                kernels.append(sampler.kernel(process, step, s, lambda x, t: prediction_, ()))  # noqa: B023
            assert float(said["x_t"][i]) == pytest.approx(float(kernels[0].mean), rel=1e-8, abs=1e-10)
            assert float(said["prediction"][i]) == pytest.approx(float(kernels[1].mean), rel=1e-8, abs=1e-10)
            if s.t > 0:
                assert float(said["noise"][i]) ** 2 == pytest.approx(float(kernels[0].var), rel=1e-8, abs=1e-10)


RULES = (("beta_tilde", "posterior"), ("beta", "beta"))


def test_guidance_is_classifier_free(process: Process) -> None:
    one = Mixture(torch.ones(1, dtype=D), torch.zeros(1, 1, dtype=D), torch.ones(1, 1, 1, dtype=D))
    for scale in (0.0, 1.0, 3.0):
        said = Evaluation(GUIDANCE, {"scale": torch.tensor([scale], dtype=D)}).coefficients().values
        guided = ClassifierFreeGuidance(MixtureDenoiser(one, process), scale)
        unit, nothing = torch.ones(1, 1, dtype=D), torch.zeros(1, 1, dtype=D)
        assert float(said["conditional"]) == pytest.approx(float(guided.combined(unit, nothing)))
        assert float(said["unconditional"]) == pytest.approx(float(guided.combined(nothing, unit)))


def test_rounding_is_as_large_as_float32_makes_it(chains: Any) -> None:
    """The textbook in float32 differs from itself in float64 by less than the tolerance, but by 1/300 of it."""
    betas = torch.linspace(1e-4, 0.02, 1000).double()
    process = Process(FromBetas(betas))
    known = chain_symbols(process.chain(1000), torch.arange(1, 1001))
    rough = {**known, "alpha_bars": Single((1 - betas.float()).cumprod(0))}
    for formula in (Q_SAMPLE, ddpm_from_eps("eps", "beta"), ddpm_from_x0("eps", "beta")):
        exact = Evaluation(formula, known, 2.0**-24).coefficients()
        single = Evaluation(formula, rough).coefficients()
        for role, value in exact.values.items():
            off = (single.values[role] - value).abs() / exact.tolerance[role]
            assert float(off.max()) < 1, (formula.name, role)
            assert float(off.max()) > 1 / 300, (formula.name, role)


class Single:
    """alpha_bar in float32, with 1 in front, index 0..T."""

    def __init__(self, bars: torch.Tensor):
        self.values = torch.cat([torch.ones(1), bars]).double()

    def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
        return self.values[index]


def test_every_entry_is_whole() -> None:
    for name, entry in CATALOGUE.items():
        assert name == entry.name and entry.symptom and entry.cause and entry.source and entry.where
        assert bool(entry.lines or entry.rewrites) != bool(entry.wrong and entry.right), name
