"""The explorer's charts hold the numbers of the lessons, and every one can be saved as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import forward, pictures, schedules

pytest.importorskip("plotly", reason="the explorer's extra is not installed")

Charts = Callable[[str], ModuleType]


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    of_schedules, of_forward, style = charts("schedules"), charts("forward"), charts("style")
    curves = {name: schedules.curves(name) for name in schedules.names()}
    few, end = schedules.ddpm(100)
    cat = pictures.picture("cat")
    noise = forward.added(forward.jump(cat, "linear", 0.5), cat, "linear", 0.5)
    drawn = {
        "powers": of_schedules.powers(curves),
        "log-snr": of_schedules.log_snr(curves),
        "betas": of_schedules.betas({name: schedules.betas(name, 20) for name in curves}),
        "time-share": of_schedules.time_share(curves),
        "position": of_forward.position(curves["linear"], 0.3),
        "trap": of_schedules.trap({"T = 100": few}),
        "prior-kl": of_schedules.prior_kl(np.array([10.0, 100.0]), np.array([1.0, 0.3]), 100, end.prior_kl),
        "noise": of_forward.noise_histogram(forward.histogram({"one jump": noise})),
    }
    for name, figure in drawn.items():
        json.loads(figure.to_json())
        table = list(csv.reader(io.StringIO(style.csv(figure))))
        assert table[0][0] == "curve", name
        assert len(table) == 1 + sum(len(trace.x) for trace in figure.data), name
        assert all(np.isfinite([float(cell) for cell in row[1:]]).all() for row in table[1:]), name
        assert {row[0] for row in table[1:]} == {trace.name for trace in figure.data}, name

    np.testing.assert_array_equal(drawn["powers"].data[0].y, curves["linear"].signal)
    np.testing.assert_array_equal(drawn["log-snr"].data[0].y, curves["linear"].log_snr)
    np.testing.assert_allclose(np.square(drawn["position"].data[0].y[1:]), curves["linear"].signal)
    np.testing.assert_array_equal(drawn["trap"].data[0].y, few)


def test_schedules_keep_their_colors(charts: Charts) -> None:
    of_schedules, style = charts("schedules"), charts("style")
    colors = [of_schedules.color(name) for name in schedules.names()]
    assert len(set(colors)) == min(len(colors), len(style.PALETTE))
    assert of_schedules.log_snr({"cosine": schedules.curves("cosine")}).data[0].line.color == of_schedules.color(
        "cosine"
    )


def test_words_become_signs(charts: Charts) -> None:
    style = charts("style")
    figure = style.chart("x_s", "Var[x0 | xt] / sigma^2")
    figure.add_scatter(x=[0], y=[0], name="q(x_s | x_t, x_0), beta_tilde, alpha_bar")
    figure.add_scatter(x=[0], y=[0], name="DDPM's betas, steps, index_0, x_total")
    figure.add_scatter(x=[0], y=[0], name="mean of x_(t-1), log2(1/D)")
    figure.add_annotation(text="eps and beta", x=0, y=0)
    figure = style.with_signs(style.with_signs(figure))
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("xₛ", "Var[x₀ | xₜ] / σ²")
    low = ["mean of xₜ₋₁, log₂(1/D)"]
    assert [trace.name for trace in figure.data] == [
        "q(xₛ | xₜ, x₀), β̃, ᾱ",
        "DDPM's betas, steps, index_0, x_total",
        *low,
    ]
    assert figure.layout.annotations[0].text == "ε and β"
