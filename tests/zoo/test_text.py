"""Models of text, of attributes and of points: trained for a few steps, saved, loaded and asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.guidance.classifiers import AttributeClassifier
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.evaluation.points import energy_distance, evaluate_points
from pedesis_zoo.evaluation.prompts import SILENT, mentioned, micro, read, real_prompts
from pedesis_zoo.generation.points import sample_points
from pedesis_zoo.models.loading import load_any
from pedesis_zoo.models.recipe import Generation, Recipe
from pedesis_zoo.training.run import plan, train

SMALL = {"name": "unet", "widths": [16, 16], "blocks": [1, 1], "heads": 2, "embedding": 16, "detail": 4}
PROCESS = {"schedule": {"name": "cosine"}, "frame": {"name": "vp"}}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> zoo.ImageModel:
    """A model of text, too small and too young to be good."""
    recipe = Recipe(
        title="faces",
        kind="image",
        data="avatars",
        network={**SMALL, "text": {"width": 16, "layers": 1, "heads": 2}},
        process=PROCESS,
        sha256="",
        loss={"weight": "v", "condition_dropout": 0.1},
        generation=Generation(steps=2),
    )
    out = tmp_path_factory.mktemp("text") / "faces.safetensors"
    return zoo.load(train(plan(recipe, steps=3, batch=8), out))


def test_a_text_model_carries_its_vocabulary_and_takes_prompts(faces: zoo.ImageModel) -> None:
    assert faces.conditional and not faces.classes and faces.text is not None
    assert faces.text.vocabulary == COMPOSED["avatars"].source().vocabulary
    tokens = faces.condition("a smiling person, red hair", 2)
    assert tokens is not None and tokens.shape == (2, COMPOSED["avatars"].length)
    words = [faces.text.vocabulary[i - 1] for i in tokens[0].tolist() if i > 0]
    assert words == ["a", "smiling", "person", "red", "hair"]
    pixels = zoo.sample(faces, ["a smiling person", None], seeds=[1, 2])
    assert pixels.shape == (2, 16, 16, 3)
    assert not np.array_equal(pixels[0], zoo.sample(faces, [None], seeds=[1])[0]), "the prompt matters"
    assert np.array_equal(zoo.sample(faces, "", seeds=[2])[0], pixels[1]), "an empty prompt asks for nothing"


def test_unknown_words_are_named_with_the_nearest(faces: zoo.ImageModel) -> None:
    with pytest.raises(ValueError, match='does not know "smilling". Did you mean smiling'):
        zoo.sample(faces, "a smilling person", seeds=[0])
    with pytest.raises(ValueError, match="takes prompts, in words"):
        zoo.sample(faces, 3, seeds=[0])
    with pytest.raises(ValueError, match="at most 32 words"):
        zoo.sample(faces, "person " * 33, seeds=[0])


def test_an_attribute_classifier_reads_what_it_was_taught(tmp_path: Path) -> None:
    """A few steps are enough to tell which of eight kinds are usually absent."""
    recipe = Recipe(
        title="attributes",
        kind="attribute-classifier",
        data="avatars",
        network={"name": "classifier", "widths": [32, 48], "blocks": [1, 1], "features": 64, "noise_aware": False},
        sha256="",
        training={"batch": 64, "learning_rate": 4e-3, "warmup": 10, "seed": 5},
    )
    out = train(plan(recipe, steps=150), tmp_path / "reader.safetensors")
    module, about, _ = load_any(out)
    assert isinstance(module, AttributeClassifier) and about["kind"] == "attribute-classifier"
    source, real, _ = real_prompts("avatars", 200, "train")
    assert [kind for kind, _ in module.attributes] == list(source.kinds), "the order of the kinds is kept"
    labels = torch.from_numpy(real.labels)
    found = read(module, real.pixels)
    seen = labels >= 0
    accuracy = micro((found == labels) & seen, seen)
    commonest = torch.stack([column[column >= 0].mode().values for column in labels.unbind(1)])
    assert accuracy.value > micro((commonest == labels) & seen, seen).value + 0.05


def test_mentions_are_what_the_caption_says() -> None:
    source, real, captions = real_prompts("heroes", 50, "held-out")
    named = mentioned(source, captions)
    labels = torch.from_numpy(real.labels)
    assert ((named == labels) | (named == SILENT)).all(), "captions are true"
    assert (named != SILENT).any(1).all()


def test_micro_is_the_share_of_mentions() -> None:
    right = torch.tensor([[1, 0, 1], [1, 1, 0]]).bool()
    mentioned_there = torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()
    assert micro(right, mentioned_there).value == pytest.approx(4 / 5)


@pytest.fixture(scope="module")
def moons(tmp_path_factory: pytest.TempPathFactory) -> zoo.PointModel:
    recipe = Recipe(
        title="moons",
        kind="points",
        data="moons",
        network={"name": "mlp", "width": 32, "layers": 2},
        process=PROCESS,
        sha256="",
        data_std=0.92,
        loss={"weight": "v", "condition_dropout": 0.1},
        training={"batch": 256, "learning_rate": 5e-3, "warmup": 10, "cooldown": 0.5},
        generation=Generation(sampler="heun", steps=10, guidance=1.0),
    )
    out = tmp_path_factory.mktemp("points") / "moons.safetensors"
    return zoo.load_points(train(plan(recipe, steps=300), out))


def test_a_model_of_points_comes_nearer_to_its_data_than_noise(moons: zoo.PointModel) -> None:
    results = evaluate_points(moons, 1000)
    floor = results["the same between two sets of fresh data"].value
    noise = np.random.default_rng(0).normal(size=(1000, 2))
    from pedesis_zoo.data.points import load_points

    far = energy_distance(noise, load_points("moons", 1000, 3).points)
    assert floor < results["energy distance to fresh data"].value < 0.5 * far
    upper = sample_points(moons, 300, condition=0)
    assert upper[:, 1].mean() > 0.2 > -0.2 > sample_points(moons, 300, condition=1)[:, 1].mean()


def test_energy_distance_of_shifted_gaussians() -> None:
    """In one dimension: 2 E|X - Y| - E|X - X'| - E|Y - Y'| of N(0, 1) and N(m, 1), E|N(m, 2)| in closed form."""
    from scipy.stats import foldnorm

    random, m = np.random.default_rng(0), 1.5
    found = energy_distance(random.normal(size=(4000, 1)), random.normal(m, 1, (4000, 1)))
    mean = lambda shift: foldnorm(shift / 2**0.5, scale=2**0.5).mean()  # noqa: E731
    assert found == pytest.approx(2 * (mean(m) - mean(0)), rel=0.05)


def test_points_are_not_pictures(moons: zoo.PointModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown class 2. Known: upper, lower"):
        sample_points(moons, 3, condition=2)
    with pytest.raises(ValueError, match="model of kind 'image'"):
        zoo.load_points("digits")
