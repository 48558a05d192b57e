"""Heroes: endless pixel-art adventurers, 32x32, each with a caption that is true to it.

    "an orc woman with long red hair, in a red robe with a white cloak, holding an axe and a small red shield"

A hero has a race, perhaps a gender, and things worn and held. A body hides what is beneath it: trousers under a
robe are neither labeled nor named. Whether someone is a dwarf, or a woman, counts as visible if enough pixels
would differ on anyone else. The parts are CC0 tiles of Dungeon Crawl Stone Soup: see archives/PROVENANCE.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pedesis_zoo.data.composed import HIDDEN, ComposedSet, Numbers, Row, padded
from pedesis_zoo.data.heroes_captions import WORDS, caption
from pedesis_zoo.data.pixel_art import BACKGROUND, Ints, Parts, blend, read, table

KINDS = ("race", "gender", "body", "cloak", "boots", "legs", "gloves", "hair", "head", "weapon", "shield")
LENGTH = 40  # tokens that hold any caption

TILES = {"race": "base", "weapon": "hand1", "shield": "hand2"}  # what the archive calls a layer, if not by its kind
OFTEN = {"cloak": 0.45, "boots": 0.45, "legs": 0.55, "body": 0.9, "gloves": 0.35, "hair": 0.75, "head": 0.5,
         "weapon": 0.8, "shield": 0.45}  # fmt: skip
WEIGHT = {"human": 5.0, "orc": 3.0, "vampire": 2.0, "dwarf": 2.0, "cat": 2.0, "lava orc": 1.5}  # of other races: 1
HAIRY = ("human", "vampire", "orc", "brown centaur", "grey centaur")
FOUR_LEGS = ("brown centaur", "grey centaur")
SHORT = "short orange hair"  # the men's; the other hair is the women's
HOODED = "hooded black robe"  # worn with neither hat nor hair
THRESHOLD = {"cloak": 14, "boots": 9, "legs": 14, "body": 22, "gloves": 9, "hair": 7, "head": 5, "weapon": 9,
             "shield": 9}  # fmt: skip
DISTINCT = {"race": 8, "gender": 40}  # visible pixels by which a body must differ from every other


class HeroSet(ComposedSet):
    """All heroes there can be."""

    kinds = KINDS
    layers = ("cloak", "race", "boots", "legs", "body", "gloves", "hair", "head", "weapon", "shield")
    threshold = THRESHOLD
    held_out_kinds = (("race", "body"), ("race", "weapon"), ("body", "weapon"), ("cloak", "head"))
    grammar = WORDS

    def __init__(self) -> None:
        archive = read("heroes.npz")
        names = zip(archive["layers"].tolist(), archive["names"].tolist(), strict=True)
        number = {part: i for i, part in enumerate(names, start=1)}
        men: list[Row] = []
        women: list[list[int]] = [[]]
        for kind, words, *columns in table("heroes.tsv"):
            mine, hers = ([number[TILES.get(kind, kind), name] for name in c.split()] for c in (*columns, "")[:2])
            men.append((kind, words, mine))
            if kind == "race":
                women.append(hers)
        super().__init__(Parts(archive["pixels"]), men)  # type: ignore[arg-type]
        self.values["gender"] = ("", "man", "woman")
        self.women = padded(women)  # the pictures of each race's women; none where the race has no gender
        self._compare_bodies()

    def _compare_bodies(self) -> None:
        """Which pixels tell each body from each other one: `differ` (P, P, pixels)."""
        genders = ((1, self.pictures["race"]), (2, self.women))
        rows = [
            (picture, race, gender if self.women[1][race] else 0)
            for race in range(len(self.values["race"]))
            for gender, (pictures, counts) in genders
            for picture in pictures[race, : counts[race]].tolist()
        ]
        self.bodies, self.race_of, self.gender_of = np.array(rows, dtype=np.int64).T
        ground = np.full((1, 1, 3), BACKGROUND, dtype=np.uint8)
        tiles = blend(self.parts.tiles[self.bodies], ground).reshape(len(rows), -1, 3).astype(np.int16)
        self.differ = np.stack([np.abs(tile - tiles).max(-1) > 24 for tile in tiles]).astype(np.float32)

    def possible(self, one: str, a: str, two: str, b: str) -> bool:
        """An octopus wears nothing on its body."""
        return bool(a and b) and not (a.endswith("octopus") and two == "body")

    def chosen_parts(self, values: Ints, variants: Numbers) -> Ints:
        """As for any set, but women have pictures of their own."""
        parts = super().chosen_parts(values, variants)
        hers, layer = values[:, KINDS.index("gender")] == 2, self.layers.index("race")
        (pictures, counts), race = self.women, values[hers, KINDS.index("race")]
        parts[hers, layer] = pictures[race, (variants[hers, layer] * counts[race]).astype(np.int64)]
        return parts

    def visible_labels(self, values: Ints, parts: Ints, top: NDArray[np.uint8]) -> Ints:
        """As for any set, and race and gender where a body cannot be mistaken for another; hair tells the gender."""
        labels = super().visible_labels(values, parts, top)
        race, gender, layer = KINDS.index("race"), KINDS.index("gender"), self.layers.index("race")
        body = np.searchsorted(self.bodies, parts[:, layer])
        bare = (top <= 1 + layer).reshape(len(top), -1).astype(np.float32)
        for b in np.unique(body):
            rows = np.nonzero(body == b)[0]
            apart = self.differ[b] @ bare[rows].T  # (P, rows): visible pixels by which each other body differs
            other = self.race_of != self.race_of[b]
            labels[rows[apart[other].min(0) < DISTINCT["race"]], race] = HIDDEN
            if self.gender_of[b]:
                twin = ~other & (self.gender_of != self.gender_of[b])
                labels[rows[apart[twin].min(0) < DISTINCT["gender"]], gender] = HIDDEN
        hair_visible = labels[:, KINDS.index("hair")] > 0
        labels[hair_visible, gender] = values[hair_visible, gender]
        return labels

    def attributes(self, numbers: Numbers, held_out: Numbers | None) -> Ints:
        values = np.zeros((len(numbers), len(KINDS)), dtype=np.int64)
        column = {kind: values[:, k] for k, kind in enumerate(KINDS)}
        for k, kind in enumerate(KINDS):
            number, chance = numbers[:, k], numbers[:, len(KINDS) + k]
            if kind == "race":
                weight = np.cumsum([0.0, *(WEIGHT.get(race, 1.0) for race in self.values["race"][1:])])
                column[kind][:] = np.searchsorted(weight, number * weight[-1], side="right")
            elif kind == "gender":
                column[kind][:] = 1 + (number < 0.5)
            else:
                column[kind][:] = np.where(chance < OFTEN[kind], self.uniform_values(kind, number), 0)
        if held_out is not None:
            self.insert_held_out(values, held_out)
        self._agree(column, womens_hair=numbers[:, KINDS.index("hair")])
        return values

    def _agree(self, column: dict[str, Ints], womens_hair: Numbers) -> None:
        """Take off what a race cannot wear, and give men and women their hair; in place."""
        race = np.array(self.values["race"])[column["race"]]
        column["gender"][self.women[1][column["race"]] == 0] = 0
        for kind in ("body", "cloak", "boots", "legs", "gloves", "hair"):
            column[kind][np.char.endswith(race, "octopus")] = 0
        for kind in ("boots", "legs"):
            column[kind][np.isin(race, FOUR_LEGS)] = 0
        column["hair"][~np.isin(race, HAIRY)] = 0
        for kind in ("hair", "head"):
            column[kind][column["body"] == self.value("body", HOODED)] = 0
        haired, short = column["hair"] > 0, self.value("hair", SHORT)
        long = 2 + (womens_hair * (len(self.values["hair"]) - 2)).astype(np.int64)
        column["hair"][haired] = np.where(column["gender"] == 2, long, short)[haired]

    def caption(self, visible: Mapping[str, str], seed: int, must: tuple[str, ...] = ()) -> str:
        return caption(visible, seed, must)


@cache
def lexicon() -> HeroSet:
    """The set of heroes, read once: `lexicon().values["body"]` lists what a hero can wear."""
    return HeroSet()
