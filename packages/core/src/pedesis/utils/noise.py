"""Randomness is an argument: every function that needs noise is given a function that draws it.

`PerSeed` gives each row of a batch a generator of its own, so image i depends on seed i and on nothing
else: not on its batch mates, not on the batch size, not on the device (numbers are drawn on the CPU).
`splitmix64` turns neighboring seeds into unrelated ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from pedesis.gaussian import Noise
from pedesis.utils.device import to_device

__all__ = ["Noise", "PerSeed", "fixed_seed", "gaussian_noise", "splitmix64"]

_MASK = (1 << 64) - 1


def splitmix64(*words: int) -> int:
    """Mix integers into one 64-bit seed (Steele, Lea, Flood 2014); the order of the words matters."""
    state = 0
    for word in words:
        state = (state + (word & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def generator(*words: int) -> torch.Generator:
    """A CPU generator whose stream is a function of the given integers."""
    return torch.Generator().manual_seed(splitmix64(*words) >> 1)


@contextmanager
def fixed_seed(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """For code that draws from torch's own generators (fresh weights, dropout): seeded here, and as before after it."""
    device = torch.device(device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed & _MASK >> 1)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed & _MASK >> 1)
        yield


def gaussian_noise(*key: int) -> Noise:
    """A function of a tensor that draws N(0, I) like it, from one stream for the whole batch; the next call goes on.

    Enough for experiments whose batch is fixed; `PerSeed` does not depend on the batch.

    Args:
        key: integers that name the stream, as of `generator`.
    """
    source = generator(*key)

    def draw(like: Tensor) -> Tensor:
        return to_device(torch.randn(like.shape, generator=source, dtype=like.dtype), like.device)

    return draw


class PerSeed:
    """Noise with one generator per row.

    Args:
        seeds: one integer per row of the batch, 0 <= seed < 2^63. They are hashed, so that
            consecutive seeds give unrelated images.
        stream: further integers that name the stream, the same for all rows.
    """

    def __init__(self, seeds: Sequence[int], *stream: int):
        self.generators = [generator(seed, *stream) for seed in seeds]

    def __call__(self, like: Tensor) -> Tensor:
        """Standard normal numbers like `like`; raises ValueError if its batch is not one row per seed."""
        self._check(like)
        rows = [torch.randn(like.shape[1:], generator=g, dtype=like.dtype) for g in self.generators]
        return to_device(torch.stack(rows), like.device)

    def uniform(self, like: Tensor) -> Tensor:
        """Numbers uniform on [0, 1) like `like`, from the same generators."""
        self._check(like)
        rows = [torch.rand(like.shape[1:], generator=g, dtype=like.dtype) for g in self.generators]
        return to_device(torch.stack(rows), like.device)

    def _check(self, like: Tensor) -> None:
        if like.shape[0] != len(self.generators):
            raise ValueError(f"{len(self.generators)} seeds were given for a batch of {like.shape[0]} rows")


class TrainingNoise(PerSeed):
    """The randomness of one training step, as a function of (seed, step, index in the global batch).

    A batch split over several processes draws the same numbers as one that is not: each asks for its rows.

    Args:
        seed, step: identify the step.
        batch: size of the global batch.
        rows: the indices in the global batch that this process works on; all by default.
    """

    def __init__(self, seed: int, step: int, batch: int, rows: range | None = None):
        rows = rows or range(batch)
        super().__init__(rows, step, seed)
        self.batch, self.rows = batch, rows
        self.offset = torch.rand((), generator=generator(step, seed), dtype=torch.float64)
        self.position = torch.arange(rows.start, rows.stop, dtype=torch.float64) / batch

    def stratified(self, steps: int | None = None) -> Tensor:
        """One number in (0, 1] per row, evenly spread over the global batch (Kingma et al. 2021, VDM).

        Args:
            steps: T, for numbers of the grid 1/T, 2/T, ..., 1, each equally likely; None for all of (0, 1].
        """
        number = 1 - (self.offset + self.position) % 1
        return number if steps is None else (number * steps).ceil().clamp(min=1) / steps
