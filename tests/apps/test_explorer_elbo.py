"""The page on the variational bound: its charts hold the lesson, and its numbers are the known ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import elbo

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    figures, style = charts("elbo"), charts("style")
    swept = {n: {"prior": 0.1, "denoising": 5.0 / n, "reconstruction": 2.0} for n in (1, 2, 4)}
    drawn = figures.terms(swept, 4.0)
    assert [trace.name for trace in drawn.data] == ["prior", "denoising", "reconstruction", "truth"]
    assert list(drawn.data[1].y) == [5, 2.5, 1.25] and drawn.layout.barmode == "stack"
    found = elbo.bound("two bumps", "cosine", 8)
    steps = figures.per_level(found, error=np.full(9, 0.1))
    np.testing.assert_array_equal(steps.data[0].x, found.per_level()[0])
    np.testing.assert_array_equal(steps.data[0].y, found.per_level()[1])
    np.testing.assert_allclose(steps.data[0].error_y.array, 0.1 / np.diff(found.log_snr[1:]))
    curve = figures.rate_distortion(found, "gray levels")
    assert curve.data[0].y[-1] == 0 and curve.data[0].x[-1] == pytest.approx(found.total)
    np.testing.assert_array_equal(curve.data[0].x[:-1], found.rate[1:])
    one = elbo.vae("two bumps", np.array([-2.0, 0.0, 2.0]))
    latent = figures.vae(one, 4.0, 0.0)
    np.testing.assert_allclose(latent.data[2].y, latent.data[0].y + latent.data[1].y)
    for figure in (drawn, steps, curve, latent):
        assert len(style.csv(figure).splitlines()) == 1 + sum(len(trace.x) for trace in figure.data)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/elbo.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in reversed(app.metric)}  # the first of a name wins


def test_one_gaussian_wastes_nothing_and_its_vae_is_tight() -> None:
    app = opened(data="one Gaussian", latent="2.0")
    assert float(metrics(app)["wasted"]) == pytest.approx(0, abs=5e-4)
    assert metrics(app)["truth"] == "9.041"
    (closed,) = app.success
    assert "in closed form: 9.041 bits" in closed.value


def test_one_step_has_no_denoising_term() -> None:
    app = opened(steps="1")
    assert metrics(app)["denoising"] == "0.000"
    assert any("that of a VAE" in info.value for info in app.info)
    app.selectbox(key="variance").set_value("posterior").run()
    assert not app.exception
    assert any("leaves the decoder no width" in info.value for info in app.info)


def test_the_measured_bound_of_a_model_is_shown_with_its_command() -> None:
    app = opened(model="fashion-mnist")
    value, error = metrics(app)["bits per dimension"].split(" ± ")
    assert 2 < float(value) < 5 and 0 < float(error) < 0.5
    assert any("`python -m pedesis_zoo evaluate fashion-mnist" in caption.value for caption in app.caption)
