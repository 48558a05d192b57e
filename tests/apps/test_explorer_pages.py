"""Every page of the explorer runs, at its defaults and at the extremes of every widget."""

from __future__ import annotations

import ast
import io
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from streamlit.testing.v1 import AppTest

from pedesis.lessons import library

APP = Path(__file__).parents[2] / "apps/streamlit_explorer"
VIEWS = sorted(path.stem for path in (APP / "views").glob("*.py"))
QUICK = {"denoising": {"model": "digits"}}
"""Where the extremes are tried with another state than the default one, because that would take long."""


def opened(view: str, **query: str) -> AppTest:
    """A page that has run once."""
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if view != "home":
        app.switch_page(f"views/{view}.py").run()
    return healthy(app)


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, [e.value for e in app.exception]
    assert app.title, "a page begins with its title"
    return app


def extremes(app: AppTest, most: int) -> Iterator[tuple[str, Any]]:
    """(key, value) for the ends of every range and up to `most` choices of every list on the page."""
    for slider in app.slider:
        low, high = slider.min, slider.max
        ends = ((low, low), (low, high), (high, high)) if isinstance(slider.value, tuple) else (low, high)
        yield from ((slider.key, value) for value in ends)
    for number in app.number_input:
        yield from ((number.key, value) for value in (number.min, number.max))
    for range_ in app.select_slider:
        yield from ((range_.key, value) for value in _values(range_)[:: len(range_.options) - 1])
    for choice in app.selectbox:
        yield from ((choice.key, value) for value in _some(_values(choice), most))
    for group in app.button_group:
        yield from ((group.key, value) for value in _some(group.options, most))
    for many in app.multiselect:
        yield from ((many.key, value) for value in ([], list(many.options), list(many.options)[-1:]))
    for switch in (*app.toggle, *app.checkbox):
        yield from ((switch.key, value) for value in (True, False))


def _some(options: list[Any], most: int) -> list[Any]:
    """Up to `most` of them, at equal distances, the first and the last among them."""
    places = np.linspace(0, len(options) - 1, min(most, len(options))).round().astype(int)
    return [options[place] for place in places]


def _values(choice: Any) -> list[Any]:
    """Options as the page knows them: AppTest gives them as text."""
    kind = type(choice.value)
    return [kind(option) for option in choice.options]


@pytest.mark.parametrize("most", [2, pytest.param(20, marks=pytest.mark.soak)])
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_survives_the_extremes_of_every_widget(view: str, most: int) -> None:
    app = opened(view, **QUICK.get(view, {}))
    for key, value in list(extremes(app, most)):
        before = app.session_state[key]
        if value == before:
            continue  # so it was opened
        app.session_state[key] = value
        healthy(app.run())
        app.session_state[key] = before
    healthy(app.run())


@pytest.mark.parametrize("schedule", ["edm", "linear"])
@pytest.mark.parametrize("t", [0.0, 1.0])
def test_both_ends_of_time_under_clean_and_noisy_starts(schedule: str, t: float) -> None:
    app = opened("forward")
    app.selectbox(key="schedule").set_value(schedule)
    app.slider(key="t").set_value(t)
    healthy(app.run())
    assert len(app.info) == (t == 0)


def test_the_numbers_on_the_forward_page() -> None:
    app = opened("forward")
    app.slider(key="t").set_value(1.0)
    app.run()
    assert app.metric[0].value == "0.0000"
    assert app.metric[1].value == "1.0000"
    assert app.metric[2].value == "-10.12"
    assert any(r"\mathcal N\big(0.006\,x_0,\ 1.000\,I\big)" in formula.value for formula in app.latex)


def test_the_trap_on_the_schedules_page() -> None:
    app = opened("schedules")
    assert [m.value for m in app.metric] == ["0.364", "0.571", "0.326", "2.9·10⁻⁵"]
    assert len(app.warning) == 1
    app.select_slider(key="trap").set_value(1000)
    app.run()
    assert len(app.success) == 1


def test_a_link_carries_the_state_and_nonsense_in_it_is_ignored() -> None:
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=30)
    app.switch_page("views/forward.py")
    for key, value in {"t": "0.75", "schedule": "cosine", "picture": "rings", "steps": "10", "seed": "7"}.items():
        app.query_params[key] = value
    healthy(app.run())
    assert app.slider(key="t").value == 0.75
    assert app.selectbox(key="schedule").value == "cosine"
    assert app.button_group(key="picture").value == "rings"
    assert app.select_slider(key="steps").value == 10
    assert app.number_input(key="seed").value == 7

    app = AppTest.from_file(str(APP / "app.py"), default_timeout=30)
    app.switch_page("views/forward.py")
    for key, value in {"t": "nan", "schedule": "<b>", "picture": "../x", "steps": "1e9", "seed": "-1"}.items():
        app.query_params[key] = value
    healthy(app.run())
    assert app.slider(key="t").value == 0.3
    assert app.selectbox(key="schedule").value == "linear"


def test_a_row_is_shown_with_its_formula() -> None:
    app = opened("formulas")
    app.selectbox(key="row").set_value("F5")
    app.session_state["code of pedesis.process:Process.marginal"] = True  # opened
    app.run()
    assert len(app.latex) == 1
    assert any("Process.marginal" in text.value for text in app.markdown)
    assert "def marginal" in app.code[0].value


def upload(data: bytes) -> AppTest:
    app = opened("forward")
    app.button_group(key="picture").set_value("upload")
    app.run()
    app.file_uploader[0].upload("thing", data)
    return healthy(app.run())


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "1", "P"])
def test_an_upload_of_any_mode_is_shown(mode: str) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 4), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(file, format="PNG")
    assert not upload(file.getvalue()).error


def test_an_upload_that_is_no_picture_is_one_sentence() -> None:
    (error,) = upload(b"dear sir or madam").error
    assert error.value.startswith("This is not a picture that can be read; expected one of PNG")


def test_pages_hold_widgets_and_calls_only() -> None:
    allowed = {
        "streamlit",
        "plotly",
        "numpy",
        "pedesis.doctor",
        "pedesis.lessons",
        "pedesis.utils",
        "pedesis_zoo",
        "figures",
        "page",
        "catalogue",
        "needed",
        "rehearsal",
        "talk",
        "walks",
    }
    standard = {
        "__future__",
        "argparse",
        "functools",
        "hashlib",
        "importlib",
        "logging",
        "math",
        "threading",
        "time",
        "re",
        "csv",
        "io",
        "collections",
        "contextlib",
        "typing",
        "dataclasses",
        "pathlib",
        "sys",
    }
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                for module in modules:
                    names = {module, module.split(".")[0], ".".join(module.split(".")[:2])}
                    assert names & (allowed | standard), f"{path.name} imports {module}"


def test_every_function_that_a_page_names_exists() -> None:
    names = [
        node.value
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and re.fullmatch(r"pedesis(_zoo)?[\w.]*:[\w.]+", str(node.value))
    ]
    assert len(names) > 50
    for name in names:
        assert library.entry(name).code, name


@pytest.mark.parametrize("view", ["home", "sampling", "errata"])
def test_as_a_talk_the_pages_follow_each_other(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    import talk

    views = [one.view for one in talk.PAGES]
    before, after = talk.around(view)
    assert (before and before.view, after and after.view) == {
        "home": (None, views[0]),
        "sampling": (views[views.index("sampling") - 1], views[views.index("sampling") + 1]),
        "errata": (views[-2], None),
    }[view]
    plain, shown = opened(view), opened(view, talk="true")
    assert not any("**Try:**" in info.value for info in plain.info)
    place = f"{views.index(view) + 1} of {len(views)}" if view in views else f"{len(views)} pages"
    assert place in [caption.value for caption in shown.caption]
    assert any("**Try:**" in info.value for info in shown.info) == (view != "home")


def test_every_view_is_in_the_catalogue_and_every_page_has_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    from catalogue import SECTIONS

    assert sorted(["home", *(page.view for pages in SECTIONS.values() for page in pages)]) == VIEWS
    assert not (APP / "pages").exists()  # Streamlit would take that folder for its own navigation


def test_the_server_is_closed_to_the_world() -> None:
    config = tomllib.loads((APP / ".streamlit/config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["maxUploadSize"] == 1
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
