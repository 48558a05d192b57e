"""Where things are computed: what "auto" takes, and that nothing is left behind on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from tests.elsewhere import Elsewhere, Waits, elsewhere
from torch import Tensor

import pedesis_zoo as zoo
from pedesis.denoiser import Denoiser, NetworkDenoiser
from pedesis.editing.inpainting import InpaintingDenoiser
from pedesis.editing.inverse_problems import DDNM, MMPS, PiGDM
from pedesis.editing.operators import Blur, Mask, Pooling
from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.classifier_free import (
    AdaptiveProjectedGuidance,
    CFGPlusPlus,
    ClassifierFreeGuidance,
    RescaledGuidance,
)
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.losses import Drifting, InductiveMomentMatching, Loss, Shortcut
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis.samplers import SAMPLERS
from pedesis.schedules import SCHEDULES
from pedesis.theory.elbo import elbo
from pedesis.theory.exact import EmpiricalDenoiser, Mixture, MixtureDenoiser
from pedesis.theory.likelihood import log_likelihood
from pedesis.theory.reverse import BetaVariance, OptimalVariance
from pedesis.theory.variance import estimate_variance
from pedesis.training import Objective
from pedesis.training.distillation import Distillation
from pedesis.training.variational import HybridLoss, LearnedScheduleLoss
from pedesis.utils.device import announced, available_devices, find_device
from pedesis.utils.noise import PerSeed, TrainingNoise, gaussian_noise
from pedesis.utils.precision import full_precision
from pedesis_zoo.evaluation.levels import learn_levels
from pedesis_zoo.evaluation.variational_bound import by_flow, by_level, in_few_steps
from pedesis_zoo.generation import editing
from pedesis_zoo.generation.classifier import class_probabilities, classifier_guidance, load_classifier
from pedesis_zoo.generation.pipeline import chunks
from pedesis_zoo.generation.sampling import make_pipeline

ROWS = 3


def test_auto_is_the_first_device_of_the_machine() -> None:
    found = available_devices()
    assert found[-1] == "cpu" and str(find_device("auto")) == found[0] and str(find_device(" CPU ")) == "cpu"
    assert announced("cpu", find_device("cpu")) is None
    said = announced("auto", find_device("auto"))
    assert said is None if found == ["cpu"] else (said or "").startswith(f"computing on {found[0]}")


@pytest.mark.parametrize("absent", ["gpu", "tpu", "cuda:77", "nonsense", "", "meta"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(absent: str) -> None:
    with pytest.raises(ValueError, match=f"no device '{absent}'; it has .*cpu"):
        zoo.load("digits", absent)


def test_auto_prefers_cuda_then_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device().type == ("cuda" if torch.cuda.is_available() else "mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert available_devices() == ["cuda", "cuda:0", "cuda:1", "mps", "cpu"] and find_device().type == "cuda"


@pytest.fixture(scope="module")
def device() -> Iterator[torch.device]:
    with elsewhere() as there:
        yield there


@pytest.fixture(scope="module")
def digits(device: torch.device) -> zoo.ImageModel:
    model = zoo.load("digits", "cpu")
    model.denoiser.to(device)
    assert model.device == device
    return model


@pytest.fixture(scope="module")
def here() -> zoo.ImageModel:
    return zoo.load("digits", "cpu")


def test_the_second_device_refuses_to_be_mixed(device: torch.device) -> None:
    there = torch.ones(3).to(device)
    assert isinstance(there, Elsewhere) and (there + torch.tensor(2.0)).tolist() == [3, 3, 3]
    with pytest.raises(RuntimeError, match="two devices"):
        there + torch.ones(3)
    with pytest.raises(RuntimeError, match="numpy"):
        there.numpy()
    assert there.cpu().numpy().tolist() == [1, 1, 1]


def test_pictures_are_the_same_on_the_second_device(digits: zoo.ImageModel, here: zoo.ImageModel) -> None:
    """Up to rounding, for every sampler: nothing that is drawn depends on the device."""
    for sampler in SAMPLERS:
        with full_precision():
            generated, kept = (
                zoo.sample(model, [3, None, "5"], range(ROWS), steps=2, sampler=sampler) for model in (digits, here)
            )
        assert np.abs(generated.astype(int) - kept).max() <= 1, sampler


SETTINGS = {
    "a second condition": {"also": "8"},
    "a negative condition": {"negative": "8"},
    "rescaled": {"rescale": 0.7},
    "unguided": {"guidance": 0.0},
}


def waits(model: zoo.ImageModel, condition: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[str]:
    """What a walk waits for, after its first evaluation."""
    pipeline = make_pipeline(model, condition, range(ROWS), steps=4, **settings)
    (rows,) = chunks(ROWS)
    walk = pipeline.walk(rows)
    next(walk)
    with Waits() as seen:
        monkeypatch.setattr(Elsewhere, "tolist", lambda self: seen.found.append("tolist"))
        for step in walk:
            pass
        monkeypatch.undo()
    assert isinstance(step.x_t, Elsewhere) and step.level.t == 0
    return seen.found


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_a_walk_waits_for_nothing(sampler: str, digits: zoo.ImageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number is read and no copy waited for, after the first evaluation; but where steps follow an error, they must
    be."""
    found = waits(digits, [3, None, "5"], monkeypatch, sampler=sampler)
    assert bool(found) == (sampler == "adaptive"), found


@pytest.mark.parametrize("name", list(SETTINGS))
def test_guidance_waits_for_nothing(name: str, digits: zoo.ImageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(digits, "3", monkeypatch, **SETTINGS[name]) == []


def test_a_walk_of_words_waits_for_nothing(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.load("avatars", "cpu")
    model.denoiser.to(device)
    assert waits(model, "a person with red hair", monkeypatch, sampler="ddpm", guidance=3.0) == []


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_kind_of_guidance_stays_there(digits: zoo.ImageModel, name: str) -> None:
    assert zoo.sample(digits, "3", range(ROWS), steps=2, **SETTINGS[name]).shape == (ROWS, 8, 8, 1)


GUIDED: dict[str, Callable[[zoo.ImageModel, Tensor], torch.nn.Module]] = {
    "classifier-free": lambda model, x: ClassifierFreeGuidance(model.denoiser, torch.tensor([0.0, 1.0, 3.0])),
    "CFG++": lambda model, x: CFGPlusPlus(model.denoiser, 0.5),
    "projected": lambda model, x: AdaptiveProjectedGuidance(model.denoiser, 3.0, limit=2.0),
    "rescaled": lambda model, x: RescaledGuidance(model.denoiser, 3.0),
    "autoguidance": lambda model, x: AutoGuidance(model.denoiser, model.denoiser, 2.0),
    "inpainting": lambda model, x: InpaintingDenoiser(
        model.denoiser, torch.zeros(1, 1, 8, 8), torch.rand(1, 1, 8, 8) > 0.5
    ),
    "null space": lambda model, x: DDNM(model.denoiser, Mask(torch.rand(1, 1, 8, 8) > 0.5), torch.zeros(1, 1, 8, 8)),
    "blur": lambda model, x: PiGDM(model.denoiser, Blur(1.0), torch.zeros(1, 1, 8, 8), noise=0.1),
    "pooling": lambda model, x: MMPS(StaticThresholding(model.denoiser), Pooling(2), torch.zeros(1, 1, 4, 4)),
    "training set": lambda model, x: EmpiricalDenoiser(
        torch.rand(20, 1, 8, 8), model.denoiser.process, torch.arange(20) % 10
    ).to(x.device),
    "with its variance": lambda model, x: model.with_variance,
}


@pytest.mark.parametrize("name", list(GUIDED))
def test_every_denoiser_answers_where_it_is_asked(digits: zoo.ImageModel, device: torch.device, name: str) -> None:
    x_t = PerSeed(range(ROWS))(torch.empty(ROWS, 1, 8, 8, device=device))
    condition = torch.arange(ROWS, device=device)
    for t in (0.5, torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)):
        predicted = GUIDED[name](digits, x_t)(x_t, t, condition)
        assert all(value.device == device for value in (predicted.x0, predicted.eps, predicted.score, predicted.v))
        assert predicted.variance is None or predicted.variance.device == device


def test_mixtures_move(device: torch.device) -> None:
    mixture = Mixture(torch.ones(2), torch.randn(2, 3), torch.eye(3).repeat(2, 1, 1), torch.arange(2))
    known = MixtureDenoiser(mixture, Process("cosine")).to(device)
    x_t, _ = known.mixture.sample(ROWS, gaussian_noise(0), torch.rand(ROWS))
    label = torch.tensor([0, 1, -1], device=device)
    predicted = known(x_t, 0.5, label)
    assert (
        predicted.x0.device
        == predicted.variance.device
        == known.log_class(x_t, 0.5, label.clamp(min=0)).device
        == device
    )
    assert known.log_reverse(x_t, x_t, 0.4, 0.5).device == device


def test_editing_stays_there(digits: zoo.ImageModel, device: torch.device) -> None:
    picture = zoo.sample(digits, "3", [0], steps=2)[0]
    hole = np.zeros((8, 8), dtype=bool)
    hole[2:5] = True
    walks = [
        editing.inpaint(digits, picture, hole, "3", range(2), steps=2),
        editing.image_to_image(digits, picture, 0.5, "3", range(2), steps=2),
        editing.super_resolution(digits, editing.downsample(picture, 2), 2, "3", range(2), steps=2),
        editing.interpolate(digits, 0, 1, 3, "3", other="8", steps=2),
    ]
    for walk in walks:
        assert [shot.x0 for shot in walk][-1].dtype == np.uint8


def test_words_and_students_stay_there(device: torch.device) -> None:
    for name, wanted in (("avatars", "a person with red hair"), ("fashion-mnist-student-1", 3)):
        model = zoo.load(name, "cpu")
        model.denoiser.to(device)
        assert len(zoo.sample(model, wanted, range(2), steps=1)) == 2


def test_classifier_guidance_stays_there(device: torch.device) -> None:
    model = zoo.load("fashion-mnist-weak", "cpu")
    model.denoiser.to(device)
    classifier = load_classifier.__wrapped__("fashion-mnist-classifier")
    shots = list(classifier_guidance(model, classifier, 3, range(2), steps=2, guidance=2.0))
    assert class_probabilities(classifier, shots[1]).shape == (2, 10)


def test_bounds_and_likelihoods_stay_there(device: torch.device) -> None:
    levels = (torch.arange(4 * 64).reshape(4, 1, 8, 8) * 7 % 256).float() / 127.5 - 1
    x0, times = levels.to(device), torch.linspace(1, 0, 5, dtype=torch.float64)
    model = tiny(variance=True).to(device)
    for rule in (BetaVariance(), OptimalVariance()):
        known = elbo(model, x0, times, gaussian_noise(0), rule)
        assert known.nats.device == device
    few = elbo(model, x0, times, gaussian_noise(0), draws=2, uniform=torch.rand(4).to(device))
    assert few.nats.device == device
    flow = log_likelihood(model, x0, probe=gaussian_noise(1), tolerance=1e-1)
    assert flow.nats.device == flow.latent.device == device
    assert estimate_variance(model, x0, times[1:-1], gaussian_noise(0))[1].device.type == "cpu"


def test_bits_are_counted_there(device: torch.device) -> None:
    x0 = ((torch.arange(4 * 64).reshape(4, 1, 8, 8) * 7 % 256).float() / 127.5 - 1).to(device)
    model = tiny().to(device)
    levels = learn_levels(model, x0, count=6)
    assert by_level(model, levels, x0, 3)[-1]["term"] == "total"
    assert len(in_few_steps(model, levels, x0, (2,))) > 0
    assert by_flow(model, levels, x0, steps=3, tolerance=1e-1).shape == (4,)


def test_learned_schedules_answer_on_the_cpu(device: torch.device) -> None:
    schedule = SCHEDULES.build({"name": "learned"}).to(device)
    t = torch.linspace(0, 1, 5, dtype=torch.float64)
    assert schedule.log_snr(t).device == schedule.slope(t).device == t.device


LOSSES: dict[str, Objective] = {
    "denoising": Loss("v", condition_dropout=0.5),
    "of a chain": Loss("simple", steps=10),
    "hybrid": HybridLoss(),
    "distillation": Distillation(
        lambda scale: StaticThresholding(ClassifierFreeGuidance(teacher(), scale)), 2, 2, (1.0, 3.0)
    ),
    "learned schedule": LearnedScheduleLoss(),
    "shortcut": Shortcut(consistency=0.5),
    "moment matching": InductiveMomentMatching(group=2),
    "drifting": Drifting(),
}
STRAIGHT = ("shortcut", "moment matching", "drifting")
"""Mean flows are missing: torch differentiates logsigmoid forwards by a graph that this second device cannot follow."""


def teacher() -> Denoiser:
    return tiny().to(torch.device("meta"))


def tiny(schedule: str = "cosine", **more: Any) -> NetworkDenoiser:
    network = UNet(patch=1, widths=(8, 8), blocks=(1, 1), heads=2, detail=4, embedding=16, classes=10, **more)
    return NetworkDenoiser(network, Process(SCHEDULES.build({"name": schedule})))


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_training_step_stays_there(device: torch.device, name: str) -> None:
    """And its gradients are where the weights are."""
    asked = {"hybrid": {"variance": True}, "distillation": {"guided": True}}.get(name, {})
    model = tiny("learned" if name == "learned schedule" else "cosine", **asked).to(device)
    if name in STRAIGHT:
        network = tiny(jumps=True).network
        model = NetworkDenoiser(network, Process("flow", "flow"), "flow").to(device)
    x0, label = torch.rand(4, 1, 8, 8).to(device), torch.arange(4, device=device)
    each, _ = LOSSES[name](model, x0, label, TrainingNoise(0, 0, 4))
    assert each.shape == (4,)
    each.mean().backward()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert gradients and all(gradient.device == device for gradient in gradients)
