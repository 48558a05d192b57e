"""Inversion: the noise of a picture gives the picture back, and the error that is said is the error there is."""

import numpy as np
import pytest

import pedesis_zoo as zoo


@pytest.fixture(scope="module")
def digits() -> zoo.ImageModel:
    return zoo.load("digits")


@pytest.fixture(scope="module")
def pixels(digits: zoo.ImageModel) -> np.ndarray:
    return zoo.sample(digits, [3, 8, 1], seeds=range(3))


def test_more_steps_give_the_pictures_back(digits: zoo.ImageModel, pixels: np.ndarray, precision: str) -> None:
    """Of 255 gray levels 10 steps miss by 9 to 58 and 80 steps by 1.4 to 4.2; asked for is a third, and at most 8."""
    downsample, fine = (zoo.invert(digits, pixels, [3, 8, 1], steps=steps) for steps in (10, 80))
    assert (fine.error < downsample.error / 3).all() and (fine.error < 8).all()
    difference = (fine.reconstruction.astype(float) - pixels).reshape(3, -1)
    np.testing.assert_allclose(fine.error, np.sqrt((difference**2).mean(1)))
    assert 0.5 < float(fine.noise.std()) < 1.2
    assert np.array_equal(fine.draw([3, 8, 1]), fine.reconstruction)


def test_a_picture_has_its_own_noise_whatever_is_beside_it(
    digits: zoo.ImageModel, pixels: np.ndarray, precision: str
) -> None:
    every = zoo.invert(digits, np.concatenate([pixels] * 3), [3, 8, 1] * 3, steps=4)
    alone = zoo.invert(digits, pixels[1:2], 8, steps=4)
    assert np.array_equal(every.noise[7].numpy(), alone.noise[0].numpy()) and every.noise.shape == (9, 1, 8, 8)


def test_the_noise_may_be_drawn_under_another_condition(digits: zoo.ImageModel, pixels: np.ndarray) -> None:
    found = zoo.invert(digits, pixels, [3, 8, 1], steps=10)
    other = found.draw("0", guidance=2)
    assert other.shape == pixels.shape and not np.array_equal(other, found.reconstruction)


def test_what_cannot_be_inverted_is_named(digits: zoo.ImageModel, pixels: np.ndarray) -> None:
    for arguments, settings, says in (
        ((pixels, 3), {"sampler": "ddpm"}, "draws noise"),
        ((pixels[:, :4], 3), {}, "draws pictures"),
        ((pixels[0], 3), {}, "pixels.None."),
        ((pixels / 255, 3), {}, "to_pixels"),
        ((pixels[:0], 3), {}, "draws pictures"),
        ((pixels, [3, 8]), {}, "conditions"),
    ):
        with pytest.raises(ValueError, match=says):
            zoo.invert(digits, *arguments, **settings)  # type: ignore[arg-type]
