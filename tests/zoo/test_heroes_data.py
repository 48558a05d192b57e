"""Heroes: only tiles that may be used, and labels that say what can be seen."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pedesis_zoo.data.composed import HIDDEN
from pedesis_zoo.data.heroes import FOUR_LEGS, HOODED, KINDS, lexicon
from pedesis_zoo.data.pixel_art import read, table
from pedesis_zoo.data.tokenizer import Vocabulary

ALLOWED = Path(__file__).parents[2] / "packages" / "zoo" / "build_parts" / "heroes-cc0.tsv"


def hero(**words: str) -> dict[str, int]:
    """Labels of one hero described in words, by kind."""
    source = lexicon()
    values = np.array([[source.value(kind, words[kind]) if kind in words else 0 for kind in KINDS]])
    generated = source.compose(values, np.zeros((1, len(source.layers))))
    return dict(zip(KINDS, generated.labels[0].tolist(), strict=True))


def test_every_tile_of_the_archive_is_allowed() -> None:
    rows = [line.split("\t") for line in ALLOWED.read_text().splitlines() if not line.startswith("#")]
    allowed = {(layer, name): digest for layer, name, _, digest in rows}
    archive = read("heroes.npz")
    assert archive["pixels"].shape == (len(archive["names"]), 32, 32, 4)
    for layer, name, tile in zip(archive["layers"], archive["names"], archive["pixels"], strict=True):
        assert hashlib.sha256(tile.tobytes()).hexdigest() == allowed[layer, name]


def test_every_tile_has_one_meaning() -> None:
    named = [(kind, name) for kind, _, *columns in table("heroes.tsv") for c in columns for name in c.split()]
    assert len(named) == len(set(named)) == len(read("heroes.npz")["names"])


def test_what_lies_beneath_is_hidden() -> None:
    assert hero(race="human", gender="man", legs="blue trousers")["legs"] > 0
    assert hero(race="human", gender="man", legs="blue trousers", body="red robe")["legs"] == HIDDEN
    assert hero(race="human", gender="woman", hair="long red hair")["hair"] > 0
    assert hero(race="human", gender="woman", hair="long red hair", head="red hood")["hair"] == HIDDEN


def test_a_dwarf_is_known_by_his_beard() -> None:
    assert hero(race="dwarf")["race"] > 0
    assert hero(race="dwarf", body="red robe")["race"] > 0
    assert hero(race="dwarf", body="red robe", head="steel helmet")["race"] == HIDDEN
    assert hero(race="human", gender="man", body="red robe", head="steel helmet")["race"] == HIDDEN
    assert hero(race="green lizard", body="red robe", head="steel helmet")["race"] > 0


def test_a_robe_hides_the_gender_and_hair_tells_it() -> None:
    assert hero(race="orc", gender="woman")["gender"] == 2
    assert hero(race="orc", gender="man")["gender"] == 1
    assert hero(race="orc", gender="woman", body="red robe")["gender"] == HIDDEN
    assert hero(race="orc", gender="woman", body="red robe", hair="long red hair")["gender"] == 2


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_nobody_wears_what_they_cannot(split: str) -> None:
    source, generated = lexicon(), lexicon().draw(2, np.arange(4000), split)
    column = {kind: np.array(source.values[kind])[generated.values[:, k]] for k, kind in enumerate(KINDS)}
    octopus = np.char.endswith(column["race"], "octopus")
    for kind in ("body", "cloak", "boots", "legs", "gloves", "hair", "gender"):
        assert (column[kind][octopus] == "").all()
    centaur = np.isin(column["race"], FOUR_LEGS)
    assert (column["boots"][centaur] == "").all() and (column["legs"][centaur] == "").all()
    assert (column["head"][column["body"] == HOODED] == "").all()
    men = column["gender"] == "man"
    assert set(column["hair"][men]) == {"", "short orange hair"}
    assert "short orange hair" not in column["hair"][column["gender"] == "woman"]


def test_women_are_shown_by_their_own_pictures() -> None:
    source, names = lexicon(), ["", *read("heroes.npz")["names"].tolist()]
    values = lexicon().draw(3, np.arange(3000)).values
    values = values[values[:, KINDS.index("gender")] > 0]
    parts = source.chosen_parts(values, np.random.default_rng(0).random((len(values), len(source.layers))))
    for gender, body in zip(values[:, KINDS.index("gender")], parts[:, source.layers.index("race")], strict=True):
        assert ("_f" in names[body]) == (gender == 2)


def test_the_promised_prompt_can_be_read() -> None:
    prompt = "An orc woman in a red robe with a white cloak, holding an axe"
    assert Vocabulary(lexicon().vocabulary).encode(prompt).unknown == {}
    assert lexicon().phrases.mentions(prompt) == {
        "race": "orc", "gender": "woman", "body": "red robe", "cloak": "white cloak", "weapon": "axe",
    }  # fmt: skip
    assert Vocabulary(lexicon().vocabulary).encode("an orc in a red rope").unknown["rope"][0] == "robe"


def test_someone_who_is_not_human_is_never_just_a_man() -> None:
    generated = lexicon().draw(4, np.arange(5000))
    for row, caption in enumerate(generated.captions(range(5000))):
        mentions = lexicon().phrases.mentions(caption)
        if "gender" in mentions and "race" not in mentions:
            assert generated.visible(row)["race"] == "human"
