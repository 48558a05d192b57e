"""Compare: equal cells, rows that say what they are, a file that says all, and something to see at once."""

import curves
import models
import numpy as np
import pytest
from generation_request import ALL_CLASSES
from PIL import Image
from playwright.sync_api import Page, expect
from tabs import compare

from .demo_calls import ASKED, last
from .demo_page import FIRST

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes


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
        for points in compare.curve(name).values():
            assert 2 <= points[-1][0] <= min(8, models.load(name).generation.scales[1])
        assert not compare.plotted(name, "samplers").visible and compare.plotted(name, "guidance scales").visible


def test_a_point_of_a_curve_is_where_its_numbers_say() -> None:
    """Of a plane from x = 2 to 6 and from 0 to 1: a quarter to the right and 0.9 up; the line passes there."""
    drawn = curves.chart({"recall": [(2, 0.5), (3, 0.9), (6, 0.0)], "<b>": [(2, 0.1), (6, 0.2)]}, "A & B", "scale")
    assert '<i style="left: 25.0%; bottom: 90%; background: #8b7cf0" title="recall: 0.9 at scale 3"></i>' in drawn
    assert 'points="0.0,50 25.0,10 100.0,100"' in drawn
    assert "&lt;b&gt;" in drawn and "<b>:" not in drawn and "A &amp; B" in drawn
    assert drawn.count("<i ") == 5 and drawn.count("<polyline") == 2


def test_ticks_are_round_numbers_within_the_ends() -> None:
    assert curves.ticks(0, 8) == list(range(9)) and curves.ticks(1, 4) == [1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert curves.ticks(0, 200) == [0, 50, 100, 150, 200] and curves.ticks(0.3, 0.6) == pytest.approx(
        [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
    )


def test_something_to_see_without_a_click_in_equal_cells(opened: Page) -> None:
    opened.get_by_role("tab", name="Compare").click()
    expect(opened.get_by_text("the same seeds in each")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".comparison td img")).to_have_count(15)
    cells = opened.locator(".comparison td img").all()
    assert len({round(cell.bounding_box()["width"]) for cell in cells}) == 1  # type: ignore[index]
    opened.get_by_label("Values, one a line").fill("1\n3")
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.locator(".comparison img")).to_have_count(6, timeout=FIRST)
