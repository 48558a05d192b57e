"""The page on diffusion kernels: its charts hold the lesson, and in a browser it answers and plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pedesis.lessons import kernels

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

from .conftest import SCREENS

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_the_field_holds_density_and_paths(charts: Charts) -> None:
    field, paths = kernels.law_field("two bumps", "linear"), kernels.paths_of("two bumps", "linear", 3)
    figure = charts("kernels").over_time(field, paths, 0.3)
    heat, lines = figure.data
    np.testing.assert_allclose(heat.z, field.density, rtol=1e-6)
    for i in range(3):  # the paths are one curve with gaps
        part = slice(i * (len(paths) + 1), (i + 1) * (len(paths) + 1) - 1)
        np.testing.assert_array_equal(lines.y[part], paths[:, i])
        np.testing.assert_array_equal(lines.x[part], kernels.times())
    table = [row.split(",") for row in charts("style").csv(figure).splitlines()]
    assert table[0] == ["curve", "t", "x_t", "density"]
    assert len(table) == 1 + heat.z.size + paths.size
    middle = table[1 + field.density.shape[1] * 140 + 7]  # the rows of a heatmap run along x
    assert [float(v) for v in middle[1:3]] == [field.t[7], field.x[140]]
    assert float(middle[3]) == pytest.approx(field.density[140, 7], rel=1e-6)


def test_slices_piles_and_information(charts: Charts) -> None:
    figures = charts("kernels")
    at, merge = kernels.at("uneven", "linear", 1.0, 0.02), kernels.merge("uneven", "linear", 5, 0.1)
    np.testing.assert_array_equal(figures.slices(at).data[0].y, at.kernel)
    assert figures.slices(at).layout.yaxis.range[1] < at.kernel.max()  # a spike does not flatten the rest
    pile = figures.merging(merge)
    assert len(pile.data) == 6 and pile.data[-1].name == "q(x_t)"
    np.testing.assert_allclose(np.sum([trace.y for trace in pile.data[:-1]], axis=0), merge.average)
    curve = figures.forgetting(np.array([0.1, 1.0]), np.array([2.0, 0.0]), 4, 0.5)
    assert list(curve.data[1].y) == [2, 2]


def test_the_animation_holds_every_time(charts: Charts) -> None:
    cloud = kernels.cloud("moons", "linear", 50, 5)
    figure = charts("kernels").cloud(cloud)
    assert len(figure.frames) == 5
    for frame, step, points, t in zip(
        figure.frames, figure.layout.sliders[0].steps, cloud.points, cloud.t, strict=True
    ):
        np.testing.assert_allclose(frame.data[0].x, points[:, 0], rtol=1e-6)
        np.testing.assert_allclose(frame.data[0].y, points[:, 1], rtol=1e-6)
        assert frame.name == step.label == step.args[0][0] == f"t = {t:.2f}"
    np.testing.assert_array_equal(figure.data[0].x, figure.frames[0].data[0].x)


def test_circles_are_two_standard_deviations_wide(charts: Charts) -> None:
    now = kernels.circles("ring", "linear", 0.2, 3)
    heat, *rings = charts("kernels").circles(now).data
    np.testing.assert_allclose(heat.z, now.density, rtol=1e-6)
    for ring, center in zip(rings, now.centers, strict=True):
        np.testing.assert_allclose(np.hypot(ring.x - center[0], ring.y - center[1]), 2 * now.radius, rtol=1e-9)


def test_the_numbers_on_the_page() -> None:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/kernels.py")
    for key, value in {"t": "1.0", "start": "2.0", "data": "one Gaussian"}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    assert [m.value for m in app.metric] == ["0.000 bits", "0.000 bits"]
    app.slider(key="t").set_value(0.1).run()
    kernel = kernels.kernel_kl("linear", 2.0, 0.1)
    assert [m.value for m in app.metric] == [f"{kernel:.3f} bits", "0.000 bits"]
    left = np.prod(1 - np.linspace(1e-4, 0.02, 1000)[:100])
    numbers = rf"\mathcal N\big({2 * np.sqrt(left):.3f},\ {1 - left:.3f}\big)"
    assert any(numbers in formula.value for formula in app.latex)


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_in_a_browser_it_answers_and_plays(explorer_url: str, page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(90_000)
    outside: list[str] = []
    page.on(
        "request", lambda r: outside.append(r.url) if not r.url.startswith((explorer_url, "data:", "blob:")) else None
    )
    page.goto(f"{explorer_url}/kernels?t=0.1&data=three+bumps")
    expect(page.locator(".stPlotlyChart .js-plotly-plot")).to_have_count(7, timeout=90_000)
    number = page.get_by_test_id("stMetricValue").first
    before = number.inner_text()
    page.locator(".st-key-t [role=slider], .st-key-t input[type=range]").first.press("ArrowRight")
    page.wait_for_url("**t=0.11*")
    expect(number).not_to_have_text(before, timeout=60_000)

    with page.expect_download() as download:
        page.locator(".st-key-slices-csv button:visible").click()
    assert download.value.path().read_text().startswith("curve,xₜ,density\nq(xₜ | x₀),-3.5,")

    clock = page.locator(".st-key-cloud .slider-label").first
    points = page.locator(".st-key-cloud .nsewdrag")
    expect(clock).to_have_text("t = 0.00")
    data = points.screenshot()
    page.locator(".st-key-cloud .updatemenu-button").first.click()
    expect(clock).to_have_text("t = 1.00", timeout=90_000)
    page.mouse.move(0, 0)
    assert points.screenshot() != data  # the points have moved, not the clock alone
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert outside == []
