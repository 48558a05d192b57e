"""`evaluate`: what a model's card says of it, measured anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pedesis.guidance.classifiers import CleanClassifier, NoisyClassifier
from pedesis.utils.device import AUTO
from pedesis.utils.distributed import alone, divided, total
from pedesis.utils.images import Pixels, to_model
from pedesis.utils.noise import gaussian_noise
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation.metrics import (
    Estimate,
    average,
    bootstrap,
    features_of,
    frechet_distance,
    in_manifold,
    kernel_distance,
    memorization,
    precision_recall,
)
from pedesis_zoo.generation.batches import in_batches
from pedesis_zoo.generation.pipeline import Snapshot, padded
from pedesis_zoo.generation.sampling import generate
from pedesis_zoo.models.loading import ImageModel, known_data, load, load_any, load_points
from pedesis_zoo.models.measurements import save_numbers
from pedesis_zoo.models.weights import ATTRIBUTE_CLASSIFIER, SUPER_RESOLUTION

FEATURE_EXTRACTORS = {"fashion-mnist": "fashion-mnist-features"}
"""The classifier in whose features the pictures of a data set are compared."""

REFERENCES = 10_000
"""How many real pictures of a split are compared with."""

JUDGED = 500
"""How many noisy pictures are classified at once."""

Results = dict[str, Estimate]
Draw = Callable[[list[int], list[int]], Iterator[Snapshot]]
"""(classes, seeds) -> a walk."""


@cache
def feature_extractor_for(data: str) -> CleanClassifier:
    """The frozen classifier for a data set. Raises ValueError if there is none."""
    if data not in FEATURE_EXTRACTORS:
        raise ValueError(
            f"no feature model for {data!r}: pictures can be evaluated for {', '.join(FEATURE_EXTRACTORS)}"
        )
    module, _, _ = load_any(FEATURE_EXTRACTORS[data])
    assert isinstance(module, CleanClassifier)
    return module


@cache
def reference(data: str, split: str) -> tuple[torch.Tensor, float]:
    """Features of the first `REFERENCES` real pictures of a split, and the classifier's accuracy on them."""
    images = load_data(data, split)
    with alone():  # what is kept must not depend on who else asks
        features, log_probs = features_of(feature_extractor_for(data), images.pixels[:REFERENCES])
    accuracy = (log_probs.argmax(1).numpy() == images.labels[:REFERENCES]).mean()
    return features, float(accuracy)


@cache
def floor(data: str, count: int) -> float:
    """The Frechet distance of the first `count` training pictures to the test pictures: drawn ones can do no better."""
    return frechet_distance(reference(data, "test")[0], reference(data, "train")[0][:count])


def evaluate(
    name: str | Path | ImageModel,
    count: int,
    first_seed: int,
    settings: Mapping[str, Any],
    device: str | torch.device = AUTO,
) -> tuple[str, Results]:
    """Measure a model of any kind: the command that does it again, and the results.

    Raises:
        ValueError: a model of pictures of your own, which have no test set here.
    """
    from pedesis_zoo.evaluation.points import evaluate_points
    from pedesis_zoo.evaluation.prompts import evaluate_attribute_classifier, evaluate_prompts
    from pedesis_zoo.evaluation.super_resolution import evaluate_super_resolution

    about = name.about if isinstance(name, ImageModel) else load_any(name)[1]
    command = f"python -m pedesis_zoo evaluate {name.name if isinstance(name, ImageModel) else name}"
    if about["kind"] == "image":
        known_data(about)
        model = name if isinstance(name, ImageModel) else load(name, device)
        given = {key: value for key, value in settings.items() if value is not None}
        measure = evaluate_images if model.text is None else evaluate_prompts
        return f"{command} {options(f'-n {count} --seed {first_seed}', given)}", measure(
            model, count, first_seed, **given
        )
    if about["kind"] == "points":
        return command, evaluate_points(load_points(str(name)))
    of_kind: dict[str, Callable[[str], Results]] = {
        "clean-classifier": evaluate_classifier,
        "noisy-classifier": evaluate_noisy_classifier,
        ATTRIBUTE_CLASSIFIER: evaluate_attribute_classifier,
        SUPER_RESOLUTION: evaluate_super_resolution,
    }
    return command, of_kind[about["kind"]](str(name))


def options(first: str, settings: Mapping[str, Any]) -> str:
    """Settings as they are written on the command line, after others."""
    return " ".join([first, *(f"--{key} {_typed(value)}".rstrip() for key, value in settings.items())])


def _typed(value: Any) -> str:
    """A setting as it is written after its option; nothing for a switch."""
    if value is True:
        return ""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def evaluate_classifier(name: str) -> Results:
    """Test accuracy of a clean classifier."""
    module, about, _ = load_any(name)
    assert isinstance(module, CleanClassifier)
    images = load_data(known_data(about), "test")
    _, log_probs = features_of(module, images.pixels)
    right = torch.as_tensor(log_probs.argmax(1).numpy() == images.labels).double()
    return {"test accuracy": average(right)}


def evaluate_noisy_classifier(name: str, levels: tuple[float, ...] = (6.0, 3.0, 0.0, -3.0, -6.0)) -> Results:
    """Test accuracy and expected calibration error of a noise-aware classifier at several log-SNRs."""
    module, about, _ = load_any(name)
    assert isinstance(module, NoisyClassifier)
    images = load_data(known_data(about), "test")
    x0, labels = to_model(images.pixels), torch.as_tensor(images.labels)
    results: Results = {}
    for level in levels:
        t = float(module.process.schedule.time(torch.tensor(level, dtype=torch.float64)))
        noise = gaussian_noise(0, int(level * 10))
        with torch.no_grad():
            x_t = module.process.marginal(x0, t).sample(noise)
            log_probs = divided(len(x_t), partial(_log_probs, module, x_t, t), multiple=JUDGED)
        confidence, chosen = log_probs.exp().max(1)
        right = (chosen == labels).double()
        results[f"accuracy at log-SNR {level:g}"] = average(right)
        results[f"calibration error at log-SNR {level:g}"] = Estimate.exact(calibration_error(confidence, right))
    return results


def _log_probs(classifier: NoisyClassifier, x_t: torch.Tensor, t: float, rows: range) -> torch.Tensor:
    parts = x_t[rows.start : rows.stop].split(JUDGED)
    return torch.cat([classifier.log_probs(part, t) for part in parts])


def calibration_error(confidence: torch.Tensor, right: torch.Tensor, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal bins of confidence, by their size (Guo et al. 2017)."""
    place = (confidence.double() * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.float64).index_add(0, place, confidence.double() - right)
    return float(gaps.abs().sum() / len(right))


def draw(model: ImageModel, count: int, first_seed: int, **settings: Any) -> tuple[Pixels, np.ndarray]:
    """`count` pictures over all classes in turn, and the classes asked for."""

    def walk(labels: list[int], seeds: list[int]) -> Iterator[Snapshot]:
        return generate(model, labels if model.classes else None, seeds, **settings)

    return generate_with(walk, max(len(model.classes), 1), count, first_seed)


def generate_with(draw: Draw, classes: int, count: int, first_seed: int) -> tuple[Pixels, np.ndarray]:
    """`count` pictures over all classes in turn by any way to draw, and the classes asked for."""
    wanted = np.arange(count) % classes
    return in_batches(draw, wanted.tolist(), first_seed), wanted


@contextmanager
def count_evaluations(model: ImageModel, count: int) -> Iterator[Callable[[], float]]:
    """Counts how often the network is evaluated for each of `count` pictures: call what this yields to know."""
    with count_rows(model.denoiser) as rows:
        yield lambda: total(rows()) / len(padded(range(count)))


@contextmanager
def count_rows(module: torch.nn.Module) -> Iterator[Callable[[], int]]:
    """Counts the rows that a module is given: call what this yields to know."""
    work: Counter[str] = Counter()
    hook = module.register_forward_hook(lambda _, inputs, out: work.update(rows=len(inputs[0])))
    try:
        yield lambda: work["rows"]
    finally:
        hook.remove()


def nearest_neighbor_vote(data: str, pixels: Pixels, neighbors: int = 5) -> np.ndarray:
    """The classes that the nearest training pictures vote for: a classifier for data without a feature model."""
    images = load_data(data, "train")
    flat, known = (torch.as_tensor(p.reshape(len(p), -1)).float() for p in (pixels, images.pixels))
    nearest = torch.cdist(flat, known).topk(neighbors, largest=False).indices
    votes: np.ndarray = torch.as_tensor(images.labels)[nearest].mode(1).values.numpy()
    return votes


def evaluate_by_nearest_neighbors(
    model: ImageModel, count: int = 2000, first_seed: int = 10_000, **settings: Any
) -> Results:
    """Class accuracy of `count` generated pictures by the votes of their nearest training pictures."""
    data = known_data(model.about)
    test = load_data(data, "test")
    pixels, wanted = draw(model, count, first_seed, **settings)
    right = torch.as_tensor(nearest_neighbor_vote(data, pixels) == wanted).double()
    real = float((nearest_neighbor_vote(data, test.pixels) == test.labels).mean())
    return {
        "class accuracy, by nearest training pictures": average(right),
        "the same for real test pictures": Estimate.exact(real),
    }


def evaluate_images(model: ImageModel, count: int = 2000, first_seed: int = 10_000, **settings: Any) -> Results:
    """Distances, precision, recall and class accuracy of `count` generated pictures against the test set."""
    data = known_data(model.about)
    if data not in FEATURE_EXTRACTORS:
        return evaluate_by_nearest_neighbors(model, count, first_seed, **settings)
    test, real_accuracy = reference(data, "test")
    train, _ = reference(data, "train")
    with count_evaluations(model, count) as evaluations:
        pixels, wanted = draw(model, count, first_seed, **settings)
    fake, log_probs = features_of(feature_extractor_for(data), pixels)
    right = torch.as_tensor(log_probs.argmax(1).numpy() == wanted).double()

    results: Results = {"network evaluations a picture": Estimate.exact(evaluations())}
    if model.classes:
        results["class accuracy"] = average(right)
        results["class accuracy of real test images"] = Estimate.exact(real_accuracy)
    results["Frechet distance"] = bootstrap(lambda rows: frechet_distance(test, rows), fake, rounds=40)
    results["Frechet distance of real training images"] = Estimate.exact(floor(data, len(fake)))
    results["kernel distance"] = bootstrap(lambda rows: kernel_distance(test, rows), fake, rounds=40)
    results["precision"], results["recall"] = map(average, precision_recall(test, fake))
    results["recall of real training images"] = average(in_manifold(train[: len(fake)], test[: len(fake)]))
    splits = (load_data(data, split).pixels for split in ("train", "test"))
    return results | memorization(pixels, next(splits), next(splits)[: len(pixels)])


def save_results(name: str, command: str, results: Results) -> Path:
    """Keep results in the model's folder, under the command that made them; the card is made from this file."""
    return save_numbers(name, command, {key: (each.value, each.low, each.high) for key, each in results.items()})


def lines(results: Results) -> Iterator[str]:
    """The results as aligned lines of text."""
    width = max(len(key) for key in results)
    for key, value in results.items():
        yield f"{key:<{width}}  {value}" if value.low < value.high else f"{key:<{width}}  {value.value:.4g}"
