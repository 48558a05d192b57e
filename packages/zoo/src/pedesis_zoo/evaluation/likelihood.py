"""`evaluate --bits`, `--few-steps` and `--flow`; and in Python, the bound of a model on pictures of your own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.theory.cached import CachedDenoiser
from pedesis.utils.device import AUTO
from pedesis.utils.distributed import divided
from pedesis.utils.images import Pixels, to_model
from pedesis_zoo.data.load import known_sets, pictures
from pedesis_zoo.evaluation.comparison import pixels_of
from pedesis_zoo.evaluation.levels import BATCH, Levels, learn_levels
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.evaluation.variational_bound import (
    FEW,
    SEARCHED,
    Results,
    Row,
    bounds,
    by_flow,
    by_level,
    choices,
    has_learned,
    in_few_steps,
    mean_and_error,
)
from pedesis_zoo.generation.sampling import Wanted
from pedesis_zoo.models.loading import ImageModel, known_data, load, loaded
from pedesis_zoo.models.measurements import save_table


def bits_per_dim(
    model: ImageModel | str | Path,
    these: Pixels,
    condition: Wanted = None,
    *,
    known: Pixels | None = None,
    steps: int = 100,
    seed: int = 1,
) -> NDArray[np.float64]:
    """The variational bound of a model on pictures, in bits per dimension of each, (N,).

    bits = L / (D ln 2) >= -log2 p(picture) / D on average, with the searched grid and the model's own variance if it
    has learned one, else the analytic one. In several processes (`pedesis.utils.launch.ranks`) each takes some, and all
    of them get all; each must call this.

    Args:
        these: uint8 (N, H, W, C). condition: a class or prompt, one for all or one per picture; None for none.
        known: other pictures, from which noise levels and the decoder's width are learned (`Levels`); by default each
            half of `these` (every other one) is measured with what the other half says.
        seed: of the noise.

    Raises:
        ValueError: pictures of another size, fewer than four without `known`, or a condition the model does not have.
    """
    model = loaded(model)
    x0 = to_model(these).to(model.device)
    if x0.shape[1:] != model.shape:
        raise ValueError(f"{model.name!r} draws pictures of {model.shape} (C, H, W); got {tuple(x0.shape[1:])}")
    if known is None and len(x0) < 4:
        raise ValueError("learning the noise levels takes other pictures: give them as known=, or four at least")
    rows = model.condition(condition, len(x0))
    halves = [slice(None)] if known is not None else [slice(0, None, 2), slice(1, None, 2)]
    bits = torch.empty(len(x0), dtype=torch.float64)
    for half, other in zip(halves, reversed(halves), strict=True):
        source, asked = (x0[other], rows) if known is None else (to_model(known).to(x0), None)
        levels = learn_levels(model.denoiser, source, None if asked is None else asked[other])
        part = None if rows is None else rows[half]
        bits[half] = _bits(model.denoiser, levels, x0[half], steps, part, seed)
    return bits.numpy()


def _bits(denoiser: Denoiser, levels: Levels, x0: Tensor, steps: int, condition: Condition, seed: int) -> Tensor:
    """The bound of images, a batch after the other, (N,)."""
    inner, times = CachedDenoiser(denoiser), levels.searched(steps)
    name, rule = next(iter(choices(inner, levels, times, has_learned(denoiser, x0)).items()))

    def bounded(rows: range) -> Tensor:
        batches = bounds(inner, x0, times, {name: rule}, condition, seed, rows)
        return torch.cat([found[name].bits_per_dim.double().cpu() for _, found in batches])

    return divided(len(x0), bounded, multiple=BATCH)


def evaluate_bits(
    name: str,
    number: int,
    steps: int | None = None,
    few_steps: bool = False,
    flow: bool = False,
    save: bool = False,
    against: str | None = None,
    device: str | torch.device = AUTO,
) -> tuple[str, Results]:
    """`evaluate --bits`, `--few-steps` and `--flow`: the command that repeats it, and the numbers for the card.

    The first `number` test images; levels are learned from as many training images, 512 at most. No class is given.
    `against` is another data set, or a folder, of which every other picture stands for the training images.
    """
    model = load(name, device)
    train, test = _splits(model, against, number)
    levels, x0 = learn_levels(model.denoiser, to_model(train).to(model.device)), to_model(test).to(model.device)
    command = f"python -m pedesis_zoo evaluate {name} -n {number} " + (f"--against {against} " if against else "")
    if few_steps:
        command += "--few-steps" + (f" --steps {steps}" if steps else "")
        rows = in_few_steps(model.denoiser, levels, x0, (steps,) if steps else FEW)
        results = claims(rows)
    elif flow:
        mean, error = mean_and_error(by_flow(model.denoiser, levels, x0))
        return f"{command}--flow", {"bits per dimension, flow": _interval({"bits": mean, "error": error})}
    else:
        command += f"--bits --steps {steps or 100}"
        rows = by_level(model.denoiser, levels, x0, steps or 100)
        results = {f"bits per dimension, bound of {steps or 100} steps": _interval(rows[-1])}
    if save:
        save_table(name, "few-steps" if few_steps else "bits", f"{command} --save", rows)
    return command, results


def _splits(model: ImageModel, against: str | None, number: int) -> tuple[Pixels, Pixels]:
    """Pictures to learn from, and others to be measured on."""
    data = known_data(model.about) if against is None else against
    if data in known_sets():
        return pictures(data, "train", min(number, 512)), pictures(data, "test", number)
    found, _ = pixels_of(data, model.shape, model.shape[1], 2 * number)
    return found[::2][:512], found[1::2]


def claims(rows: Sequence[Row]) -> Results:
    """What `in_few_steps` says for the card: the best bound, and how much worse each plainer choice is."""
    found = {(row["steps"], row["grid"], row["variance"]): row for row in rows}
    results: Results = {}
    for n in dict.fromkeys(row["steps"] for row in rows):
        best, name = found[n, SEARCHED, "analytic"], f"bits per dimension, {n} steps"
        results[f"{name}, searched grid, analytic variance"] = _interval(best)
        results[f"{name}: the uniform grid needs more by"] = _interval(found[n, "uniform", "analytic"], "over_searched")
        for variance in ("posterior", "beta"):
            worse = _interval(found[n, "uniform", variance], "over_analytic")
            results[f"{name}, uniform grid: the {variance} variance needs more by"] = worse
    return results


def _interval(row: Row, column: str = "bits") -> Estimate:
    value, error = float(row[column]), float(row["error" if column == "bits" else f"{column}_error"])
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)
