"""Pictures stacked from parts: layer l of picture i shows part k_l(i), later layers above earlier ones.

    c <- ( a p + (255 - a) c ) / 255        for each layer, in whole numbers, over one plain background

A data set made this way never ends, repeats nothing, and knows what every one of its pictures shows.
"""

from __future__ import annotations

from functools import cached_property
from importlib.resources import as_file, files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from pedesis.utils.images import Pixels
from pedesis.utils.noise import splitmix64

Ints = NDArray[np.int64]
BACKGROUND = (118, 124, 134)  # slate: neither the parts' black outlines nor their whites drown in it
ABOVE_OUTLINE = 16  # a pixel no brighter than this is outline, by which no part is recognized


class Parts:
    """Pictures of parts, all of one size; number 0 is the empty one.

    Args:
        tiles: uint8 (P, H, W, 4), red, green, blue and opacity.
    """

    def __init__(self, tiles: Pixels):
        empty = np.zeros_like(tiles[:1])
        self.tiles = np.ascontiguousarray(np.concatenate([empty, tiles]))
        self.size = tiles.shape[1:3]

    @cached_property
    def _flat(self) -> tuple[NDArray[np.uint32], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Per part and pixel: its four bytes as one number; is it opaque, half transparent, colored?"""
        flat = self.tiles.reshape(len(self.tiles), -1, 4)
        alpha = flat[..., 3]
        colored = (alpha > 127) & (flat[..., :3].max(-1) > ABOVE_OUTLINE)
        return flat.view(np.uint32)[..., 0], alpha == 255, (alpha > 0) & (alpha < 255), colored

    def compose(self, pictures: Ints) -> tuple[Pixels, NDArray[np.uint8]]:
        """Stack parts on the background.

        Args:
            pictures: (N, L), the part of each layer, the lowest layer first.

        Returns:
            uint8 (N, H, W, 3), and (N, H, W): which layer each pixel belongs to, counted from 1; 0 is background.
        """
        packed, opaque, soft, _ = self._flat
        canvas = np.empty((len(pictures), packed.shape[1], 4), dtype=np.uint8)
        canvas[:] = (*BACKGROUND, 255)
        words = canvas.view(np.uint32)[..., 0]
        top = np.zeros(words.shape, dtype=np.uint8)
        is_soft = soft.any(axis=1)
        for layer, parts in enumerate(pictures.T, start=1):
            np.copyto(words, packed[parts], where=opaque[parts])
            np.copyto(top, np.uint8(layer), where=opaque[parts])
            rows = np.nonzero(np.take(is_soft, parts))[0]
            row, pixel = np.nonzero(soft[parts[rows]])
            row = rows[row]
            tile = packed[parts[row], pixel].view(np.uint8).reshape(-1, 4)
            canvas[row, pixel, :3] = blend(tile, canvas[row, pixel, :3])
            over = tile[:, 3] > 127
            top[row[over], pixel[over]] = layer
        shape = (len(pictures), *self.size)
        return np.ascontiguousarray(canvas[..., :3]).reshape(*shape, 3), top.reshape(shape)

    def seen(self, pictures: Ints, top: NDArray[np.uint8]) -> Ints:
        """How many colored pixels of each part no later layer covers: (N, L), from what `compose` returned."""
        colored = self._flat[3]
        top = top.reshape(len(top), -1)
        counts = [((top == n) & colored[parts]).sum(1) for n, parts in enumerate(pictures.T, start=1)]
        return np.stack(counts, axis=1).astype(np.int64)


def blend(tile: Pixels, under: Pixels) -> Pixels:
    """A tile (..., 4) over an opaque colour (..., 3), rounded to the nearest level."""
    alpha = tile[..., 3:].astype(np.uint16)
    mixed = tile[..., :3] * alpha + under * (255 - alpha) + np.uint16(128)
    return ((mixed + (mixed >> 8)) >> 8).astype(np.uint8)


def read(name: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of an archive in the package, such as "heroes.npz"."""
    content = (files("pedesis_zoo.data") / "archives" / name).read_bytes()
    with np.load(BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def table(name: str) -> list[list[str]]:
    """The rows of a text table in the package: cells between tabs; lines that begin with # are remarks."""
    with as_file(files("pedesis_zoo.data") / "archives" / name) as path:
        lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def uniforms(key: tuple[int, ...], index: Ints, columns: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), (N, columns): number (i, j) is splitmix64(*key, index[i], j) / 2^64, to 53 bits."""
    state = _mix(np.uint64(splitmix64(*key)) + index.astype(np.uint64))
    column = np.arange(columns, dtype=np.uint64)
    words: NDArray[np.uint64] = _mix(np.add(state[:, None], column, dtype=np.uint64)) >> np.uint64(11)
    return words.astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One step of `pedesis.utils.noise.splitmix64` for many states at once."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
