"""The errata page: every erratum stands there, and the numeric ones are drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pedesis.lessons.errata import ERRATA
from pedesis.lessons.evidence import EVIDENCE, evidence

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

Charts = Callable[[str], ModuleType]
APP = Path(__file__).parents[2] / "apps/streamlit_explorer"


@pytest.mark.parametrize("name", EVIDENCE)
def test_the_chart_holds_the_evidence(charts: Charts, name: str) -> None:
    shown = evidence(name)
    assert shown is not None
    figure = charts("errata").compared(shown)
    json.loads(figure.to_json())
    printed, corrected, really = figure.data
    np.testing.assert_array_equal(printed.y, shown.printed)
    np.testing.assert_array_equal(corrected.y, shown.corrected)
    assert set(np.asarray(really.y)) <= set(shown.really) and 10 <= len(really.y) <= 50
    assert (figure.layout.yaxis.type == "log") == shown.logarithmic
    if shown.logarithmic:
        assert min(shown.printed.min(), shown.corrected.min(), shown.really.min()) > 0


def opened(name: str) -> AppTest:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60)
    app.switch_page("views/errata.py")
    app.query_params["erratum"] = name
    app.run()
    assert not app.exception
    return app


def test_every_erratum_stands_on_the_page() -> None:
    app = opened("E7")
    assert app.subheader[0].value == "E7 · 001, interpretation III"
    shown = "\n".join(text.value for text in app.markdown)
    for erratum in ERRATA:
        assert f"**{erratum.id}**" in shown
        assert erratum.printed in shown and erratum.correct in shown
    assert not app.code, "it is sent when it is asked for"
    app.session_state["code of pedesis.theory.kernels:tweedie"] = True
    assert "def tweedie" in app.run().code[0].value


def test_matters_of_words_have_no_picture() -> None:
    app = opened("E25")
    assert len(app.info) == 1 and not app.expander
    app.selectbox(key="erratum").set_value("E9").run()
    assert not app.exception and not app.info and len(app.expander) == 1
