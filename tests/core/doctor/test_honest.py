"""What the doctor does not know it does not name; what fails is a sentence; and it leaves everything as it found it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pedesis import doctor


def test_an_unknown_mistake_is_located(textbook: Any) -> None:
    """One coefficient at one step, by 1 %: which function, which step, which factor, how far off."""
    factors = torch.ones(40, dtype=torch.float64)
    factors[16] = 1.01

    def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return textbook.q_sample(x0, t, noise * textbook.at(factors, t))

    report = doctor.examine(betas=textbook.betas, q_sample=q_sample)
    (finding,) = report.findings
    assert (finding.subject, finding.entry, finding.t, finding.role) == ("q_sample", None, 17, "noise")
    assert finding.got is not None and finding.expected is not None
    assert finding.got / finding.expected == pytest.approx(1.01, abs=1e-6)
    assert "none of the mistakes in the catalogue" in finding.message


def test_an_unknown_mistake_beside_a_known_one(textbook: Any) -> None:
    def step(prediction: Tensor, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        mean = 0.9 * textbook.p_sample_eps(lambda x, t: prediction, x_t, t, 0)
        return mean + (t > 0).view(-1, 1, 1, 1) * textbook.at(textbook.betas, t) * noise

    report = doctor.examine(betas=textbook.betas, step=step)
    assert report.names[0] == "noise-without-root", report
    assert {(f.entry, f.role) for f in report.findings[1:]} == {(None, "x_t"), (None, "prediction")}


def raising(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    raise RuntimeError("out of cheese")


FAILURES: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (raising, "raised RuntimeError: out of cheese"),
    "wants another shape": (lambda x0, t, noise: x0.reshape(5) + noise, "raised RuntimeError: shape '[5]' is invalid"),
    "gives nothing": (lambda x0, t, noise: None, "gave back NoneType, not a tensor"),
    "gives another shape": (lambda x0, t, noise: (x0 + noise).sum(1), "gave back the shape"),
    "gives NaN": (lambda x0, t, noise: x0 * torch.nan, "NaN at t = 1"),
    "ignores x0": (lambda x0, t, noise: noise, "the factor of x0 at t = 1 is 0"),
    "ignores noise": (lambda x0, t, noise: x0, "the factor of noise at t ="),
    "keeps a state": (lambda x0, t, noise, seen=[]: seen.append(1) or x0 * len(seen), "another result"),
    "mixes pixels": (lambda x0, t, noise: x0.flip(-1) + noise, "treats the elements of a picture unequally"),
    "adds a constant": (lambda x0, t, noise: x0 + noise + 1, "of nothing but zeros is not zero"),
    "is not linear": (lambda x0, t, noise: x0 + noise + 99 * x0 * noise, "is not linear"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_a_finding_in_one_sentence(textbook: Any, failure: str) -> None:
    function, sentence = FAILURES[failure]
    report = doctor.examine(betas=textbook.betas, q_sample=function)
    assert any(sentence in finding.message and "\n" not in finding.message for finding in report.findings), report


@pytest.mark.parametrize("subject", ["step", "posterior", "loss", "sample", "guidance"])
def test_every_function_may_raise(textbook: Any, subject: str) -> None:
    def function(model: Any, x0: Any, x_t: Any = None, t: Any = None) -> Tensor:
        raise KeyError("weights")

    arguments = {"posterior": ("x0", "x_t", "t"), "guidance": ("conditional", "unconditional", "scale")}
    report = doctor.examine(betas=textbook.betas, arguments=arguments, **{subject: function})
    assert len(report.findings) == 1 and report.findings[0].level in ("error", "question"), report


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"betas": "linear"}, "betas is a str"),
        ({"betas": []}, "betas is empty"),
        ({"q_sample": lambda x0, t: x0}, "give betas=, alphas_cumprod= or sigmas="),
        ({"betas": [0.5] * 20, "q_sample": 3}, "q_sample is a int; give a function"),
        ({"betas": [0.5] * 20, "q_sample": lambda x: x}, "which argument of q_sample(x) is x0, which t"),
        ({"betas": [0.5] * 20, "q_sample": lambda x, t, n: x}, "arguments={'q_sample': ('x0', 't', 'noise')}"),
        ({"model": "unet"}, "model is a str"),
        ({"data": "folder"}, "data is a str"),
        ({"ema": nn.Linear(1, 1)}, "give model= as well"),
    ],
)
def test_what_is_not_clear_is_asked(given: dict[str, Any], sentence: str) -> None:
    report = doctor.examine(**given)
    questions = [finding for finding in report.findings if finding.level == "question"]
    assert len(questions) == 1 and sentence in questions[0].message, report


@pytest.mark.parametrize("wrong", [{"prediction": "noise"}, {"t_from": 2}])
def test_arguments_of_its_own_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"'eps'|eps, x0, v|0 or 1"):
        doctor.examine(**wrong)


def test_random_numbers_outside_are_untouched(textbook: Any) -> None:
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.rand(2), random.random()  # noqa: NPY002
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002

    def loss(model: Any, x0: Tensor) -> Tensor:
        np.random.rand(3), random.random()  # noqa: NPY002
        return textbook.loss()(model, x0)

    report = doctor.examine(
        betas=textbook.betas,
        loss=loss,
        step=textbook.p_sample(),
        sample=textbook.sample(),
        data=torch.linspace(-1, 1, 96).reshape(2, 3, 4, 4),
    )
    torch.manual_seed(3)
    again = torch.rand(2), np.random.rand(2), random.random()  # noqa: NPY002
    assert report.ok and torch.equal(again[0], expected[0])
    assert np.array_equal(again[1], expected[1]) and again[2] == expected[2]


def test_a_model_is_left_as_it_was(textbook: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.drop = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(0.3)

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            out: Tensor = self.drop(self.norm(self.conv(x))) + t.view(-1, 1, 1, 1)
            return out

    net = Net()
    net.norm.eval()
    net.conv.weight.grad = torch.ones_like(net.conv.weight)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    doctor.examine(betas=textbook.betas, model=net, ema=torch.optim.swa_utils.AveragedModel(net))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training and net.drop.training and not net.norm.training
    assert net.conv.weight.grad is not None and bool((net.conv.weight.grad == 1).all())
    assert net.conv.weight.dtype == torch.float32 and net.conv.bias is not None and net.conv.bias.grad is None


def test_the_same_report_twice(textbook: Any) -> None:
    reports = [doctor.examine(betas=textbook.betas, step=textbook.p_sample(), loss=textbook.loss()) for _ in "ab"]
    assert str(reports[0]) == str(reports[1])


@pytest.mark.parametrize("when", ["at the start", "in the steps"])
@pytest.mark.parametrize("legacy", [True, False])
def test_noise_of_numpy_is_noticed_in_a_loop(textbook: Any, when: str, legacy: bool) -> None:
    """The old global generator anywhere, a generator of its own at the start."""

    def drawn(shape: Any) -> Tensor:
        source = np.random if legacy else np.random.default_rng()
        return torch.from_numpy(source.standard_normal(shape)).float()

    def sample(model: Any, shape: Any) -> Tensor:
        x = drawn(shape) if when == "at the start" else torch.randn(shape)
        for i in reversed(range(textbook.steps)):
            x = textbook.p_sample()(model, x, torch.full((shape[0],), i))
            x = x + (0.1 * drawn(shape) if when == "in the steps" and i else 0)
        return x

    report = doctor.examine(betas=textbook.betas, sample=sample)
    assert not report.ok
    if legacy or when == "at the start":
        assert "draws numbers that are not torch's" in str(report) and "raise" not in str(report), report


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_clamping_the_estimate_in_a_loop_is_no_finding(textbook: Any, prediction: str) -> None:
    report = doctor.examine(betas=textbook.betas, sample=textbook.sample(prediction), prediction=prediction)
    assert report.ok, report


def test_alphas_are_not_betas(textbook: Any) -> None:
    assert "are these alphas?" in str(doctor.examine(betas=textbook.alphas))


@pytest.mark.parametrize("wrong", ["one row", "one step"])
def test_noise_that_is_not_new_in_a_loop(textbook: Any, wrong: str) -> None:
    def sample(model: Any, shape: Any) -> Tensor:
        x, z = torch.randn(shape), torch.randn(shape) if wrong == "one step" else None
        for i in reversed(range(textbook.steps)):
            mean = textbook.p_sample_eps(model, x, torch.full((shape[0],), i), 0)
            z_now = z if z is not None else torch.randn(shape[1:])
            x = mean + (textbook.betas[i].sqrt() * z_now if i else 0)
        return x

    (finding,) = doctor.examine(betas=textbook.betas, sample=sample).findings
    assert {"one row": "noise of one row is drawn", "one step": "added at every step"}[wrong] in finding.message


def test_three_mistakes_at_once_are_named(textbook: Any) -> None:
    def step(model: Any, x: Tensor, t: Tensor) -> Tensor:
        mean = x - textbook.at(textbook.betas / (1 - textbook.bars).sqrt(), t) * model(x, t)
        return mean / textbook.at(textbook.bars.sqrt(), t) + textbook.at(textbook.betas, t) * torch.randn_like(x)

    names = doctor.examine(betas=textbook.betas, step=step).names
    assert set(names) == {"alpha-bar-for-alpha", "noise-without-root", "noise-at-the-last-step"}
