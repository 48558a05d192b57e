"""The page on the reverse process: its charts hold the lesson, and the browser plays the walk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis.lessons import mixtures, plane, sampling

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from .conftest import SCREENS

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"
PATIENCE = 240_000
"""Milliseconds that a busy machine may take; nothing waits longer than it must."""

TOYS = zoo.list_models(kind="points")


def test_the_race_holds_both_walks(charts: Charts) -> None:
    denoiser = mixtures.denoiser("ring", "cosine")
    walks = {f"A: {s}": sampling.walk(denoiser, s, 64, "uniform", 30) for s in ("ddim", "ddpm")}
    law = sampling.law(walks["A: ddim"], lambda t, x: plane.density(denoiser, t, x), 21)
    figure = charts("sampling").race(walks, law)
    json.loads(figure.to_json())
    first, second = walks.values()
    np.testing.assert_allclose(np.stack([figure.data[0].x, figure.data[0].y], 1), first.samples, rtol=1e-6)
    np.testing.assert_allclose(figure.data[1].x, second.samples[:, 0], rtol=1e-6)
    assert (figure.data[0].xaxis, figure.data[1].xaxis) == ("x", "x2")
    assert len(figure.frames) == 41
    np.testing.assert_allclose(figure.frames[0].data[1].y, second.points[0, :, 1], rtol=1e-6)
    np.testing.assert_allclose(figure.frames[-1].data[0].x, figure.data[0].x)
    for i, t in ((0, 1.0), (20, 0.5), (-1, 0.0)):
        for heat in figure.frames[i].data[2:]:
            np.testing.assert_allclose(heat.z, plane.density(denoiser, t, law.x), rtol=1e-5, atol=1e-6)
    play = figure.layout.updatemenus[0].buttons[0].args[1]
    assert play["frame"]["redraw"], "a density does not move by itself"
    assert figure.layout.sliders[0].active == 40, "the samples are shown first"
    assert [figure.frames[i].name for i in (0, -1)] == ["t = 1.00", "t = 0.00"]
    table = list(csv.reader(io.StringIO(charts("style").csv(figure))))
    assert sum(row[0] == "A: ddpm" for row in table) == 30
    assert sum(row[0] == "path 1" for row in table) == 2 * 65


def test_the_curves_hold_the_lesson(charts: Charts) -> None:
    figures, values = charts("sampling"), np.linspace(1, 0.1, len(sampling.STEPS))
    figure = figures.distances({"A: ddim": values, "B: ddpm": values / 2}, 0.05, 16)
    np.testing.assert_array_equal(figure.data[1].y, values / 2)
    assert tuple(figure.data[2].y) == (0.05,) * len(values)
    assert tuple(figure.layout.xaxis.ticktext) == tuple(map(str, sampling.STEPS))
    flow = figures.flow_errors({"ddim": values}, 16)
    np.testing.assert_array_equal(flow.data[0].y, values)
    curve = figures.error_curve(np.array([0.1, 1.0]), np.array([0.3, 0.01]), 0.5, 0.2)
    assert (curve.data[1].x[0], curve.data[1].y[0]) == (0.5, 0.2)


def test_the_map_holds_the_error_and_both_scores(charts: Charts) -> None:
    exact, learned = (mixtures.denoiser(name, "cosine") for name in ("ring", "grid"))
    now = sampling.difference(exact, learned, mixtures.sample("ring", 50)[0].numpy(), 0.5)
    figure = charts("sampling").error_map(now)
    json.loads(figure.to_json())
    heat, drawn, truth, answer = figure.data
    hues = [
        np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)]) for hue in (answer.line.color, heat.colorscale[-1][1])
    ]
    assert np.abs(hues[0] - hues[1]).max() > 100, "arrows are seen where the error is large"
    np.testing.assert_allclose(heat.z, now.apart, rtol=1e-5)
    assert len(drawn.x) == 50
    tails = np.stack([truth.x[::6], truth.y[::6]], 1)
    heads = np.stack([answer.x[1::6], answer.y[1::6]], 1)
    column, row = (np.searchsorted(now.x, tails[7] + 1e-9)) - 1
    push = heads[7] - tails[7]
    np.testing.assert_allclose(
        push / np.linalg.norm(push), -now.learned[row, column] / np.linalg.norm(now.learned[row, column])
    )


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/sampling.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def test_the_table_says_what_was_asked_and_how_far_the_samples_are() -> None:
    app = opened(A="ddim", B="pc", steps="8", compared="ddim")
    table = app.table[0].value
    assert table["denoiser asked"].tolist() == ["8 times", "15 times"]
    walk = sampling.walk(mixtures.denoiser("ring", "cosine"), "pc", 8, "uniform", 400)
    quantiles = sampling.spread(mixtures.sample("ring", 20_000, 1)[0].numpy(), 400)
    assert table["distance from the data"][1] == f"{sampling.distance(walk.samples, quantiles):.3f}"
    app.toggle(key="together").set_value(True).run()
    ends = [float(value) for value in app.table[0].value["spread of the ends"]]
    assert ends[0] == 0 and ends[1] > 1


def test_without_a_sampler_to_compare_there_is_a_sentence() -> None:
    app = opened(steps="4")
    app.multiselect(key="compared").set_value([]).run()
    assert not app.exception and len(app.info) == 1


@pytest.mark.skipif(not TOYS, reason="no model of points is published")
@pytest.mark.parametrize(
    "name",
    [name if name in ("toy-moons", "toy-swiss-roll") else pytest.param(name, marks=pytest.mark.soak) for name in TOYS],
)
def test_the_learned_denoiser_is_close_to_the_exact_one(name: str) -> None:
    classes = zoo.load_points(name).classes
    app = opened(data=name, compared="ddim", B="ddim", **({"class": classes[0]} if classes else {}))
    assert app.selectbox(key="denoiser-B").value == "learned"
    assert any("Learned against exact" in head.value for head in app.subheader)
    far = [float(value) for value in app.table[0].value["distance from the data"]]
    assert max(far) < 0.15
    assert bool(classes) == any(box.key == "class" for box in app.selectbox)
    app.slider(key="t").set_value(0.8).run()
    assert not app.exception


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_browser_plays_the_walk(explorer_url: str, page: Page, width: int, scheme: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": width, "height": 2600})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    outside: list[str] = []
    page.on(
        "request", lambda r: outside.append(r.url) if not r.url.startswith((explorer_url, "data:", "blob:")) else None
    )
    page.goto(f"{explorer_url}/sampling?steps=8&compared=ddim")
    dots = page.locator(".st-key-race .scatterlayer .trace .points path")
    expect(dots).to_have_count(2 * 400, timeout=PATIENCE)
    arrived = dots.first.get_attribute("transform") or ""
    expect(page.locator(".st-key-race").get_by_text("Play")).to_have_count(1, timeout=PATIENCE)
    page.locator(".st-key-race").get_by_text("Play").click()
    expect(dots.first).not_to_have_attribute("transform", arrived, timeout=PATIENCE)
    expect(dots.first).to_have_attribute("transform", arrived, timeout=PATIENCE)  # the walk ends where it ended

    table = page.get_by_test_id("stTable").first
    expect(table).to_contain_text("8 times")
    slider = page.locator(".st-key-steps [role=slider], .st-key-steps input[type=range]").first
    slider.focus()
    slider.press("ArrowLeft")
    page.wait_for_url("**steps=4*")
    expect(table).to_contain_text("4 times", timeout=PATIENCE)
    expect(dots.first).not_to_have_attribute("transform", arrived, timeout=PATIENCE)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert outside == []
