"""What the tabs do, called directly: they draw what the library draws, stop when they are let go, and fit the model."""

import base64
import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import pedesis_zoo as zoo
from pedesis.utils.images import make_grid, resize_nearest, save_png
from pedesis_zoo.generation.palette import palette_of
from pedesis_zoo.models.measurements import Table

DEMO = Path(__file__).parents[2] / "apps" / "gradio_demo"
sys.path.insert(0, str(DEMO))

import disk  # noqa: E402
import events  # noqa: E402
import models  # noqa: E402
import painter  # noqa: E402
import show  # noqa: E402
import widgets  # noqa: E402
from generation_request import ALL_CLASSES, NOTHING, from_png  # noqa: E402
from tabs import about, classifier, compare, edit, generate, live  # noqa: E402

ASKED: dict[str, Any] = {
    "model": "digits",
    "label": "3",
    "prompt": "",
    "guidance": 2.0,
    "seed": 5,
    "number": 2,
    "sampler": "ddim",
    "steps": 4,
    "grid": "uniform",
}
GENERATE = {
    **ASKED,
    "randomize": False,
    "eta": 0.0,
    "also": NOTHING,
    "negative": NOTHING,
    "interval_low": -20.0,
    "interval_high": 20.0,
    "rescale": 0.0,
    "palette": False,
}
EDIT = {**ASKED, "eta": 0.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what the demo writes."""
    monkeypatch.setattr(disk, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def own(demo_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weight files of the test, known to the demo."""
    monkeypatch.setattr(models, "own_models", {path.name: path for path in demo_models.glob("*.safetensors")})
    models.load.let_go()


@pytest.fixture
def three(tmp_path: Path) -> str:
    """A picture to edit."""
    save_png(zoo.sample("digits", "3", [1])[0], tmp_path / "three.png")
    return str(tmp_path / "three.png")


@pytest.fixture
def evaluations() -> Iterator[list[int]]:
    """Counts how often the digits' network is asked."""
    count: list[int] = []
    hook = models.load("digits").denoiser.network.register_forward_hook(lambda *_: count.append(1))
    yield count
    hook.remove()


def last(results: Iterator[Any]) -> Any:
    *_, end = results
    return end


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


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


def test_inpainting_keeps_what_is_not_painted(three: str) -> None:
    hole = "0" * 32 + "1" * 32
    value = {**painter.to_paint(np.zeros((8, 8, 1), dtype=np.uint8)), "mask": hole}
    for given in (hole, value):
        files, _, status, shown = last(edit.inpainting(**{**EDIT, "number": 1}, picture=three, hole=given, repeats=2))
        assert "1 picture" in status and "hole" in shown
        drawn = pixels(files[0][0])[32::64, 32::64]
        assert np.array_equal(drawn[:4], pixels(three)[:4]) and not np.array_equal(drawn[4:], pixels(three)[4:])


@pytest.mark.parametrize(
    ("act", "change", "message"),
    [
        (edit.inpainting, {"hole": "0" * 64, "repeats": 1}, "paint over a part"),
        (edit.inpainting, {"hole": "1" * 65, "repeats": 1}, "64 digits"),
        (edit.inpainting, {"hole": "1" * 64, "repeats": 1, "picture": None}, "there is no picture yet"),
        (edit.variations, {"strength": 0}, "greater than 0"),
        (edit.variations, {"strength": float("nan")}, "strength"),
        (edit.super_resolving, {"factor": 3}, "whose sides it divides"),
        (edit.super_resolving, {"factor": 2, "picture": __file__}, "cannot be read as a picture"),
    ],
)
def test_wrong_edits_are_sentences(three: str, act: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(gr.Error, match=message):
        last(act(**{**EDIT, "picture": three, **change}))


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (5000, 5000)).save(tmp_path / "huge.png")
    with pytest.raises(gr.Error, match="5000x5000 pixels, more than"):
        last(edit.variations(**EDIT, picture=str(tmp_path / "huge.png"), strength=0.5))


def test_the_other_edits_draw(three: str) -> None:
    for results, caption in (
        (edit.variations(**EDIT, picture=three, strength=0.5), "the picture"),
        (edit.super_resolving(**EDIT, picture=three, factor=2), "the small picture"),
    ):
        files, png, status, shown = last(results)
        assert [caption for _, caption in files] == ["seed 5", "seed 6"]
        assert caption in shown and "2 pictures" in status
        with Image.open(png) as image:
            assert '"seed":5' in image.info["pedesis"]
    files, png, status, shown = last(edit.interpolating(**{**EDIT, "number": 5}, second_seed=9, other="8"))
    assert "5 pictures" in status and "from seed 5 to seed 9" in shown and "seeds 5 to" not in shown
    assert [caption for _, caption in files] == ["seed 5", "1 of 4", "2 of 4", "3 of 4", "seed 9, 8"]


def test_a_drawn_picture_is_edited_as_it_is() -> None:
    asked = {name: value for name, value in EDIT.items() if name != "number"}
    path, status = last(edit.draw_source(**asked))
    assert "Choose what to do" in status
    assert np.array_equal(
        pixels(path), zoo.sample("digits", "3", [5], guidance=2.0, sampler="ddim", steps=4)[0, ..., 0]
    )
    value = edit.to_edit("digits", path)
    assert value is not None and (value["width"], value["height"], value["mask"]) == (8, 8, "")
    assert edit.to_edit("digits", None) is None


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
