"""The page on Brownian motion: its charts hold the lesson, and its numbers follow the sliders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import brownian

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_walkers_and_laws(charts: Charts) -> None:
    figures, style = charts("brownian"), charts("style")
    walkers, law = brownian.walkers(0.2, 0.3, 12, 50), brownian.law(0.2, 0.3, 12)
    exact, of_heat = brownian.spread(0.2, 0.3, 12)
    drawn = figures.paths(walkers, 0.1 * np.arange(13), np.sqrt(exact))
    np.testing.assert_array_equal(drawn.data[0].y[14:27], walkers.paths[:, 1])
    np.testing.assert_allclose(drawn.data[2].y + drawn.data[3].y, 2 * drawn.data[1].y)
    assert len(style.csv(drawn).splitlines()) == 1 + 13 * (40 + 3)
    bars, dots, line = figures.histogram(walkers, law).data
    assert bars.y.sum() == pytest.approx(1) and bars.y[12 + 3] == np.mean(walkers.counts[12 + 3]) / 50
    np.testing.assert_array_equal(dots.y, law.walk)
    np.testing.assert_array_equal(line.y, law.heat)
    squared = figures.displacement(walkers.variance, exact, of_heat)
    assert [list(trace.y) for trace in squared.data] == [list(v) for v in (walkers.variance, exact, of_heat)]


def test_the_animation_of_grains_ends_where_it_is_shown(charts: Charts) -> None:
    found = brownian.grains(0.2, 0.3, 9.0, 20, 5)
    figure = charts("brownian").grains(found)
    points, path, ring = figure.data
    np.testing.assert_allclose(np.stack([points.x, points.y], 1), found.points[-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.stack([path.x, path.y], 1), found.points[:, 0], rtol=1e-5, atol=1e-6)
    away = np.hypot(ring.x - found.middle[-1, 0], ring.y)
    np.testing.assert_allclose(away, found.radius[-1], rtol=1e-5)
    assert figure.layout.sliders[0].active == 4 and len(figure.frames) == 5
    np.testing.assert_array_equal(figure.frames[-1].data[0].x, points.x)
    assert [len(frame.data[1].x) for frame in figure.frames] == [1, 2, 3, 4, 5]


def test_concentrations_and_waves(charts: Charts) -> None:
    figures = charts("brownian")
    found = brownian.concentration(0.2, 0.3, "block", 7, True)
    heat = figures.over_time(found).data[0]
    assert heat.z.shape == (len(heat.y), len(heat.x))
    np.testing.assert_allclose(heat.z.T, found.over_time, rtol=1e-6)
    np.testing.assert_array_equal(figures.concentration(found).data[1].y, found.over_time[-1])
    drift, diffusion, total = (trace.y for trace in figures.change(found).data)
    np.testing.assert_array_equal(drift + diffusion, total)
    finest = [brownian.finer(0.2, 0.3, n) for n in brownian.FINER]
    figure = figures.convergence(np.array(brownian.FINER), np.array([f.apart for f in finest]), 16)
    assert figure.data[1].y[0] == finest[2].apart
    np.testing.assert_array_equal(figures.finer(finest[0]).data[0].y, finest[0].walk)
    waves = brownian.spectrum(0.2, 0.3, "comb", 5.0)
    np.testing.assert_array_equal(figures.in_waves(waves).data[1].y, waves.spectrum_now)
    np.testing.assert_array_equal(figures.in_space(waves).data[1].y, waves.now)


def test_the_numbers_on_the_page() -> None:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/brownian.py")
    for key, value in {"p": "0.1", "q": "0.4", "steps": "100", "count": "5000"}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    mean, variance, apart = (m.value for m in app.metric)
    assert mean.endswith("(30.00)") and float(mean.split()[0]) == pytest.approx(30, abs=0.5)
    assert variance.endswith("(41.00)") and float(variance.split()[0]) == pytest.approx(41, abs=4)
    assert apart == f"{100 * brownian.law(0.1, 0.4, 100).apart:.2f} %"
    app.slider(key="steps").set_value(1).run()
    assert not app.exception
    assert app.metric[0].value.endswith("(0.30)")
