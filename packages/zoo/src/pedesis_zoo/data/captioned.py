"""The composed sets of pictures by name, as training wants them: with captions, or with their attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pedesis_zoo.data import avatars, heroes
from pedesis_zoo.data.composed import CaptionBatches, ComposedSet, LabelBatches
from pedesis_zoo.data.sets import ZOO, AttributeSet, CaptionedSet


@dataclass(frozen=True)
class CompositeSource:
    """A composed set: how to get it, the side of its pictures, the length of its captions, the license of its parts."""

    source: Callable[[], ComposedSet]
    side: int
    length: int
    license: str


COMPOSED: dict[str, CompositeSource] = {
    "heroes": CompositeSource(heroes.lexicon, 32, heroes.LENGTH, "CC0-1.0 (Dungeon Crawl Stone Soup tiles)"),
    "avatars": CompositeSource(avatars.lexicon, 16, avatars.LENGTH, "CC0-1.0 (DiceBear Pixel Art)"),
}


def captioned(name: str) -> CaptionedSet:
    """The set with captions, for models of text."""
    known = COMPOSED[name]
    source = known.source()

    def draw(batch: int, seed: int, device: str) -> CaptionBatches:
        return CaptionBatches(source, batch, known.length, seed, device=device)

    shape = (3, known.side, known.side)
    return CaptionedSet(name, shape, source.vocabulary, known.length, known.license, draw, source=ZOO)


def words_of(name: str) -> str:
    """What captions of a set can ask for, Markdown: the values of each kind of attribute."""
    source = COMPOSED[name].source()
    return "\n".join(f"- *{kind}*: {', '.join(filter(None, source.values[kind]))}" for kind in source.kinds)


def provenance(name: str) -> str:
    """Where the parts of a set come from, Markdown."""
    text = (Path(__file__).parent / "archives" / "PROVENANCE.md").read_text()
    return text.split(f"## {name}.npz")[1].split("\n## ")[0].strip()


def with_attributes(name: str) -> AttributeSet:
    """The set with its attributes, for attribute classifiers."""
    known = COMPOSED[name]
    source = known.source()
    attributes = tuple((kind, source.values[kind]) for kind in source.kinds)
    draw = partial(LabelBatches, source)
    return AttributeSet(name, (3, known.side, known.side), attributes, known.license, draw, source=ZOO)
