"""Mistakes of behavior: for each entry of the catalogue that no coefficient shows, a wrong program, which is named."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from pedesis import doctor
from pedesis.doctor.adapters.k_diffusion import karras
from pedesis.doctor.mutants import mutants
from pedesis.doctor.sigma import examine_sigmas
from pedesis.process import Process
from pedesis.schedules import FromBetas

CASES: dict[str, Callable[[Any], dict[str, Any]]] = {}


def case(name: str) -> Callable[[Callable[[Any], dict[str, Any]]], Callable[[Any], dict[str, Any]]]:
    """Register what `examine` is given for an entry; of several for one entry the later have a number."""

    def add(make: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
        CASES[name] = make
        return make

    return add


def make_loss(book: Any, show: Callable[..., Tensor] | None = None, want: Callable[..., Tensor] | None = None) -> Any:
    """A loss in which one thing is otherwise."""

    def loss(model: Any, x0: Tensor) -> Tensor:
        t = torch.randint(0, book.steps, (len(x0),))
        noise = torch.randn_like(x0)
        answer = show(model, x0, t, noise) if show else model(book.q_sample(x0, t, noise), t)
        return want(answer, x0, noise) if want else mse_loss(answer, noise)

    return loss


@case("uniform-noise")
def uniform(b: Any) -> dict[str, Any]:
    return {"q_sample": lambda x0, t: b.q_sample(x0, t, torch.rand_like(x0))}


@case("uniform-noise 2")
def uniform_start(b: Any) -> dict[str, Any]:
    def sample(model: Any, shape: Any) -> Tensor:
        x = torch.rand(shape)
        for i in reversed(range(b.steps)):
            x = b.p_sample()(model, x, torch.full((shape[0],), i))
        return x

    return {"sample": sample}


@case("broadcast-over-columns")
def columns(b: Any) -> dict[str, Any]:
    return {"q_sample": lambda x0, t, noise: b.bars.sqrt()[t] * x0 + (1 - b.bars).sqrt()[t] * noise}


@case("one-t-for-the-batch")
def one_t(b: Any) -> dict[str, Any]:
    return {"q_sample": lambda x0, t, noise: b.q_sample(x0, t[:1].expand(len(t)), noise)}


@case("one-t-for-the-batch 2")
def one_t_loss(b: Any) -> dict[str, Any]:
    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, b.steps, (1,)).expand(len(x0)), torch.randn_like(x0)
        return mse_loss(model(b.q_sample(x0, t, noise), t), noise)

    return {"loss": loss}


@case("one-noise-for-the-batch")
def one_noise(b: Any) -> dict[str, Any]:
    return {"q_sample": lambda x0, t: b.q_sample(x0, t, torch.randn(x0.shape[1:], dtype=x0.dtype))}


@case("clamp-at-every-step")
def clamped(b: Any) -> dict[str, Any]:
    return {"step": lambda model, x, t: b.p_sample()(model, x, t).clamp(-1, 1)}


def clamped_loop(book: Any, form: str, most: float = 1.0) -> Any:
    """A loop that clamps x after every step, as many notebooks have it."""

    def sample(model: Any, shape: Any) -> Tensor:
        x = torch.randn(shape)
        for i in reversed(range(book.steps)):
            x = book.p_sample(form)(model, x, torch.full((shape[0],), i)).clamp(-most, most)
        return x

    return sample


@case("clamp-at-every-step 2")
def clamped_in_the_loop(b: Any) -> dict[str, Any]:
    return {"sample": clamped_loop(b, "eps")}


@case("start-not-scaled")
def unscaled(b: Any) -> dict[str, Any]:
    def sample(model: Any, shape: Any) -> Tensor:
        sigmas = karras(12)
        x = torch.randn(shape, dtype=torch.float64)
        for now, then in itertools.pairwise(sigmas):
            x = x + (then - now) * (x - model(x, now)) / now
        return x

    return {"betas": None, "sigmas": karras(12), "sample": sample, "prediction": "x0"}


@case("changes-its-argument")
def in_place(b: Any) -> dict[str, Any]:
    return {"q_sample": lambda x0, t, noise: x0.mul_(b.at(b.bars.sqrt(), t)) + b.at((1 - b.bars).sqrt(), t) * noise}


@case("noise-drawn-twice")
def drawn_twice(b: Any) -> dict[str, Any]:
    return {"loss": make_loss(b, want=lambda answer, x0, noise: mse_loss(answer, torch.randn_like(x0)))}


@case("sum-for-mean")
def summed(b: Any) -> dict[str, Any]:
    return {"loss": make_loss(b, want=lambda answer, x0, noise: (answer - noise).square().sum())}


@case("t-range")
def last_never(b: Any) -> dict[str, Any]:
    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, b.steps - 1, (len(x0),)), torch.randn_like(x0)
        return mse_loss(model(b.q_sample(x0, t, noise), t), noise)

    return {"loss": loss}


@case("model-told-another-t")
def told_another(b: Any) -> dict[str, Any]:
    return {"step": lambda model, x, t: b.p_sample()(lambda x, t: model(x, t + 1), x, t)}


@case("model-told-another-t 2")
def told_another_in_training(b: Any) -> dict[str, Any]:
    return {"loss": make_loss(b, lambda model, x0, t, noise: model(b.q_sample(x0, t, noise), t + 1))}


def labeled_loss(b: Any, labels_of: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    def loss(model: Any, x0: Tensor, labels: Tensor) -> Tensor:
        t, noise = torch.randint(0, b.steps, (len(x0),)), torch.randn_like(x0)
        return mse_loss(model(b.q_sample(x0, t, noise), t, labels_of(labels)), noise)

    return {"loss": loss, "guidance": b.guidance}


@case("labels-never-dropped")
def never(b: Any) -> dict[str, Any]:
    return labeled_loss(b, lambda labels: labels)


@case("labels-always-dropped")
def always(b: Any) -> dict[str, Any]:
    return labeled_loss(b, lambda labels: torch.full_like(labels, 10))


@case("prediction-mixed-up")
def other_target(b: Any) -> dict[str, Any]:
    return {"loss": make_loss(b, want=lambda answer, x0, noise: mse_loss(answer, x0))}


@case("sign-of-v")
def sign_of_v(b: Any) -> dict[str, Any]:
    def loss(model: Any, x0: Tensor) -> Tensor:
        t, noise = torch.randint(0, b.steps, (len(x0),)), torch.randn_like(x0)
        v = b.at((1 - b.bars).sqrt(), t) * x0 - b.at(b.bars.sqrt(), t) * noise
        return mse_loss(model(b.q_sample(x0, t, noise), t), v)

    return {"loss": loss, "prediction": "v"}


@case("missing-root-of-noise")
def no_root_in_training(b: Any) -> dict[str, Any]:
    def show(model: Any, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return model(b.at(b.bars.sqrt(), t) * x0 + b.at(1 - b.bars, t) * noise, t)

    return {"loss": make_loss(b, show)}


@case("time-reversed")
def upwards(b: Any) -> dict[str, Any]:
    def sample(model: Any, shape: Any) -> Tensor:
        x = torch.randn(shape)
        for i in range(b.steps):
            x = b.p_sample()(model, x, torch.full((shape[0],), i))
        return x

    return {"sample": sample}


@case("noise-at-the-last-step")
def noisy_end(b: Any) -> dict[str, Any]:
    def sample(model: Any, shape: Any) -> Tensor:
        x = torch.randn(shape)
        for i in reversed(range(b.steps)):
            x = b.p_sample_eps(model, x, torch.full((shape[0],), i), -1)
        return x

    return {"sample": sample}


@case("guidance-halves-swapped")
def swapped(b: Any) -> dict[str, Any]:
    return {"guidance": lambda cond, uncond, scale: cond + scale * (uncond - cond)}


@case("guidance-sign")
def sign(b: Any) -> dict[str, Any]:
    return {"guidance": lambda cond, uncond, scale: uncond - scale * (cond - uncond)}


@case("guidance-not-a-mixture")
def no_mixture(b: Any) -> dict[str, Any]:
    return {"guidance": lambda cond, uncond, scale: uncond + scale * cond}


@case("guidance-other-convention")
def convention(b: Any) -> dict[str, Any]:
    return {"guidance": lambda cond, uncond, scale: (1 + scale) * cond - scale * uncond}


@case("steps-changed-betas-not")
def fewer_steps(b: Any) -> dict[str, Any]:
    return {"betas": torch.linspace(1e-4, 0.02, 100)}


@case("noise-too-weak")
def weak(b: Any) -> dict[str, Any]:
    return {"betas": torch.full((20,), 0.05)}


@case("beta-out-of-range")
def outside(b: Any) -> dict[str, Any]:
    return {"betas": torch.linspace(0.1, 1.1, 10)}


@case("schedule-not-monotone")
def rising(b: Any) -> dict[str, Any]:
    return {"alphas_cumprod": b.bars.flip(0), "betas": None}


@case("half-precision-table")
def half(b: Any) -> dict[str, Any]:
    return {"betas": b.betas.bfloat16()}


PICTURES = torch.linspace(-1, 1, 8 * 3 * 8 * 8).reshape(8, 3, 8, 8)


@case("data-0-to-255")
def bytes_(b: Any) -> dict[str, Any]:
    return {"data": (127.5 * (PICTURES + 1)).byte()}


@case("data-0-to-1")
def unit(b: Any) -> dict[str, Any]:
    return {"data": (PICTURES + 1) / 2}


@case("data-of-another-scale")
def loud(b: Any) -> dict[str, Any]:
    return {"data": 9 * PICTURES}


@case("channels-last")
def last(b: Any) -> dict[str, Any]:
    return {"data": PICTURES.permute(0, 2, 3, 1)}


@case("constant-pictures")
def flat(b: Any) -> dict[str, Any]:
    return {"data": torch.cat([PICTURES[:3], torch.full((1, 3, 8, 8), 0.3)])}


class Net(nn.Module):
    """A small network with time and class embeddings, and one thing wrong."""

    def __init__(self, wrong: str = ""):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.wrong = wrong
        self.conv, self.out = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(8) if wrong == "batch" else nn.GroupNorm(2, 8)
        self.drop = nn.Dropout(0.5 if wrong == "dropout" else 0.0)
        self.classes = nn.Embedding(10, 8)
        self.spare = nn.Linear(3, 3) if wrong == "spare" else None
        for p in self.parameters():
            p.data = torch.randn(p.shape, generator=generator) / 3

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        t = (t / 1000).long() if self.wrong == "time" else t
        angle = t.float()[:, None] * torch.logspace(0, -3, 4)
        h = self.norm(self.conv(x)) + torch.cat([angle.sin(), angle.cos()], 1)[:, :, None, None]
        if self.wrong != "condition":
            h = h + self.classes(labels)[:, :, None, None]
        else:
            h = h + 0 * self.classes(labels)[:, :, None, None]
        return self.out(self.drop(h).relu())


@case("depends-on-batch-mates")
def mates(b: Any) -> dict[str, Any]:
    return {"model": Net("batch")}


@case("left-in-training-mode")
def training(b: Any) -> dict[str, Any]:
    return {"model": Net("dropout")}


@case("blind-to-time")
def blind(b: Any) -> dict[str, Any]:
    return {"model": Net("time")}


@case("blind-to-the-condition")
def deaf(b: Any) -> dict[str, Any]:
    return {"model": Net("condition")}


@case("unreached-parameters")
def spare(b: Any) -> dict[str, Any]:
    return {"model": Net("spare")}


class Average:
    """An average of weights, as people write it."""

    def __init__(self, model: nn.Module, decay: float):
        self.ema_model, self.decay = copy.deepcopy(model), decay

    def update(self, model: nn.Module) -> None:
        for old, new in zip(self.ema_model.parameters(), model.parameters(), strict=True):
            old.data = self.decay * old.data + (1 - self.decay) * new.data


@case("ema-never-moves")
def still(b: Any) -> dict[str, Any]:
    return {"model": None, "ema": lambda average, weights: average}


@case("ema-is-the-model")
def shared(b: Any) -> dict[str, Any]:
    net = Net()
    return {"model": net, "ema": copy.deepcopy(net)}


@case("ema-decay-swapped")
def decay(b: Any) -> dict[str, Any]:
    net = Net()
    return {"model": net, "ema": Average(net, 1 - 0.999)}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_and_nothing_else_is(textbook: Any, name: str) -> None:
    given = {"betas": textbook.betas, **CASES[name](textbook)}
    report = doctor.examine(**given)
    assert report.names == (name.split()[0],), report


def test_every_entry_of_the_catalogue_is_tried() -> None:
    chain = Process(FromBetas(torch.linspace(0.01, 0.6, 12))).chain(12)
    formulas = {m.fault.entry.name for prediction in ("eps", "x0", "v") for m in mutants(chain, prediction)}
    sigmas = examine_sigmas(karras(12))[0]
    assert sigmas is not None
    formulas |= {m.fault.entry.name for prediction in ("eps", "x0") for m in mutants(sigmas, prediction)}
    trained = {"memorization"}  # tests/core/doctor/test_training.py
    assert formulas | trained | {name.split()[0] for name in CASES} == set(doctor.CATALOGUE)


def test_right_surroundings_are_not_accused(textbook: Any) -> None:
    net = Net().eval()
    report = doctor.examine(betas=textbook.betas, model=net, data=(PICTURES, torch.arange(8)), ema=Average(net, 0.999))
    assert report.ok, report
    assert doctor.examine(ema=lambda old, new: 0.999 * old + 0.001 * new).ok
    assert doctor.examine(model=Net().eval(), ema=torch.optim.swa_utils.AveragedModel(net)).ok


def test_labels_that_are_sometimes_dropped_are_right(textbook: Any) -> None:
    def drop(labels: Tensor) -> Tensor:
        return torch.where(torch.rand(len(labels)) < 0.1, torch.full_like(labels, 10), labels)

    report = doctor.examine(betas=textbook.betas, **labeled_loss(textbook, drop))
    assert report.ok, report
