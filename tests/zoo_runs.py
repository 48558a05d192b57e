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
from pedesis.utils.launch import ranks
from pedesis_zoo.data import load_data
from pedesis_zoo.data.sets import ImageSet
from pedesis_zoo.evaluation.images import count_evaluations, draw, evaluate_by_nearest_neighbors
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance
from pedesis_zoo.models.loading import load_any
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.training.run import plan, train

SMALL = {"name": "unet", "patch": 1, "widths": [8], "blocks": [1], "heads": 0, "embedding": 8, "detail": 4}


def measure(out: str, count: int) -> None:
    """Pictures of digits, in what they are told from real ones, and what they cost."""
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
    numbers += [each.value for each in evaluate_by_nearest_neighbors(model, count, 10_000, steps=2).values()]
    if first():
        kept = {"pixels": torch.from_numpy(pixels), "wanted": torch.from_numpy(wanted), "features": features}
        save_file({**kept, "log_probs": log_probs, "numbers": torch.tensor(numbers, dtype=torch.float64)}, out)


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
