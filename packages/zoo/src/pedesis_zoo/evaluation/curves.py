"""Curves of a model's pictures: quality against work, and fidelity against diversity.

    work        evaluations of the network for a picture, for every sampler
    fidelity    how often the classifier sees the class that was asked for; precision
    diversity   recall: the share of real pictures that lie near a drawn one

All pictures of a curve are drawn from the same seeds. Kept as CSV in the model's folder
(`pedesis_zoo.models.measurements`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from pedesis.denoiser import Denoiser
from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.samplers import SAMPLERS
from pedesis.utils.images import Pixels
from pedesis_zoo.evaluation.images import (
    Draw,
    count_evaluations,
    feature_extractor_for,
    floor,
    generate_with,
    reference,
)
from pedesis_zoo.evaluation.metrics import features_of, frechet_distance, in_manifold, paired_gain
from pedesis_zoo.evaluation.prompts import conditioning_gap_of_prompts, prompts_by_guidance
from pedesis_zoo.generation.classifier import classifier_guidance, classifiers, load_classifier
from pedesis_zoo.generation.sampling import EVERYWHERE, generate, make_pipeline
from pedesis_zoo.models.loading import ImageModel, known_data, load
from pedesis_zoo.models.measurements import Cell
from pedesis_zoo.models.registry import list_models

BUDGETS = (5, 10, 20)
SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)
Row = dict[str, Cell]


def quality(data: str, pixels: Pixels, wanted: np.ndarray) -> Row:
    """Frechet distance, class accuracy, precision and recall of pictures, in the features of the classifier; and the
    "floor", the distance of as many real training pictures."""
    test, _ = reference(data, "test")
    fake, log_probs = features_of(feature_extractor_for(data), pixels)
    return {
        "distance": frechet_distance(test, fake),
        "floor": floor(data, len(fake)),
        "accuracy": float((log_probs.argmax(1).numpy() == wanted).mean()),
        "precision": float(in_manifold(test, fake).mean()),
        "recall": float(in_manifold(fake, test[: len(fake)]).mean()),
    }


def by_evaluations(
    model: ImageModel, count: int = 2000, first_seed: int = 10_000, budgets: Sequence[int] = BUDGETS
) -> list[Row]:
    """Sampling is slow (row N14 of the notes): what each sampler makes of a number of network evaluations.

    Plain conditional pictures (guidance 1). A budget that is not a whole number of steps is rounded down; the
    evaluations are counted, not planned.
    """
    rows: list[Row] = []
    data = known_data(model.about)
    pairs = [(name, budget) for name in SAMPLERS for budget in budgets]
    for name, budget in tqdm(pairs, unit="sampler and budget", disable=None):
        each = SAMPLERS.build({"name": name}).evaluations
        if steps := budget // each:
            draw: Draw = lambda labels, seeds: generate(model, labels, seeds, guidance=1.0, steps=steps, sampler=name)  # noqa: B023, E731
            with count_evaluations(model, count) as evaluations:
                pixels, wanted = generate_with(draw, len(model.classes), count, first_seed)
            rows.append(
                {"sampler": name, "steps": steps, "evaluations": evaluations(), **quality(data, pixels, wanted)}
            )
    return rows


def guidance_rules(model: ImageModel) -> dict[str, Callable[[float], Draw]]:
    """Every kind of guidance that the zoo has the models for: a scale -> a way to draw."""

    def free(scale: float) -> Draw:
        return lambda labels, seeds: generate(model, labels, seeds, guidance=scale, interval=EVERYWHERE)

    def interval(scale: float) -> Draw:
        return lambda labels, seeds: generate(model, labels, seeds, guidance=scale)

    def classifier(scale: float, **where: Any) -> Draw:
        steering = load_classifier(classifiers(known_data(model.about))[0])
        return lambda labels, seeds: classifier_guidance(model, steering, labels, seeds, guidance=scale, **where)

    def auto(scale: float) -> Draw:
        weak = load(f"{model.name}-weak", model.device).denoiser
        steered: Denoiser = StaticThresholding(AutoGuidance(model.denoiser, weak, scale))
        return lambda labels, seeds: replace(
            make_pipeline(model, labels, seeds, guidance=1.0), denoiser=lambda rows: steered
        ).run()

    rules: dict[str, Callable[[float], Draw]] = {"classifier-free": free}
    if model.generation.interval is not None:
        rules["classifier-free, interval"] = interval
    if classifiers(known_data(model.about)):
        rules["classifier"] = partial(classifier, interval=EVERYWHERE)
        rules["classifier, interval"] = classifier
    if f"{model.name}-weak" in list_models():
        rules["autoguidance"] = auto
    return rules


def by_guidance(
    model: ImageModel, count: int = 2000, first_seed: int = 10_000, scales: Sequence[float] = SCALES
) -> list[Row]:
    """Guidance trades diversity for fidelity (row N12): both over the scale, for every kind of guidance.

    Autoguidance begins at 1: below, it would be the weak model.
    """
    data, rows = known_data(model.about), []
    for name, rule in guidance_rules(model).items():
        usable = [scale for scale in scales if scale >= 1 or name in ("classifier-free", "classifier")]
        for scale in tqdm(usable, unit="scale", desc=name, disable=None):
            scores = quality(data, *generate_with(rule(scale), len(model.classes), count, first_seed))
            rows.append({"guidance": name, "scale": scale, **scores})
    return rows


def conditioning_gap(model: ImageModel, count: int = 2000, first_seed: int = 10_000, scale: float = 2.0) -> Row:
    """Is plain conditioning ignored (row N9)? Class accuracy at scale 1 and at `scale`, of the same seeds.

    Returns:
        Both accuracies, and their difference with its interval, picture by picture: see `paired_gain`.
    """
    feature_extractor, right = feature_extractor_for(known_data(model.about)), []
    for each in (1.0, scale):
        draw: Draw = lambda labels, seeds: generate(model, labels, seeds, guidance=each)  # noqa: B023, E731
        pixels, wanted = generate_with(draw, len(model.classes), count, first_seed)
        _, log_probs = features_of(feature_extractor, pixels)
        right.append((log_probs.argmax(1) == torch.as_tensor(wanted)).double())
    return {**paired_gain(scale, right[0], right[1], torch.ones(count))}


CURVES: dict[str, Callable[[ImageModel, int, int], list[Row]]] = {
    "evaluations": by_evaluations,
    "guidance": lambda model, *which: (prompts_by_guidance if model.text else by_guidance)(model, *which),
    "conditioning": lambda model, *which: [
        (conditioning_gap_of_prompts if model.text else conditioning_gap)(model, *which)
    ],
}
"""The curves that `python -m pedesis_zoo evaluate NAME --curve CURVE` measures."""
