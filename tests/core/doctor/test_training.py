"""A trained model between the best linear denoiser and the optimum of its training set."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis import doctor
from pedesis.denoiser import Denoiser
from pedesis.process import Process
from pedesis.theory.exact import EmpiricalDenoiser, Mixture, MixtureDenoiser
from pedesis.utils.noise import gaussian_noise

D = torch.float64
PROCESS = Process("cosine")
ONE = Mixture(
    torch.ones(1, dtype=D), torch.tensor([[0.5, -0.3]], dtype=D), torch.tensor([[[0.4, 0.1], [0.1, 0.2]]], dtype=D)
)
TWO = Mixture(
    torch.tensor([0.5, 0.5], dtype=D),
    torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=D),
    torch.eye(2, dtype=D).expand(2, 2, 2) * 0.01,
)


def draw(mixture: Mixture, count: int, seed: int) -> Tensor:
    uniform = torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=D)
    return mixture.sample(count, gaussian_noise(seed), uniform)[0]


def test_of_a_gaussian_nothing_beats_the_linear_denoiser() -> None:
    """Both curves are SNR sum_i l_i / (1 + SNR l_i) / D, for the eigenvalues l_i of the covariance."""
    held_out, training = draw(ONE, 4000, 1), draw(ONE, 4000, 2)
    exact = MixtureDenoiser(ONE, PROCESS)
    result = doctor.training(exact, held_out, training=training, rows=4000)
    snr, values = result.log_snr.exp(), torch.linalg.eigvalsh(ONE.covs[0])
    known = (snr[:, None] * values / (1 + snr[:, None] * values)).mean(1)
    for curve in (result.held_out, result.linear, result.training):
        assert torch.allclose(curve, known, rtol=0.08)
    assert torch.allclose(result.held_out, result.linear, rtol=0.01)
    assert result.report.ok, result


def test_of_a_mixture_the_exact_denoiser_is_better_than_linear_and_is_not_accused() -> None:
    result = doctor.training(MixtureDenoiser(TWO, PROCESS), draw(TWO, 256, 1), training=draw(TWO, 400, 2))
    assert result.report.ok, result
    assert float((result.held_out / result.linear).min()) < 0.75
    assert result.optimum is not None and result.training is not None
    assert bool((result.optimum <= result.training + 0.05).all())


def test_the_training_set_itself_as_a_model_memorizes() -> None:
    training = draw(TWO, 60, 2)
    result = doctor.training(EmpiricalDenoiser(training, PROCESS), draw(TWO, 256, 1), training=training)
    assert "memorization" in result.report.names, result
    assert torch.equal(result.training, result.optimum)  # type: ignore[arg-type]
    without = doctor.training(EmpiricalDenoiser(training, PROCESS), draw(TWO, 256, 1))
    assert "memorization" not in without.report.names and without.optimum is None


@pytest.mark.parametrize("where", ["low noise", "high noise", "many levels"])
def test_the_level_at_which_a_model_fails_is_named_with_its_causes(where: str) -> None:
    exact = MixtureDenoiser(TWO, PROCESS)

    class Blind(Denoiser):
        def x0(self, x_t: Tensor, t: Any, condition: Any = None) -> Tensor:
            level = float(PROCESS.log_snr(torch.as_tensor(t)))
            bad = {"low noise": level > 4, "high noise": level < -3, "many levels": True}[where]
            answer = exact.x0(x_t, t, condition)
            return answer + (0.5 * torch.exp(torch.tensor(-level / 2)) + 0.5) if bad else answer

    result = doctor.training(Blind(PROCESS), draw(TWO, 256, 1))
    (finding,) = result.report.findings
    assert f"at {where}" in finding.message or f"over {where}" in finding.message
    assert finding.got is not None and finding.expected is not None and finding.got > finding.expected


@pytest.mark.parametrize("t_from", [0, 1])
def test_a_model_of_somebody_else(chains: Any, t_from: int) -> None:
    betas = chains("cosine", 50)
    bars = (1 - betas).cumprod(0)

    def right(x: Tensor, t: Tensor) -> Tensor:
        bar = bars[t - t_from].view(-1, 1)
        cov = bar * ONE.covs[0, 0, 0] + 1 - bar  # of one element, the other has the same variance here
        return (1 - bar).sqrt() / cov * x

    data = draw(ONE, 256, 1)[:, :1]
    data = (data - data.mean()) / data.std() * ONE.covs[0, 0, 0].sqrt()
    assert doctor.training(right, data, betas=betas, t_from=t_from).report.ok
    wrong = doctor.training(right, data, betas=betas, t_from=t_from, prediction="x0")
    assert not wrong.report.ok and "eps, x0, v" in wrong.report.findings[0].message
    shapeless = doctor.training(lambda x, t: x[:, :0], data, betas=betas)
    assert "gave back (64, 0)" in str(shapeless.report)
    raising = doctor.training(lambda x, t: 1 / 0, data, betas=betas)
    assert "ZeroDivisionError" in str(raising.report)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not() -> None:
    data, model = draw(TWO, 64, 1), MixtureDenoiser(TWO, PROCESS)
    first, again, other = (doctor.training(model, data, seed=seed).held_out for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_what_makes_no_sense_is_refused() -> None:
    data, model = draw(TWO, 64, 1), MixtureDenoiser(TWO, PROCESS)
    with pytest.raises(ValueError, match="two or more"):
        doctor.training(model, data[:1])
    with pytest.raises(ValueError, match="alike"):
        doctor.training(model, data, training=data[:, :1])
    with pytest.raises(ValueError, match="give betas="):
        doctor.training(lambda x, t: x, data)
    with pytest.raises(ValueError, match="prediction"):
        doctor.training(lambda x, t: x, data, betas=torch.full((20,), 0.3), prediction="noise")
