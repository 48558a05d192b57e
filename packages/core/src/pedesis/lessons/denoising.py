r"""A model at work on pictures: where its walk from noise is, and what it settles when.

    x0_hat(t) = E[x_0 | x_t]                                        the finished picture, as expected at time t
    settled(t) = 1 - sum_k |F x0_hat(t) - F x_0|^2 / sum_k |F x_0|^2,   k in a band of spatial frequencies

F is the discrete Fourier transform over rows and columns and x_0 the picture the walk ends in. For an exact model
`settled` is, on average, the power of the estimate over that of the picture: noise hides fine detail first, so
coarse bands settle first. Pictures are uint8 (B, H, W, C); the mean brightness (k = 0) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pedesis.lessons.schedules import Values
from pedesis.process import Process
from pedesis.samplers import SAMPLERS
from pedesis.utils.images import Pixels, make_grid
from pedesis.utils.registry import UnknownName

BANDS = {"coarse shape": (0.0, 0.25), "parts": (0.25, 0.5), "fine detail": (0.5, 1.5)}
"""Bands of spatial frequency, as shares of the finest that the picture's rows can hold (two pixels a period)."""

HOLES = ("right half", "lower half", "middle", "3 of 4 pixels")
"""What can be cut out of a picture."""


def samplers() -> tuple[str, ...]:
    """Names of all samplers."""
    return tuple(SAMPLERS)


def source(name: str) -> str:
    """The class of a sampler as "module:name", for `lessons.library.entry`."""
    return f"{SAMPLERS[name].__module__}:{SAMPLERS[name].__qualname__}"


def evaluations(name: str, process: Process, times: Values) -> int:
    """How often a sampler asks the model on a walk down `times`; an adaptive one at least."""
    return SAMPLERS.build({"name": name}).count(process, torch.as_tensor(times))


@dataclass(frozen=True)
class Walk:
    """A finished walk from noise to pictures.

    Attributes:
        times: (n + 1,), falling from 1 to 0.
        x_t, x0: the noisy pictures and the estimates of the finished ones at those times, (n + 1, B, H, W, C).
    """

    times: Values
    x_t: Pixels
    x0: Pixels

    def at(self, t: float) -> int:
        """How many steps are done when the clock, which falls from 1 to 0, shows t."""
        return int((self.times >= t - 1e-9).sum()) - 1


def settled(walk: Walk) -> dict[str, Values]:
    """The share of the final pictures' power that the estimates already have right, per band, each (n + 1,).

    1 at the end; 0 for a uniformly gray estimate; negative for one that is worse than gray. A band in which the
    final pictures have no power at all is left out.
    """
    spectrum = np.fft.fft2(walk.x0.astype(np.float64), axes=(-3, -2))
    frequency = _frequencies(*walk.x0.shape[-3:-1])
    shares = {}
    for name, (low, high) in BANDS.items():
        inside = spectrum[..., (frequency > low) & (frequency <= high), :]  # (n + 1, B, frequencies, C)
        power = (np.abs(inside[-1]) ** 2).sum()
        if power > 1e-9:
            shares[name] = 1 - (np.abs(inside - inside[-1]) ** 2).sum(axis=(1, 2, 3)) / power
    return shares


def apart(one: Walk, two: Walk) -> tuple[Values, Values]:
    """How far two walks have drifted apart: all their times, falling, and the rms distance of the estimates there.

    In gray levels (0 to 255). The walks start from the same noise, so their estimates start as one.
    """
    times = np.unique(np.concatenate([one.times, two.times]))[::-1]
    pairs = [(one.x0[one.at(t)].astype(np.float64), two.x0[two.at(t)].astype(np.float64)) for t in times]
    return times, np.array([np.sqrt(np.mean((a - b) ** 2)) for a, b in pairs])


def sheet(pixels: Pixels, columns: int) -> Pixels:
    """(B, H, W, C) laid out as one RGB picture (H', W', 3) with thin gray lines between."""
    return _rgb(make_grid(pixels, columns, gap=1, background=128))


def film(walk: Walk, picture: int, frames: int = 8) -> tuple[list[int], Pixels]:
    """One picture's walk at a glance, x_t above the estimate of x_0: the steps shown, and (2 H, frames W, 3)."""
    steps = np.unique(np.linspace(0, len(walk.times) - 1, frames).round().astype(int)).tolist()
    rows = np.concatenate([walk.x_t[steps, picture], walk.x0[steps, picture]])
    return steps, sheet(rows, len(steps))


def hole(name: str, height: int, width: int) -> NDArray[np.bool_]:
    """Where a hole is, (H, W), true inside. Raises UnknownName, a ValueError."""
    inside = np.zeros((height, width), dtype=bool)
    if name == "right half":
        inside[:, width // 2 :] = True
    elif name == "lower half":
        inside[height // 2 :] = True
    elif name == "middle":
        inside[height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
    elif name == "3 of 4 pixels":
        inside[1::2] = inside[:, 1::2] = True
    else:
        raise UnknownName("hole", name, HOLES)
    return inside


def cut(picture: Pixels, name: str) -> Pixels:
    """A picture (H, W, C) with its hole in gray."""
    return np.where(hole(name, *picture.shape[:2])[..., None], np.uint8(128), picture)


def _frequencies(height: int, width: int) -> NDArray[np.float64]:
    """|k| of every Fourier coefficient, (H, W), 1 at the finest frequency along an axis."""
    down, across = 2 * np.fft.fftfreq(height), 2 * np.fft.fftfreq(width)
    distance: NDArray[np.float64] = np.hypot(down[:, None], across)
    return distance


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
