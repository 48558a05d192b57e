"""The page on denoising real images: its charts hold the lesson, and its walks are kept and scrubbed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import denoising
from pedesis_zoo.models.registry import MODELS, WEIGHTS

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
import streamlit as st
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def walk(seed: int, steps: int) -> denoising.Walk:
    frames = np.random.default_rng(seed).integers(0, 256, (2, steps + 1, 3, 8, 8, 1), dtype=np.uint8)
    return denoising.Walk(np.linspace(1, 0, steps + 1), *frames)


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    figures, style = charts("denoising"), charts("style")
    one, two = walk(0, 4), walk(1, 10)
    shares = denoising.settled(one)
    figure = figures.settled({"a 4": (one.times, shares), "b 10": (two.times, denoising.settled(two))}, 0.5)
    assert [trace.name for trace in figure.data[:3]] == [f"{band}, a 4" for band in denoising.BANDS]
    for trace, share in zip(figure.data, shares.values(), strict=False):
        np.testing.assert_array_equal(trace.y, share)
        np.testing.assert_array_equal(trace.x, one.times)
    assert [t.line.dash for t in figure.data] == ["solid"] * 3 + ["dot"] * 3
    assert len(style.csv(figure).splitlines()) == 1 + 3 * 5 + 3 * 11
    times, distance = denoising.apart(one, two)
    drawn = figures.apart(times, distance, 0.5)
    np.testing.assert_array_equal(drawn.data[0].y, distance)
    assert drawn.layout.xaxis.range[0] > drawn.layout.xaxis.range[1], "noise on the left"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/denoising.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def test_the_clock_says_which_step_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(**{"model": "digits", "steps-first": "5", "steps-second": "2", "second": "heun", "t": "0.5"})
    heads = [m.value for m in app.markdown]
    assert any(h.startswith("**ddim**: step 2 of 5, $t = 0.60$ (5 evaluations)") for h in heads)
    assert any(h.startswith("**heun**: step 1 of 2, $t = 0.50$ (") for h in heads)
    import pedesis_zoo

    def again(*_: object, **__: object) -> None:
        raise AssertionError("a walk that is kept was walked again")

    monkeypatch.setattr(pedesis_zoo, "generate", again)
    app.select_slider(key="t").set_value(0.0).run()
    assert not app.exception
    assert any("step 5 of 5, $t = 0.00$" in m.value for m in app.markdown)


def test_a_folder_of_your_own_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`streamlit run app.py -- --models DIR`: its models of pictures are there, and draw."""
    for name, model in {"mine": "digits", "judge": "fashion-mnist-features", "moons": "toy-moons"}.items():
        shutil.copy(MODELS / model / WEIGHTS, tmp_path / f"{name}.safetensors")
    (tmp_path / "foreign.safetensors").write_text("not a weight file")
    monkeypatch.setattr(sys, "argv", ["app.py", "--models", str(tmp_path)])
    st.cache_resource.clear()
    app = opened(model="mine.safetensors", **{"steps-first": "2", "steps-second": "1"})
    st.cache_resource.clear()
    assert "mine.safetensors" in app.selectbox(key="model").options
    assert "judge.safetensors" not in app.selectbox(key="model").options
    assert not app.error and app.selectbox(key="model").value == "mine.safetensors"


def test_a_folder_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--models", str(tmp_path / "absent")])
    st.cache_resource.clear()
    app = opened()
    st.cache_resource.clear()
    assert len(app.error) == 1 and "is not a folder" in app.error[0].value


def test_a_student_is_asked_for_scales_that_it_has_learned() -> None:
    app = opened(model="fashion-mnist-student-1", **{"steps-first": "1", "steps-second": "1"})
    assert app.slider(key="guidance-of-students").min == 1 and not app.error


def test_a_hole_is_filled_when_one_is_chosen() -> None:
    app = opened(model="digits")
    assert len(app.info) == 1
    app.button_group(key="hole").set_value("middle").run()
    assert not app.exception and not app.info
    app.slider(key="passes").set_value(2).run()
    assert not app.exception
