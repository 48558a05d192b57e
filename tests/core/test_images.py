"""Pixels to numbers and back, and files that are whole or absent."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pedesis.utils.files import atomic
from pedesis.utils.images import make_grid, resize_nearest, save_gif, save_png, to_model, to_pixels


def test_every_level_survives_the_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    x = to_model(levels)
    assert x.min() == -1 and x.max() == 1
    assert np.array_equal(to_pixels(x), levels)
    assert to_pixels(torch.tensor([[[[-7.0, 7.0]]]])).flatten().tolist() == [0, 255]


def test_grid_places_pictures_row_by_row() -> None:
    pixels = np.stack([np.full((4, 4, 1), i, np.uint8) for i in range(6)])
    sheet = make_grid(pixels, columns=3, gap=1)
    assert sheet.shape == (11, 16, 1)
    assert sheet[2, 2, 0] == 0 and sheet[2, 7, 0] == 1 and sheet[7, 12, 0] == 5 and sheet[0, 0, 0] == 255
    assert make_grid(pixels[:1], gap=2).shape == (8, 8, 1)
    assert resize_nearest(pixels, 3).shape == (6, 12, 12, 1)


@pytest.mark.parametrize("bad", [np.zeros((2, 4, 4), np.float32), np.zeros((4, 4), np.uint8)])
def test_what_is_not_pixels_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        to_model(bad)


def test_png_keeps_pixels_and_text(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    save_png(pixels, tmp_path / "a.png", {"seed": "3"})
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), pixels)
        assert image.text == {"seed": "3"}  # type: ignore[attr-defined]


def test_gif_keeps_frames_and_rests_on_the_last(tmp_path: Path) -> None:
    frames = [np.full((4, 6, 1), level, dtype=np.uint8) for level in (0, 100, 255)]
    save_gif(frames, tmp_path / "a.gif", milliseconds=50, hold=1000)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.info["loop"], film.size) == (3, 0, (6, 4))  # type: ignore[attr-defined]
        for i, frame in enumerate(frames):
            film.seek(i)
            assert np.array_equal(np.asarray(film.convert("L")), frame[..., 0])
            assert film.info["duration"] == (1000 if i == 2 else 50)
    with pytest.raises(ValueError, match="at least one picture"):
        save_gif([], tmp_path / "b.gif")


def test_a_failed_write_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="does not exist"), atomic(tmp_path / "no" / "a.txt"):
        pass
    with pytest.raises(ValueError, match="is a folder"), atomic(tmp_path):
        pass


PIXELS = np.zeros((2, 6, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda path: save_png(PIXELS[0] / 255, path / "a.png"), "to_pixels"),
        (lambda path: save_png(PIXELS, path / "a.png"), "grid"),
        (lambda path: save_png(PIXELS[0], path / "a.jpg"), "ends in .png"),
        (lambda path: save_gif(list(PIXELS), path / "a.png"), "ends in .gif"),
        (lambda path: save_gif([PIXELS[0], PIXELS[1, :3]], path / "a.gif"), "one size"),
        (lambda path: to_model(PIXELS[0]), r"pixels\[None\]"),
        (lambda path: to_model(np.zeros((4, 3, 32, 32), np.uint8)), "channels"),
        (lambda path: make_grid(to_model(PIXELS)), "to_pixels"),
        (lambda path: make_grid(PIXELS[:0]), "at least 1 picture"),
        (lambda path: make_grid(PIXELS[0]), r"pixels\[None\]"),
        (lambda path: resize_nearest(PIXELS, 0), "1 time or more"),
        (lambda path: to_pixels(torch.zeros(1, 3, 4, 4, dtype=torch.uint8)), "floating"),
        (lambda path: to_pixels(torch.zeros(3, 4, 4)), r"\(B, C, H, W\)"),
        (lambda path: to_pixels(torch.tensor([0.0, torch.nan]).reshape(2, 1, 1, 1)), "1 of 2 .* diverged"),
        (lambda path: to_pixels(torch.full((1, 1, 2, 2), -torch.inf)), "diverged"),
    ],
)
def test_a_mistake_with_pictures_is_one_sentence(call: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_grey_pictures_need_no_channel_axis_however_narrow() -> None:
    for shape in ((2, 5, 7), (2, 4, 4), (2, 3, 3)):
        assert to_model(np.zeros(shape, np.uint8)).shape == (shape[0], 1, *shape[1:])
