"""How well a model of text follows its prompts, read from its pictures by the attribute classifier of its data.

accuracy = share of the attributes that a prompt mentions which the classifier finds in the picture
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from tqdm import tqdm

from pedesis.guidance.classifiers import AttributeClassifier
from pedesis.utils.distributed import divided
from pedesis.utils.images import Pixels, to_model
from pedesis.utils.noise import splitmix64
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.data.composed import ComposedSet, CompositeBatch
from pedesis_zoo.evaluation.metrics import (
    Estimate,
    average,
    bootstrap,
    frechet_distance,
    in_manifold,
    memorization,
    paired_gain,
)
from pedesis_zoo.generation.batches import in_batches
from pedesis_zoo.generation.sampling import EVERYWHERE, generate
from pedesis_zoo.models.loading import ImageModel, known_data, load_any
from pedesis_zoo.models.measurements import Cell

SILENT = -1


def attribute_classifier_for(data: str) -> AttributeClassifier:
    """The frozen attribute classifier of a composed set, `<data>-attribute-classifier`."""
    module, _, _ = load_any(f"{data}-attribute-classifier")
    assert isinstance(module, AttributeClassifier)
    return module


def real_prompts(data: str, count: int, split: str, seed: int = 77) -> tuple[ComposedSet, CompositeBatch, list[str]]:
    """Composed pictures of a split with a caption each; other seeds than training's."""
    source = COMPOSED[data].source()
    composites = source.draw(seed, np.arange(count), split)
    return source, composites, composites.captions([splitmix64(seed, 1, i) for i in range(count)])


def mentioned(source: ComposedSet, captions: list[str]) -> Tensor:
    """The value that each caption mentions of each kind, (N, K); -1 where it is silent."""
    table = torch.full((len(captions), len(source.kinds)), SILENT)
    for row, caption in zip(table, captions, strict=True):
        for kind, words in source.phrases.mentions(caption).items():
            row[source.kinds.index(kind)] = source.value(kind, words)
    return table


def read(attribute_classifier: AttributeClassifier, pixels: Pixels, batch: int = 250) -> Tensor:
    """What the classifier finds in uint8 pictures (N, H, W, C): (N, K)."""
    return _in_batches(attribute_classifier.read, pixels, batch)


def micro(right: Tensor, mentioned: Tensor) -> Estimate:
    """The share of mentions that are right, (N, K) each, with an interval over pictures."""
    table = torch.cat([right.double(), mentioned.double()], dim=1)
    half = table.shape[1] // 2

    def share(rows: Tensor) -> float:
        return float(rows[:, :half].sum() / rows[:, half:].sum())

    return bootstrap(share, table)


@dataclass(frozen=True)
class PromptAlignment:
    """Pictures drawn from the captions of composites, and what they were asked to show.

    Attributes:
        real, generated: uint8 (N, H, W, C).
        wanted: the value that is asked for of each kind, (N, K), `SILENT` for none.
    """

    source: ComposedSet
    real: Pixels
    generated: Pixels
    wanted: Tensor

    @property
    def mentions(self) -> Tensor:
        """Which kinds each caption mentions."""
        return self.wanted != SILENT

    def right(self, attribute_classifier: AttributeClassifier, pixels: Pixels) -> Tensor:
        """Which mentions are right in pictures of these captions."""
        return (read(attribute_classifier, pixels) == self.wanted) & self.mentions


def prompt_alignment(model: ImageModel, count: int, first_seed: int, split: str, **settings: Any) -> PromptAlignment:
    """Draw the captions of a split, one seed each."""
    source, real, captions = real_prompts(known_data(model.about), count, split)
    generated = in_batches(lambda asked, seeds: generate(model, asked, seeds, **settings), captions, first_seed)
    return PromptAlignment(source, real.pixels, generated, mentioned(source, captions))


def features(attribute_classifier: AttributeClassifier, pixels: Pixels, batch: int = 250) -> Tensor:
    """The classifier's last hidden layer for uint8 pictures (N, H, W, C): where their distances are measured."""
    return _in_batches(attribute_classifier.features, pixels, batch)


def _in_batches(look: Callable[[Tensor], Tensor], pixels: Pixels, batch: int) -> Tensor:
    """In several processes each looks at some batches, and all of them get all; each must call this."""

    def seen(rows: range) -> Tensor:
        starts = range(rows.start, rows.stop, batch)
        return torch.cat([look(to_model(pixels[i : min(i + batch, rows.stop)])) for i in starts])

    with torch.no_grad():
        return divided(len(pixels), seen, multiple=batch)


def in_palette(source: ComposedSet, pixels: Pixels, within: int = 8) -> float:
    """Share of pixels whose color is within some levels, in every channel, of one that composites have."""
    off, _ = cKDTree(source.palette.astype(float)).query(pixels.reshape(-1, 3), p=np.inf)
    return float((off <= within).mean())


def evaluate_prompts(
    model: ImageModel, count: int = 1000, first_seed: int = 10_000, split: str = "held-out", **settings: Any
) -> dict[str, Estimate]:
    """How `count` prompts of a split are followed, and how like composites the pictures are.

    Accuracy of all mentions, of whole prompts and of each kind, beside the classifier's on the composites that they
    describe; the Frechet distance in its features to composites of the split, beside that of other composites;
    the share of pixels in the palette; how many of the parts that it finds are not those of the nearest of
    20,000 training composites; and the distance to the nearest of them in gray levels.
    """
    data = known_data(model.about)
    attribute_classifier, shown = (
        attribute_classifier_for(data),
        prompt_alignment(model, count, first_seed, split, **settings),
    )
    mentions = shown.mentions
    right = {
        "": shown.right(attribute_classifier, shown.generated),
        ", real composites": shown.right(attribute_classifier, shown.real),
    }
    results = {f"mentions right{whose}": micro(each, mentions) for whose, each in right.items()}
    for whose, each in right.items():
        results[f"whole prompts right{whose}"] = average((each | ~mentions).all(1).double())
    for k, kind in enumerate(shown.source.kinds):
        rows = mentions[:, k]
        if bool(rows.any()):
            generated, real = (each[rows, k].double() for each in right.values())
            results[f"{kind} right"] = average(generated)
            results[f"{kind} right, real composites"] = Estimate.exact(float(real.mean()))

    others = shown.source.draw(81, np.arange(10_000), split).pixels
    known, fake, real = (features(attribute_classifier, pixels) for pixels in (others, shown.generated, shown.real))
    results["Frechet distance"] = bootstrap(lambda rows: frechet_distance(known, rows), fake, rounds=40)
    results["Frechet distance of real composites"] = Estimate.exact(frechet_distance(known, real))
    results["pixels in the palette"] = Estimate.exact(in_palette(shown.source, shown.generated))
    results["pixels in the palette, real composites"] = Estimate.exact(in_palette(shown.source, shown.real))
    train = shown.source.draw(0, np.arange(20_000))
    for whose, pixels in (("", shown.generated), (", real composites", shown.real)):
        apart = part_sets_apart(read(attribute_classifier, pixels), torch.from_numpy(train.labels))
        results[f"parts that differ from the nearest training picture's{whose}"] = average(apart)
    return results | memorization(shown.generated, train.pixels, shown.real)


def part_sets_apart(found: Tensor, known: Tensor) -> Tensor:
    """In how many attributes each row (N, K) differs from the nearest known set (M, K), where that one shows them."""
    return torch.stack([((known != row) & (known >= 0)).sum(1).min() for row in found]).double()


def kinds_of_guidance(model: ImageModel) -> list[tuple[str, str, tuple[float, float]]]:
    """What `prompts_by_guidance` measures: names, combinations, and the log-SNR between which guidance acts."""
    own = model.generation.interval
    return [
        ("classifier-free", "held-out", EVERYWHERE),
        *([] if own is None else [("classifier-free, interval", "held-out", own)]),
        ("classifier-free, seen combinations", "train", EVERYWHERE),
    ]


def prompts_by_guidance(
    model: ImageModel, count: int = 1000, first_seed: int = 10_000, scales: Sequence[float] = (0, 1, 1.5, 2, 3, 5, 8)
) -> list[dict[str, Cell]]:
    """How prompts are followed over the guidance scale, of held-out combinations and of those that training saw; of
    held-out ones also within the model's interval, if it has one.

    Columns: the distance to composites and that of other composites, the "floor"; mentions and whole prompts right;
    precision and recall; mentions of each kind right.
    """
    attribute_classifier = attribute_classifier_for(known_data(model.about))
    source, rows = COMPOSED[known_data(model.about)].source(), list[dict[str, Cell]]()
    for name, split, interval in kinds_of_guidance(model):
        known = features(attribute_classifier, source.draw(81, np.arange(10_000), split).pixels)
        for scale in tqdm(scales, unit="scale", desc=name, disable=None):
            shown = prompt_alignment(model, count, first_seed, split, guidance=scale, interval=interval)
            right = shown.right(attribute_classifier, shown.generated)
            fake, real = (features(attribute_classifier, pixels) for pixels in (shown.generated, shown.real))
            row: dict[str, Cell] = {"guidance": name, "scale": scale, "distance": frechet_distance(known, fake)}
            row["floor"] = frechet_distance(known, real)
            row["accuracy"] = micro(right, shown.mentions).value
            row["whole prompts"] = float((right | ~shown.mentions).all(1).double().mean())
            row |= {
                "precision": float(in_manifold(real, fake).mean()),
                "recall": float(in_manifold(fake, real).mean()),
            }
            each = zip(shown.source.kinds, right.sum(0) / shown.mentions.sum(0), strict=True)
            rows.append(row | {kind: float(share) for kind, share in each if bool(share.isfinite())})
    return rows


def conditioning_gap_of_prompts(model: ImageModel, count: int = 1000, first_seed: int = 10_000) -> dict[str, Cell]:
    """Is plain conditioning ignored (row N9)? Mentions right at scale 1 and at the model's own, picture by picture."""
    attribute_classifier, usual = attribute_classifier_for(known_data(model.about)), model.generation.guidance
    right = []
    for scale in (1.0, usual):
        shown = prompt_alignment(model, count, first_seed, "held-out", guidance=scale)
        right.append(shown.right(attribute_classifier, shown.generated).sum(1))
    return {**paired_gain(usual, right[0], right[1], shown.mentions.sum(1))}


def evaluate_attribute_classifier(name: str, count: int = 5000) -> dict[str, Estimate]:
    """Accuracy of an attribute classifier on real composites, of each kind where it is visible, on both splits."""
    module, about, _ = load_any(name)
    assert isinstance(module, AttributeClassifier)
    results: dict[str, Estimate] = {}
    for split in ("train", "held-out"):
        source, real, _ = real_prompts(known_data(about), count, split)
        labels = torch.from_numpy(real.labels)
        right = read(module, real.pixels) == labels
        results[f"visible attributes right, {split}"] = micro(right & (labels >= 0), labels >= 0)
        for k, kind in enumerate(source.kinds):
            seen = labels[:, k] >= 0
            results[f"{kind} right, {split}"] = Estimate.exact(float(right[seen, k].double().mean()))
    return results
