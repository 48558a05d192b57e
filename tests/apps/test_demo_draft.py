"""The first second: a student's draft of the same seeds, then what its teacher draws; and every step of the way."""

import re
from inspect import signature
from typing import Any

import gradio as gr
import models
import numpy as np
import pytest
import show
import widgets
from draft import draft
from generation_request import from_png
from PIL import Image
from tabs import generate

import pedesis_zoo as zoo
from pedesis.utils.images import resize_nearest

from .demo_calls import GENERATE

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes

CLOTHES: dict[str, Any] = {
    **GENERATE,
    "model": "fashion-mnist",
    "label": "bag",
    "steps": 8,
    "interval_low": -2.0,
    "interval_high": 5.0,
}


def page_of(**change: Any) -> list[Any]:
    """What the page shows, one after the other."""
    asked = {**CLOTHES, **change}
    return list(generate.captioned(*[asked[name] for name in signature(generate.draw).parameters]))


@pytest.mark.usefixtures("folder")
def test_the_student_draws_first_and_the_teacher_after_it_from_the_same_seeds() -> None:
    shown = page_of(guidance=3.0)
    student, settings = "fashion-mnist-student-4", {"guidance": 3.0, "steps": 4, "sampler": "ddim"}
    for result, name, more, below in (
        (shown[0], student, settings, ["seed 5, draft", "seed 6, draft"]),
        (shown[-1], "fashion-mnist", {"guidance": 3.0, "steps": 8, "sampler": "ddim"}, ["seed 5", "seed 6"]),
    ):
        drawn = zoo.sample(name, "bag", [5, 6], **more)
        assert [caption for _, caption in result[0]] == below and result[1] == 5
        for i, (path, _) in enumerate(result[0]):
            with Image.open(path) as image:
                assert np.array_equal(np.asarray(image), resize_nearest(drawn[i], 512 // 28)[..., 0])
            assert (from_png(path).model, from_png(path).seed) == (name, 5 + i), "the file says which made it"
        assert f"{name} · bag" in result[-1], "and so does the line above"
    assert all(result[0] == gr.skip() for result in shown[1:-1]), "the draft stays until there is something better"


@pytest.mark.usefixtures("folder")
def test_a_random_seed_is_the_same_for_both() -> None:
    shown = page_of(randomize=True, number=1, steps=5)
    assert len({result[1] for result in shown}) == 1
    (drafted, _), (drawn, _) = shown[0][0][0], shown[-1][0][0]
    assert from_png(drafted).seed == from_png(drawn).seed == shown[0][1]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "digits", "label": "3"},
        {"model": "fashion-mnist-student-4", "interval_low": None, "interval_high": None},
        {"guidance": 0.5},
        {"guidance": 7.0},
        {"also": "sneaker"},
        {"negative": "sneaker"},
        {"rescale": 0.5},
        {"sampler": "ddpm"},
        {"eta": 0.5},
        {"steps": 4},
        {"interval_low": -5.0},
    ],
)
def test_there_is_no_draft_that_would_be_another_picture(change: dict[str, Any]) -> None:
    asked, model = models.request(**{k: v for k, v in {**CLOTHES, **change}.items() if k != "randomize"})
    assert draft(asked, model) is None
    asked, model = models.request(**{k: v for k, v in CLOTHES.items() if k != "randomize"})
    assert draft(asked, model) is not None


def test_a_draft_is_near_what_it_stands_for() -> None:
    """Nearer than another seed is, on average."""
    asked, model = models.request(model="fashion-mnist", number=8)
    first = draft(asked.model_copy(update=widgets.usual_interval(model)), model)
    assert first is not None
    student = models.load(first.model)
    quick = zoo.sample(student, first.wanted(student), first.seeds(), **first.settings(student)).astype(float)
    drawn = zoo.sample(model, asked.wanted(model), asked.seeds(), **asked.settings(model)).astype(float)
    other = zoo.sample(model, asked.wanted(model), range(100, 108), **asked.settings(model)).astype(float)
    assert np.square(quick - drawn).mean() < np.square(other - drawn).mean() / 4


def test_every_step_can_be_looked_at() -> None:
    story = list(zoo.generate("digits", "3", range(2), steps=6, sampler="ddim"))
    html = show.steps_of(story)
    assert re.findall(r'data-said="([^"]+)"', html) == [f"step {i} of 6" for i in range(7)]
    assert html.count(" hidden") == 6 and 'max="6" value="6"' in html
    both = np.concatenate([show.sheet(story[2].x_t), show.sheet(story[2].x0)], axis=1)
    assert show.data_uri(both) in html, "x_t on the left, the estimate on the right"
    many = show.steps_of(list(zoo.generate("digits", "3", range(16), steps=30, sampler="ddim")))
    assert many.count("<img") == 6 and 'data-said="step 30 of 30"' in many, "no page of many megabytes"
