"""What the page says is so: of the pictures that are there, of what went wrong, of what a slider stands at."""

import re
from pathlib import Path
from typing import Any

import events
import gradio as gr
import models
import numpy as np
import pytest
from generation_request import MOST_SEED
from PIL import Image
from playwright.sync_api import Page, expect
from tabs import compare, edit, live

import pedesis_zoo as zoo
from pedesis.utils.images import save_png

from .demo_page import FIRST, choose_model, generate, number, number_field, open_advanced

# -- handlers --------------------------------------------------------------------------------------------------


def test_other_seeds_never_get_stuck() -> None:
    seed, seen = MOST_SEED - 20, set[int]()
    for _ in range(8):
        seed = live.others(seed)
        seen.add(seed)
        assert seed >= 0 and seed + 7 <= MOST_SEED, "all eight pictures can be asked for"
    assert len(seen) == 8
    assert live.others(None) == live.others("x") == live.others(MOST_SEED) == 0


def test_a_mistake_is_told_beside_the_pictures_and_leaves_them() -> None:
    status, pictures = object(), object()

    def wrong(*_: Any) -> Any:
        raise gr.Error("a sentence <b>")
        yield

    begun, said = events.with_status(wrong, [pictures, status], status)()  # type: ignore[list-item,arg-type]
    assert "drawing" in begun[1] and "a sentence &lt;b&gt;" in said[1]
    assert said[0] == begun[0] == gr.skip()


def test_a_bad_upload_leaves_nothing_to_paint_on(tmp_path: Path) -> None:
    save_png(np.zeros((8, 8, 1), dtype=np.uint8), tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    value, said = edit.begin_edit("digits", {"path": str(tmp_path / "good.png")})
    assert value is not None and "Choose what to do" in said
    value, said = edit.begin_edit("digits", {"path": str(tmp_path / "bad.png")})
    assert value is None and "cannot be read as a picture" in said


def test_a_picture_that_is_shown_already_keeps_what_is_painted_on_it(tmp_path: Path) -> None:
    for name, grey in (("same", 0), ("other", 9)):
        save_png(np.full((8, 8, 1), grey, dtype=np.uint8), tmp_path / f"{name}.png")
    value, _ = edit.begin_edit("digits", {"path": str(tmp_path / "same.png")})
    painted = {**value, "mask": "01" * 32}
    kept, said = edit.begin_edit("digits", {"path": str(tmp_path / "same.png")}, "", painted)
    assert kept == said == gr.skip(), "nor what was said since"
    value, _ = edit.begin_edit("digits", {"path": str(tmp_path / "other.png")}, "", painted)
    assert value["mask"] == "" and value["picture"] != painted["picture"]


def test_what_is_there_when_a_tab_opens_stays() -> None:
    assert list(compare.opening("<table>")) == [(gr.skip(),) * 3], "a handler that yields nothing empties its outputs"


def test_what_is_left_out_is_as_the_model_has_it() -> None:
    asked, model = models.request(model="heroes", steps=None)
    usual = model.generation
    assert (asked.steps, asked.guidance, asked.sampler) == (usual.steps, usual.guidance, usual.sampler)
    assert asked.prompt and models.request()[0].model == models.models()[0]
    for wrong in ([], {}, 1, True):
        with pytest.raises(ValueError, match="model: the name of a model is a text"):
            models.request(model=wrong)


def test_a_request_in_one_line() -> None:
    asked, model = models.request(model="digits", label="3", number=2, seed=5, steps=1, sampler="ddim")
    assert asked.line(model) == "digits · 3 · guidance 2 · seeds 5 to 6 · ddim · 1 step"


# -- the browser -----------------------------------------------------------------------------------------------


def test_pictures_go_with_their_model(opened: Page) -> None:
    expect(opened.locator(".made-by").first).to_contain_text("heroes · ")
    choose_model(opened, "digits")
    expect(opened.get_by_text("digits: nothing is drawn yet")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".pictures .grid-container img")).to_have_count(0)
    expect(opened.locator(".made-by").locator("visible=true")).to_have_count(0)
    generate(opened, "8 pictures in")
    expect(opened.locator(".made-by").first).to_contain_text("digits · ")
    expect(opened.locator(".pictures")).to_contain_text(re.compile(r"seed \d+"))


def test_what_was_still_being_drawn_does_not_come_under_another_name(opened: Page) -> None:
    open_advanced(opened, "heroes")
    number(opened, "Steps", "200")
    opened.get_by_role("button", name="Generate", exact=True).click()
    expect(opened.get_by_text(re.compile(r"step \d+ of 200"))).to_be_visible(timeout=FIRST)
    choose_model(opened, "digits")
    expect(opened.locator(".made-by").locator("visible=true")).to_have_count(0, timeout=FIRST)
    opened.wait_for_timeout(2000)
    assert opened.locator(".made-by").locator("visible=true").count() == 0


def test_a_mistake_is_told_each_time(opened: Page) -> None:
    for words in ("a red xylophone", "a red zeppelin", "a red zeppelin"):
        opened.get_by_label("Prompt").first.fill(words)
        opened.get_by_role("button", name="Generate", exact=True).click()
        expect(opened.get_by_text(f'does not know "{words.split()[-1]}"')).to_be_visible(timeout=FIRST)
    expect(opened.get_by_text("stopped")).to_have_count(0)


def test_live_follows_reset_and_what_the_slider_corrects(opened: Page) -> None:
    opened.get_by_role("tab", name="Live").click()
    picture, line = opened.locator(".live img"), opened.locator(".made-by").locator("visible=true")
    expect(picture).to_be_visible(timeout=FIRST)
    usual = number_field(opened, "Guidance scale").input_value()
    number(opened, "Guidance scale", "2.5")
    expect(line).to_contain_text("guidance 2.5", timeout=FIRST)
    opened.get_by_label("Reset").locator("visible=true").first.click()
    expect(line).to_contain_text(f"guidance {usual}", timeout=FIRST)
    high = zoo.load(models.students()[0]).generation.scales[1]
    number(opened, "Guidance scale", "8")
    expect(number_field(opened, "Guidance scale")).to_have_value(f"{high:g}")
    expect(line).to_contain_text(f"guidance {high:g}", timeout=FIRST)


def test_a_bad_upload_clears_the_mask_editor(opened: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    Image.new("L", (8, 8), 128).save(tmp_path / "good.png")
    opened.get_by_role("tab", name="Edit").click()
    expect(opened.locator(".painter img")).to_be_visible(timeout=FIRST)
    opened.get_by_label("Remove Image").locator("visible=true").first.click()
    opened.locator(".source input[type=file]").set_input_files(tmp_path / "bad.png")
    expect(opened.get_by_text("cannot be read as a picture")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".painter img")).to_be_hidden()
