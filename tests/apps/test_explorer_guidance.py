"""The page on guidance: its charts hold the lesson, and the browser turns the scale up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import guidance

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from .conftest import SCREENS

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"
PATIENCE = 240_000
"""Milliseconds that a busy machine may take; nothing waits longer than it must."""


@pytest.fixture(scope="module")
def sweep() -> guidance.Sweep:
    return guidance.sweep(0)


def test_arrows_are_drawn_tip_to_tail(charts: Charts) -> None:
    now = guidance.scores(0, 3.0, 0.3)
    figure = charts("guidance").scores(now, guidance.densities(0, 3.0, 0.3))
    json.loads(figure.to_json())
    drawn = {trace.name: np.stack([trace.x, trace.y], 1).reshape(-1, 6, 2) for trace in figure.data[1:]}
    total, plain, push = (drawn[name] for name in ("guided: the sum", "all data: score", "scale times push"))
    np.testing.assert_allclose(push[:, 0], plain[:, 1])  # the push begins on the tip of the score
    np.testing.assert_allclose(push[:, 1], total[:, 1])  # and ends on the tip of the sum
    np.testing.assert_allclose(total[:, 0], plain[:, 0])
    scale = charts("guidance").ARROW
    np.testing.assert_allclose((plain[:, 1] - plain[:, 0]).reshape(now.plain.shape), scale * now.plain, atol=1e-12)


def test_samples_and_curves_hold_the_sweep(charts: Charts, sweep: guidance.Sweep) -> None:
    figures, data = charts("guidance"), guidance.densities(0, 2.0, 0)
    figure = figures.samples(sweep, data.x, data.mine, 2.0)
    json.loads(figure.to_json())
    assert len(figure.frames) == len(guidance.SCALES)
    np.testing.assert_allclose(figure.data[1].x, sweep.samples[4, :, 0], rtol=1e-6)
    np.testing.assert_allclose(figure.frames[-1].data[1].y, sweep.samples[-1, :, 1], rtol=1e-6)
    assert figure.layout.sliders[0].active == 4
    lines = np.stack([figure.data[0].x, figure.data[0].y], 1).reshape(-1, 3, 2)
    np.testing.assert_allclose(lines[:, 0], sweep.samples[2, : len(lines)], rtol=1e-6)

    trade = figures.trade({"everywhere": sweep}, 2.0)
    np.testing.assert_array_equal(trade.data[0].x, sweep.recall)
    assert (trade.data[1].x[0], trade.data[1].y[0]) == (sweep.recall[4], sweep.accuracy[4])
    np.testing.assert_array_equal(figures.distances({"everywhere": sweep}, 2.0).data[0].y, sweep.distance)


def test_densities_are_saved_as_a_table(charts: Charts) -> None:
    now = guidance.densities(0, 2.0, 0.3, points=5)
    table = list(csv.reader(io.StringIO(charts("style").csv(charts("guidance").densities(now)))))
    assert len(table) == 1 + 2 * 25
    name, x, y, value = table[1 + 25 + 7]  # the second row of the lattice, its third column
    assert (name, float(x), float(y)) == ("the class", now.x[2], now.x[1])
    assert float(value) == pytest.approx(now.mine[1, 2], rel=1e-6)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/guidance.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def test_the_numbers_are_those_of_the_sweep(sweep: guidance.Sweep) -> None:
    app = opened(scale="4.0")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["accuracy"] == f"{sweep.accuracy[8]:.3f}"
    assert shown["recall"] == f"{sweep.recall[8]:.2f}"
    assert float(shown["largest difference of the noise estimates"]) < 1e-11
    app.slider(key="interval").set_value((0.0, 0.3)).run()
    late = guidance.sweep(0, 0.0, 0.3)
    assert {m.label: m.value for m in app.metric}["distance"] == f"{late.distance[8]:.3f}"
    app.slider(key="interval").set_value((0.5, 0.5)).run()
    assert not app.exception and len(app.info) == 1
    app.button_group(key="class").set_value("second").run()
    other = guidance.sweep(1)
    assert {m.label: m.value for m in app.metric}["accuracy"] == f"{other.accuracy[8]:.3f}"


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_browser_turns_the_scale_up(explorer_url: str, page: Page, width: int, scheme: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": width, "height": 3600})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    outside: list[str] = []
    page.on(
        "request", lambda r: outside.append(r.url) if not r.url.startswith((explorer_url, "data:", "blob:")) else None
    )
    page.goto(f"{explorer_url}/guidance?scale=1")
    chart = page.locator(".st-key-samples")
    dots = chart.locator(".scatterlayer .trace .points path")
    expect(dots).to_have_count(guidance.COUNT, timeout=PATIENCE)
    plain = dots.first.get_attribute("transform") or ""

    slider = page.locator(".st-key-scale [role=slider], .st-key-scale input[type=range]").first
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    page.wait_for_url("**scale=3*")
    expect(dots.first).not_to_have_attribute("transform", plain, timeout=PATIENCE)
    guided = dots.first.get_attribute("transform") or ""
    expect(chart.get_by_text("Play")).to_have_count(1, timeout=PATIENCE)  # the new chart has replaced the old one
    chart.get_by_text("Play").last.click()
    expect(dots.first).not_to_have_attribute("transform", guided, timeout=PATIENCE)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert outside == []
