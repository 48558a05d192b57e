"""The tabs fit the model: its widgets, links and examples."""

from types import SimpleNamespace
from urllib.parse import urlencode

import gradio as gr
import models
import numpy as np
import pytest
import widgets
from generation_request import ALL_CLASSES
from tabs import generate

import pedesis_zoo as zoo
from pedesis_zoo.generation.palette import palette_of

from .demo_calls import GENERATE, last, pixels

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes


@pytest.mark.usefixtures("own")
def test_widgets_fit_the_model() -> None:
    def visible(name: str) -> set[str]:
        model = models.load(name)
        return {field for field, make in widgets.FIELDS.items() if make(model, None).visible}

    always = {"seed", "number", "sampler", "eta", "steps", "grid"}
    conditional = {"guidance", "also", "negative", "interval_low", "interval_high", "rescale"}
    assert visible("plain.safetensors") == always, "hidden, not gray"
    assert visible("digits") == (always | conditional | {"label"}) - {"eta"}, "its sampler takes none"
    assert visible("words.safetensors") == always | conditional | {"prompt"}
    assert visible("avatars") == (always | conditional | {"prompt", "palette"}) - {"eta"}


def test_a_palette_is_kept_where_there_is_one() -> None:
    asked = {**GENERATE, "model": "avatars", "prompt": "a person with red hair"}
    colors = {tuple(color) for color in palette_of(zoo.load("avatars")).tolist()}
    free, kept = (pixels(last(generate.draw(**{**asked, "palette": palette}))[0][0]) for palette in (False, True))
    found = [{tuple(color) for color in picture.reshape(-1, 3).tolist()} for picture in (free, kept)]
    assert not found[0] <= colors and found[1] <= colors
    with pytest.raises(gr.Error, match="'digits' has no palette to keep to"):
        last(generate.draw(**{**GENERATE, "palette": True}))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("name", ["plain.safetensors", "words.safetensors"])
def test_a_link_says_nothing_of_classes_where_there_are_none(name: str) -> None:
    shown = {"model": name, "label": widgets.label(models.load(name), None).value}
    assert models.request(**shown)[0].query(models.request(model=name)[0]) == urlencode({"model": name})


@pytest.mark.usefixtures("own")
def test_models_without_classes_and_models_of_words_draw() -> None:
    plain = {**GENERATE, "model": "plain.safetensors", "label": ALL_CLASSES}
    assert len(last(generate.draw(**plain))[0]) == 2
    words = {**GENERATE, "model": "words.safetensors", "prompt": "a red hat", "steps": 2}
    drawn = last(generate.draw(**words))[0]
    other = last(generate.draw(**{**words, "prompt": ""}))[0]
    assert not np.array_equal(pixels(drawn[0]), pixels(other[0]))
    with pytest.raises(gr.Error, match='does not know "elf"'):
        last(generate.draw(**{**words, "prompt": "a red elf"}))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("name", ["digits", "plain.safetensors", "words.safetensors"])
def test_examples_fit_the_model(name: str) -> None:
    model = models.load(name)
    for row in generate.rows(model):
        label, prompt, guidance, seed = generate.of_example(name, row)
        asked = {**GENERATE, "model": name, "label": label.value, "prompt": prompt.value, "steps": 1}
        assert len(last(generate.draw(**asked))[0]) == 2
        assert [guidance.value, seed] == row[1:]


def test_a_link_fills_the_page() -> None:
    tab = generate.Tab(None, dict.fromkeys(widgets.FIELDS), [], None)  # type: ignore[arg-type]

    asked = {"model": "digits", "label": "3", "sampler": "ddim", "eta": "0.5", "steps": "7", "grid": "rho"}
    picker, *rest = tab.open(SimpleNamespace(query_params=asked))  # type: ignore[arg-type]
    filled = dict(zip(widgets.FIELDS, rest, strict=False))
    assert (picker.value, filled["label"].value, filled["eta"].value) == ("digits", "3", 0.5)
    assert filled["steps"].value == 7 and filled["grid"].value == "rho" and filled["eta"].visible
    *_, said, _ = tab.open(SimpleNamespace(query_params={**asked, "steps": "many"}))  # type: ignore[arg-type]
    assert "The link is not understood: steps" in said
