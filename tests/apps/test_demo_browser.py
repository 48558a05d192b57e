"""The demo in a real browser, as its visitors meet it."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import pedesis_zoo as zoo

from .demo_page import FIRST, choose, choose_model, generate, number, number_field, open_advanced


@pytest.mark.everywhere
def test_a_visitor_moves_the_slider_and_gets_pictures(opened: Page) -> None:
    expect(opened.locator(".pictures .grid-container img")).to_have_count(8)
    before = opened.locator(".pictures img").first.get_attribute("src")
    number(opened, "Guidance scale", "3.5")
    generate(opened, r"8 pictures in")
    expect(opened.locator(".pictures .grid-container img")).to_have_count(8)
    expect(opened.locator(".pictures img").first).not_to_have_attribute("src", before or "")
    expect(opened.locator(".strip img")).to_be_visible()


def test_a_download_brought_back_restores_its_settings(opened: Page, tmp_path: Path) -> None:
    choose_model(opened, "digits")
    choose(opened, "Class", "7")
    expect(number_field(opened, "Guidance scale")).to_have_value("2")
    number(opened, "Guidance scale", "4.5")
    opened.get_by_label("Seed", exact=True).first.fill("11")
    generate(opened, r"8 pictures in")
    with opened.expect_download() as download:
        opened.get_by_role("button", name="PNG, with its settings").first.click()
    path = tmp_path / "pedesis.png"
    download.value.save_as(path)
    with Image.open(path) as image:
        assert json.loads(image.info["pedesis"])["guidance"] == 4.5

    opened.reload()
    expect(opened.locator(".pictures .grid-container img").first).to_be_visible(timeout=FIRST)
    opened.get_by_role("button", name="Restore the settings of a downloaded PNG").click()
    opened.locator("input[type=file]").first.set_input_files(path)
    expect(opened.get_by_text("Settings restored")).to_be_visible(timeout=FIRST)
    expect(opened.get_by_label("Model", exact=True).first).to_have_value("digits")
    expect(opened.get_by_label("Class", exact=True).first).to_have_value("7")
    expect(opened.get_by_label("number input for Guidance scale").first).to_have_value("4.5")
    expect(opened.get_by_label("Seed", exact=True).first).to_have_value("11")


def test_a_link_carries_the_settings(demo_url: str, page: Page) -> None:
    page.goto(f"{demo_url}?model=digits&label=4&guidance=1.5&seed=3&sampler=ddim&eta=0.5&steps=6&grid=uniform")
    expect(page.get_by_text("Settings from the link")).to_be_visible(timeout=FIRST)
    generate(page, r"8 pictures in")
    page.get_by_role("button", name="Copy as Python, or as a link").click()
    asked = ("model=digits", "label=4", "guidance=1.5", "seed=3", "eta=0.5", "steps=6")
    link = rf"^{re.escape(demo_url)}\?" + "".join(rf"(?=(.*&)?{re.escape(each)}(&|$))" for each in asked)
    expect(page.locator(".link .cm-content")).to_have_text(re.compile(link))
    expect(page.locator(".cm-content").first).to_contain_text("{'name': 'ddim', 'eta': 0.5}")


def test_stop_stops(opened: Page) -> None:
    choose_model(opened, "fashion-mnist")  # slow enough to be stopped in time
    open_advanced(opened, "fashion-mnist")
    number(opened, "Steps", "200")
    number(opened, "Number of images", "16")
    opened.get_by_role("button", name="Generate", exact=True).click()
    # The first preview moves the page, and what is clicked in that moment may be elsewhere: wait for later ones.
    expect(opened.get_by_text(re.compile(r"step \d\d+ of 200"))).to_be_visible(timeout=FIRST)
    opened.get_by_role("button", name="Stop", exact=True).first.click()
    expect(opened.get_by_text("stopped")).to_be_visible(timeout=FIRST)
    number(opened, "Steps", "2")
    generate(opened, r"16 pictures in")


def test_hidden_means_hidden(opened: Page) -> None:
    choose_model(opened, "plain.safetensors")
    expect(opened.get_by_label("Class", exact=True).first).to_be_hidden()
    expect(opened.get_by_label("number input for Guidance scale").first).to_be_hidden()
    choose_model(opened, "words.safetensors")
    expect(opened.get_by_label("Prompt").first).to_have_value("a")  # its first word: the widgets fit the model now
    opened.get_by_label("Prompt").first.fill("a red elf")
    opened.get_by_role("button", name="Generate", exact=True).click()
    expect(opened.get_by_text('does not know "elf"')).to_be_visible(timeout=FIRST)


def test_live_follows_the_slider(opened: Page) -> None:
    opened.get_by_role("tab", name="Live").click()
    picture = opened.locator(".live img")
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    slider = opened.get_by_role("slider").locator("visible=true").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_live_follows_the_words(opened: Page) -> None:
    """Pasted ones too, which cause no key press."""
    opened.get_by_role("tab", name="Live").click()
    picture = opened.locator(".live img")
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    opened.get_by_label("Prompt").locator("visible=true").fill("a lizard with a staff")
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_a_visitor_paints_a_hole_and_fills_it(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board = opened.locator(".painter canvas")
    expect(board).to_be_visible()
    opened.get_by_role("button", name="Draw the painted part").click()
    expect(opened.get_by_text("paint over a part")).to_be_visible(timeout=FIRST)
    board.scroll_into_view_if_needed()
    box = board.bounding_box()  # where it is now: what was said may have moved it
    assert box is not None
    opened.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.6)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6, steps=8)
    opened.mouse.up()
    opened.get_by_role("button", name="Draw the painted part").click()
    expect(opened.get_by_text("4 pictures")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".pictures .grid-container img").locator("visible=true")).to_have_count(4)


def test_the_mask_editor_works_without_a_mouse(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board = opened.locator(".painter canvas")
    count = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 0 && v > 200)"
    board.focus()
    for key in ("ArrowLeft", " ", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", " ", "Tab"):
        board.press(key)
    opened.wait_for_timeout(200)
    assert opened.evaluate(f"c => ({count})(c).length", board.element_handle()) == 2 * 9, "two dabs of a brush of 3x3"


def test_a_picture_drawn_to_edit_replaces_the_first(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    picture = opened.locator(".source img").first
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    opened.get_by_role("button", name="Draw one").click()
    expect(opened.get_by_text("Choose what to do with it.", exact=True)).to_be_visible(timeout=FIRST)
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_a_comparison_in_the_browser(opened: Page) -> None:
    opened.get_by_role("tab", name="Compare").click()
    opened.get_by_label("Values, one a line").fill("0\n2")
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.get_by_text("the same seeds in each")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".comparison img")).to_have_count(2 * 3)


@pytest.mark.skipif("fashion-mnist-classifier" not in zoo.list_models(), reason="the classifier is not trained")
def test_the_class_probability_is_plotted(opened: Page) -> None:
    opened.get_by_role("tab", name="Classifier guidance").click()
    opened.get_by_role("button", name="Draw both").click()
    expect(opened.get_by_text("two ways.")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".chart polyline").locator("visible=true")).to_have_count(2)
    expect(opened.locator(".pair img").locator("visible=true")).to_have_count(2)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_at_the_side(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    expect(opened.get_by_role("button", name="Generate", exact=True)).to_be_visible()
    opened.wait_for_function(  # on a phone the columns have no box of their own
        """width => [...document.querySelectorAll('.pictures')].filter(e => e.checkVisibility()).some(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.x >= 0 && box.right <= width + 1;
        })""",
        arg=width,
    )
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_every_field_of_the_first_tab_has_a_label(opened: Page) -> None:
    unnamed = opened.evaluate(
        """() => [...document.querySelectorAll('input, textarea, button, img')].filter(e => e.checkVisibility())
        .filter(e => !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim() || e.title))
        .filter(e => !e.hasAttribute('alt')).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert not unnamed
