"""Pictures of one's own, measured: against data sets, folders and arrays, in features that are right or in none."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import pedesis_zoo as zoo
from pedesis.utils.images import Pixels, save_png
from pedesis_zoo.data import load_data
from pedesis_zoo.evaluation.comparison import EXTRACTORS, with_channels
from pedesis_zoo.evaluation.metrics import kernel_distance, nearest_other

DISTANCE, SHARE = "Frechet distance", "share nearer than the nearest 1 % of reference pictures"


def folder(path: Path, pixels: Pixels) -> Path:
    path.mkdir()
    for i, picture in enumerate(pixels):
        save_png(picture, path / f"{i:04}.png")
    return path


def moments(pixels: Pixels) -> Tensor:
    """Features whose Frechet distance is known: the mean of each half of a picture."""
    return torch.as_tensor(pixels.reshape(len(pixels), 2, -1).mean(2))


@pytest.fixture(scope="module")
def digits() -> Pixels:
    return load_data("digits").pixels


def test_a_folder_against_a_data_set_in_the_features_that_are_right(tmp_path: Path) -> None:
    real = load_data("fashion-mnist", "train").pixels[:300]
    same = zoo.compare(folder(tmp_path / "real", real), "fashion-mnist", number=600)
    noise = zoo.compare(np.random.default_rng(0).integers(0, 256, real.shape, np.uint8), "fashion-mnist", number=600)
    assert "fashion-mnist-features" in same.features and same[DISTANCE].value < noise[DISTANCE].value / 3
    assert same["precision"].value > 0.6 > noise["precision"].value


def test_no_distance_is_given_where_no_features_are_right(tmp_path: Path, digits: Pixels) -> None:
    found = zoo.compare(folder(tmp_path / "a", digits[:40]), folder(tmp_path / "b", digits[40:80]), size=8)
    assert DISTANCE not in found.results and "no frozen model here knows such pictures" in found.features
    assert "fashion-mnist-features" in str(found), "and what could be named is"


def test_features_of_ones_own_give_the_distance_of_two_gaussians(digits: Pixels) -> None:
    random_shift = (digits[:400] // 2 + 20).astype(np.uint8)
    a, b = (moments(pixels).double() for pixels in (digits[:400], random_shift))
    first, second = (torch.cov(features.T) for features in (a, b))
    eigenvalues = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    true = (a.mean(0) - b.mean(0)).square().sum() + first.trace() + second.trace() - 2 * eigenvalues
    found = zoo.compare(random_shift, digits[:400], moments)
    assert found[DISTANCE].value == pytest.approx(float(true), rel=1e-3)


def test_copies_are_noticed_without_features(digits: Pixels) -> None:
    assert zoo.compare(digits[:100], digits)[SHARE].value == 1
    assert zoo.compare(load_data("digits", "test").pixels, digits)[SHARE].value < 0.05
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert nearest_other(line).tolist() == [1, 1, 2, 4]


def test_a_model_against_a_folder(tmp_path: Path, digits: Pixels) -> None:
    found = zoo.evaluate("digits", folder(tmp_path / "mine", digits[:60]), number=50, steps=3)
    noise = zoo.compare(np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8), digits[:60])
    near = "gray levels to the nearest reference picture, median"
    assert found[near].value < noise[near].value / 1.5


def test_colors_are_brought_to_the_channels_that_are_wanted(digits: Pixels) -> None:
    assert np.array_equal(with_channels(with_channels(digits[:5], 3), 1), digits[:5])


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_right_extractor_was_trained_on_the_data(name: str) -> None:
    assert zoo.recipe(EXTRACTORS[name]).data == name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda pixels: zoo.compare(pixels[:5], pixels), "at least 10 pictures"),
        (lambda pixels: zoo.compare(pixels, "fashion-mnist"), "cannot be compared"),
        (lambda pixels: zoo.compare(pixels, pixels, "digits"), "which gives no features"),
        (lambda pixels: zoo.compare(pixels, pixels, "fashion-mnist-features"), "knows pictures of"),
        (lambda pixels: zoo.compare(pixels / 255, pixels), "uint8"),
        (lambda pixels: zoo.compare(pixels, 3), "a folder, a data set"),
        (lambda pixels: zoo.compare(pixels, "no-such-folder"), "not a folder"),
        (lambda pixels: zoo.bits_per_dim("digits", pixels[:2]), "give them as known="),
        (lambda pixels: zoo.bits_per_dim("fashion-mnist", pixels), "draws pictures of"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    digits: Pixels, call: Callable[[Pixels], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(digits)


def test_the_bound_of_a_model_on_pictures(digits: Pixels) -> None:
    """Digits are likelier than noise, which no code of 8 bits can shorten; a permutation moves the numbers along."""
    bits = zoo.bits_per_dim("digits", digits[:40], steps=20)
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    far = zoo.bits_per_dim("digits", noise, known=digits[40:80], steps=20)
    assert bits.shape == (40,) and 2 < bits.mean() < 8 < far.mean()
    known = zoo.bits_per_dim("digits", digits[:40], known=digits[40:80], steps=20)
    assert known.mean() == pytest.approx(bits.mean(), rel=0.1)


def test_the_kernel_distance_touches_no_global_state_and_says_nothing() -> None:
    first, second = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)), torch.ones(150, 5)
    before = torch.random.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = kernel_distance(first, second, subset=100, subsets=5)
    assert torch.equal(before, torch.random.get_rng_state())
    assert found == kernel_distance(first, second, subset=100, subsets=5) > 0
    interpolate, (one, two) = (first @ second.T / 5 + 1) ** 3, ((x @ x.T / 5 + 1) ** 3 for x in (first[:150], second))
    pairs = 150 * 149
    true = sum((k.sum() - k.trace()) / pairs for k in (one, two)) - 2 * interpolate[:150].mean()
    assert kernel_distance(first[:150], second, subset=150, subsets=1) == pytest.approx(float(true), rel=1e-4)
