"""What every contest shares: as many steps as fit into a number of evaluations, faults in one sentence, and a row."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pedesis.process import Process
from pedesis.samplers import Sampler
from pedesis.samplers.timesteps import TimestepSpacing, timesteps
from pedesis_zoo.evaluation.arena.entries import Entry
from pedesis_zoo.evaluation.metrics import Estimate, bootstrap
from pedesis_zoo.models.measurements import Cell

ROUNDS = 40
"""Resamples behind an interval."""

Distance = Callable[[Tensor], float]
"""What is drawn, a row for each seed -> its distance."""


@dataclass(frozen=True)
class Result:
    """What one entry made of one number of evaluations.

    Attributes:
        on: the mixture or the model. scale: of guidance, or None.
        evaluations: counted, for one point or picture; `budget` is what was allowed.
        drawn: what the distance is measured of, a row for each seed. distance_of: that distance.
        error: root mean square distance to the exact end of each walk, where there is one. accuracy: in [0, 1].
    """

    entry: Entry
    on: str
    budget: int
    steps: int
    evaluations: float
    drawn: Tensor
    distance_of: Distance
    scale: float | None = None
    error: float | None = None
    order: float | None = None
    accuracy: float | None = None

    @cached_property
    def distance(self) -> Estimate:
        """The distance with its interval over seeds."""
        return measured(self.distance_of, self.drawn)

    def row(self) -> dict[str, Cell]:
        """As a row of a table; what was not measured is empty."""
        cells: dict[str, Cell | None] = {
            "on": self.on,
            "kind": self.entry.kind,
            "name": self.entry.name,
            "own": "yes" if self.entry.own else "",
            "scale": self.scale,
            "budget": float(self.budget),
            "steps": float(self.steps),
            "evaluations": self.evaluations,
            "distance": self.distance.value,
            "low": self.distance.low,
            "high": self.distance.high,
            "error": self.error,
            "order": self.order,
            "accuracy": self.accuracy,
        }
        return {key: "" if cell is None else cell for key, cell in cells.items()}


@contextmanager
def blamed(entry: Entry, where: str) -> Iterator[None]:
    """Say of a user's own entry that raises what it raised and where, as one ValueError; ours pass through."""
    try:
        yield
    except Exception as error:  # a user's code may raise anything
        if not entry.own:
            raise
        words = " ".join(str(error).split()) or "nothing more"
        raise ValueError(f"the {entry.kind} {entry.name!r} raised {type(error).__name__} {where}: {words}") from error


def steps_within(sampler: Sampler, grid: TimestepSpacing, process: Process, budget: int) -> int:
    """The most steps whose walk asks the denoiser at most `budget` times; 0 if not even one does."""

    def count(steps: int) -> int:
        return sampler.count(process, timesteps(process, steps, grid))

    return bisect_right(range(1, budget + 1), budget, key=count)


def measured(distance: Distance, drawn: Tensor) -> Estimate:
    """A distance with its interval over seeds; infinite where something is not finite."""
    if not bool(drawn.isfinite().all()):
        return Estimate.exact(math.inf)
    return bootstrap(distance, drawn, rounds=ROUNDS)


def apart(distance: Distance, mine: Tensor, other: Tensor) -> Estimate:
    """How much greater the distance of `mine` is than that of `other`; resampled seed by seed, both with the same."""
    if not bool(mine.isfinite().all()):
        return Estimate.exact(math.inf)
    width = mine.shape[1]
    both = torch.cat([mine, other], dim=1)
    return bootstrap(lambda rows: distance(rows[:, :width]) - distance(rows[:, width:]), both, rounds=ROUNDS)
