"""Compare over two axes, over all guidance scales, from a link; and how long it will take."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import comparison
import edits
import gradio as gr
import models
import numpy as np
import pytest
import show
import widgets
from generation_request import from_png
from PIL import Image
from tabs import compare

import pedesis_zoo as zoo
from pedesis.utils.images import resize_nearest, save_png

from .demo_calls import ASKED, last, pixels

pytestmark = pytest.mark.usefixtures("folder")
SIZE = 28 * 8  # of a cell in the PNG


def test_two_axes_draw_each_cell_from_one_seed() -> None:
    png, said, shown = last(
        compare.compare(**ASKED, by="guidance", values="0\n4", rows_by="numbers of steps", row_values="2\n5\n7")
    )
    assert shown.count("<img") == 6 and "2 columns" in said
    assert re.findall(r'<th scope="row">([^<]+)', shown) == ["steps 2", "steps 5", "steps 7"]
    assert re.findall(r'<th scope="col">([^<]+)', shown) == ["guidance 0", "guidance 4"]
    assert "guidance" not in (line := shown.partition("</p>")[0]) and "step" not in line and "seed 5" in line
    written, tall = pixels(png)[..., 0], SIZE + 28
    for column, scale in enumerate((0.0, 4.0)):
        for row, steps in enumerate((2, 5, 7)):
            drawn = zoo.sample("digits", "3", [5], guidance=scale, sampler="ddim", steps=steps)[0]
            top, left = 32 + 28 + row * tall, 150 + 28 + column * (SIZE + 56)
            cell = written[top : top + SIZE, left : left + SIZE]
            assert np.array_equal(cell, resize_nearest(drawn, 28)[..., 0]), (scale, steps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows_by": "guidance", "row_values": "1\n2"}, "columns and rows are both by guidance"),
        ({"rows_by": "weather", "row_values": "1\n2"}, "comparisons are by"),
        ({"rows_by": "steps", "row_values": "1"}, "give 2 to 8 values"),
        ({"rows_by": "steps", "row_values": "1\n2\n3\n4\n5"}, "at most 4 rows"),
        ({"rows_by": "steps", "row_values": 3}, "one value a line"),
        ({"rows_by": "steps", "row_values": "1\n900"}, "steps"),
    ],
)
def test_wrong_rows_are_sentences(change: dict[str, Any], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        last(compare.compare(**ASKED, by="guidance", values="0\n4", **change))


def test_a_sweep_goes_over_all_scales_of_the_page() -> None:
    asked = [{**ASKED, "steps": 1, "number": 1}[name] for name in compare.FIELDS]
    *before, (png, _, shown) = compare.sweep(*asked)
    said = re.findall(r'data-said="([^"]+)"', shown)
    assert said == [f"guidance {scale}" for scale in range(9)] and 'class="film plays"' in shown
    for scale in (0, 8):
        drawn = zoo.sample("digits", "3", [5], guidance=scale, sampler="ddim", steps=1)
        assert show.data_uri(show.sheet(drawn)) in shown
    assert all("plays" not in each[2] for each in before), "it plays once it is whole"
    assert from_png(png).model == "digits"
    assert comparison.swept(*models.request(model="fashion-mnist-student-4")).columns[0] == "guidance 1"


def test_a_comparison_is_a_link() -> None:
    fields = [ASKED.get(name) for name in compare.FIELDS]
    query = compare.query_of(*fields, "samplers", "ddim\nheun", "numbers of steps", "2\n5")
    link = dict(parse_qsl(query))
    assert link["by"] == "sampler" and link["values"] == "ddim\nheun" and link["rows_by"] == "steps"
    names = ["label", "prompt", "guidance", "seed", "number", "sampler", "steps", "grid"]
    tab = compare.Tab(None, dict.fromkeys(names), [None] * 4, None, None)  # type: ignore[arg-type]
    picker, *rest = tab.open(SimpleNamespace(query_params=link))  # type: ignore[arg-type]
    shown = dict(zip([*names, *compare.CELLS], rest, strict=False))
    assert picker.value == "digits" and shown["label"].value == "3" and shown["seed"].value == 5
    assert shown["number"].value == 2 and shown["steps"].value == 4
    assert [shown[name] for name in compare.CELLS] == ["samplers", "ddim\nheun", "numbers of steps", "2\n5"]
    usual = compare.query_of("digits", *[None] * 8, "guidance scales", "0\n1\n2\n4\n8", "seeds", "")
    assert usual == "model=digits&by=guidance", "only what is not as usual"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"by": "weather"}, "comparisons are by"),
        ({"by": "steps", "values": "1"}, "give 2 to 8 values"),
        ({"by": "steps", "model": "digit"}, "did you mean"),
    ],
)
def test_a_wrong_link_is_said(query: dict[str, str], message: str) -> None:
    tab = compare.Tab(None, dict.fromkeys(widgets.FIELDS), [None] * 4, None, None)  # type: ignore[arg-type]
    *_, said = tab.open(SimpleNamespace(query_params=query))  # type: ignore[arg-type]
    assert "The link is not understood" in said and message in said
    assert tab.open(SimpleNamespace(query_params={"model": "digits"}))[-1] == gr.skip()  # type: ignore[arg-type]


def test_what_takes_long_is_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "seconds_per_step", lambda name: 0.5)
    fields = [ASKED.get(name) for name in compare.FIELDS]
    said = compare.waiting_time(*fields, "samplers", "ddim\nheun", "seeds", "")
    assert "4 pictures: about 12 s" in said, "2 pictures * 4 steps * 0.5 s, and as heun asks twice a step, twice that"
    assert compare.waiting_time(*fields, "samplers", "ddim", "seeds", "") == "", "it is told later"
    monkeypatch.setattr(comparison, "seconds_per_step", lambda name: 0.001)
    assert "about" not in compare.waiting_time(*fields, "samplers", "ddim\nheun", "seeds", "")


def test_the_file_of_two_axes_is_a_picture() -> None:
    png, *_ = last(compare.compare(**ASKED, by="guidance", values="0\n4", rows_by="sampler", row_values="ddim\nheun"))
    with Image.open(png) as image:
        assert image.width > 150 and "comparison-of-guidance" in png


def test_a_mask_of_a_link_comes_with_its_picture(tmp_path: Path) -> None:
    save_png(np.zeros((8, 8, 1), dtype=np.uint8), tmp_path / "a.png")
    for mask, painted in ((None, ""), ("", ""), ("01" * 32, "01" * 32), ("01", "")):
        value, said = edits.begin_edit("digits", {"path": str(tmp_path / "a.png")}, mask)
        assert value is not None and value["mask"] == painted and "Choose" in said


def test_an_edit_is_a_link() -> None:
    hole = "0" * 56 + "1" * 8
    asked = ["digits", None, "3", "", 2.0, 4, 2, "ddim", 0.0, 4, "uniform", {"mask": hole}, 2]
    query = edits.query_of("inpaint", *asked)
    assert query == "model=digits&label=3&seed=4&number=2&sampler=ddim&steps=4&repeats=2&edit=inpaint&mask=ff"
    request, mask = edits.from_link(dict(parse_qsl(query)))
    assert mask == hole and (request.seed, request.number, request.repeats) == (4, 2, 2)  # type: ignore[attr-defined]
    for wrong, message in (({"edit": "weather"}, "unknown edit"), ({"edit": "inpaint", "mask": "zz"}, "hexadecimal")):
        with pytest.raises(ValueError, match=message):
            edits.from_link(wrong)
