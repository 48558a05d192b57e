"""What 1, 2 and 3 processes draw, measure and train with the zoo, for `tests/zoo/test_ranks.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import pedesis_zoo as zoo
from pedesis.guidance.classifiers import CleanClassifier
from pedesis.utils.distributed import first
from pedesis.utils.images import to_model
from pedesis.utils.launch import ranks
from pedesis_zoo.data import load_data
from pedesis_zoo.data.sets import ImageSet
from pedesis_zoo.evaluation.images import count_evaluations, draw
from pedesis_zoo.evaluation.levels import learn_levels
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance
from pedesis_zoo.evaluation.prompts import (
    attribute_classifier_for,
    evaluate_attribute_classifier,
    features,
    prompt_alignment,
    read,
    real_prompts,
)
from pedesis_zoo.evaluation.super_resolution import upscaled
from pedesis_zoo.evaluation.variational_bound import by_flow
from pedesis_zoo.models.loading import load_any
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.training.run import plan, train

SMALL = {"name": "unet", "patch": 1, "widths": [8], "blocks": [1], "heads": 0, "embedding": 8, "detail": 4}


def measure(out: str, count: int, few: int) -> None:
    """What the zoo draws and measures, of `count` pictures each: as tensors that must be equal, and numbers.

    Args:
        few: how many of what takes longer.
    """
    kept = {**of_digits(count, few), **of_others(count, few)}
    if first():
        save_file(kept, out)


def of_digits(count: int, few: int) -> dict[str, torch.Tensor]:
    """Pictures, what they are told from real ones in, what they cost, and the bound of real ones."""
    model = zoo.load("digits", "cpu")
    with count_evaluations(model, count) as evaluations:
        pixels, wanted = draw(model, count, 10_000, steps=2)
    feature_extractor = load_any("fashion-mnist-features")[0]
    assert isinstance(feature_extractor, CleanClassifier)
    large = np.pad(pixels, ((0, 0), (10, 10), (10, 10), (0, 0)))
    features, log_probs = features_of(feature_extractor, large, batch=20)
    real = torch.as_tensor(load_data("digits", "test").pixels.reshape(-1, 64)).double()
    flat = torch.as_tensor(pixels.reshape(-1, 64)).double()
    numbers = [frechet_distance(real, flat), evaluations()]
    measured = zoo.evaluate(model, number=count, steps=2)
    assert isinstance(measured, dict)
    numbers += [each.value for each in measured.values()]
    sampled = zoo.sample(model, wanted.tolist(), range(10_000, 10_000 + count), steps=2)
    assert np.array_equal(sampled, pixels)
    known, unknown = load_data("digits").pixels[:50], load_data("digits").pixels[100 : 100 + max(count, 101)]
    return {
        "pixels": torch.from_numpy(pixels),
        "wanted": torch.from_numpy(wanted),
        "features": features,
        "log_probs": log_probs,
        "bits": torch.from_numpy(zoo.bits_per_dim(model, unknown, 3, known=known, steps=2)),
        "flow": by_flow(
            model.denoiser, learn_levels(model.denoiser, to_model(known), count=5), to_model(unknown[:few])
        ),
        "numbers": torch.tensor(numbers, dtype=torch.float64),
    }


def of_others(count: int, few: int) -> dict[str, torch.Tensor]:
    """Points; and what a reader says of pictures of prompts, and of pictures that were made larger."""
    reader, model = attribute_classifier_for("heroes"), zoo.load("heroes", "cpu")
    shown = prompt_alignment(model, few, 10_000, "held-out", steps=1, guidance=1.0)
    real = real_prompts("heroes", few, "held-out")[1].pixels
    _, large = upscaled(zoo.load("heroes-x2", "cpu"), real, 10_000)
    read_of_real = [each.value for each in evaluate_attribute_classifier("heroes-attribute-classifier", few).values()]
    return {
        "points": torch.from_numpy(
            zoo.sample_points("toy-moons", 10 * count + 8200, seed=5, condition=1, sampler="ddpm", steps=4)
        ),
        "prompted": torch.from_numpy(shown.generated),
        "found": read(reader, shown.generated, batch=20),
        "read": features(reader, shown.generated, batch=20),
        "large": torch.from_numpy(large),
        "read of real": torch.tensor(read_of_real, dtype=torch.float64),
    }


def run(out: str, steps: int, save_every: float) -> None:
    """A small training run that writes each step it has done into a file; a failure is a sentence and exit code 2."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
    data = ImageSet("noise", pixels, np.arange(40) % 2, ("ant", "bee"), "none")
    loss = {"weight": "v", "condition_dropout": 0.1}
    process = {"schedule": {"name": "cosine"}, "frame": {"name": "vp"}}
    recipe = Recipe("small", "image", "noise", SMALL, "", process, data_std=0.6, loss=loss)

    def report(state: Any) -> None:
        Path(out).with_suffix(".step").write_text(str(state.step))

    try:
        with ranks(1):
            train(plan(recipe, data, batch=7, steps=steps, cooldown=0.0), out, report, save_every)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
