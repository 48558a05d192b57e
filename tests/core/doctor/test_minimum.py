"""The loss of a network that knows the data, and of one that answers 0: known numbers, and what they give away."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from pedesis import doctor
from pedesis.doctor.known import GaussianData
from pedesis.doctor.minimum import DATA, NOISE, Z
from pedesis.process import Process
from pedesis.theory.exact import Mixture, MixtureDenoiser

D = torch.float64


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
@pytest.mark.parametrize("alpha", [0.999, 0.6, 0.01])
def test_known_errors_are_those_of_the_best_answer(prediction: str, alpha: float) -> None:
    """By the few values that the loss is fed, whose moments are exact, and by the mixtures' own denoiser."""
    data, sigma = GaussianData(0.2, 0.6), (1 - alpha**2) ** 0.5
    x0, noise = torch.meshgrid(0.2 + 0.6 * Z, NOISE, indexing="ij")
    x_t = alpha * x0 + sigma * noise
    target = {"eps": noise, "x0": x0, "v": alpha * noise - sigma * x0}[prediction]
    error = getattr(data, prediction)(x_t, alpha, sigma) - target
    assert float(error.square().mean()) == pytest.approx(data.least(prediction, alpha, sigma), rel=1e-9)
    assert float(target.square().mean()) == pytest.approx(data.silent(prediction, alpha, sigma), rel=1e-9)
    process = Process("cosine")
    mixture = Mixture(torch.ones(1, dtype=D), torch.full((1, 1), 0.2, dtype=D), torch.full((1, 1, 1), 0.36, dtype=D))
    t = process.schedule.time(2 * torch.log(torch.tensor(alpha / sigma, dtype=D)))
    exact = MixtureDenoiser(mixture, process).x0(x_t.reshape(-1, 1), t)
    torch.testing.assert_close(data.x0(x_t.reshape(-1, 1), alpha, sigma), exact, rtol=1e-6, atol=1e-6)


def loss_of(
    book: Any,
    error: Callable[[Tensor, Tensor], Tensor] = mse_loss,
    show: Callable[[Tensor], Tensor] = lambda x: x,
    want: Callable[[Tensor], Tensor] = lambda noise: noise,
    tell: Callable[[Tensor], Tensor] = lambda t: t,
) -> Callable[..., Tensor]:
    """Algorithm 1 with one thing in another way."""

    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, book.steps, (len(x0),)), torch.randn_like(x0)
        return error(model(show(book.q_sample(x0, t, noise)), tell(t)), want(noise))

    return loss


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "clamps x_t": ({"show": lambda x: x.clamp(-1, 1)}, r"the model is shown -?1 where -?1\.\d+ belongs"),
    "shifts x_t": ({"show": lambda x: x + 0.5}, "the model is shown 0.5 too much, whatever x_0 and the noise are"),
    "clamps the target": ({"want": lambda e: e.clamp(-1, 1)}, r"the target is -?1 where -?1\.32 belongs"),
    "shifts the target": ({"want": lambda e: e + 0.5}, "the target is 0.5 too much"),
    "adds a number": (
        {"error": lambda a, e: mse_loss(a, e) + 1},
        r"that knows E\[eps \| x_t\] has a loss of 1\.\d+ at t",
    ),
    "adds the target": ({"error": lambda a, e: mse_loss(a, e) + e.square().mean()}, "something else is added"),
    "leans to one side": (
        {"error": lambda a, e: torch.where(a > e, 2.0, 1.0).mul((a - e).abs()).mean()},
        "the gradient of a network that knows E[eps | x_t] is not zero on average",
    ),
    "tells one time": ({"tell": lambda t: (t / 1000).long()}, "at t = 0 and at t = 1 the model is told the same, 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_loss_is_found_at_full_size(textbook: Any, name: str) -> None:
    given, said = WRONG[name]
    report = doctor.examine(betas=textbook.betas, loss=loss_of(textbook, **given))
    assert len(report.findings) == 1, report
    message = report.findings[0].message
    assert said in message or re.search(said, message), message


RIGHT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "absolute": l1_loss,
    "huber": lambda a, e: huber_loss(a, e, delta=0.5),
    "one number per picture": lambda a, e: (a - e).square().mean((1, 2, 3)),
    "half": lambda a, e: 0.5 * mse_loss(a, e),
}


@pytest.mark.parametrize("name", RIGHT)
def test_other_errors_are_not_accused(textbook: Any, name: str) -> None:
    report = doctor.examine(betas=textbook.betas, loss=loss_of(textbook, RIGHT[name]))
    assert report.ok, report


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_the_known_values_are_weighted_as_the_loss_is(textbook: Any, power: float) -> None:
    """The note names one step; the value there is the closed form, times the weight of that step."""

    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, textbook.steps, (len(x0),)), torch.randn_like(x0)
        weight = textbook.at((textbook.bars / (1 - textbook.bars)) ** power, t)
        return (weight * (model(textbook.q_sample(x0, t, noise), t) - noise).square()).mean()

    report = doctor.examine(betas=textbook.betas, loss=loss)
    assert report.ok, report
    best, t, silent = re.findall(r"a loss of (\S+) at t = (\d+), one that answers 0 of (\S+), as", str(report))[0]
    bar = float(textbook.bars[int(t) - 1])
    weight = (bar / (1 - bar)) ** power
    assert float(silent) == pytest.approx(weight, rel=1e-2)
    assert float(best) == pytest.approx(weight * DATA.least("eps", bar**0.5, (1 - bar) ** 0.5), rel=1e-2)


def test_the_model_is_told_the_same_in_training_and_in_sampling(textbook: Any) -> None:
    """A share of 1 in training and a number in sampling; the same in both is right."""

    def sample(model: Any, shape: Any) -> Tensor:
        return textbook.sample()(lambda x, t: model(x, t / textbook.steps), shape)

    shares = loss_of(textbook, tell=lambda t: t / textbook.steps)
    report = doctor.examine(betas=textbook.betas, loss=shares, sample=textbook.sample())
    assert report.names == ("model-told-another-t",) and "0.5 in training and 20 in sample" in str(report), report
    report = doctor.examine(betas=textbook.betas, loss=shares, step=textbook.p_sample())
    assert report.names == ("model-told-another-t",), report
    report = doctor.examine(betas=textbook.betas, loss=loss_of(textbook), sample=textbook.sample())
    assert report.ok, report
    report = doctor.examine(betas=textbook.betas, loss=shares, sample=sample)
    assert report.ok, report


@pytest.mark.parametrize("share", [lambda t: t / 40, lambda t: (t + 1) / 40, lambda t: t / 39])
def test_shares_of_1_may_be_counted_in_three_ways(textbook: Any, share: Callable[[Tensor], Tensor]) -> None:
    def sample(model: Any, shape: Any) -> Tensor:
        return textbook.sample()(lambda x, t: model(x, share(t)), shape)

    report = doctor.examine(betas=textbook.betas, loss=loss_of(textbook, tell=share), sample=sample)
    assert report.ok, report
