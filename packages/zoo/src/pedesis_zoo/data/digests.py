"""Which pictures a set holds, in few words: so that a run knows its data again, and some can be held out.

digest      64 bits of a picture's bytes
sketch      for each class the eight smallest digests: the same eight after others are added
held out    the pictures whose digest is below share * 2^64: the same ones after others are added
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pedesis_zoo.data.sets import ImageSet, PointSet, TrainingData
from pedesis_zoo.data.stored import chosen

SKETCH = 8  # digests for each class

Finite = ImageSet | PointSet


def digests(data: Finite) -> NDArray[np.uint64]:
    """(N,), one per picture or point."""
    rows = data.pixels if isinstance(data, ImageSet) else data.points
    each = (hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=8).digest() for row in rows)
    return np.array([int.from_bytes(digest, "big") for digest in each], dtype=np.uint64)


def sketch(data: TrainingData) -> dict[str, list[str]]:
    """The sketch of each class by its name ("" if there are no classes); empty for endless data."""
    if not isinstance(data, ImageSet | PointSet):
        return {}
    found = digests(data)
    groups = {name: found[data.labels == i] for i, name in enumerate(data.classes)} or {"": found}
    return {name: [f"{digest:016x}" for digest in np.unique(each)[:SKETCH]] for name, each in groups.items()}


def recognized(kept: Mapping[str, Sequence[str]], data: TrainingData) -> bool:
    """Whether most of a sketch's pictures are in `data`, in the same classes.

    Raises:
        ValueError: most of those of one class are in another class now.
    """
    if not kept or not isinstance(data, ImageSet | PointSet):
        return False
    names, labels = data.classes or ("",), data.labels if data.classes else np.zeros(len(data.labels), dtype=np.int64)
    places: dict[str, set[str]] = {}
    for digest, label in zip(digests(data).tolist(), labels.tolist(), strict=True):
        places.setdefault(f"{digest:016x}", set()).add(names[label])
    here = 0
    for name, wanted in kept.items():
        found = [places[digest] for digest in wanted if digest in places]
        elsewhere = [place for place in found if name not in place]
        if 2 * len(elsewhere) > len(found):
            raise ValueError(f"the pictures of class {name!r} are now those of {min(elsewhere[0])!r}")
        here += len(found)
    return 2 * here > sum(len(wanted) for wanted in kept.values())


def held_out(data: Finite, share: float) -> tuple[Finite, Finite]:
    """`data` without a share of it, and that share. Equal pictures are on the same side.

    Raises:
        ValueError: a share that is not between 0 and 1, or leaves one side empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share to hold out must be between 0 and 1; got {share}")
    out = digests(data) < np.uint64(share * 2**64)
    if out.all() or not out.any():
        raise ValueError(f"a share of {share} of {len(out)} leaves one side empty; add data, or choose another share")
    return _only(data, ~out), _only(data, out)


def _only(data: Finite, rows: NDArray[np.bool_]) -> Finite:
    if isinstance(data, ImageSet):
        return replace(data, pixels=chosen(data.pixels, rows), labels=data.labels[rows])
    return replace(data, points=data.points[rows], labels=data.labels[rows])
