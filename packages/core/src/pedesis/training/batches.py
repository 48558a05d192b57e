"""Data for training, as functions of (step, rows of the global batch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from pedesis.denoiser import Condition
from pedesis.utils.images import Pixels, to_model
from pedesis.utils.noise import PerSeed, fixed_seed, generator, splitmix64

Batches = Callable[[int, range], tuple[Tensor, Condition]]
"""(step, rows of the global batch) -> data (B, ...) and condition; a function, so that a run can resume. One that
counts rows says how many a step has, as `batch`."""

_FLIP = 0x666C6970


class ArrayBatches:
    """Batches from pixels that fit in memory or are mapped: uint8 throughout, shuffled anew each epoch, no workers.

    Row r of step n is entry n * batch + r of an endless list of permutations, each a function of (seed, epoch).

    Args:
        pixels: uint8 (N, H, W, C) or (N, H, W), or float (N, D) vectors, which are passed through; or, read when they
            are asked for, `Shards` or a `numpy.memmap`.
        labels: int64 (N,), or None.
        batch: size of the global batch, the same as in `TrainConfig`.

    Raises:
        ValueError: no data, or not one label for each.
    """

    def __init__(
        self, pixels: Pixels | Tensor | Shards, labels: Tensor | None, batch: int, seed: int = 0, device: str = "cpu"
    ):
        self.data = pixels if isinstance(pixels, Shards | np.memmap) else torch.as_tensor(pixels)
        if labels is not None and len(labels) != len(self.data):
            raise ValueError(f"{len(self.data)} data need as many labels; got {len(labels)}")
        self.labels = labels
        self.batch, self.device = batch, device
        self._order = Shuffled(len(self.data), batch, seed)

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Condition]:
        """Raises ValueError for rows outside the global batch."""
        index = self._order(step, rows)
        data = torch.from_numpy(self.data[index.numpy()]) if isinstance(self.data, np.memmap) else self.data[index]
        x0 = to_model(data) if data.dtype == torch.uint8 else data
        condition = None if self.labels is None else self.labels[index].to(self.device)
        return x0.to(self.device), condition


class DatasetBatches:
    """Batches from a map-style dataset, as `torchvision.datasets.ImageFolder`, however large: a row is read when asked.

    dataset[i] is a floating x0, or (x0, condition), in `ArrayBatches`' order. Random transformations are functions of
    (seed, step, row), as far as they draw from torch. Every process reads its own rows only.

    Raises:
        ValueError: an empty dataset, or data that are not floating (use `pedesis.utils.images.to_model`).
    """

    def __init__(self, dataset: Dataset[Any], batch: int, seed: int = 0, device: str | torch.device = "cpu"):
        self.dataset, self.batch, self.seed, self.device = dataset, batch, seed, device
        self._order = Shuffled(len(dataset), batch, seed)  # type: ignore[arg-type]

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Condition]:
        """Raises ValueError for rows outside the global batch."""
        given = []
        for row, index in zip(rows, self._order(step, rows).tolist(), strict=True):
            with fixed_seed(splitmix64(row, step, self.seed)):
                given.append(self.dataset[index])
        x0, condition = _pair(default_collate(given))
        return x0.to(self.device), None if condition is None else condition.to(self.device)


class Shards:
    """Arrays in .npy files, one after the other as one array; what is not asked for is not read.

    Args:
        paths: files of one type and shape (N, ...), N differing; or a folder of them, in the order of their names.

    Raises:
        ValueError: no files, one that cannot be read, or one that is not like the first.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]):
        self.paths = sorted(Path(paths).glob("*.npy")) if isinstance(paths, str | Path) else [Path(p) for p in paths]
        if not self.paths:
            raise ValueError(f"there are no .npy files in {paths}")
        self.parts = [_mapped(path) for path in self.paths]
        for path, part in zip(self.paths, self.parts, strict=True):
            kind, usual = (part.dtype, part.shape[1:]), (self.parts[0].dtype, self.parts[0].shape[1:])
            if kind != usual:
                raise ValueError(f"{path} holds {kind[0]} {kind[1]}, and {self.paths[0]} {usual[0]} {usual[1]}")
        self.ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: Tensor) -> Tensor:
        """Rows (B, ...), copied into memory."""
        places = index.numpy()
        which = np.searchsorted(self.ends, places, side="right")
        starts = self.ends - [len(part) for part in self.parts]
        return torch.from_numpy(np.stack([self.parts[k][i - starts[k]] for k, i in zip(which, places, strict=True)]))


def _mapped(path: Path) -> NDArray[Any]:
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as an .npy array ({error})") from None
    if found.ndim == 0:
        raise ValueError(f"{path} holds one number, not an array of rows")
    return found


class Shuffled:
    """Which entry row r of step n is: number n * batch + r of an endless list of permutations, one an epoch."""

    def __init__(self, length: int, batch: int, seed: int):
        if length == 0:
            raise ValueError("there are no data to train on: got an array of length 0")
        self.length, self.batch, self.seed = length, batch, seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __call__(self, step: int, rows: range) -> Tensor:
        """(B,) int64. Raises ValueError for rows outside the global batch."""
        if rows and (rows[0] < 0 or rows[-1] >= self.batch):
            raise ValueError(f"these batches have {self.batch} rows; asked for rows {rows.start} to {rows.stop - 1}")
        return torch.stack([self._entry(step * self.batch + row) for row in rows])

    def _entry(self, position: int) -> Tensor:
        epoch, place = divmod(position, self.length)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = torch.randperm(self.length, generator=generator(epoch, self.seed))
        return self._order[place]


class LoaderBatches:
    """Batches from a `torch.utils.data.DataLoader` of x0 (B, ...) or (x0, condition): its rows, in its order.

    Row r of step n is row n * batch + r of the loader's endless stream, whatever its own batch size. A run that is
    resumed reads on from there, past what it has seen; shuffling and random transformations are functions of (seed,
    epoch, index of the loader's batch), as far as they draw from torch and in this process.

    Raises:
        ValueError: the loader gives nothing, or data that are not floating (use `pedesis.utils.images.to_model`).
    """

    def __init__(self, loader: DataLoader[Any], batch: int, seed: int = 0, device: str | torch.device = "cpu"):
        self.loader, self.batch, self.seed, self.device = loader, batch, seed, device
        self._x0: Tensor = torch.empty(0)  # read and not yet given
        self._condition: Condition = None
        self._rewind()

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Condition]:
        first, last = step * self.batch + rows.start, step * self.batch + rows.stop
        if first < self._first:
            self._rewind()
        while self._first + len(self._x0) < last:
            x0, condition = next(self._stream)
            unseen = max(0, first - self._first)
            self._first += min(unseen, len(self._x0))
            self._x0 = torch.cat([self._x0[unseen:], x0]) if len(self._x0) else x0
            if condition is not None:
                kept = None if self._condition is None else self._condition[unseen:]
                self._condition = condition if kept is None else torch.cat([kept, condition])
        mine = slice(first - self._first, last - self._first)
        condition = None if self._condition is None else self._condition[mine].to(self.device)
        return self._x0[mine].to(self.device), condition

    def _rewind(self) -> None:
        self._stream, self._first = self._batches(), 0
        self._x0, self._condition = torch.empty(0), None

    def _batches(self) -> Iterator[tuple[Tensor, Condition]]:
        epoch = 0
        while True:
            with fixed_seed(splitmix64(epoch, self.seed)):
                each = iter(self.loader)
            index = 0
            while True:
                with fixed_seed(splitmix64(index, epoch, self.seed)):
                    given = next(each, None)
                if given is None:
                    break
                yield _pair(given)
                index += 1
            if index == 0:
                raise ValueError("the DataLoader gives no batch")
            epoch += 1


def _pair(given: Any) -> tuple[Tensor, Condition]:
    x0, condition = (given, None) if isinstance(given, Tensor) else (*given, None)[:2]
    if not isinstance(x0, Tensor) or not x0.is_floating_point():
        what = x0.dtype if isinstance(x0, Tensor) else type(x0).__name__
        raise ValueError(f"a loader must give floating x0 in [-1, 1], or (x0, condition); got {what}: see to_model")
    return x0, condition


class Flipped:
    """Pictures (B, C, H, W), each mirrored left to right with probability 1/2: a function of (seed, step, row)."""

    def __init__(self, batches: Batches, seed: int = 0):
        self.batches, self.seed = batches, seed
        self.batch = getattr(batches, "batch", None)

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Condition]:
        """Raises ValueError for data that are no pictures."""
        x0, condition = self.batches(step, rows)
        if x0.ndim != 4:
            raise ValueError(f"only pictures (B, C, H, W) can be mirrored; got data of shape {tuple(x0.shape)}")
        mirrored = PerSeed(rows, step, self.seed, _FLIP).uniform(torch.empty(len(rows))) < 0.5
        return torch.where(mirrored.to(x0.device)[:, None, None, None], x0.flip(-1), x0), condition
