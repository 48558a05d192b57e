"""Avatars: the parts are painted as their paths say, and beards match the hair."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pedesis_zoo.data.avatars import KINDS, lexicon
from pedesis_zoo.data.composed import HIDDEN
from pedesis_zoo.data.pixel_art import read
from pedesis_zoo.data.tokenizer import Vocabulary

SCRIPT = Path(__file__).parents[2] / "packages" / "zoo" / "build_parts" / "avatars.py"
SPEC = importlib.util.spec_from_file_location("build_avatars", SCRIPT)
build = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build)


def test_paths_are_filled_as_polygons() -> None:
    corners = [(3, 2), (9, 2), (9, 5), (13, 5), (13, 12), (6, 12), (6, 8), (3, 8)]
    fine = Image.new("1", (160, 160))
    ImageDraw.Draw(fine).polygon([(10 * x, 10 * y) for x, y in corners], fill=1)
    expected = np.asarray(fine)[5::10, 5::10]
    for path in ("M3 2h6v3h4v7H6V8H3V2Z", "M3 2H9V5H13V12H6V8H3Z", "M3 2v6h3v4h7V5H9V2H3Z"):
        np.testing.assert_array_equal(build.inside(path, evenodd=False), expected)


def test_holes_follow_the_fill_rule() -> None:
    twice = "M2 2h8v8H2zM4 4h2v2H4z"
    hole = np.zeros((16, 16), dtype=bool)
    hole[4:6, 4:6] = True
    np.testing.assert_array_equal(build.inside(twice, evenodd=False) & ~build.inside(twice, evenodd=True), hole)
    opposite = "M2 2h8v8H2zM4 4v2h2V4z"
    np.testing.assert_array_equal(build.inside(opposite, evenodd=False), build.inside(twice, evenodd=True))
    relative = "M2 2h8v8H2Zm2 2v2h2V4H4Z"  # a second subpath from the start of the first
    np.testing.assert_array_equal(build.inside(relative, evenodd=False), build.inside(twice, evenodd=True))


def test_paint_is_stacked_like_alpha_composition() -> None:
    svg = '<svg><path fill="#c04020" d="M0 0h8v8H0z"/><path fill="#fff" fill-opacity=".3" d="M4 4h8v8H4z"/></svg>'
    canvas = np.zeros((16, 16, 4))
    build.paint(ElementTree.fromstring(svg), canvas)
    tile = build.rgba(canvas)
    assert tile[0, 0].tolist() == [0xC0, 0x40, 0x20, 255] and tile[15, 15, 3] == 0
    assert tile[10, 10].tolist() == [255, 255, 255, round(0.3 * 255)]
    assert tile[5, 5].tolist() == [round(0.7 * c + 0.3 * 255) for c in (0xC0, 0x40, 0x20)] + [255]


def test_the_archive_is_what_the_table_asks_for() -> None:
    archive = read("avatars.npz")
    assert [tuple(part) for part in archive["names"].tolist()] == list(build.wanted())
    assert archive["pixels"].shape == (len(archive["names"]), 16, 16, 4)


def test_a_part_has_its_colour() -> None:
    archive = read("avatars.npz")
    for (kind, _, color), tile in zip(archive["names"].tolist(), archive["pixels"], strict=True):
        if kind in ("hair", "hat", "clothes", "mouth"):
            assert (tile[..., :3][tile[..., 3] == 255] == list(bytes.fromhex(color))).all(-1).any()


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_beards_have_the_colour_of_the_hair(split: str) -> None:
    source, generated = lexicon(), lexicon().draw(1, np.arange(3000), split)
    beards = 0
    for row in generated.values:
        words = {kind: source.values[kind][v] for kind, v in zip(KINDS, row.tolist(), strict=True)}
        if words["beard"]:
            assert words["beard"].split()[0] in words["hair"].split()
            beards += 1
    assert beards > 200


def test_long_hair_covers_earrings() -> None:
    source = lexicon()
    words = {"skin": "light skin", "mouth": "smiling", "earrings": "golden earrings"}
    labels = []
    for hair in ("short red hair", "long red hair"):
        given = {**words, "hair": hair}
        values = np.array([[source.value(kind, given[kind]) if kind in given else 0 for kind in KINDS]])
        variants = np.full((1, len(source.layers)), 0.99)  # the last pictures: large earrings are the first
        labels.append(source.compose(values, variants).labels[0, KINDS.index("earrings")])
    assert labels[0] > 0 and labels[1] == HIDDEN


def test_a_natural_prompt_can_be_read() -> None:
    prompt = "A smiling person with short red hair, glasses and a green shirt"
    assert Vocabulary(lexicon().vocabulary).encode(prompt).unknown == {}
    assert lexicon().phrases.mentions(prompt) == {
        "mouth": "smiling", "hair": "short red hair", "glasses": "glasses", "clothes": "green shirt",
    }  # fmt: skip
