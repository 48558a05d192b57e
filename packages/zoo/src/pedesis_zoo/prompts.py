"""How well a model of text follows its prompts, read from its pictures by the reader of its data.

accuracy = share of the attributes that a prompt mentions which the reader finds in the picture
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pedesis.classifier import AttributeReader
from pedesis.images import Pixels, to_model
from pedesis.noise import splitmix64
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.data.composed import ComposedSet, Drawn
from pedesis_zoo.generation import sample, seeds_from
from pedesis_zoo.loading import ImageModel, load_any
from pedesis_zoo.metrics import Estimate, bootstrap

SILENT = -1


def reader_of(data: str) -> AttributeReader:
    """The frozen reader of a composed set, `<data>-reader`."""
    module, _, _ = load_any(f"{data}-reader")
    assert isinstance(module, AttributeReader)
    return module


def real_prompts(data: str, count: int, split: str, seed: int = 77) -> tuple[ComposedSet, Drawn, list[str]]:
    """Composed pictures of a split with a caption each; other seeds than training's."""
    source = COMPOSED[data].source()
    drawn = source.draw(seed, np.arange(count), split)
    return source, drawn, drawn.captions([splitmix64(seed, 1, i) for i in range(count)])


def mentioned(source: ComposedSet, captions: list[str]) -> Tensor:
    """The value that each caption mentions of each kind, (N, K); -1 where it is silent."""
    table = torch.full((len(captions), len(source.kinds)), SILENT)
    for row, caption in zip(table, captions, strict=True):
        for kind, words in source.phrases.mentions(caption).items():
            row[source.kinds.index(kind)] = source.value(kind, words)
    return table


def read(reader: AttributeReader, pixels: Pixels, batch: int = 250) -> Tensor:
    """What the reader finds in uint8 pictures (N, H, W, C): (N, K)."""
    with torch.no_grad():
        return torch.cat([reader.read(to_model(pixels[i : i + batch])) for i in range(0, len(pixels), batch)])


def micro(right: Tensor, said: Tensor) -> Estimate:
    """The share of mentions that are right, (N, K) each, with an interval over pictures."""
    table = torch.cat([right.double(), said.double()], dim=1)
    half = table.shape[1] // 2

    def share(rows: Tensor) -> float:
        return float(rows[:, :half].sum() / rows[:, half:].sum())

    return bootstrap(share, table)


def evaluate_prompts(
    model: ImageModel, count: int = 1000, first_seed: int = 10_000, split: str = "held-out", **settings: Any
) -> dict[str, Estimate]:
    """Accuracy of `count` pictures of a split's prompts: of all mentions, of each kind, and of whole prompts.

    Each is beside the reader's accuracy on real composites of the same prompts.
    """
    data = model.about["data"]["name"]
    source, real, captions = real_prompts(data, count, split)
    reader, wanted = reader_of(data), mentioned(source, captions)
    said = wanted != SILENT
    pixels = sample(model, captions, seeds_from(first_seed, count), **settings)
    results: dict[str, Estimate] = {}
    found = {"": read(reader, pixels), ", real composites": read(reader, real.pixels)}
    for whose, values in found.items():
        results[f"mentions right{whose}"] = micro((values == wanted) & said, said)
    for whose, values in found.items():
        whole = ((values == wanted) | ~said).all(1).double()
        results[f"whole prompts right{whose}"] = bootstrap(lambda rows: float(rows.mean()), whole)
    for k, kind in enumerate(source.kinds):
        if bool(said[:, k].any()):
            rows = said[:, k]
            right, true = ((values[rows, k] == wanted[rows, k]).double() for values in found.values())
            results[f"{kind} right"] = bootstrap(lambda rows: float(rows.mean()), right)
            results[f"{kind} right, real composites"] = Estimate.exact(float(true.mean()))
    return results


def evaluate_reader(name: str, count: int = 5000) -> dict[str, Estimate]:
    """Accuracy of a reader on real composites, of each kind where it is visible, on both splits together."""
    module, about, _ = load_any(name)
    assert isinstance(module, AttributeReader)
    results: dict[str, Estimate] = {}
    for split in ("train", "held-out"):
        source, real, _ = real_prompts(about["data"]["name"], count, split)
        labels = torch.from_numpy(real.labels)
        right = read(module, real.pixels) == labels
        results[f"visible attributes right, {split}"] = micro(right & (labels >= 0), labels >= 0)
        for k, kind in enumerate(source.kinds):
            seen = labels[:, k] >= 0
            results[f"{kind} right, {split}"] = Estimate.exact(float(right[seen, k].double().mean()))
    return results
