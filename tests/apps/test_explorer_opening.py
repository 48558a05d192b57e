"""How the explorer opens: nothing waits for torch, no widget for a computation, and a talk leads through all pages."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pedesis.lessons import pictures

pytest.importorskip("streamlit", reason="the explorer's extra is not installed")
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from .conftest import ROOT

APP = ROOT / "apps/streamlit_explorer"
PATIENCE = 240_000
"""Milliseconds that a busy machine may take; nothing waits longer than it must."""


def test_the_menu_stands_before_torch_is_there() -> None:
    code = "import sys, needed, talk; assert 'torch' not in sys.modules; print(needed.loaded())"
    found = subprocess.run([sys.executable, "-c", code], cwd=APP, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "False\n"), found.stderr
    tree = (APP / "app.py").read_text()
    assert tree.index("needed.skeleton()") < tree.index("needed.load()") < tree.index("current.run()")


def test_the_icon_is_the_cat_of_the_lessons() -> None:
    with Image.open(APP / "icon.png") as icon:
        np.testing.assert_array_equal(np.asarray(icon), pictures.picture("cat"))


def lesson() -> None:
    """A page with something slow between two widgets, and a mistake if it is asked for."""
    import page
    import streamlit as st

    order = st.session_state.setdefault("order", [])
    with page.lesson("A page", "It does little.", "pedesis.gaussian:Gaussian"):
        page.later(lambda: order.append("drawn"), "slow")
        order.append("widgets")
        if st.toggle("Wrong", key="wrong"):
            raise page.Mistake("There is no such thing.")


def mistaken() -> None:
    """A page on which something slow ends in a mistake, and something after it does not."""
    import page
    import streamlit as st

    def wrong() -> None:
        raise page.Mistake("There is no such thing.")

    with page.lesson("A page", "It does little.", "pedesis.gaussian:Gaussian"):
        page.later(wrong, "wrong")
        page.later(lambda: st.info("Here."), "right")


def test_what_is_slow_is_drawn_when_the_page_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    app = AppTest.from_function(lesson).run()
    assert not app.exception and app.session_state["order"] == ["widgets", "drawn"]
    app.run()
    assert app.session_state["order"][2:] == ["drawn", "widgets"], "what was there once does not leave its place"


def test_a_mistake_is_a_sentence_and_what_was_right_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    app = AppTest.from_function(lesson)
    app.session_state["wrong"] = True
    app.run()
    assert not app.exception and [e.value for e in app.error] == ["There is no such thing."]
    assert app.session_state["order"] == ["widgets", "drawn"]
    assert app.expander, "the code is shown all the same"
    app = AppTest.from_function(mistaken).run()
    assert not app.exception and len(app.error) == len(app.info) == 1


def test_a_skeleton_gives_way_to_the_plot(explorer_url: str, page: Page) -> None:
    page.set_default_timeout(PATIENCE)
    page.add_init_script(
        "new MutationObserver(() => { window.seen ||= !!document.querySelector('.skeleton[role=status]') })"
        ".observe(document, {childList: true, subtree: true})"
    )
    page.goto(f"{explorer_url}/what_goes_wrong?seed=20261127")  # the slowest page, with a seed of no other test
    page.locator(".st-key-samples .js-plotly-plot").first.wait_for()
    assert page.evaluate("window.seen"), "nothing held the place of the plot"
    expect(page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE)


@pytest.mark.soak
def test_a_talk_leads_through_all_pages(explorer_url: str, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    from talk import PAGES

    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{explorer_url}/?talk=true")
    bar = page.locator(".st-key-talk-bar")
    for i, one in enumerate(PAGES):
        expect(bar.get_by_role("link")).to_have_count(1 if i < 2 else 2, timeout=PATIENCE)
        bar.get_by_role("link").last.click()
        page.wait_for_url(f"**/{one.view}?*talk=true*")
        expect(bar).to_contain_text(f"{i + 1} of {len(PAGES)}", timeout=PATIENCE)
        assert one.hint
        expect(page.get_by_text(one.hint)).to_be_visible(timeout=PATIENCE)
        size = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        assert size == 20, "in larger type"
    bar.get_by_role("link").click()
    page.wait_for_url(f"**/{PAGES[-2].view}?*talk=true*")
