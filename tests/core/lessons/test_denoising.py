"""The lesson on walks of a trained model: what is settled when, and holes that are filled."""

import itertools

import numpy as np
import pytest

from pedesis.lessons import denoising, library
from pedesis.process import Process
from pedesis.samplers import SAMPLERS
from pedesis.utils.images import Pixels
from pedesis.utils.registry import UnknownName

TIMES = np.array([1.0, 0.5, 0.0])


def waves(*amplitudes: float) -> Pixels:
    """A 16 x 16 picture (1, 16, 16, 1) of cosines along x in the middle of each band, around gray."""
    x = np.arange(16)
    rows = sum(a * np.cos(2 * np.pi * k * x / 16) for a, k in zip(amplitudes, (1, 3, 7), strict=True))
    return np.broadcast_to((128 + rows).round().astype(np.uint8)[:, None], (16, 16, 1))[None]


def walk(*frames: Pixels) -> denoising.Walk:
    return denoising.Walk(TIMES, np.stack(frames), np.stack(frames))


def test_a_band_is_settled_when_its_waves_are_there() -> None:
    """Waves of one frequency each: the settled share is that of their amplitude, in their band and in no other."""
    shares = denoising.settled(walk(waves(0, 0, 0), waves(40, 20, 0), waves(40, 40, 40)))
    np.testing.assert_allclose([shares[band][0] for band in denoising.BANDS], 0, atol=1e-9)
    coarse, parts, fine = (shares[band][1] for band in denoising.BANDS)
    assert coarse == pytest.approx(1, abs=2e-3)
    assert parts == pytest.approx(1 - (1 - 20 / 40) ** 2, abs=0.02)
    assert fine == pytest.approx(0, abs=0.02)
    assert all(share[-1] == 1 for share in shares.values())


def test_brightness_does_not_count_and_a_wrong_estimate_is_worse_than_grey() -> None:
    final = waves(30, 30, 30)
    shares = denoising.settled(walk(waves(-30, 0, 0), final + np.uint8(20), final))
    assert shares["coarse shape"][0] == pytest.approx(-3, abs=0.05)  # 1 - |-a - a|^2 / |a|^2
    assert shares["coarse shape"][1] == pytest.approx(1)


def test_bands_cover_every_frequency_but_the_mean_once() -> None:
    edges = sorted(denoising.BANDS.values())
    assert edges[0][0] == 0 and edges[-1][1] > np.sqrt(2)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))
    assert set(denoising.settled(walk(*[np.full((1, 8, 8, 1), 9, np.uint8)] * 3))) == set(), "no power, no share"


@pytest.mark.parametrize(("t", "done"), [(1.0, 0), (0.9, 0), (0.5, 1), (0.49, 1), (0.01, 1), (0.0, 2)])
def test_where_a_walk_is_at_a_time(t: float, done: int) -> None:
    assert walk(*[waves(1, 2, 3)] * 3).at(t) == done


def test_the_distance_of_two_walks() -> None:
    black, gray, white = (np.full((2, 4, 4, 1), v, np.uint8) for v in (0, 100, 200))
    one = denoising.Walk(TIMES, np.stack([black] * 3), np.stack([gray, white, black]))
    two = denoising.Walk(np.array([1.0, 0.2, 0.0]), np.stack([black] * 3), np.stack([gray, black, black]))
    times, distance = denoising.apart(one, two)
    assert times.tolist() == [1, 0.5, 0.2, 0]
    assert distance.tolist() == [0, 100, 200, 0]


def test_sheets_and_films_hold_the_pictures_where_they_belong() -> None:
    frames = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 2, 2, 1)
    this = denoising.Walk(TIMES, frames, frames[::-1])
    laid = denoising.sheet(frames[0, :4], 2)
    assert laid.shape == (7, 7, 3)
    np.testing.assert_array_equal(laid[1:3, 4:6, 0], frames[0, 1, :, :, 0])
    steps, strip = denoising.film(this, picture=3, frames=8)
    assert steps == [0, 1, 2] and strip.shape == (7, 10, 3)
    np.testing.assert_array_equal(strip[1:3, 1:3, 0], frames[0, 3, :, :, 0])
    np.testing.assert_array_equal(strip[4:6, 7:9, 2], frames[0, 3, :, :, 0])


@pytest.mark.parametrize("name", denoising.samplers())
def test_every_sampler_has_its_source_and_its_price(name: str) -> None:
    assert f"class {name}" not in library.entry(denoising.source(name)).code
    assert library.entry(denoising.source(name)).code.count(f'register("{name}")') == 1
    process, times = Process("cosine"), np.linspace(1, 0, 11)
    most = 10 * SAMPLERS[name]().evaluations
    assert 10 <= denoising.evaluations(name, process, times) <= (10 * most if name == "adaptive" else most)


@pytest.mark.parametrize(
    ("name", "share"),
    [("right half", 1 / 2), ("lower half", 1 / 2), ("middle", 1 / 4), ("3 of 4 pixels", 3 / 4)],
)
def test_a_hole_is_grey_and_leaves_the_rest_alone(name: str, share: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    inside = denoising.hole(name, 8, 8)
    assert inside.mean() == share and name in denoising.HOLES
    holed = denoising.cut(picture, name)
    assert (holed[inside] == 128).all()
    np.testing.assert_array_equal(holed[~inside], picture[~inside])


def test_an_unknown_hole_is_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'middle'"):
        denoising.hole("midle", 8, 8)
