"""A visit: by Tab through the lists, back to a comparison or an edit by its address, step by step through a picture."""

import re

from playwright.sync_api import Page, expect

from .demo_page import FIRST, generate, number


def test_a_list_that_is_left_by_tab_closes_and_nothing_is_lost(opened: Page) -> None:
    model = opened.get_by_label("Model", exact=True).first
    model.focus()
    expect(opened.get_by_role("listbox").locator("visible=true")).to_have_count(1)
    model.press("Tab")
    expect(opened.get_by_label("Prompt").first).to_be_focused()
    expect(opened.get_by_role("listbox").locator("visible=true")).to_have_count(0)
    expect(opened.locator(".pictures .grid-container img")).to_have_count(8)
    model.focus()
    model.press("ArrowDown")
    model.press("Enter")
    expect(opened.get_by_text("nothing is drawn yet")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".pictures .grid-container img")).to_have_count(0)


def test_every_step_is_a_frame(opened: Page) -> None:
    film = opened.locator(".film").locator("visible=true")
    slider, frame = film.get_by_label("Step of the denoising"), film.locator("img").locator("visible=true")
    last = frame.get_attribute("src")
    expect(film.locator("output")).to_have_text(re.compile(r"^step (\d+) of \1$"))
    slider.press("Home")
    expect(film.locator("output")).to_have_text(re.compile("step 0 of"))
    expect(frame).to_have_count(1)
    expect(frame).not_to_have_attribute("src", last or "")
    film.get_by_role("button", name="Play").click()
    expect(film.locator("output")).to_have_text(re.compile(r"^step (\d+) of \1$"), timeout=FIRST)
    expect(frame).to_have_attribute("src", last or "")
    expect(film.get_by_role("button", name="Play")).to_be_visible()


def test_a_phone_shows_whole_seeds(opened: Page) -> None:
    opened.set_viewport_size({"width": 390, "height": 844})
    generate(opened, "8 pictures in")
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    labels = opened.locator(".pictures .caption-label").locator("visible=true")
    expect(labels).to_have_count(8)
    assert labels.evaluate_all(cut) == []


def test_a_phone_finds_the_tabs_of_its_menu_by_address(demo_url: str, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{demo_url}#about")
    expect(page.locator(".card").first).to_be_visible(timeout=FIRST)


def test_a_comparison_comes_back_by_its_address(opened: Page) -> None:
    opened.get_by_role("tab", name="Compare").click()
    expect(opened.locator(".comparison img")).to_have_count(15, timeout=FIRST)
    expect(opened.locator(".block.curve polyline")).to_have_count(3)
    legend = opened.locator(".block.curve li").last.bounding_box()
    around = opened.locator(".block.curve").bounding_box()
    assert legend and around and legend["y"] + legend["height"] <= around["y"] + around["height"], "legend and all"
    opened.get_by_role("tab", name="Generate").click()
    opened.get_by_role("tab", name="Compare").click()
    expect(opened.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    opened.get_by_label("Values, one a line").fill("1\n3")
    opened.get_by_label("Rows", exact=True).click()
    opened.get_by_role("option", name="numbers of steps").click()
    rows = opened.get_by_label("Values of the rows, one a line")
    expect(rows).to_have_value(re.compile("1\n2"), timeout=FIRST)
    expect(opened.locator(".comparison img")).to_have_count(15)  # what was there stays when the tab comes back
    rows.fill("2\n3")
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.locator(".comparison img")).to_have_count(4, timeout=FIRST)
    expect(opened).to_have_url(re.compile(r"by=guidance&.*#compare"), timeout=FIRST)
    drawn = [image.get_attribute("src") for image in opened.locator(".comparison img").all()]
    opened.reload()
    expect(opened.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true", timeout=FIRST)
    expect(opened.locator(".comparison img")).to_have_count(4, timeout=FIRST)
    expect(opened.locator(".comparison th").filter(has_text="steps 3")).to_be_visible()
    expect(opened.get_by_text("the same seeds in each")).to_be_visible(timeout=FIRST)
    for image, src in zip(opened.locator(".comparison img").all(), drawn, strict=True):
        expect(image).to_have_attribute("src", src or "")


def test_an_edit_comes_back_by_its_address_with_its_mask(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board, source = opened.locator(".painter canvas"), opened.locator(".source img").first
    expect(opened.locator(".painter img")).to_be_visible(timeout=FIRST)
    picture = opened.locator(".painter img").get_attribute("src")
    board.focus()
    for key in ("ArrowLeft", " "):
        board.press(key)
    board.press("Tab")
    number(opened, "Number of images", "2")
    opened.get_by_role("button", name="Draw the painted part").click()
    expect(opened).to_have_url(re.compile(r"edit=inpaint&mask=[0-9a-f]+.*#edit"), timeout=FIRST)
    count = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 0 && v > 200)"
    painted = opened.evaluate(f"c => ({count})(c).length", board.element_handle())
    opened.reload()
    expect(source).to_be_visible(timeout=FIRST)
    expect(opened.get_by_label("number input for Number of images").locator("visible=true")).to_have_value("2")
    expect(opened.locator(".painter img")).to_have_attribute("src", picture or "", timeout=FIRST)
    assert opened.evaluate(f"c => ({count})(c).length", board.element_handle()) == painted == 9
    assert "label" not in opened.url and "steps" not in opened.url, "only what is not as usual"


def test_a_click_on_a_picture_keeps_its_seed(opened: Page) -> None:
    expect(opened.get_by_label("Randomize")).to_be_checked()
    opened.locator(".pictures .grid-container button").nth(3).click()
    expect(opened.get_by_label("Seed", exact=True).first).to_have_value("3", timeout=FIRST)
    expect(opened.get_by_label("Randomize")).not_to_be_checked()
