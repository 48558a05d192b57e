"""The page on the three interpretations: its charts hold the lesson, and its three means are one number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import interpretations, mixtures, plane

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


@pytest.mark.parametrize("name", interpretations.names())
def test_the_arrows_lead_where_the_answer_says(charts: Charts, name: str) -> None:
    figures, x = charts("interpretations"), plane.axis(21)
    law = plane.density(mixtures.denoiser("ring", "cosine"), 0.3, x)
    now = interpretations.answer("ring", "cosine", name, 0.3)
    said, meant = figures.said(now, name, x, law), figures.meant(now, name, x, law)
    json.loads(said.to_json()), json.loads(meant.to_json())

    def ends(trace: object) -> tuple[np.ndarray, np.ndarray]:
        points = np.stack([trace.x, trace.y], 1).reshape(-1, 6, 2)  # type: ignore[attr-defined]
        return points[:, 0], points[:, 1]

    tail, tip = ends(said.data[1])
    np.testing.assert_allclose((tip - tail) / figures.shrink(now), now.said.reshape(-1, 2), atol=1e-9)
    for trace in meant.data[1:]:
        tail, tip = ends(trace)
        np.testing.assert_allclose(tail + (tip - tail) / figures.PART, now.exact.reshape(-1, 2), atol=1e-9)


def test_the_curves_hold_the_lesson(charts: Charts) -> None:
    figures = charts("interpretations")
    now, line = (
        interpretations.posterior("two bumps", "cosine", 0.3, 0.5),
        interpretations.line("uneven", "cosine", 0.3),
    )
    drawn = figures.posterior(now, line)
    np.testing.assert_array_equal(drawn.data[1].y, now.density)
    assert tuple(drawn.data[2].x) == (now.by_tweedie, now.by_tweedie)
    np.testing.assert_array_equal(figures.score(line, 0.5).data[1].y, line.score / 10)
    assert figures.mean(line, 0.5, now.by_denoiser).data[2].y[0] == now.by_denoiser
    curves = interpretations.amplified("cosine")
    for which in (0, 1):
        for trace in figures.amplified(curves, which).data:
            np.testing.assert_array_equal(trace.y, curves[trace.name][which])
            assert trace.line.color == figures.color(trace.name)
    weights = interpretations.loss_weights("cosine", "v")
    assert {trace.name for trace in figures.weights(weights, "v").data} == set(weights)
    t, steps = interpretations.step_weights("linear", 10)
    np.testing.assert_array_equal(figures.step_weights(t, steps).data[1].y, steps["eps"])


def test_three_ways_to_one_mean() -> None:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/interpretations.py")
    for key, value in {"t": "0.5", "x": "-1.5", "line": "uneven", "asked": "v"}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    wanted = interpretations.posterior("uneven", "cosine", 0.5, -1.5).by_integral
    assert [metric.value for metric in app.metric] == [f"{wanted:.5f}"] * 3
    assert app.button_group(key="asked").value == "v"
    differences = app.table[0].value.iloc[:, 1].astype(float)
    assert (differences < 1e-10).all() and len(differences) == len(interpretations.names())
