"""Classifier guidance with models of the zoo: an unconditional walk, steered by a classifier of noisy pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.guidance.base import checked_scale
from pedesis.guidance.classifier_guidance import ClassifierGuidance
from pedesis.guidance.classifiers import NoisyClassifier
from pedesis.guidance.thresholding import StaticThresholding
from pedesis_zoo.generation.pipeline import Snapshot
from pedesis_zoo.generation.sampling import Settings, Wanted, make_pipeline, within
from pedesis_zoo.models.loading import ImageModel, load_any
from pedesis_zoo.models.registry import list_models, recipe

CLEAN = 0.01
"""Finished pictures are judged as if at this time: a classifier of noisy pictures has never seen log-SNR infinity."""

INTERVAL = (-4.0, 8.0)
"""log-SNR between which a scale above 1 acts, where nothing else is asked: at the first steps nobody can tell what a
picture will be, and a strong gradient only harms it. Chosen with seeds 20,000 to 20,399."""


def classifiers(data: str | None) -> list[str]:
    """Names of the zoo's classifiers of noisy pictures of a data set."""
    return [name for name in list_models(kind="noisy-classifier") if recipe(name).data == data]


@lru_cache(maxsize=4)
def load_classifier(name: str) -> NoisyClassifier:
    """A classifier of noisy pictures, loaded once. Raises ValueError for a model of another kind."""
    module, about, _ = load_any(name)
    if not isinstance(module, NoisyClassifier):
        raise ValueError(f"{name!r} is a {about['kind']}; see list_models(kind='noisy-classifier')")
    return module


def classifier_guidance(
    model: ImageModel,
    classifier: NoisyClassifier,
    condition: Wanted,
    seeds: Sequence[int] = (0,),
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """`generate` with classifier guidance in place of the model's own: the model is asked without condition.

    `guidance` is the scale of the classifier's gradient, in the same convention; above 1 it acts within `interval`,
    which is INTERVAL unless given.

    Raises:
        ValueError: a classifier of another process, a model without classes, or one that is distilled.
    """
    if classifier.process.spec() != model.denoiser.process.spec():
        raise ValueError(f"the classifier was trained under another forward process than {model.name!r}")
    if not model.classes or model.denoiser.guided:
        raise ValueError(f"classifier guidance needs a model with classes that is not distilled; got {model.name!r}")
    classifier = classifier.to(model.device)
    pipeline = make_pipeline(model, condition, seeds, **settings)
    guidance, interval = settings.get("guidance"), settings.get("interval")

    def at(scale: Tensor) -> Denoiser:
        return ClassifierGuidance(model.denoiser, classifier.log_prob, scale)

    steered = StaticThresholding(
        within(
            at,
            checked_scale(model.generation.guidance if guidance is None else guidance),
            INTERVAL if interval is None else interval,
        )
    )
    return replace(pipeline, denoiser=lambda rows: steered).run()


def class_probabilities(classifier: NoisyClassifier, snapshot: Snapshot) -> NDArray[np.float32]:
    """p(y | x_t) of every class at a moment of generation, (B, classes)."""
    with torch.no_grad():
        classifier.to(snapshot.state.device)
        log_probs = classifier.log_probs(snapshot.state, max(snapshot.t, CLEAN))
        probabilities: NDArray[np.float32] = log_probs.exp().cpu().numpy()
    return probabilities
