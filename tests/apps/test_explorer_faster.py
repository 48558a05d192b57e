"""The page on faster sampling: its charts hold the lesson, and the claims about our model are those of its table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons import faster

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


def test_the_charts_hold_the_lesson(charts: Charts) -> None:
    figures, style = charts("faster"), charts("style")
    shares = faster.assumed("two bumps", "cosine")
    found = faster.by_grid("two bumps", "cosine")
    teacher, one = (faster.student("two bumps", "cosine", rounds) for rounds in (0, 6))
    centers, (its, plain), real = faster.densities([one.lands, one.plain], "two bumps")
    curve = faster.Measured(np.array([5.0, 10.0]), np.array([4.0, 3.5]), np.array([0.1, 0.1]))
    drawn = {
        "assumed": figures.assumed(shares),
        "wasted": figures.wasted(found.bits, {}, 8),
        "places": figures.places(found, 8),
        "answer": figures.answer(one, teacher),
        "samples": figures.samples(centers, its, plain, real, 1),
        "distances": figures.distances(*faster.distances("two bumps", "cosine"), 8),
        "measured": figures.measured({"analytic": curve}, figures.RULES),
    }
    for name, figure in drawn.items():
        assert len(style.csv(figure).splitlines()) == 1 + sum(len(trace.x) for trace in figure.data), name
    np.testing.assert_array_equal(drawn["assumed"].data[2].y, shares.mean)
    np.testing.assert_array_equal(drawn["wasted"].data[0].y, found.bits[faster.SEARCHED])
    np.testing.assert_array_equal(drawn["places"].data[0].x, found.log_snrs[faster.SEARCHED][8])
    np.testing.assert_array_equal(drawn["answer"].data[1].y, one.answer)
    np.testing.assert_array_equal(drawn["measured"].data[0].error_y.array, curve.error)
    assert set(figures.GRIDS) >= set(found.bits), "every grid has a color"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=90)
    app.switch_page("views/faster.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def test_the_claims_of_the_notes_hold_for_our_model_at_10_and_25_steps() -> None:
    app = opened()
    (table,) = app.table
    rows = table.value
    assert list(rows["steps"]) == ["10"] * 3 + ["25"] * 3
    assert set(rows["clear"]) == {"yes"}
    assert any("`python -m pedesis_zoo evaluate fashion-mnist" in caption.value for caption in app.caption)


def test_the_last_halving_leaves_one_step() -> None:
    app = opened(rounds="6")
    assert any(text.value.endswith("after 1 step") for text in app.markdown)
