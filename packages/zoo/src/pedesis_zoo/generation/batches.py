"""Many pictures, some at a time, and over several processes: the very pictures of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pedesis.utils.distributed import divided
from pedesis.utils.distributed import first as first_rank
from pedesis.utils.images import Pixels
from pedesis_zoo.generation.pipeline import MAX_BATCH, Snapshot
from pedesis_zoo.generation.sampling import seeds_from


def in_batches(
    draw: Callable[[list[Any], list[int]], Iterable[Snapshot]],
    wanted: Sequence[Any],
    first_seed: int,
    size: int = 6 * MAX_BATCH,
) -> Pixels:
    """Many pictures, `size` at a time: the ends of the walks draw(what is wanted, seeds), from `first_seed` on.

    In several processes (`pedesis.utils.distributed`) each draws some, and all of them get all; each must call this.
    """

    def generate_rows(rows: range) -> Tensor:
        pieces = []
        hidden = None if first_rank() else True
        for some in tqdm(range(rows.start, rows.stop, size), unit=f"x{size} pictures", leave=False, disable=hidden):
            part = list(wanted[some : min(some + size, rows.stop)])
            pieces.append(finished(draw(part, seeds_from(first_seed + some, len(part)))))
        return torch.from_numpy(np.concatenate(pieces))

    return divided(len(wanted), generate_rows, multiple=MAX_BATCH).numpy()


def finished(snapshots: Iterable[Snapshot]) -> Pixels:
    """The pictures at the end of a walk."""
    for snapshot in snapshots:
        pass
    return snapshot.x0
