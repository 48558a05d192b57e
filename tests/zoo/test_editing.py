"""Editing: what is known stays, the ends of a path are its ends, and strength is a distance."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis.utils.images import save_png
from pedesis_zoo.evaluation.prompts import real_prompts
from pedesis_zoo.evaluation.super_resolution import bicubic
from pedesis_zoo.generation.batches import finished
from pedesis_zoo.generation.editing import (
    downsample,
    image_to_image,
    inpaint,
    interpolate,
    preprocess,
    super_resolution,
)
from pedesis_zoo.generation.pipeline import Snapshot, chunks, padded

SIZE = (8, 8)


@pytest.fixture(scope="module")
def digits() -> zoo.ImageModel:
    return zoo.load("digits")


@pytest.fixture(scope="module")
def three(digits: zoo.ImageModel) -> np.ndarray:
    return zoo.sample(digits, "3", [1])[0]


@pytest.mark.parametrize("repeats", [1, 3])
def test_only_the_hole_is_drawn(digits: zoo.ImageModel, three: np.ndarray, repeats: int) -> None:
    hole = np.zeros(SIZE, dtype=bool)
    hole[4:, 2:] = True
    generated = finished(inpaint(digits, three, hole, "8", range(3), repeats=repeats, sampler="ddpm", steps=6))
    assert (generated[:, ~hole] == three[~hole]).all()
    assert (generated[:, hole] != three[hole]).mean() > 0.5
    assert (generated[0] != generated[1]).any()


def test_repeats_are_other_walks(digits: zoo.ImageModel, three: np.ndarray) -> None:
    hole = np.ones(SIZE, dtype=bool)
    once, again = (
        finished(inpaint(digits, three, hole, "8", [0], repeats=repeats, sampler="ddim", steps=5)) for repeats in (1, 2)
    )
    assert np.array_equal(once, zoo.sample(digits, "8", [0], sampler="ddim", steps=5)), "a hole that is everything"
    assert not np.array_equal(once, again)


@pytest.mark.parametrize(
    "hole", [np.zeros(SIZE, dtype=bool), np.ones(SIZE), np.ones((8, 9), dtype=bool), np.ones((1, 8, 8), dtype=bool)]
)
def test_a_hole_must_be_one(digits: zoo.ImageModel, three: np.ndarray, hole: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the hole must be true somewhere"):
        inpaint(digits, three, hole, "8")


def test_strength_is_a_distance_from_the_picture(digits: zoo.ImageModel, three: np.ndarray, precision: str) -> None:
    distances = []
    for strength in (0.1, 0.4, 1.0):
        varied = finished(image_to_image(digits, three, strength, None, range(16), steps=10, guidance=1.0))
        distances.append(np.abs(varied.astype(float) - three).mean())
    assert distances[0] < 0.5 * distances[1] < 0.5 * distances[2], distances
    with pytest.raises(ValueError, match="strength"):
        image_to_image(digits, three, 0.0)
    with pytest.raises(ValueError, match="draws pictures of"):
        image_to_image(digits, three[:7], 0.5)


def test_sharpened_pictures_agree_with_the_coarse_one(
    digits: zoo.ImageModel, three: np.ndarray, precision: str
) -> None:
    small = downsample(three, 2)
    assert small.shape == (4, 4, 1) and small[0, 0, 0] == np.rint(three[:2, :2].mean())
    generated = finished(super_resolution(digits, small, 2, "3", range(4), sampler="ddpm", steps=10, guidance=1.0))
    plain = zoo.sample(digits, "3", range(4), sampler="ddpm", steps=10, guidance=1.0)
    off, plain_off = (
        np.mean([np.abs(downsample(picture, 2).astype(float) - small).mean() for picture in pictures])
        for pictures in (generated, plain)
    )
    assert off < 3 and plain_off > 15, (off, plain_off)
    assert np.abs(generated.astype(float) - three).mean() < 0.6 * np.abs(plain.astype(float) - three).mean()
    with pytest.raises(ValueError, match="not 2 times"):
        super_resolution(digits, small[:3], 2)
    with pytest.raises(ValueError, match="whose sides it divides"):
        downsample(three, 3)


def apart(pictures: np.ndarray, small: np.ndarray) -> np.ndarray:
    """How far the coarse versions of pictures are from the one that was given, in gray levels, (B,)."""
    return np.array([np.abs(downsample(picture, 2).astype(float) - small).mean() for picture in pictures])


@pytest.mark.everywhere
def test_guidance_keeps_what_was_measured(digits: zoo.ImageModel, three: np.ndarray, precision: str) -> None:
    """It multiplies what each half misses of the measurement. Corrected, 0.25 to 1.94 gray levels of a picture are left
    and 0.59 to 0.95 of eight, over 32 pictures in two precisions."""
    small = downsample(three, 2)
    generated = finished(super_resolution(digits, small, 2, "3", range(8), guidance=3.0, steps=6))
    assert apart(generated, small).mean() < 1.5


@pytest.mark.everywhere
def test_guidance_does_not_lead_sharpened_pictures_astray() -> None:
    """With the model's own settings: the distance to the truth as a share of that of the bicubic enlargement.

    It was 0.2 to 1.2 where guidance was believed; now 0.13 to 0.19 over 32 pictures in two precisions.
    """
    _, real, captions = real_prompts("heroes", 2, "held-out")
    truth, small = real.pixels[1], downsample(real.pixels[1], 2)
    generated = finished(super_resolution(zoo.load("heroes"), small, 2, captions[1], range(8)))
    off = np.abs(generated.astype(float) - truth).mean((1, 2, 3))
    assert (off < 0.32 * np.abs(bicubic(small[None], 32)[0].astype(float) - truth).mean()).all(), off
    assert apart(generated, small).max() < 0.5, "gray levels"


@pytest.mark.everywhere
def test_edits_depend_on_their_seed_alone(digits: zoo.ImageModel, three: np.ndarray, precision: str) -> None:
    hole = np.arange(64).reshape(SIZE) % 3 > 0
    small = downsample(three, 2)
    ways: list[Callable[[Sequence[int]], Iterator[Snapshot]]] = [
        lambda seeds: inpaint(digits, three, hole, "8", seeds, repeats=2, sampler="ddpm", steps=2),
        lambda seeds: image_to_image(digits, three, 0.6, "8", seeds, sampler="dpm++2m-sde", steps=3),
        lambda seeds: super_resolution(digits, small, 2, "3", seeds, guidance=3.0, steps=2),
    ]
    for way in ways:
        whole = finished(way(range(11)))
        for seeds in ([0], [9], [0, 1, 2], list(range(7))):
            assert np.array_equal(finished(way(seeds)), whole[seeds])


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_path_between_seeds_ends_at_both(digits: zoo.ImageModel, sampler: str) -> None:
    path = finished(interpolate(digits, 4, 9, 11, "3", sampler=sampler, steps=5))
    ends = zoo.sample(digits, "3", [4, 9], sampler=sampler, steps=5)
    assert len(path) == 11 and np.array_equal(path[[0, -1]], ends)
    steps = np.abs(np.diff(path.astype(float), axis=0)).mean((1, 2, 3))
    assert steps.max() < np.abs(ends[0].astype(float) - ends[1]).mean(), "no step is as long as the way"


def test_a_path_between_conditions_ends_at_both(digits: zoo.ImageModel) -> None:
    path = finished(interpolate(digits, 4, 4, 5, "3", "8", steps=5))
    ends = zoo.sample(digits, ["3", "8"], [4, 4], steps=5)
    assert np.abs(path[[0, -1]].astype(int) - ends).max() <= 1, "up to rounding"
    assert (path[2] != ends[0]).any() and (path[2] != ends[1]).any()


def test_a_path_has_two_ends(digits: zoo.ImageModel) -> None:
    with pytest.raises(ValueError, match="at least 2 pictures"):
        interpolate(digits, 0, 1, 1)
    with pytest.raises(ValueError, match="a seed must lie between 0"):
        interpolate(digits, 0, -1, 4)


def test_files_are_fitted_to_the_model(digits: zoo.ImageModel, three: np.ndarray, tmp_path: Path) -> None:
    save_png(three, tmp_path / "three.png")
    assert np.array_equal(preprocess(digits, tmp_path / "three.png"), three), "a picture of the right size is kept"
    colors = np.zeros((40, 100, 3), dtype=np.uint8)
    colors[..., 0] = 255
    save_png(colors, tmp_path / "red.png")
    assert np.array_equal(np.unique(preprocess(digits, tmp_path / "red.png")), [76]), "the gray of red, ITU-R 601"
    with pytest.raises(ValueError, match="red.png has 100x40 pixels, more than 3,999"):
        preprocess(digits, tmp_path / "red.png", largest=3999)
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(ValueError, match="cannot be read as a picture"):
        preprocess(digits, tmp_path / "words.png")


def test_rows_are_padded_to_whole_chunks() -> None:
    assert padded([1, 2, 3]) == [1, 2, 3, 3] and padded([0] * 8) == [0] * 8 and len(padded([0] * 9)) == 9
    for count in range(1, 200):
        rows = chunks(count)
        sizes = [part.stop - part.start for part in rows]
        assert [part.start for part in rows] == np.cumsum([0, *sizes[:-1]]).tolist(), "one after the other"
        assert count <= rows[-1].stop == len(padded([0] * count)) < count + 4
        assert all(size in (1, 2, 4, 8, 16, 24, 32) for size in sizes)
