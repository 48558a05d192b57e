"""Super-resolution by a model that was trained for it: a small one of digits, trained here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis.editing.operators import Pooling
from pedesis.utils.images import to_model
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation.super_resolution import bicubic, psnr, upscaled
from pedesis_zoo.generation.batches import finished
from pedesis_zoo.generation.editing import upscale, upscaler_for
from pedesis_zoo.training.run import plan, train


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> zoo.ImageModel:
    network = {"name": "unet", "widths": [24], "blocks": [2], "heads": 0, "patch": 1, "embedding": 32, "classes": 0}
    recipe = replace(
        zoo.recipe("heroes-x2"), data="digits", data_std=0.75, network={**network, "enlarges": 2},
        training={"batch": 64, "learning_rate": 4e-3, "warmup": 20, "cooldown": 0.5, "steps": 150},
    )  # fmt: skip
    return zoo.load(train(plan(recipe), tmp_path_factory.mktemp("enlarger") / "x2.safetensors"))


def test_what_is_drawn_is_the_picture_that_was_small(model: zoo.ImageModel) -> None:
    real = load_data("digits", "test").pixels[:100]
    small, generated = upscaled(model, real, 0)
    assert small.shape == (100, 4, 4, 1) and generated.shape == real.shape
    assert psnr(generated, real).low > psnr(bicubic(small, 8), real).high
    again = Pooling(2).apply(to_model(generated)) - to_model(small)
    assert float(again.square().mean().sqrt()) < 0.1


def test_each_picture_is_drawn_from_its_own_small_one(model: zoo.ImageModel) -> None:
    small, generated = upscaled(model, load_data("digits", "test").pixels[:10], 5)
    np.testing.assert_array_equal(finished(upscale(model, small[7], [12]))[0], generated[7])
    shared = finished(upscale(model, small[7], [12, 13]))
    np.testing.assert_array_equal(shared[0], generated[7])
    assert (shared[0] != shared[1]).any()


def test_wrong_pictures_and_models_are_named(model: zoo.ImageModel) -> None:
    with pytest.raises(ValueError, match=r"enlarges pictures of \(4, 4, 1\)"):
        upscale(model, np.zeros((8, 8, 1), dtype=np.uint8))
    with pytest.raises(ValueError, match="one or 2 of them"):
        upscale(model, np.zeros((3, 4, 4, 1), dtype=np.uint8), [1, 2])
    with pytest.raises(ValueError, match="was not trained to enlarge"):
        upscale(zoo.load("digits"), np.zeros((4, 4, 1), dtype=np.uint8))
    assert upscaler_for("digits", 2) is None


def test_psnr_of_a_known_error() -> None:
    real = np.zeros((4, 8, 8, 1), dtype=np.uint8)
    assert psnr(real + np.uint8(255), real).value == pytest.approx(0)
    assert psnr(real + np.uint8(1), real).value == pytest.approx(20 * np.log10(255))


def test_bicubic_keeps_flat_pictures() -> None:
    flat = np.full((2, 4, 4, 3), 77, dtype=np.uint8)
    np.testing.assert_array_equal(bicubic(flat, 8), np.full((2, 8, 8, 3), 77, dtype=np.uint8))
