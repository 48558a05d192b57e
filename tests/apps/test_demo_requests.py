"""Requests of the demo: validated before anything is computed, true to the script they show, and carried by files."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from comparison import compared
from generation_request import (
    ALL_CLASSES,
    MOST_SEED,
    NO_CLASS,
    NOTHING,
    GenerationRequest,
    Hole,
    ImageToImage,
    SuperResolution,
    Walk,
    from_png,
    from_query,
    parse_request,
    takes_eta,
)
from PIL import Image

import pedesis_zoo as zoo
from pedesis.utils.images import save_png

GOOD: dict[str, Any] = {"model": "digits", "sampler": "ddim", "steps": 5, "grid": "uniform", "number": 3, "seed": 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"guidance": float("nan")}, "guidance"),
        ({"guidance": float("inf")}, "guidance"),
        ({"guidance": 8.5}, "less than or equal to 8"),
        ({"guidance": True}, "not numbers"),
        ({"guidance": "2"}, "guidance"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"steps": 10**9}, "less than or equal to 200"),
        ({"steps": 4.7}, "steps"),
        ({"steps": None}, "steps"),
        ({"number": 17}, "less than or equal to 16"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": 2**40}, "seed"),
        ({"label": "x" * 201}, "at most 200"),
        ({"prompt": "x" * 301}, "at most 300"),
        ({"negative": "x" * 301}, "at most 300"),
        ({"rescale": 1.01}, "less than or equal to 1"),
        ({"eta": -0.1}, "greater than or equal to 0"),
        ({"eta": float("nan")}, "eta"),
        ({"interval_low": float("-inf")}, "interval_low"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_requests_are_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_request(**{**GOOD, **change})
    assert "\n" not in str(caught.value) and "; got " in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (Hole, {"hole": "0102"}, "hole"),
        (Hole, {"hole": "1" * 20_000}, "hole"),
        (Hole, {"hole": None}, "hole"),
        (Hole, {"hole": "1", "repeats": 11}, "less than or equal to 10"),
        (ImageToImage, {"strength": 0.0}, "greater than 0"),
        (ImageToImage, {"strength": float("nan")}, "strength"),
        (SuperResolution, {"factor": 1}, "greater than or equal to 2"),
        (Walk, {"second_seed": -1}, "second_seed"),
        (Walk, {"second_seed": True}, "not numbers"),
    ],
)
def test_wrong_edits_are_one_sentence(kind: type[GenerationRequest], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_request(kind, **{**GOOD, **change})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_an_interval_has_two_ends_in_order() -> None:
    assert parse_request(**GOOD).interval is None and parse_request(**GOOD, interval_low=-1.0).interval == (-1.0, 20.0)
    with pytest.raises(ValueError, match="low < high; got 3 and 3"):
        parse_request(**GOOD, interval_low=3.0, interval_high=3.0)


def test_every_picture_of_a_request_can_be_asked_for_alone() -> None:
    parse_request(**{**GOOD, "seed": MOST_SEED - 7, "number": 8})
    with pytest.raises(ValueError, match="the seed of the last picture is"):
        parse_request(**{**GOOD, "seed": MOST_SEED - 6, "number": 8})


def test_sliders_may_send_whole_numbers_as_floats() -> None:
    assert parse_request(**{**GOOD, "steps": 7.0, "guidance": 2}).steps == 7


def test_samplers_that_take_eta() -> None:
    assert takes_eta("ddim") and not takes_eta("ddpm")
    with pytest.raises(ValueError, match="unknown sampler 'dimm'"):
        takes_eta("dimm")


@pytest.mark.parametrize(
    "change",
    [
        {"label": ALL_CLASSES},
        {"label": NO_CLASS},
        {"label": "3"},
        {"label": "3", "eta": 0.7},
        {"label": "3", "negative": "8", "rescale": 0.5, "interval_low": -3.0, "interval_high": 4.0},
        {"label": "3", "also": "1", "negative": NOTHING},
    ],
)
def test_the_script_draws_the_same_pictures(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, model = parse_request(**GOOD, **change), zoo.load("digits")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(asked.script(model), names)
    direct = zoo.sample(model, asked.wanted(model), asked.seeds(), **asked.settings(model))  # type: ignore[arg-type]
    assert np.array_equal(names["pixels"], direct)
    assert (tmp_path / "pictures.png").is_file()


def test_settings_say_what_was_asked() -> None:
    model = zoo.load("digits")
    chosen = parse_request(**{**GOOD, "eta": 0.5, "negative": "8", "also": NOTHING, "interval_high": 3.0}).settings(
        model
    )
    assert chosen["sampler"] == {"name": "ddim", "eta": 0.5} and chosen["interval"] == (-20, 3.0)
    assert chosen["negative"] == "8" and not {"also", "rescale"} & set(chosen)
    assert parse_request(**{**GOOD, "sampler": "ddpm", "eta": 0.5}).settings(model)["sampler"] == "ddpm"


def test_a_link_carries_every_setting() -> None:
    asked = parse_request(**GOOD, label="3", guidance=3.5, negative="8", eta=0.25, rescale=0.1, interval_low=-2.0)
    for each in (asked, asked.model_copy(update={"palette": True})):
        assert from_query(dict(parse_qsl(each.query()))) == each
    assert from_query({"__theme": "dark"}) is None
    with pytest.raises(ValueError, match="steps"):
        from_query({**dict(parse_qsl(asked.query())), "steps": "many"})


def test_a_png_carries_every_setting(tmp_path: Path) -> None:
    asked = parse_request(**GOOD, label="ä 3", guidance=3.5)
    save_png(np.zeros((4, 4, 1), dtype=np.uint8), tmp_path / "a.png", asked.metadata())
    assert from_png(tmp_path / "a.png") == asked
    edit = parse_request(ImageToImage, **GOOD, strength=0.3)
    save_png(np.zeros((4, 4, 1), dtype=np.uint8), tmp_path / "b.png", edit.metadata())
    assert from_png(tmp_path / "b.png") == parse_request(**GOOD), "what an edit shares with other requests"


def test_the_request_for_one_picture_of_several() -> None:
    model = zoo.load("digits")
    asked = parse_request(**{**GOOD, "number": 12})
    whole = zoo.sample(model, asked.wanted(model), asked.seeds(), steps=2)
    alone = asked.alone(11, model)
    assert (alone.seed, alone.number, alone.label) == (15, 1, "1")
    assert np.array_equal(zoo.sample(model, alone.wanted(model), alone.seeds(), steps=2)[0], whole[11])


@pytest.mark.parametrize("content", ["plain", "list", "words", "wrong"])
def test_other_files_are_one_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    if content == "words":
        path.write_text("no picture")
    elif content == "plain":
        Image.new("L", (4, 4)).save(path)
    else:
        text = '["a"]' if content == "list" else '{"model": "digits", "steps": 10000}'
        save_png(np.zeros((4, 4, 1), dtype=np.uint8), path, {"pedesis": text})
    with pytest.raises(ValueError, match="steps" if content == "wrong" else "carries no settings"):
        from_png(path)


def test_a_comparison_changes_one_thing() -> None:
    model = zoo.load("digits")
    asked = parse_request(**GOOD, label="3", guidance=3.0)
    columns = compared(asked, "guidance", "0\n 1.5\n\n8 ", model)
    assert [name for name, _ in columns] == ["guidance 0", "guidance 1.5", "guidance 8"]
    assert [one for _, one in columns] == [asked.model_copy(update={"guidance": g}) for g in (0, 1.5, 8)]
    assert [one.label for _, one in compared(asked, "condition", "1\n2", model)] == ["1", "2"]
    assert [one.sampler for _, one in compared(asked, "sampler", "ddim\nddpm", model)] == ["ddim", "ddpm"]


@pytest.mark.parametrize(
    ("by", "lines", "number", "message"),
    [
        ("seed", "1\n2", 3, "comparisons are by guidance"),
        ("steps", "1", 3, "give 2 to 8 values"),
        ("steps", "\n".join("123456789"), 3, "give 2 to 8 values"),
        ("steps", "1\nmany", 3, "steps"),
        ("guidance", "1\nnan", 3, "guidance"),
        ("steps", "1\n2", 5, "at most 4 rows"),
    ],
)
def test_wrong_comparisons_are_one_sentence(by: str, lines: str, number: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compared(parse_request(**{**GOOD, "number": number}), by, lines, zoo.load("digits"))


def test_a_hole_has_the_shape_of_the_model() -> None:
    model = zoo.load("digits")
    mask = parse_request(Hole, **GOOD, hole="1" + "0" * 62 + "1").mask(model)
    assert mask.shape == (8, 8) and mask[0, 0] and mask[7, 7] and mask.sum() == 2
    with pytest.raises(ValueError, match="64 digits, 0 or 1; got 63"):
        parse_request(Hole, **GOOD, hole="1" * 63).mask(model)
    with pytest.raises(ValueError, match="paint over a part"):
        parse_request(Hole, **GOOD, hole="0" * 64).mask(model)
