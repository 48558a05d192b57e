"""Room for pictures: on a projector, on a phone, in files; and on from one tab to another."""

import json
from pathlib import Path

import disk
import numpy as np
import pictures
import pytest
import show
from PIL import Image
from playwright.sync_api import Page, expect
from tabs import edit
from tabs import generate as tab

import pedesis_zoo as zoo

from .demo_calls import EDIT, GENERATE, last
from .demo_page import FIRST, generate

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes

# -- files -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_every_download_has_a_name_of_its_own_and_fills_a_slide() -> None:
    files, _, sheet, film, *_ = last(tab.draw(**GENERATE))
    names = [Path(path).name for path in (*files, sheet, film)]
    assert len(set(names)) == len(names) and all(name.startswith("pedesis-digits-") for name in names)
    with Image.open(sheet) as one, Image.open(film) as other:
        assert one.width >= 1300 and other.width >= 800


def test_what_the_page_opens_with_is_encoded_once_and_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "lasting", set())
    tab.first_results.cache_clear()
    first = tab.first_results()
    assert tab.first_results() is first
    monkeypatch.setattr(disk, "MOST_BYTES", 0)
    disk.tidy()
    assert all(Path(path).is_file() for path in (*first[0], first[2], first[3]))
    tab.first_results.cache_clear()


def test_a_clicked_picture_goes_to_the_editor_with_its_settings(three: str) -> None:
    files, *_ = last(edit.variations(**EDIT, picture=three, strength=0.5))
    sent = [{"image": {"path": path}, "caption": said} for path, said in files]
    path = pictures.chosen(sent, 1)
    assert path == files[1][0] and pictures.chosen(sent, 99) == pictures.chosen(sent, None) == files[0][0]
    model = zoo.load("digits")
    with Image.open(path) as image:
        assert np.array_equal(pictures.small(model, path)[..., 0], np.asarray(image)[32::64, 32::64])
        assert json.loads(image.info["pedesis"])["seed"] == EDIT["seed"] + 1
    for nothing in (None, [], "x"):
        with pytest.raises(ValueError, match="no picture yet"):
            pictures.chosen(nothing, 0)


def test_a_short_strip_is_not_blown_up() -> None:
    story = list(zoo.generate("digits", "3", [0], steps=1))
    assert "max-width: 256px" in show.strip(story)


# -- the browser -----------------------------------------------------------------------------------------------


def test_a_projector_is_filled(opened: Page) -> None:
    opened.set_viewport_size({"width": 1920, "height": 1080})
    box = opened.locator(".pictures .grid-container").bounding_box()
    assert box is not None and box["width"] > 1000
    last_picture = opened.locator(".pictures .grid-container button").last.bounding_box()
    assert last_picture is not None and last_picture["y"] + last_picture["height"] <= 1080, "all of them at once"
    opened.get_by_role("tab", name="Live").click()
    expect(opened.locator(".live img")).to_be_visible(timeout=FIRST)
    box = opened.locator(".live img").bounding_box()
    assert box is not None and box["width"] > 1000


def test_a_phone_shows_pictures_first(opened: Page) -> None:
    opened.set_viewport_size({"width": 390, "height": 844})
    box = opened.locator(".pictures .grid-container button").last.bounding_box()
    assert box is not None and box["y"] + box["height"] < 844, "all pictures, without scrolling"
    opened.get_by_role("button", name="Generate", exact=True).scroll_into_view_if_needed()
    generate(opened, "8 pictures in")
    expect(opened.locator(".pictures .grid-container button").first).to_be_in_viewport(ratio=1)


def test_a_phone_shows_the_editor_before_its_settings(demo_url: str, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{demo_url}#edit")
    expect(page.locator(".painter img")).to_be_in_viewport(ratio=0.9, timeout=FIRST)


def test_from_generate_to_edit_and_round_again(opened: Page) -> None:
    opened.locator(".pictures .grid-container button").nth(2).click()
    opened.get_by_role("button", name="Send the clicked picture to Edit").click()
    expect(opened.get_by_role("tab", name="Edit")).to_have_attribute("aria-selected", "true", timeout=FIRST)
    expect(opened.get_by_label("Seed", exact=True).locator("visible=true")).to_have_value("2")
    opened.get_by_role("tab", name="Image to image").click()
    opened.get_by_role("button", name="Draw from the picture").click()
    drawn = opened.locator(".pictures .grid-container img").locator("visible=true")
    expect(drawn).to_have_count(4, timeout=FIRST)
    box = drawn.first.bounding_box()
    assert box is not None and box["width"] > 160
    before = opened.locator(".source img").first.get_attribute("src")
    opened.get_by_role("button", name="Use the clicked picture as input").click()
    expect(opened.locator(".source img").first).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_a_fast_stroke_is_a_whole_line(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board = opened.locator(".painter canvas")
    expect(opened.locator(".painter img")).to_be_visible(timeout=FIRST)
    box = board.bounding_box()
    assert box is not None
    opened.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.5)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)  # one jump
    opened.mouse.up()
    painted = board.evaluate(
        "c => [...Array(c.width).keys()].filter(x => c.getContext('2d').getImageData(x, c.height / 2, 1, 1).data[3])"
        ".length"
    )
    assert painted >= 0.75 * board.evaluate("c => c.width")
