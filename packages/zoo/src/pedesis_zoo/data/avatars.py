"""Avatars: endless pixel-art faces, 16x16, each with a caption that is true to it.

    "a smiling person with short red hair and glasses, wearing a green shirt"

The smallest set with words: a model of it trains in minutes. Eyes vary too, but have no words. The parts are those
of DiceBear's Pixel Art (CC0): see archives/PROVENANCE.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from random import Random

import numpy as np

from pedesis_zoo.data.composed import ComposedSet, Numbers, Row
from pedesis_zoo.data.pixel_art import Ints, Parts, read, table
from pedesis_zoo.data.tokenizer import listed, with_article

KINDS = ("skin", "hair", "mouth", "glasses", "beard", "earrings", "clothes", "hat")
LENGTH = 32  # tokens that hold any caption
OFTEN = {"glasses": 0.35, "beard": 0.2, "earrings": 0.25, "hat": 0.3}  # of the others: always
THRESHOLD = {"skin": 8, "hair": 5, "mouth": 2, "glasses": 8, "beard": 6, "earrings": 3, "clothes": 6, "hat": 8}
HAS = ("skin", "hair", "glasses", "beard")
WEARS = ("clothes", "hat", "earrings")


class AvatarSet(ComposedSet):
    """All avatars there can be."""

    kinds = KINDS
    layers = ("skin", "earrings", "clothes", "glasses", "beard", "mouth", "hair", "hat")
    threshold = THRESHOLD
    held_out_kinds = (("hair", "clothes"), ("hair", "hat"), ("glasses", "hat"), ("clothes", "hat"))
    held_out_share = 0.04
    grammar = ("a and with in wearing person",)

    def __init__(self) -> None:
        archive = read("avatars.npz")
        number = {tuple(part): i for i, part in enumerate(archive["names"].tolist(), start=1)}
        rows: list[Row] = []
        for kind, words, shapes, colors in table("avatars.tsv"):
            for color in colors.split():
                name, codes = re.fullmatch(r"(?:(\w+):)?([0-9a-f,]+)", color).groups("")  # type: ignore[union-attr]
                pictures = [number[kind, shape, code] for code in codes.split(",") for shape in shapes.split()]
                rows.append((kind, words.format(name), pictures))
        super().__init__(Parts(archive["pixels"]), rows)  # type: ignore[arg-type]
        beards = {words.removesuffix(" beard"): b for b, words in enumerate(self.values["beard"]) if words}
        matching = [next((b for c, b in beards.items() if c in hair.split()), 0) for hair in self.values["hair"]]
        self.beard_of = np.array(matching, dtype=np.int64)  # the beard of each hair's colour

    def attributes(self, numbers: Numbers, held_out: Numbers | None) -> Ints:
        values = np.zeros((len(numbers), len(KINDS)), dtype=np.int64)
        for k, kind in enumerate(KINDS):
            present = numbers[:, len(KINDS) + k] < OFTEN.get(kind, 1)
            values[:, k] = np.where(present, self.uniform_values(kind, numbers[:, k]), 0)
        if held_out is not None:
            self.insert_held_out(values, held_out)
        hair, beard = (values[:, KINDS.index(kind)] for kind in ("hair", "beard"))
        beard[:] = np.where(beard > 0, self.beard_of[hair], 0)
        return values

    def caption(self, visible: Mapping[str, str], seed: int, must: tuple[str, ...] = ()) -> str:
        rng = Random(seed)
        named = [kind for kind in visible if kind not in must]
        rng.shuffle(named)
        if rng.random() < 0.65:
            named = named[: rng.randint(0 if must else 1, len(named))]
        named = [kind for kind in KINDS if kind in (*named, *must)]
        who = f"{visible['mouth']} person" if "mouth" in named else "person"
        if rng.random() < 0.2:
            things = [visible[kind] for kind in named if kind != "mouth"]
            rng.shuffle(things)
            return ", ".join([who, *things])
        has = [with_article(visible[kind]) for kind in HAS if kind in named]
        wears = [with_article(visible[kind]) for kind in WEARS if kind in named]
        rng.shuffle(has)
        rng.shuffle(wears)
        if rng.random() < 0.3:
            return with_article(who) + (f" with {listed(has + wears)}" if has or wears else "")
        outfit = f" {rng.choice(('wearing', 'in'))} {listed(wears)}" if wears else ""
        return with_article(who) + (f" with {listed(has)}{',' if outfit else ''}" if has else "") + outfit


@cache
def lexicon() -> AvatarSet:
    """The set of avatars, read once: `lexicon().values["hat"]` lists the hats."""
    return AvatarSet()
