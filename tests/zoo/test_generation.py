"""`generate`: the same seed gives the same bytes, whatever the batch; wrong settings are named before any work."""

from typing import Any

import numpy as np
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS
from pedesis.utils.noise import PerSeed
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.generation.sampling import EVERYWHERE, make_pipeline


@pytest.fixture(scope="module")
def digits() -> zoo.ImageModel:
    return zoo.load("digits")


@pytest.mark.everywhere
def test_a_picture_depends_on_its_seed_alone(digits: zoo.ImageModel, precision: str) -> None:
    whole = zoo.sample(digits, 3, range(64), steps=4)
    for number in (1, 2, 3, 7):
        assert np.array_equal(zoo.sample(digits, 3, range(number), steps=4), whole[:number])
    assert np.array_equal(zoo.sample(digits, 3, [17], steps=4)[0], whole[17])
    assert not np.array_equal(whole[0], whole[1])


@pytest.mark.everywhere
@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_every_sampler_draws_the_same_bytes_twice(digits: zoo.ImageModel, sampler: str, precision: str) -> None:
    first, second = (zoo.sample(digits, "5", range(3), steps=5, sampler=sampler) for _ in range(2))
    assert first.dtype == np.uint8 and first.shape == (3, 8, 8, 1)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("variance", ["posterior", "beta", "optimal"])
def test_a_picture_is_the_last_estimate_without_noise(variance: str) -> None:
    """Whatever width the model gives p(x_0 | x_t): up to rounding, as its t = 0 is a little short of clean data."""
    settings: dict[str, Any] = {"sampler": {"name": "ddpm", "variance": variance}, "steps": 3}
    *_, before, last = zoo.generate("fashion-mnist-nll", seeds=[4], **settings)
    assert np.abs(last.x0.astype(int) - before.x0).max() <= 1


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


def test_a_negative_condition_is_the_common_negative_prompt(digits: zoo.ImageModel) -> None:
    """u + g (c - u) - (g - 1)(n - u) = n + g (c - n)."""
    x_t, inner, scale = PerSeed(range(8))(torch.empty(8, *digits.shape)), digits.denoiser, 3.0
    pipeline = make_pipeline(digits, "3", range(8), negative="5", guidance=scale, interval=EVERYWHERE)
    x0 = pipeline.denoiser(slice(0, 8)).inner(x_t, 0.7, pipeline.condition).x0
    wanted, unwanted = (inner.x0(x_t, 0.7, digits.condition(label, 8)) for label in ("3", "5"))
    torch.testing.assert_close(x0, unwanted + scale * (wanted - unwanted), atol=1e-4, rtol=1e-4)


def test_a_condition_asked_for_twice_counts_twice(digits: zoo.ImageModel) -> None:
    """The product of a condition with itself: u + g (c - u) + g (c - u) = u + 2 g (c - u)."""
    twice = zoo.sample(digits, "3", range(4), also="3", guidance=1.0, steps=4)
    once = zoo.sample(digits, "3", range(4), guidance=2.0, steps=4, interval=EVERYWHERE)
    assert np.abs(twice.astype(int) - once).max() <= 1, "up to rounding"
    mixed = zoo.sample(digits, "3", range(4), also="8", guidance=1.0, steps=4)
    assert np.abs(mixed.astype(int) - once).max() > 50


def test_up_to_scale_one_a_negative_condition_does_nothing(digits: zoo.ImageModel) -> None:
    for scale in (0.0, 1.0):
        plain, kept_away = (
            zoo.sample(digits, "3", range(4), guidance=scale, steps=4, **more) for more in ({}, {"negative": "5"})
        )
        assert np.abs(plain.astype(int) - kept_away).max() <= 1


def test_rescaling_keeps_the_spread_of_the_conditional_estimate(digits: zoo.ImageModel) -> None:
    x_t, inner = PerSeed(range(8))(torch.empty(8, *digits.shape)), digits.denoiser
    labels = digits.condition("3", 8)
    spread = inner.x0(x_t, 0.7, labels).flatten(1).std(1)
    for more in ({}, {"negative": "5"}):
        pipeline = make_pipeline(digits, "3", range(8), guidance=5.0, rescale=1.0, interval=EVERYWHERE, **more)  # type: ignore[arg-type]
        x0 = pipeline.denoiser(slice(0, 8)).inner(x_t, 0.7, labels).x0
        torch.testing.assert_close(x0.flatten(1).std(1), spread, atol=1e-4, rtol=1e-4)


def test_a_student_is_asked_for_scales_that_it_has_learned() -> None:
    student = zoo.load("fashion-mnist-student-1")
    assert zoo.sample(student, "bag", guidance=6).shape == (1, 28, 28, 1)
    for scale in (0, 0.9, 6.5):
        with pytest.raises(ValueError, match="guidance must lie between 1 and 6"):
            zoo.generate(student, "bag", guidance=scale)


@pytest.mark.everywhere
def test_composed_pictures_depend_on_their_seed_alone(digits: zoo.ImageModel, precision: str) -> None:
    labels, others = [i % 10 for i in range(11)], [(i + 4) % 10 for i in range(11)]
    whole = zoo.sample(digits, labels, range(11), negative=others, guidance=3.0, steps=3)
    alone = zoo.sample(digits, labels[9:10], [9], negative=others[9:10], guidance=3.0, steps=3)
    assert np.array_equal(alone[0], whole[9])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"negative": "sevem"}, "unknown class 'sevem'"),
        ({"also": [1, 2]}, "2 conditions were given for 1 images"),
        ({"rescale": 1.5}, "rescale must lie between 0 and 1"),
        ({"rescale": float("nan")}, "rescale must be a finite number"),
        ({"condition": "sevem"}, "unknown class 'sevem'"),
        ({"condition": 10}, "unknown class 10"),
        ({"condition": True}, "unknown class True"),
        ({"condition": [1, 2]}, "2 conditions were given for 1 images"),
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


def test_a_palette_is_kept_by_finished_pictures_alone() -> None:
    settings: dict[str, Any] = {"condition": "short black hair", "seeds": [3], "steps": 2}
    plain = list(zoo.generate("avatars", **settings))
    kept = list(zoo.generate("avatars", **settings, palette=True))
    colors = COMPOSED["avatars"].source().palette.astype(int)
    for before, after in zip(plain[:-1], kept[:-1], strict=True):
        np.testing.assert_array_equal(before.x0, after.x0)
    pixels = plain[-1].x0.reshape(-1, 3).astype(int)
    distances = ((pixels[:, None] - colors) ** 2).sum(2)
    moved = ((kept[-1].x0.reshape(-1, 3).astype(int) - pixels) ** 2).sum(1)
    np.testing.assert_array_equal(moved, distances.min(1))  # each to the nearest color
    assert moved.any() and {*map(tuple, kept[-1].x0.reshape(-1, 3).tolist())} <= {*map(tuple, colors.tolist())}
    np.testing.assert_array_equal(zoo.sample("avatars", **settings, palette=True), kept[-1].x0)
    with pytest.raises(ValueError, match="only models of pixel art"):
        zoo.sample("digits", "3", palette=True)
    with pytest.raises(ValueError, match="palette must be True or False; got 'yes'"):
        zoo.sample("avatars", "short black hair", palette="yes")  # type: ignore[arg-type]
