"""The page on the reverse conditional: its charts hold the lesson, and its numbers follow the sliders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import reverse

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    figures, style = charts("reverse"), charts("style")
    known = reverse.bayes("linear", 1.0, 0.2, 0.2, 0.3)
    figure = figures.bayes(known, 1.0, 0.2)
    for trace, density in zip(figure.data, (known.prior, known.likelihood, known.posterior), strict=True):
        np.testing.assert_array_equal(trace.y, density)
    assert [a.text for a in figure.layout.annotations] == ["x_0", "x_t"]
    times, steps = reverse.steps("linear", 0.1, 5)
    mix, variances = figures.mix(times, steps, 0.3), figures.variances(times, steps, 0.3)
    assert list(mix.data[1].y) == [s.on_x_0 for s in steps]
    assert list(variances.data[1].y) == [s.beta_tilde for s in steps]
    assert len(style.csv(mix).splitlines()) == 1 + 2 * 5


@pytest.mark.parametrize("data", ["two bumps", "one Gaussian"])
def test_the_distances_are_drawn_on_a_finite_axis(charts: Charts, data: str) -> None:
    figures = charts("reverse")
    now, gaps = reverse.reverse(data, "linear", 0.1, 0.2, 0.3), reverse.gaps(data, "linear", 0.1, 0.3, 4)
    figure = figures.gaps(gaps, 0.4, now)
    lines, points = figure.data[::2], figure.data[1::2]
    for line, values in zip(lines, (gaps.small, gaps.best), strict=True):
        np.testing.assert_array_equal(line.y, np.maximum(values, 1e-12))
    assert [p.x[0] for p in points] == [0.4, 0.4]
    assert [p.y[0] for p in points] == [max(kl, 1e-12) for kl in (now.small_kl, now.best_kl)]
    densities = figures.reverse(now)
    low, high = densities.layout.xaxis.range
    inside = (now.x >= low) & (now.x <= high)
    assert np.trapezoid(now.exact[inside], now.x[inside]) > 0.99


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/reverse.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def test_small_steps_are_good_and_large_ones_bad() -> None:
    app = opened(t="0.5", step="0.001", xt="0.1")
    beta = np.linspace(1e-4, 0.02, 1000)[499]
    assert app.metric[1].value == f"{beta:.3f}"
    assert all("⁻" in m.value for m in app.metric[3:]), "far below a thousandth of a bit"
    app.select_slider(key="step").set_value(0.5).run()
    assert app.metric[0].value == "0.50 → 0.01"
    assert all(float(m.value.split()[0]) > 0.1 for m in app.metric[3:])
    app.selectbox(key="data").set_value("one Gaussian").run()
    assert all("⁻" in m.value or m.value == "0.000 bits" for m in app.metric[3:])


def test_the_formula_shows_the_numbers() -> None:
    app = opened(t="0.3", step="0.1", xt="1.0", x0="-2.0")
    now = reverse.step("linear", 0.2, 0.3)
    mean = now.on_x_t - 2 * now.on_x_0
    text = rf"m = {now.on_x_t:.3f}\,x_t + {now.on_x_0:.3f}\,x_0 = {mean:.3f},\qquad q(x_s"
    assert any(text in formula.value for formula in app.latex)
