"""The page that trains: its charts hold the lesson, it goes on, stops and starts anew, and a link carries a drawing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import training

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from .conftest import SCREENS

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"
PATIENCE = 100_000
"""Milliseconds that a busy machine may take; nothing waits longer than it must."""


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    figures = charts("training")
    pad = figures.pad({3, 5})
    json.loads(pad.to_json())
    sizes = np.asarray(pad.data[0].marker.size)
    assert np.flatnonzero(sizes > sizes.min()).tolist() == [3, 5]
    np.testing.assert_array_equal(np.stack([pad.data[0].x, pad.data[0].y], 1), training.centers())
    loss = figures.loss(np.array([20.0, 40.0]), np.array([1.0, 3.0]), 0.4, 100)
    assert loss.data[0].y.tolist() == [1, 3] and list(loss.data[1].y) == [0.4, 0.4]
    assert loss.layout.yaxis.range[1] > 3, "no loss is cut off"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/train.py")
    for key, value in query.items():
        app.query_params[key] = value
    return healthy(app.run())


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, [e.value for e in app.exception]
    return app


def steps(app: AppTest) -> int:
    (head,) = (m.value for m in app.markdown if m.value.startswith("**The loss**"))
    return int(head.split(" after ")[1].split()[0])


def test_it_trains_stops_goes_on_and_starts_anew() -> None:
    app = opened()
    assert steps(app) == 0
    healthy(app.button(key="start").click().run())
    first = steps(app)
    assert first > 0 and any("particles walk" in i.value for i in app.info)
    healthy(app.slider(key="t").set_value(0.5).run())
    assert steps(app) == 2 * first, "another time to look at is no new run"
    healthy(app.button(key="stop").click().run())
    assert steps(app) == 2 * first and not app.info
    app.button(key="start").click().run()
    assert steps(healthy(app)) == 3 * first
    app.button(key="anew").click().run()
    assert steps(healthy(app)) == 0
    app.number_input(key="seed").set_value(1).run()
    assert steps(healthy(app)) == 0


def test_a_drawing_comes_with_the_link_or_is_asked_for() -> None:
    app = opened(data="my drawing")
    assert len(app.info) == 1 and app.button(key="start").disabled
    app = opened(data="my drawing", drawing=training.word([100, 101, 300]))
    healthy(app.button(key="start").click().run())
    assert steps(app) > 0
    app = opened(data="my drawing", drawing="<script>")
    assert [e.value for e in app.error] == ["The drawing in this link cannot be read; draw it again."]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_lasso_draws_and_training_starts_and_stops(explorer_url: str, page: Page, width: int, scheme: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": width, "height": 2000})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{explorer_url}/train?data=my+drawing")
    pad = page.locator("[class*=st-key-pad] .nsewdrag")
    pad.wait_for()
    box = pad.bounding_box()
    assert box is not None
    x, y, side = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, min(box["width"], box["height"]) / 6
    page.mouse.move(x - side, y - side)
    page.mouse.down()
    for right, down in ((1, -1), (1, 1), (-1, 1), (-1, -1)):
        page.mouse.move(x + right * side, y + down * side, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"drawing=\w"))
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile(r"after [1-9]\d* steps"))).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
