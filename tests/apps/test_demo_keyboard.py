"""By keyboard, by Back and by words: what a visitor expects of any page."""

import re

import guard
import kept
import models
import pytest
from playwright.sync_api import Page, expect

from .demo_page import FIRST


def test_arrows_go_from_tab_to_tab_and_back_goes_back(opened: Page) -> None:
    opened.get_by_role("tab", name="Generate").focus()
    opened.keyboard.press("ArrowRight")
    expect(opened.get_by_role("tab", name="Live")).to_have_attribute("aria-selected", "true")
    expect(opened.get_by_role("tab", name="Live")).to_be_focused()
    expect(opened).to_have_url(re.compile("#live$"))
    opened.keyboard.press("End")
    expect(opened).to_have_url(re.compile("#about$"))
    opened.go_back()
    expect(opened.get_by_role("tab", name="Live")).to_have_attribute("aria-selected", "true")
    expect(opened.locator(".live img")).to_be_visible(timeout=FIRST)


def test_focus_is_seen(opened: Page) -> None:
    for _ in range(14):
        opened.keyboard.press("Tab")
        style = opened.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.tagName, s.outlineStyle, s.outlineWidth] }"
        )
        assert style[0] == "BODY" or style[1:] == ["solid", "3px"], style


def test_what_is_small_is_legible_in_the_dark(demo_url: str, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(demo_url)
    words = page.locator("footer .show-api")
    expect(words).to_be_visible(timeout=FIRST)
    color = words.evaluate("e => getComputedStyle(e).color.match(/\\d+/g).map(Number)")
    assert min(color) > 160, "on a ground that is nearly black"
    expect(page.locator("footer .divider").locator("visible=true")).to_have_count(0)


def test_a_click_on_a_word_adds_it(opened: Page) -> None:
    opened.get_by_label("Prompt").first.fill("a green")
    opened.get_by_text("Words that this model knows").first.click()
    opened.locator(".word").get_by_text("lizard", exact=True).click()
    expect(opened.get_by_label("Prompt").first).to_have_value("a green lizard")
    opened.get_by_role("button", name="Generate", exact=True).click()
    expect(opened.locator(".made-by").first).to_contain_text("a green lizard", timeout=FIRST)


def test_help_can_be_read(opened: Page) -> None:
    """Contrast of at least 4.5 : 1 (WCAG AA) of the help below labels, on white."""
    color = opened.get_by_text("describe it with the words below").first.evaluate("e => getComputedStyle(e).color")
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(value) / 255 for value in re.findall(r"\d+", color)[:3])
    ]
    assert 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) > 4.5


def test_every_visitor_has_a_share_of_uploads() -> None:
    wall = guard.Guard(None)  # type: ignore[arg-type]
    taken = [wall._fits("a", 10_000_000) for _ in range(8)]
    assert taken == [True] * 6 + [False] * 2 and wall._fits("b", 10_000_000)


def test_models_that_nobody_uses_are_let_go() -> None:
    for name in models.models():
        models.load(name)
    assert len(models.load) <= models.MOST_LOADED < len(models.models())


def test_models_that_nobody_has_asked_for_in_a_while_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    made: list[str] = []
    load = kept.kept(2)(lambda name: made.append(name) or name)
    assert [load("a"), load("b"), load("a"), load("c"), load("a")] == ["a", "b", "a", "c", "a"]
    assert made == ["a", "b", "c"] and len(load) == 2, "b was asked for least lately"
    now[0] = 100
    load("a")
    now[0] = 150
    assert load.let_go(60) == 1 and load("a") == "a" and made == ["a", "b", "c"], "c was idle, a was not"
    assert load.let_go() == 1 and load("a") == "a" and made[-2:] == ["c", "a"]


def test_idle_models_go_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = models.load("digits")
    models.tidy()
    assert models.load("digits") is before
    monkeypatch.setattr(models, "IDLE", 0)
    models.tidy()
    assert len(models.load) == 0 and models.load("digits") is not before


@pytest.mark.parametrize("name", list(models.WORDS))
def test_words_that_are_offered_are_known(name: str) -> None:
    model = models.load(name)
    assert model.text is not None
    offered = " ".join(models.WORDS[name].values()).split()
    assert set(offered) <= set(model.text.vocabulary)
