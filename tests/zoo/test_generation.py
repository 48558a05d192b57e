"""`generate`: the same seed gives the same bytes, whatever the batch; wrong settings are named before any work."""

from typing import Any

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS


@pytest.fixture(scope="module")
def digits() -> zoo.ImageModel:
    return zoo.load("digits")


def test_a_picture_depends_on_its_seed_alone(digits: zoo.ImageModel) -> None:
    whole = zoo.sample(digits, 3, range(64), steps=4)
    for number in (1, 2, 3, 7):
        assert np.array_equal(zoo.sample(digits, 3, range(number), steps=4), whole[:number])
    assert np.array_equal(zoo.sample(digits, 3, [17], steps=4)[0], whole[17])
    assert not np.array_equal(whole[0], whole[1])


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_every_sampler_draws_the_same_bytes_twice(digits: zoo.ImageModel, sampler: str) -> None:
    first, second = (zoo.sample(digits, "5", range(3), steps=5, sampler=sampler) for _ in range(2))
    assert first.dtype == np.uint8 and first.shape == (3, 8, 8, 1)
    assert np.array_equal(first, second)


def test_snapshots_tell_the_story(digits: zoo.ImageModel) -> None:
    story = list(zoo.generate(digits, [1, None, "7"], range(3), steps=6))
    assert [s.step for s in story] == list(range(7)) and [s.finished for s in story] == [False] * 6 + [True]
    assert story[0].t == 1 and story[-1].t == 0
    assert np.array_equal(story[-1].x_t, story[-1].x0)
    noise, clean = story[0].x_t.std(), story[-1].x0.std()
    assert noise > 0 and clean > 0 and all(s.x0.shape == (3, 8, 8, 1) for s in story)


def test_one_class_per_picture_and_the_class_matters(digits: zoo.ImageModel) -> None:
    mixed = zoo.sample(digits, ["0", 1, None], [5, 5, 5])
    assert np.array_equal(mixed[0], zoo.sample(digits, 0, [5])[0])
    assert np.array_equal(mixed[2], zoo.sample(digits, None, [5])[0])
    assert not np.array_equal(mixed[0], mixed[1])


def test_guidance_zero_ignores_the_class(digits: zoo.ImageModel) -> None:
    assert np.array_equal(zoo.sample(digits, 4, [1], guidance=0), zoo.sample(digits, None, [1], guidance=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"condition": "sevem"}, "unknown class 'sevem'"),
        ({"condition": 10}, "unknown class 10"),
        ({"condition": True}, "unknown class True"),
        ({"condition": [1, 2]}, "2 classes were given for 1 images"),
        ({"steps": 0}, "steps must lie between 1 and"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"steps": True}, "steps must be a whole number"),
        ({"guidance": float("nan")}, "guidance must be a finite number"),
        ({"guidance": float("inf")}, "guidance must be a finite number"),
        ({"guidance": -1}, "guidance must lie between"),
        ({"guidance": "2"}, "guidance must be a finite number"),
        ({"sampler": "dimm"}, "unknown sampler 'dimm'; did you mean 'ddim'"),
        ({"sampler": {"name": "ddim", "eta": 3}}, "eta must lie between 0"),
        ({"sampler": {"name": "ddim", "speed": 3}}, "cannot be built from"),
        ({"grid": "unifrom"}, "did you mean 'uniform'"),
        ({"seeds": []}, "no seeds"),
        ({"seeds": [-1]}, "a seed must lie between 0"),
    ],
)
def test_wrong_settings_are_named_before_any_work(
    digits: zoo.ImageModel, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        zoo.generate(digits, **arguments)  # not even iterated
