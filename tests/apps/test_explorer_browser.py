"""The forward page in a real browser: the slider moves, the picture changes, nothing leaves the machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.everywhere
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_slider_changes_the_picture(explorer_url: str, page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 1600})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    outside: list[str] = []
    page.on(
        "request", lambda r: outside.append(r.url) if not r.url.startswith((explorer_url, "data:", "blob:")) else None
    )

    page.goto(f"{explorer_url}/forward?picture=sunset&t=0.1")
    picture = page.locator(".st-key-noisy img")
    picture.wait_for(timeout=30_000)
    before = picture.get_attribute("src")
    slider = page.locator(".st-key-t [role=slider], .st-key-t input[type=range]").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    page.wait_for_url("**t=0.15*", timeout=15_000)
    expect(picture).not_to_have_attribute("src", before or "", timeout=15_000)

    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert outside == []


CUT = """[...document.querySelectorAll('.katex-display')]
    .filter(e => e.scrollWidth > e.clientWidth + 2).map(e => e.innerText)"""


@pytest.mark.parametrize(
    ("view", "width"), [("schedules", 1280), ("denoising", 1280), ("brownian", 390), ("fokker_planck", 390)]
)
def test_no_formula_is_cut(explorer_url: str, page: Page, view: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(f"{explorer_url}/{view}")
    expect(page.locator(".katex-display").nth(1)).to_be_visible(timeout=120_000)
    page.wait_for_function(f"() => ({CUT}).length === 0", timeout=30_000)  # once styles and fonts are there


@pytest.mark.parametrize("view", ["brownian", "elbo"])
@pytest.mark.parametrize("width", [390, 1280])
def test_what_few_will_change_has_its_word_beside_the_rest(
    explorer_url: str, page: Page, view: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(f"{explorer_url}/{view}")
    more = page.get_by_role("button", name="More")
    expect(more).to_be_visible(timeout=120_000)
    text = more.get_by_text("More", exact=True)
    expect(text).to_be_visible()
    button, word = more.bounding_box(), text.bounding_box()
    assert button and word and word["x"] + word["width"] <= button["x"] + button["width"], "nothing of it is cut off"


def test_numbers_of_two_planes_do_not_run_into_each_other(explorer_url: str, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 1600})
    page.goto(f"{explorer_url}/sampling?steps=2")
    plot = page.locator(".st-key-race .js-plotly-plot")
    plot.locator(".x2tick text").first.wait_for(timeout=120_000)
    right = max(box["x"] + box["width"] for tick in plot.locator(".xtick text").all() if (box := tick.bounding_box()))
    left = min(box["x"] for tick in plot.locator(".x2tick text").all() if (box := tick.bounding_box()))
    assert right < left
    title, play = plot.locator(".g-xtitle").bounding_box(), plot.locator(".updatemenu-button").first.bounding_box()
    assert title and play and title["y"] + title["height"] <= play["y"]
