"""What the tabs do, called directly: they draw what the library draws, stop when they are let go, and fit the model."""

import base64
import io
import itertools
import os
from pathlib import Path
from typing import Any

import disk
import events
import gradio as gr
import models
import numpy as np
import pytest
import show
from generation_request import ALL_CLASSES, from_png
from PIL import Image
from tabs import about, classifier, compare, generate, live

import pedesis_zoo as zoo
from pedesis.utils.images import make_grid, resize_nearest
from pedesis_zoo.models.measurements import Table

from .demo_calls import ASKED, GENERATE, last, pixels

pytestmark = pytest.mark.usefixtures("folder")  # of its own, for what the demo writes


def test_generate_gives_what_the_library_draws(folder: Path) -> None:
    gallery, seed, png, gif, script, query, status, preview = last(generate.draw(**GENERATE))
    drawn = zoo.sample("digits", "3", [5, 6], guidance=2.0, sampler="ddim", steps=4)
    assert [pixels(path).tolist() for path in gallery] == [resize_nearest(one, 64)[..., 0].tolist() for one in drawn]
    assert seed == 5 and "2 pictures" in status and "<img" in preview and query.startswith("model=digits&label=3")
    assert from_png(png).number == 2 and [from_png(path).seed for path in gallery] == [5, 6]
    assert "seeds=range(5, 7)" in script
    with Image.open(gif) as film:
        assert film.format == "GIF" and film.n_frames == 5  # type: ignore[attr-defined]
    assert all(Path(path).is_relative_to(folder) for path in (*gallery, png, gif))


def test_a_random_seed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.randint", lambda low, high: high)
    seed = last(generate.draw(**{**GENERATE, "randomize": True}))[1]
    assert seed == 10**6 - 16, "so that all pictures have seeds that can be asked for again, and short ones"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "digit"}, "did you mean 'digits'"),
        ({"label": "eleven"}, "unknown class 'eleven'"),
        ({"negative": "eleven"}, "unknown class 'eleven'"),
        ({"guidance": float("nan")}, "guidance"),
        ({"seed": True}, "not numbers"),
        ({"sampler": "dimm"}, "did you mean 'ddim'"),
        ({"grid": "unifrom"}, "did you mean 'uniform'"),
        ({"interval_low": 5.0, "interval_high": 5.0}, "low < high"),
    ],
)
def test_mistakes_are_sentences(change: dict[str, Any], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        last(generate.draw(**{**GENERATE, **change}))


def test_nothing_is_computed_after_the_visitor_has_gone(
    evaluations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "PAUSE", 0.0)
    running = generate.draw(**{**GENERATE, "steps": 200})
    next(running)
    next(running)
    running.close()
    assert 1 <= len(evaluations) <= 4


def test_time_is_limited(evaluations: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "SECONDS", 0.0)
    with pytest.raises(gr.Error, match="ask for fewer steps"):
        last(generate.draw(**GENERATE))
    assert len(evaluations) <= 2


def test_the_limit_is_one_for_all_columns_of_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(show, "SECONDS", 40.0)  # ticks: a column of four steps takes ten to twenty
    shown = compare.compare(**ASKED, by="guidance", values="\n".join("01234567"))
    with pytest.raises(gr.Error, match="stopped after"):
        last(shown)


def test_what_is_there_at_the_limit_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "SECONDS", 0.0)
    status = object()
    outputs = [object()] * 6 + [status, object()]
    *_, shown, told = events.with_status(lambda: generate.draw(**GENERATE), outputs, status)()  # type: ignore[arg-type]
    assert "<img" in shown[-1] and "this is how far it came" in told[6] and told[-1] == gr.skip()


def test_previews_are_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    story: show.Story = []
    shown = list(show.paced(zoo.generate("digits", "3", [0], steps=50), story))
    assert len(story) == 51 and shown[-1].finished and len(shown) < 40
    monkeypatch.setattr(show, "PAUSE", -1.0)
    assert len(list(show.paced(zoo.generate("digits", "3", [0], steps=5)))) == 6


def test_compare_draws_a_column_per_value() -> None:
    png, status, shown = last(compare.compare(**ASKED, by="guidance scales", values="0\n4"))
    assert "2 columns" in status and shown.count("<img") == 4
    assert "guidance 4" in shown and "seed 6" in shown and from_png(png).seed == 5
    for column, scale in zip(np.hsplit(pixels(png)[32 : 32 + 19 * 28, 150:, 0], 2), (0.0, 4.0), strict=True):
        drawn = zoo.sample("digits", "3", [5, 6], guidance=scale, sampler="ddim", steps=4)
        assert np.array_equal(column, resize_nearest(make_grid(drawn, columns=1, gap=1), 28)[..., 0])
    with pytest.raises(gr.Error, match="steps"):
        last(compare.compare(**ASKED, by="steps", values="4\n1000"))
    with pytest.raises(gr.Error, match="comparisons are by"):
        last(compare.compare(**ASKED, by="weather", values="4\n5"))


@pytest.mark.parametrize("by", list(compare.WAYS))
def test_the_values_proposed_can_be_compared(by: str) -> None:
    values = compare.usual_values(by, "digits")
    *_, (_, status, _) = compare.compare(**{**ASKED, "number": 1, "steps": 1}, by=by, values=values)
    assert f"{len(values.splitlines())} columns" in status


@pytest.mark.skipif(not models.steerable(), reason="no classifier of noisy pictures is trained")
def test_steering_shows_both_ways_and_the_class_probability() -> None:
    asked = {name: value for name, value in ASKED.items() if name != "prompt"}
    asked |= {"model": models.steerable()[0], "label": "sneaker", "steps": 4, "guidance": 4.0}
    probabilities, _, shown = last(classifier.steer(**asked))
    assert tuple(probabilities) == classifier.WAYS and shown.count("<img") == shown.count("<polyline") == 2
    for means in probabilities.values():
        assert len(means) == 5 and means[0] < 0.5 < means[-1]
    with pytest.raises(gr.Error, match="choose one"):
        last(classifier.steer(**{**asked, "label": "no class"}))
    with pytest.raises(gr.Error, match="no classifier of noisy pictures for 'digits'"):
        last(classifier.steer(**{**asked, "model": "digits", "label": "3"}))


@pytest.mark.usefixtures("own")
def test_live_draws_in_the_usual_few_steps() -> None:
    assert "digits-student.safetensors" not in models.students(), "it is only called so"
    status, shown = live.live("digits-student.safetensors", ALL_CLASSES, "", 3.0, 2)
    assert "8 pictures" in status
    stands_in = models.load("digits-student.safetensors")
    expected = zoo.sample(stands_in, range(8), range(2, 10), guidance=3.0, steps=2, sampler="ddim")
    assert show.data_uri(show.sheet(expected)) in shown


@pytest.mark.usefixtures("own")
def test_half_a_word_does_not_interrupt_live() -> None:
    status, shown = live.quietly("words.safetensors", "", "a re", 3.0, 2)
    assert "does not know" in status and "<img" not in str(shown)


def test_the_curve_of_the_card_is_shown_where_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not compare.plotted("digits", "guidance scales").visible
    columns = {
        "guidance": ["classifier-free", "classifier-free", "classifier"],
        "scale": [0.0, 2.0, 2.0],
        "distance": [3.0, 1.0, 2.0],
        "accuracy": [0.1, 0.95, 0.7],
        "precision": [0.7, 0.9, 0.6],
        "recall": [0.9, 0.8, 0.7],
    }
    monkeypatch.setattr(compare, "with_curve", lambda name: True)
    monkeypatch.setattr(compare, "load_table", lambda name, curve: Table("command", columns))
    assert compare.curve("digits") == {
        "accuracy": [(0.0, 0.1), (2.0, 0.95)],
        "precision": [(0.0, 0.7), (2.0, 0.9)],
        "recall": [(0.0, 0.9), (2.0, 0.8)],
    }


def test_cards_show_their_picture_from_inside_the_page() -> None:
    assert "](data:image/png;base64," in about.card("digits") and "](samples.png)" not in about.card("digits")
    assert about.card("fashion-mnist").count("](data:image/png;base64,") > 1, "its curves are shown too"
    assert ".png)" not in about.card("fashion-mnist") and ".csv)" not in about.card("fashion-mnist")
    with pytest.raises(gr.Error, match="did you mean 'digits'"):
        about.card("digit")


def test_the_folder_is_tidied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = disk.new_file("new"), disk.new_file("old")
    for path in (new, old):
        path.write_bytes(b"x" * 100)
    for path in (old, old.parent):
        os.utime(path, (0, 0))
    disk.tidy()
    assert new.exists() and not old.exists()
    os.utime(old.parent, (0, 0))
    disk.tidy()
    assert not old.parent.exists()
    monkeypatch.setattr(disk, "MOST_BYTES", 50)
    disk.tidy()
    assert not new.exists(), "the oldest files go where there are too many bytes"


def test_html_from_visitors_is_text() -> None:
    shown = show.table(["<script>"], ["<b>"], [np.zeros((1, 2, 2, 1), dtype=np.uint8)])
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "<b>" not in shown
    assert "<b>" not in show.status_line("<b>")


def test_a_picture_in_the_page_is_the_picture() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    kind, data = show.data_uri(picture).split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert np.array_equal(np.asarray(image), picture[..., 0])
