"""Your own data: a folder of pictures, or arrays, becomes a model in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from pedesis_zoo.data.sets import ImageSet, PointSet
from pedesis_zoo.models.loading import ImageModel, PointModel, generation_from, load, load_any, load_points
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.registry import recipe
from pedesis_zoo.training.run import Report, plan
from pedesis_zoo.training.run import train as train_plan

LICENSE = "your own data"


def train(
    data: str | Path | ImageSet | PointSet | ArrayLike | torch.Tensor,
    out: str | Path | None = None,
    *,
    labels: ArrayLike | torch.Tensor | None = None,
    classes: Sequence[str] | None = None,
    size: int = 32,
    start: str | Path | None = None,
    origins: Mapping[str, str | None] | None = None,
    augment: str | None = None,
    validate: float = 0.0,
    report: Report = lambda state: None,
    save_every: float = 120.0,
    device: str | torch.device = "cpu",
    **changes: Any,
) -> ImageModel | PointModel:
    """Train a model on your own data, and give it back ready to use.

    Args:
        data: a folder of pictures, whose subfolders are the classes; uint8 pictures (N, H, W, C) or (N, H, W); or
            floating points (N, D).
        out: weight file to write, with its checkpoint beside it, from which the same call goes on. None: nothing is
            kept but the model that is returned; write it with its `save`.
        labels: of arrays, int (N,), from 0. classes: their names; the numbers themselves by default.
        size: side of the pictures of a folder.
        start: a model or weight file to begin from, whose network is used; a class begins as its namesake there, or
            as `origins` says ({"boot": "ankle boot"}).
        augment: "flip" mirrors half of the pictures. validate: share of the data to hold out and measure the loss on.
        changes: fields of `pedesis.training.TrainConfig`: steps, minutes, batch, learning_rate, accumulate, ...

    Raises:
        ValueError: data that cannot be trained on, an open end without `out`, or what `training.train` refuses.
    """
    if out is None and changes.get("steps") is None and changes.get("minutes") is None:
        raise ValueError("say how long: steps=..., or minutes=...; or name a file, out=..., and stop it when you like")
    own = own_data(data, labels, classes, size)
    chosen = plan(own_recipe(own, start), own, augment=augment, validate=validate, **changes)
    loaded = load_points if isinstance(own, PointSet) else load
    if out is not None:
        return loaded(train_plan(chosen, out, report, save_every, device, start, origins))
    folder = Path(tempfile.mkdtemp(prefix="pedesis-"))  # stays, with what was learned, if the run is interrupted
    path = train_plan(chosen, folder / "model.safetensors", report, save_every, device, start, origins)
    model = loaded(path)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    return model


def own_data(
    data: str | Path | ImageSet | PointSet | ArrayLike | torch.Tensor,
    labels: ArrayLike | torch.Tensor | None = None,
    classes: Sequence[str] | None = None,
    size: int = 32,
) -> ImageSet | PointSet:
    """A folder or arrays as a set, see `train`. Raises ValueError for what is neither pictures nor points."""
    if isinstance(data, ImageSet | PointSet):
        return data
    if isinstance(data, str | Path):
        from pedesis_zoo.data.folder import load_folder

        return load_folder(data, size)
    array = data if isinstance(data, np.memmap) else np.asarray(data)
    if array.ndim < 2 or not len(array):
        raise ValueError(f"data have rows, one for each picture or point; got an array of shape {array.shape}")
    numbers, names = _labels(labels, classes, len(array))
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        pixels = array if array.ndim == 4 else array[..., None]
        return ImageSet("arrays", pixels, numbers, names, LICENSE)
    if np.issubdtype(array.dtype, np.floating) and array.ndim == 2:
        return PointSet("arrays", array.astype(np.float64), numbers, names, LICENSE)
    raise ValueError(
        "data must be uint8 pictures (N, H, W, C) or (N, H, W), 0 to 255, or floating points (N, D); "
        f"got {array.dtype} of shape {array.shape}"
    )


def _labels(
    labels: ArrayLike | torch.Tensor | None, classes: Sequence[str] | None, count: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if labels is None:
        if classes:
            raise ValueError("names of classes need labels, one number for each row")
        return np.zeros(count, dtype=np.int64), ()
    numbers = np.asarray(labels)
    if numbers.shape != (count,) or not np.issubdtype(numbers.dtype, np.integer) or numbers.min() < 0:
        raise ValueError(
            f"labels must be whole numbers from 0, ({count},); got {numbers.dtype} of shape {numbers.shape}"
        )
    names = tuple(classes) if classes is not None else tuple(str(i) for i in range(int(numbers.max()) + 1))
    if numbers.max() >= len(names):
        raise ValueError(f"label {numbers.max()} has no name: {len(names)} classes were named")
    return numbers.astype(np.int64), names


def own_recipe(data: ImageSet | PointSet, start: str | Path | None = None) -> Recipe:
    """A recipe for anybody's data: the network of `fashion-mnist` or of `toy-moons`, its data measured.

    New networks of pictures learn by Muon, which is ahead after the same time (docs/benchmarks.md, ablations).

    Args:
        start: a model whose network, process and data_std are used instead, because its weights are.

    Raises:
        ValueError: pictures of a size that no network here takes, or a `start` of another kind.
    """
    base = recipe("toy-moons" if isinstance(data, PointSet) else "fashion-mnist")
    fitting = {} if isinstance(data, PointSet) else _fitting(data.pixels.shape[1:3])
    base = replace(base, network={**base.network, **fitting}, data_std=round(root_mean_square(data), 3))
    if start is not None:
        base = _as_started(base, start, data)
    elif isinstance(data, ImageSet):
        base = replace(base, training={**base.training, "optimizer": "muon"})
    guidance = base.generation.guidance if data.classes else 1.0
    return replace(
        base,
        title=f"trained on {data.name}",
        data=data.name,
        sha256="",
        generation=replace(base.generation, guidance=guidance),
        network={**base.network, **data.network},
        trained_with="",
        notes="",
    )


def _as_started(base: Recipe, start: str | Path, data: ImageSet | PointSet) -> Recipe:
    _, about, name = load_any(start)
    spec = about["model"]
    network = spec["network"]
    if about["kind"] != base.kind or network.get("text") or network.get("guided") or network.get("enlarges"):
        raise ValueError(
            f"{name!r} cannot begin a model of {data.name!r}: start from a plain model of kind {base.kind!r}"
        )
    return replace(
        base,
        network=network,
        process=spec["process"],
        parameterization=spec["parameterization"]["name"],
        data_std=spec["data_std"],
        generation=generation_from(about["generation"]),
    )


def root_mean_square(data: ImageSet | PointSet) -> float:
    """sqrt(mean x^2) of the data as a network sees them; for pictures from their histogram, x = level/127.5 - 1."""
    if isinstance(data, PointSet):
        return float(np.sqrt((data.points**2).mean()))
    counts = sum(np.bincount(picture.reshape(-1), minlength=256) for picture in data.pixels)
    return float(np.sqrt((counts * (np.arange(256) / 127.5 - 1) ** 2).sum() / data.pixels.size))


def _fitting(sides: tuple[int, ...]) -> dict[str, int]:
    for side in sides:
        if side % 4 or side < 8:
            raise ValueError(
                f"pictures must have sides that are multiples of 4, from 8 on; got {sides[0]}x{sides[1]}: use --size "
                f"{max(8, side - side % 4 + 4)}, or resize them"
            )
    return {"patch": 1} if min(sides) < 16 else {}
