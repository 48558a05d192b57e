r"""Endless sets of pictures composed from known parts, with captions that are true to them.

    (seed, i)  ->  attributes  ->  pictures of parts  ->  image
                              \->  what of it is visible  ->  caption

Every attribute of every image is known, so how well a model follows a prompt can be measured. Some pairs of
values are held out: a pair is, if sha256 of its words falls into the lowest `held_out_share`. The split "train"
never draws one, and every image of "held-out" shows one.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.utils.images import Pixels, to_model
from pedesis.utils.noise import splitmix64
from pedesis.utils.registry import UnknownName
from pedesis_zoo.data.pixel_art import Ints, Parts, uniforms
from pedesis_zoo.data.tokenizer import Phrases, Vocabulary

SPLITS = ("train", "held-out")
HIDDEN = -1
Numbers = NDArray[np.float64]
Row = tuple[str, str, Sequence[int]]


@dataclass(frozen=True)
class CompositeBatch:
    """Some pictures of a set.

    Attributes:
        values: int64 (N, K), the value of each of the set's `kinds`, 0 for none; `source.values[kind][v]` is its words.
        labels: the same, but -1 where the image does not show it.
        pixels: uint8 (N, H, W, 3).
    """

    source: ComposedSet
    values: Ints
    labels: Ints
    pixels: Pixels

    def visible(self, row: int) -> dict[str, str]:
        """What image `row` shows, in words: {kind: value}."""
        values = self.source.values
        labels = zip(self.source.kinds, self.labels[row].tolist(), strict=True)
        return {kind: values[kind][v] for kind, v in labels if v > 0}

    def captions(self, seeds: Sequence[int]) -> list[str]:
        """A caption per image, a function of what is visible and its seed; it names a held-out pair that is shown."""
        return [
            self.source.caption(self.visible(row), seed, self.source.held_out_kinds_of(self.labels[row]))
            for row, seed in enumerate(seeds)
        ]


class ComposedSet(ABC):
    """A set of composed pictures: what exists, how it is drawn, and how it is told.

    Args:
        parts: pictures of the parts.
        rows: (kind, words, part numbers): the pictures of each value of each layer; part 0 is the empty one.
    """

    kinds: tuple[str, ...]  # of attributes, in the order of their columns
    layers: tuple[str, ...]  # the kinds that have pictures, the lowest first
    threshold: Mapping[str, int]  # pixels that must show for a part to count as visible
    held_out_kinds: tuple[tuple[str, str], ...]
    held_out_share = 0.025  # of the pairs of values of two such kinds
    grammar: tuple[str, ...]  # the words of captions that name no attribute

    def __init__(self, parts: Parts, rows: Sequence[Row]):
        self.parts = parts
        self.values: dict[str, tuple[str, ...]] = {}
        self.pictures: dict[str, tuple[Ints, Ints]] = {}
        for kind in self.layers:
            mine = [("", [0]), *((words, pictures) for k, words, pictures in rows if k == kind)]
            self.values[kind] = tuple(words for words, _ in mine)
            self.pictures[kind] = padded([pictures for _, pictures in mine])

    @abstractmethod
    def attributes(self, numbers: Numbers, held_out: Numbers | None) -> Ints:
        """Values (N, K) from numbers in [0, 1) (N, 2 K). `held_out` (N,) picks a held-out pair to contain."""

    @abstractmethod
    def caption(self, visible: Mapping[str, str], seed: int, must: tuple[str, ...] = ()) -> str:
        """Words for what is visible, a function of it and the seed; the kinds in `must` are named."""

    def chosen_parts(self, values: Ints, variants: Numbers) -> Ints:
        """The part of each layer (N, layers) for values (N, K), one of the pictures of each value."""
        chosen = []
        for layer, kind in enumerate(self.layers):
            (table, counts), value = self.pictures[kind], values[:, self.kinds.index(kind)]
            chosen.append(table[value, (variants[:, layer] * counts[value]).astype(np.int64)])
        return np.stack(chosen, axis=1)

    def visible_labels(self, values: Ints, parts: Ints, top: NDArray[np.uint8]) -> Ints:
        """The values, with -1 for parts of which too little shows; `top` (N, H, W) is from `Parts.compose`."""
        labels, seen = values.copy(), self.parts.seen(parts, top)
        for kind, least in self.threshold.items():
            k = self.kinds.index(kind)
            labels[(values[:, k] > 0) & (seen[:, self.layers.index(kind)] < least), k] = HIDDEN
        return labels

    def compose(self, values: Ints, variants: Numbers) -> CompositeBatch:
        """Picture attributes (N, K); `variants` (N, layers) in [0, 1) pick among the pictures of a value."""
        parts = self.chosen_parts(values, variants)
        pixels, top = self.parts.compose(parts)
        return CompositeBatch(self, values, self.visible_labels(values, parts, top), pixels)

    def draw(self, seed: int, index: Ints, split: str = "train") -> CompositeBatch:
        """Pictures number `index` (N,) of an endless list; each depends on (seed, split, its number) alone.

        Raises:
            UnknownName: no such split.
        """
        if split not in SPLITS:
            raise UnknownName(f"split of {type(self).__name__}", split, SPLITS)
        index, kinds, layers = np.asarray(index, dtype=np.int64), len(self.kinds), len(self.layers)
        done: list[tuple[NDArray[Any], ...]] = []
        todo, attempt = np.arange(len(index)), 0
        while len(todo) or not done:
            numbers = uniforms((seed, SPLITS.index(split), attempt), index[todo], 1 + 3 * kinds)
            values = self.attributes(numbers[:, 1 : 1 + 2 * kinds], None if split == "train" else numbers[:, 0])
            composites = self.compose(values, numbers[:, -layers:])
            good = ~self.held_out(values) if split == "train" else self.held_out(composites.labels)
            done.append((todo[good], values[good], composites.labels[good], composites.pixels[good]))
            todo, attempt = todo[~good], attempt + 1
        order, values, labels, pixels = (np.concatenate(column) for column in zip(*done, strict=True))
        back = np.argsort(order)
        return CompositeBatch(self, values[back], labels[back], pixels[back])

    @cached_property
    def held_out_pairs(self) -> dict[tuple[str, str], NDArray[np.bool_]]:
        """Which pairs of values training never sees: for two kinds, (V1, V2), true where held out."""
        tables = {}
        for one, two in self.held_out_kinds:
            table = [[self._held(one, a, two, b) for b in self.values[two]] for a in self.values[one]]
            tables[one, two] = np.array(table, dtype=np.bool_)
        return tables

    def possible(self, one: str, a: str, two: str, b: str) -> bool:
        """Whether value a of kind `one` can be seen together with b of `two`."""
        return bool(a and b)

    def _held(self, *pair: str) -> bool:
        digest = hashlib.sha256("|".join(pair).encode()).digest()
        return self.possible(*pair) and int.from_bytes(digest[:8], "big") < self.held_out_share * 2**64

    def held_out(self, values: Ints) -> NDArray[np.bool_]:
        """Which rows (N, K), of values or of labels, contain a held-out pair; (N,)."""
        column = {kind: np.maximum(values[:, k], 0) for k, kind in enumerate(self.kinds)}
        found = [pairs[column[a], column[b]] for (a, b), pairs in self.held_out_pairs.items()]
        any_pair: NDArray[np.bool_] = np.logical_or.reduce(found)
        return any_pair

    def held_out_kinds_of(self, labels: Ints) -> tuple[str, ...]:
        """The two kinds of the first held-out pair in one row of labels (K,), or ()."""
        label = dict(zip(self.kinds, np.maximum(labels, 0).tolist(), strict=True))
        return next((ab for ab, pairs in self.held_out_pairs.items() if pairs[label[ab[0]], label[ab[1]]]), ())

    @cached_property
    def _every_pair(self) -> Ints:
        """All held-out pairs as rows (kind, kind, value, value), in numbers."""
        rows = [
            (self.kinds.index(a), self.kinds.index(b), v, w)
            for (a, b), pairs in self.held_out_pairs.items()
            for v, w in zip(*np.nonzero(pairs), strict=True)
        ]
        return np.array(rows, dtype=np.int64)

    def insert_held_out(self, values: Ints, numbers: Numbers) -> None:
        """Write into each row of values (N, K) the held-out pair that its number in [0, 1) picks."""
        pair = self._every_pair[(numbers * len(self._every_pair)).astype(np.int64)]
        rows = np.arange(len(values))
        values[rows, pair[:, 0]], values[rows, pair[:, 1]] = pair[:, 2], pair[:, 3]

    def uniform_values(self, kind: str, numbers: Numbers) -> Ints:
        """A value other than none, each equally likely, from numbers in [0, 1)."""
        return 1 + (numbers * (len(self.values[kind]) - 1)).astype(np.int64)

    def value(self, kind: str, words: str) -> int:
        """The number of a value. Raises UnknownName with the nearest that exist."""
        if words not in self.values[kind]:
            raise UnknownName(kind, words, [w for w in self.values[kind] if w])
        return self.values[kind].index(words)

    @cached_property
    def palette(self) -> Pixels:
        """The colors that 3,000 of the pictures have, uint8 (P, 3)."""
        return np.unique(self.draw(80, np.arange(3000)).pixels.reshape(-1, 3), axis=0)

    @cached_property
    def phrases(self) -> Phrases:
        """Finds the attributes that a caption mentions."""
        return Phrases({words: (kind, words) for kind, values in self.values.items() for words in values if words})

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every word a caption can have, in alphabetical order."""
        phrases_of = (*self.grammar, *(words for values in self.values.values() for words in values))
        return tuple(sorted({word for words in phrases_of for word in words.split()}))


def padded(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Lists of numbers as one table, zeros at the ends, and how long each list is."""
    most = max(map(len, lists))
    table = np.array([[*row, *[0] * (most - len(row))] for row in lists], dtype=np.int64)
    return table, np.array([len(row) for row in lists], dtype=np.int64)


class CaptionBatches:
    """Endless batches for training: row r of step n is picture n * batch + r of the list of `seed`.

    Args:
        batch: size of the global batch.
        length: of the captions, in tokens.
    """

    def __init__(
        self, source: ComposedSet, batch: int, length: int, seed: int = 0, split: str = "train", device: str = "cpu"
    ):
        self.source, self.batch, self.length = source, batch, length
        self.seed, self.split, self.device = seed, split, device
        self.vocabulary = Vocabulary(source.vocabulary)

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Tensor]:
        """x0 (B, 3, H, W) in [-1, 1], and the tokens (B, length) of a caption of each."""
        index = step * self.batch + np.arange(rows.start, rows.stop, rows.step)
        composites = self.source.draw(self.seed, index, self.split)
        captions = composites.captions([splitmix64(self.seed, 1, i) for i in index.tolist()])
        tokens = torch.from_numpy(self.vocabulary.tokens(captions, self.length))
        return to_model(composites.pixels).to(self.device), tokens.to(self.device)


class LabelBatches:
    """Endless batches for attribute classifiers: row r of step n is picture n * batch + r of the list of `seed`."""

    def __init__(self, source: ComposedSet, batch: int, seed: int = 0, device: str = "cpu"):
        self.source, self.batch, self.seed, self.device = source, batch, seed, device

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Tensor]:
        """x0 (B, 3, H, W) in [-1, 1], and the labels (B, K), 0 for none and -1 for hidden."""
        composites = self.source.draw(self.seed, step * self.batch + np.arange(rows.start, rows.stop, rows.step))
        return to_model(composites.pixels).to(self.device), torch.from_numpy(composites.labels).to(self.device)
