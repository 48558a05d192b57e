"""The explorer's server opens every page once before anyone asks: what it computed is there for the first visitor."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Iterator
from types import ModuleType

import pytest

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
import streamlit as st
from streamlit.testing.v1 import AppTest

from .conftest import ROOT

APP = ROOT / "apps/streamlit_explorer"


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, and nothing kept from before."""
    monkeypatch.syspath_prepend(str(APP))
    st.cache_data.clear()
    yield importlib.import_module("rehearsal")
    st.cache_data.clear()


def opened(view: str) -> AppTest:
    """A page, as its first visitor gets it."""
    app = AppTest.from_file(str(APP / "app.py"), default_timeout=60).run()
    return app.switch_page(f"views/{view}.py").run()


@pytest.mark.parametrize(
    ("view", "module", "name"),
    [("elbo", "elbo", "sweep"), ("faster", "faster", "by_grid"), ("what_goes_wrong", "what_goes_wrong", "wrong")],
)
def test_what_a_page_computes_with_its_first_settings_is_kept(
    rehearsal: ModuleType, monkeypatch: pytest.MonkeyPatch, view: str, module: str, name: str
) -> None:
    lessons = importlib.import_module(f"pedesis.lessons.{module}")
    compute, calls = getattr(lessons, name), []
    monkeypatch.setattr(lessons, name, lambda *settings: calls.append(settings) or compute(*settings))
    rehearsal.page(f"views/{view}.py")
    assert calls
    calls.clear()
    app = opened(view)
    assert not app.exception and not calls, "the first visitor waits for nothing that was computed"


def test_what_fails_is_left_to_the_visitor(rehearsal: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from pedesis.lessons import errata

    def fails(name: str) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(errata, "erratum", fails)
    rehearsal.page("views/errata.py")
    app = opened("errata")
    assert [e.message for e in app.exception] == ["not today"]


def test_visitors_come_first(rehearsal: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = importlib.import_module("needed")
    run: list[str] = []
    slept: list[float] = []
    monkeypatch.setattr(rehearsal, "page", run.append)
    monkeypatch.setattr(needed, "last_visit", time.monotonic())

    def sleep(seconds: float) -> None:
        assert not run
        slept.append(seconds)
        needed.last_visit -= rehearsal.QUIET

    monkeypatch.setattr(rehearsal.time, "sleep", sleep)
    rehearsal.pages()
    assert len(slept) == 1 and 0 < slept[0] <= rehearsal.QUIET
    views = {f"views/{path.name}" for path in (APP / "views").glob("*.py")} - {"views/home.py"}
    assert len(run) == len(views) and set(run) == views


def test_streamlit_says_nothing_of_it(rehearsal: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append  # type: ignore[method-assign]
    logger = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    logger.addHandler(handler)
    try:
        rehearsal.page("views/errata.py")
        assert said, "outside of its thread it is said that there is no visitor"
        said.clear()
        monkeypatch.setattr(rehearsal, "pages", lambda: rehearsal.page("views/errata.py"))
        thread = rehearsal.thread()
        thread.start()
        thread.join()
        assert not said
    finally:
        logger.removeHandler(handler)
