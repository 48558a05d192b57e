"""Compare: equal cells, rows that say what they are, a file that says all, and something to see at once."""

import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .conftest import ROOT
from .test_demo_handlers import ASKED, folder, last  # noqa: F401
from .test_demo_server import FIRST, opened  # noqa: F401

sys.path.insert(0, str(ROOT / "apps" / "gradio_demo"))

import models
from generation_request import ALL_CLASSES
from tabs import compare


@pytest.mark.parametrize(("label", "rows"), [(ALL_CLASSES, ["seed 5, 0", "seed 6, 1"]), ("7", ["seed 5", "seed 6"])])
def test_rows_say_their_class_where_it_differs(label: str, rows: list[str]) -> None:
    asked, model = models.request(model="digits", label=label, seed=5, number=2)
    assert compare.row_names(asked, model, "guidance") == rows
    assert "guidance" not in compare.common(asked, model, "guidance")
    assert "guidance 2" in compare.common(asked, model, "sampler")


def test_the_file_says_what_was_asked_for() -> None:
    png, *_ = last(compare.compare(**ASKED, by="guidance scales", values="0\n4"))
    with Image.open(png) as image:
        words = np.asarray(image.convert("L"))[-28:]
        assert (words < 128).sum() > 100, "a line of writing below the pictures"
    assert "comparison-of-guidance" in png


def test_the_curve_ends_where_the_slider_does() -> None:
    for name in filter(models.with_curve, models.models()):
        shown = compare.curve(name)
        assert shown is not None and shown["guidance scale"].max() <= min(8, models.load(name).generation.scales[1])
        assert not compare.plotted(name, "samplers").visible


def test_something_to_see_without_a_click_in_equal_cells(opened: Page) -> None:  # noqa: F811
    opened.get_by_role("tab", name="Compare").click()
    expect(opened.get_by_text("the same seeds in each")).to_be_visible(timeout=FIRST)
    cells = opened.locator(".comparison td img").all()
    assert len(cells) == 15 and len({round(cell.bounding_box()["width"]) for cell in cells}) == 1  # type: ignore[index]
    opened.get_by_label("Values, one a line").fill("1\n3")
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.locator(".comparison img")).to_have_count(6, timeout=FIRST)
