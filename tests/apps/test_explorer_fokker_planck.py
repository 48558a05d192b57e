"""The page on Fokker-Planck and Ornstein-Uhlenbeck: its charts hold the lesson and follow the widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import fokker_planck

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_density_and_paths(charts: Charts) -> None:
    figures, style = charts("fokker_planck"), charts("style")
    flow = fokker_planck.flow("spring", 1.0, 0.8, "heap", 1.5, 500)
    seen = np.abs(flow.x) <= fokker_planck.SHOWN
    heat, lines = figures.over_time(flow, 1.0).data
    np.testing.assert_allclose(heat.z, flow.density[:, seen].T, rtol=1e-6, atol=1e-30)
    np.testing.assert_array_equal(lines.y[: len(flow.t)], flow.paths[:, 0])
    bars, equation, start, rest = figures.at(flow, 20).data
    assert bars.y.sum() * (bars.x[1] - bars.x[0]) == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(equation.y, flow.density[20, seen])
    np.testing.assert_array_equal(start.y, flow.density[0, seen])
    np.testing.assert_array_equal(rest.y, flow.rest[seen])
    free = fokker_planck.flow("no force", 1.0, 0.8, "heap", 1.5, 50)
    assert [trace.name for trace in figures.at(free, 20).data] == ["paths", "Fokker-Planck", "start"]
    grid, paths = fokker_planck.on_the_grid(flow), fokker_planck.of_the_paths(flow)
    drawn = figures.moments(flow.t, grid, paths, 1.0)
    np.testing.assert_array_equal(drawn.data[0].y, grid.mean)
    np.testing.assert_array_equal(drawn.data[3].y, paths.variance[::4])
    assert len(style.csv(drawn).splitlines()) == 1 + 2 * (81 + 21)


def test_forgetting(charts: Charts) -> None:
    figures, starts = charts("fokker_planck"), (-2.0, 0.0, 2.0)
    found = fokker_planck.returns(1.0, 0.8, starts)
    drawn = figures.returning(found, starts)
    assert [trace.name for trace in drawn.data[::3]] == ["from -2", "from 0", "from 2"]
    np.testing.assert_array_equal(drawn.data[1].y, found.means[0] + 2 * found.std)
    rest = figures.to_rest(found, starts)
    assert [trace.name for trace in rest.data] == ["from 0", "from ±2"]
    np.testing.assert_array_equal(rest.data[1].y, found.bits[2])
    apart = {force: fokker_planck.forgetting(force, 1.0, 0.8, 2.0) for force in fokker_planck.FORCES}
    lines = figures.forgetting(fokker_planck.times(), apart).data
    assert [trace.name for trace in lines] == list(apart)
    np.testing.assert_array_equal(lines[1].y, apart["two wells"])


def test_the_text_follows_the_force() -> None:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/fokker_planck.py")
    for key, value in {"force": "no force", "t": "4.0", "x0": "1.5"}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    texts = [m.value for m in app.markdown]
    assert any(text.startswith("**Without a force**") for text in texts)
    assert any(text.startswith("**The slice at time 4.00**: 2000 paths") for text in texts)
    assert any("$1.5$ and $-1.5$" in text for text in texts)
    app.button_group(key="force").set_value("two wells").run()
    assert not app.exception
    assert any(m.value.startswith("**Two wells**") for m in app.markdown)
