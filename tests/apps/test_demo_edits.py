"""Edits, called directly: they keep what they must, and say what is wrong in a sentence."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import painter
import pytest
from PIL import Image
from tabs import edit

import pedesis_zoo as zoo

from .demo_calls import EDIT, last, pixels

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes


def test_inpainting_keeps_what_is_not_painted(three: str) -> None:
    hole = "0" * 32 + "1" * 32
    value = {**painter.to_paint(np.zeros((8, 8, 1), dtype=np.uint8)), "mask": hole}
    for given in (hole, value):
        files, _, status, shown = last(edit.inpainting(**{**EDIT, "number": 1}, picture=three, hole=given, repeats=2))
        assert "1 picture" in status and "hole" in shown
        drawn = pixels(files[0][0])[32::64, 32::64]
        assert np.array_equal(drawn[:4], pixels(three)[:4]) and not np.array_equal(drawn[4:], pixels(three)[4:])


@pytest.mark.parametrize(
    ("act", "change", "message"),
    [
        (edit.inpainting, {"hole": "0" * 64, "repeats": 1}, "paint over a part"),
        (edit.inpainting, {"hole": "1" * 65, "repeats": 1}, "64 digits"),
        (edit.inpainting, {"hole": "1" * 64, "repeats": 1, "picture": None}, "there is no picture yet"),
        (edit.variations, {"strength": 0}, "greater than 0"),
        (edit.variations, {"strength": float("nan")}, "strength"),
        (edit.super_resolving, {"factor": 3}, "whose sides it divides"),
        (edit.super_resolving, {"factor": 2, "picture": __file__}, "cannot be read as a picture"),
    ],
)
def test_wrong_edits_are_sentences(three: str, act: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        last(act(**{**EDIT, "picture": three, **change}))


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (5000, 5000)).save(tmp_path / "huge.png")
    with pytest.raises(gr.Error, match="5000x5000 pixels, more than"):
        last(edit.variations(**EDIT, picture=str(tmp_path / "huge.png"), strength=0.5))


def test_the_other_edits_draw(three: str) -> None:
    for results, caption in (
        (edit.variations(**EDIT, picture=three, strength=0.5), "the picture"),
        (edit.super_resolving(**EDIT, picture=three, factor=2), "the small picture"),
    ):
        files, png, status, shown = last(results)
        assert [caption for _, caption in files] == ["seed 5", "seed 6"]
        assert caption in shown and "2 pictures" in status
        with Image.open(png) as image:
            assert '"seed":5' in image.info["pedesis"]
    files, png, status, shown = last(edit.interpolating(**{**EDIT, "number": 5}, second_seed=9, other="8"))
    assert "5 pictures" in status and "from seed 5 to seed 9" in shown and "seeds 5 to" not in shown
    assert [caption for _, caption in files] == ["seed 5", "1 of 4", "2 of 4", "3 of 4", "seed 9, 8"]


def test_a_drawn_picture_is_edited_as_it_is() -> None:
    asked = {name: value for name, value in EDIT.items() if name != "number"}
    path, status = last(edit.draw_source(**asked))
    assert "Choose what to do" in status
    assert np.array_equal(
        pixels(path), zoo.sample("digits", "3", [5], guidance=2.0, sampler="ddim", steps=4)[0, ..., 0]
    )
    value = edit.to_edit("digits", path)
    assert value is not None and (value["width"], value["height"], value["mask"]) == (8, 8, "")
    assert edit.to_edit("digits", None) is None
