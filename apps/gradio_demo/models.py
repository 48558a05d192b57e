"""Which models there are, and which tab has the model that it needs."""

from __future__ import annotations

import time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from generation_request import ALL_CLASSES, NO_CLASS, GenerationRequest, Kind, parse_request
from kept import give_back, kept

import pedesis_zoo as zoo
from pedesis.utils.device import announced, find_device
from pedesis.utils.registry import UnknownName
from pedesis_zoo.generation.classifier import classifiers
from pedesis_zoo.generation.editing import upscaler_for
from pedesis_zoo.models.measurements import measured

FIRST = ("heroes", "fashion-mnist")
"""What a visitor meets first, if it is there."""

PROMPTS = {
    "heroes": (
        "a hero in a red robe, holding an axe",
        "an orc woman with an axe and a white cloak",
        "a dwarf in green armour with a golden shield",
        "a green lizard with a skull staff",
    ),
    "avatars": (
        "a surprised person with long black hair and sunglasses",
        "a sad person with blonde pigtails, in a red top hat",
        "a person with curly green hair and tan skin, in a pink turtleneck",
    ),
}
"""Prompts worth trying."""

MOST_LOADED = 4
IDLE = 1800  # seconds; a model that nobody asks for so long is let go

WORDS = {
    "heroes": {
        "who": "man woman human orc dwarf lizard wizard vampire mummy ghoul demon dragon octopus cat centaur minotaur",
        "color": "red green blue yellow black white purple pink orange brown golden",
        "wears": "robe cloak armour helmet hat hood crown mask boots skirt dress tunic trousers",
        "holds": "axe sword spear staff bow shield hammer mace scythe trident dagger whip",
    },
    "avatars": {
        "mood": "sad serious smiling surprised",
        "color": "red green blue black blonde brown pink purple",
        "hair": "long short curly pigtails beard",
        "wears": "hat cap glasses sunglasses earrings shirt turtleneck",
    },
}
"""Some of the words of a model by what they say."""

own_models: dict[str, Path] = {}
chosen = {"device": "cpu"}
"""Where models compute; `compute_on` changes it."""


def compute_on(device: str) -> str | None:
    """Have all models compute on a device; the sentence to say if it was chosen. Raises ValueError for none."""
    found = find_device(device)
    chosen["device"] = str(found)
    return announced(device, found)


def models() -> list[str]:
    """Everything that can draw: the zoo's pictures, then the files of --models; the default first."""
    published = zoo.list_models(kind="image")
    names = [name for name in published if not is_student(name)]
    names.sort(key=lambda name: (name not in FIRST, FIRST.index(name) if name in FIRST else 0))
    return [*names, *sorted(filter(is_student, published), reverse=True), *own_models]


def is_student(name: str) -> bool:
    """Whether a model was distilled to draw in a few steps: its network is told the guidance scale."""
    return load(name).denoiser.guided if name in own_models else bool(zoo.recipe(name).network.get("guided"))


@cache
def student_of(name: str) -> str | None:
    """The published student that learned from a model to draw what it draws, in a few steps; students are quick."""
    if is_student(name):
        return None
    students = filter(is_student, zoo.list_models(kind="image"))
    return next((each for each in students if zoo.recipe(each).loss.get("teacher") == name), None)


def students() -> list[str]:
    """The models of the tab Live: the zoo's, words first, then the one with more steps; then your own."""
    return list(filter(is_student, models()))


@kept(MOST_LOADED)
def load(name: str) -> zoo.ImageModel:
    """A model, only read from then on; those that were asked for last stay, as long as somebody does.

    Raises:
        ValueError: an unknown name, or a file that is no model.
    """
    if name in own_models:
        return zoo.load(own_models[name], chosen["device"])
    if name not in models():
        raise UnknownName("model", name, models())
    return zoo.load(name, chosen["device"])


@lru_cache(maxsize=32)
def seconds_per_step(name: str) -> float:
    """About how long a guided step takes for one picture of a few, measured once."""
    model, pictures, steps = load(name), 4, 2
    started = time.monotonic()
    zoo.sample(model, None, range(pictures), steps=steps, sampler="ddim")
    guided = 2 if model.conditional and not model.denoiser.guided else 1
    return guided * (time.monotonic() - started) / pictures / steps


@kept(2)
def super_resolver(name: str, factor: int) -> zoo.ImageModel | None:
    """The model that was trained to enlarge the pictures of a model, if there is one."""
    trained = upscaler_for(load(name).data, factor)
    return None if trained is None else zoo.load(trained, chosen["device"])


def tidy() -> None:
    """Let go of the models that nobody uses."""
    if load.let_go(IDLE) + super_resolver.let_go(IDLE):
        give_back()


@lru_cache(maxsize=16)
def classifier_of(name: str) -> str | None:
    """The classifier that can steer a model, if there is one."""
    model = load(name)
    if not model.classes or model.denoiser.guided:
        return None
    return next(iter(classifiers(model.data)), None)


def steerable() -> list[str]:
    """The models of the tab Classifier guidance."""
    return [name for name in models() if classifier_of(name)]


def with_curve(name: str) -> bool:
    """Whether fidelity and diversity of a model have been measured over its guidance."""
    return name in measured("guidance")


def title(name: str) -> str:
    """One line about a model."""
    if name in own_models:
        return f"A model of your own, {own_models[name].name}."
    parameters = sum(weights.numel() for weights in load(name).denoiser.parameters())
    return f"{zoo.recipe(name).title}; {parameters / 1e6:.1f} million parameters."


def prompts(model: zoo.ImageModel) -> tuple[str, ...]:
    """Prompts to begin with, for a model of text."""
    assert model.text is not None
    return PROMPTS.get(model.data or "", model.text.vocabulary[:3])


def request(kind: type[Kind] = GenerationRequest, /, **values: Any) -> tuple[Kind, zoo.ImageModel]:  # type: ignore[assignment]
    """A validated request, and its model; what is None or left out is as the model usually has it.

    Raises:
        ValueError: one sentence that says what came and what was expected.
    """
    given = {name: value for name, value in values.items() if value is not None}
    name = given.setdefault("model", models()[0])
    if not isinstance(name, str):
        raise ValueError(f"model: the name of a model is a text; got {str(name)[:80]!r}")
    model = load(name)
    usual = {field: getattr(model.generation, field) for field in ("guidance", "sampler", "steps", "grid")}
    usual["prompt"] = prompts(model)[0] if model.text else ""
    usual["label"] = ALL_CLASSES if model.classes else NO_CLASS
    return parse_request(kind, **{**usual, **given}), model
