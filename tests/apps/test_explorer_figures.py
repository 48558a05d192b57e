"""The explorer's charts hold the numbers of the lessons, and every one can be saved as a table."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import forward, pictures, schedules

pytest.importorskip("plotly", reason="the explorer's extra is not installed")

APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(APP))
    sys.modules.pop("figures", None)
    import figures

    return figures


def test_the_charts_hold_the_lesson(figures: ModuleType) -> None:
    curves = {name: schedules.curves(name) for name in schedules.names()}
    few, end = schedules.ddpm(100)
    cat = pictures.picture("cat")
    noise = forward.added(forward.jump(cat, "linear", 0.5), cat, "linear", 0.5)
    charts = {
        "powers": figures.powers(curves),
        "log-snr": figures.log_snr(curves),
        "betas": figures.betas({name: schedules.betas(name, 20) for name in curves}),
        "time-share": figures.time_share(curves),
        "position": figures.position(curves["linear"], 0.3),
        "trap": figures.trap({"T = 100": few}),
        "prior-kl": figures.prior_kl(np.array([10.0, 100.0]), np.array([1.0, 0.3]), 100, end.prior_kl),
        "noise": figures.noise_histogram(forward.histogram({"one jump": noise})),
    }
    for name, figure in charts.items():
        json.loads(figure.to_json())
        table = list(csv.reader(io.StringIO(figures.csv(figure))))
        assert table[0][0] == "curve", name
        assert len(table) == 1 + sum(len(trace.x) for trace in figure.data), name
        assert all(np.isfinite([float(cell) for cell in row[1:]]).all() for row in table[1:]), name
        assert {row[0] for row in table[1:]} == {trace.name for trace in figure.data}, name

    np.testing.assert_array_equal(charts["powers"].data[0].y, curves["linear"].signal)
    np.testing.assert_array_equal(charts["log-snr"].data[0].y, curves["linear"].log_snr)
    np.testing.assert_allclose(np.square(charts["position"].data[0].y[1:]), curves["linear"].signal)
    np.testing.assert_array_equal(charts["trap"].data[0].y, few)


def test_schedules_keep_their_colours(figures: ModuleType) -> None:
    colours = [figures.colour(name) for name in schedules.names()]
    assert len(set(colours)) == min(len(colours), len(figures.PALETTE))
    assert figures.log_snr({"cosine": schedules.curves("cosine")}).data[0].line.color == figures.colour("cosine")
