"""Data of one's own never meet the zoo's by name: a weight file records where its data come from."""

import importlib
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

import pedesis_zoo as zoo
from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis_zoo.data import load_data
from pedesis_zoo.data.folder import load_folder
from pedesis_zoo.evaluation.curves import by_evaluations
from pedesis_zoo.evaluation.images import evaluate
from pedesis_zoo.evaluation.likelihood import evaluate_bits
from pedesis_zoo.generation.classifier import classifiers
from pedesis_zoo.generation.editing import upscaler_for
from pedesis_zoo.models.loading import zoo_data
from pedesis_zoo.training import run as training
from pedesis_zoo.training.own_data import own_recipe


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of noise in ten classes, trained for one step on a folder that is called `fashion-mnist`."""
    root = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(0)
    for label in range(10):
        (root / "fashion-mnist" / str(label)).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(random.integers(0, 256, (28, 28), dtype=np.uint8)).save(
                root / "fashion-mnist" / str(label) / f"{i}.png"
            )
    images = load_folder(root / "fashion-mnist", 28)
    plan = training.plan(own_recipe(images), images, batch=2, steps=1)
    return training.train(plan, root / "my-student-portraits.safetensors")


def test_a_file_says_that_its_data_are_ones_own(noise: Path) -> None:
    model = zoo.load(noise)
    assert model.data is None and model.about["data"]["name"] == "fashion-mnist"
    assert model.about["data"]["fingerprint"] == load_folder(noise.parent / "fashion-mnist", 28).fingerprint
    for name in zoo.list_models(kind="image"):
        assert zoo.load(name).data == zoo.recipe(name).data


def test_files_of_the_first_version_are_known_by_their_license(noise: Path) -> None:
    about = zoo.load(noise).about
    older = {"data": {k: v for k, v in about["data"].items() if k not in ("source", "fingerprint")}}
    assert zoo_data(older) is None


def test_a_fingerprint_is_of_the_content() -> None:
    digits = load_data("digits", "test")
    other = digits.pixels.copy()
    other[3, 4, 4] += 1
    same = type(digits)("another name", digits.pixels, digits.labels, digits.classes, "")
    changed = type(digits)("digits", other, digits.labels, digits.classes, "")
    assert same.fingerprint == digits.fingerprint != changed.fingerprint
    assert same.source == "own" and digits.source == "zoo"


def test_nothing_of_the_zoo_measures_or_steers_it(noise: Path) -> None:
    model = zoo.load(noise)
    assert classifiers(model.data) == [] and upscaler_for(model.data, 2) is None
    with pytest.raises(ValueError, match="data of your own"):
        evaluate(str(noise), 50, 0, {})
    with pytest.raises(ValueError, match="data of your own"):
        evaluate_bits(str(noise), 50, None, False, False, False)
    with pytest.raises(ValueError, match="data of your own"):
        by_evaluations(model, 50)


def test_the_demo_offers_it_as_what_it_is(noise: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither its name makes it a student, nor a student's name hides what it is."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "apps" / "gradio_demo"))
    models: ModuleType = importlib.import_module("models")
    student = tmp_path / "plain.safetensors"
    shutil.copy(Path(zoo.__file__).parent / "models" / "fashion-mnist-student-1" / "weights.safetensors", student)
    monkeypatch.setattr(models, "own_models", {noise.name: noise, student.name: student})
    before = models.students()[0]
    assert before in zoo.list_models() and student.name in models.students()
    assert noise.name not in models.students() and noise.name in models.models()
    assert models.classifier_of(noise.name) is None and models.super_resolver(noise.name, 2) is None


def test_guidance_of_an_unconditional_model_is_refused(noise: Path) -> None:
    model = zoo.load(noise)
    alone = replace(model, classes=(), denoiser=NetworkDenoiser(UNet(classes=0), model.denoiser.process))
    for settings in ({"guidance": 50.0}, {"guidance": 0.5}, {"rescale": 0.5}):
        with pytest.raises(ValueError, match="unconditional"):
            zoo.sample(alone, seeds=[0], steps=1, **settings)  # type: ignore[arg-type]
    same = [zoo.sample(alone, seeds=[0], steps=1, guidance=each) for each in (None, 0, 1)]
    assert np.array_equal(same[0], same[1]) and np.array_equal(same[0], same[2])
    with pytest.raises(ValueError, match="unconditional"):
        zoo.sample_points("toy-checkerboard", 4, guidance=3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_models_of_other_types_draw_in_theirs(dtype: torch.dtype) -> None:
    model, points = zoo.load("digits"), zoo.load_points("toy-moons")
    model.denoiser.to(dtype), points.denoiser.to(dtype)
    assert model.dtype == torch.promote_types(dtype, torch.float32)
    assert zoo.sample(model, 3, seeds=[0], steps=2).shape == (1, 8, 8, 1)
    assert np.isfinite(zoo.sample_points(points, 8)).all()


def test_a_callers_autocast_changes_no_picture() -> None:
    alone = zoo.sample("digits", 3, seeds=[0, 1])
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(zoo.sample("digits", 3, seeds=[0, 1]), alone)
