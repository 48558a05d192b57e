"""The one verb of the apps and of scripts: `generate` draws pictures and shows its work on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.grids import GRIDS
from pedesis.guidance import ClassifierFree, WithinInterval
from pedesis.images import Pixels, to_pixels
from pedesis.noise import PerSeed
from pedesis.samplers import SAMPLERS, Sampler, Step
from pedesis.thresholds import Clipped
from pedesis_zoo.loading import ImageModel, load

CHUNK = 8
"""Pictures are always computed eight at a time, the last eight padded: a convolution's rounding depends on the
size of its batch, so this makes a picture depend on its seed alone. It also bounds the memory."""

MOST_STEPS, MOST_GUIDANCE = 1000, 100.0
EVERYWHERE = (-math.inf, math.inf)
"""The interval of guidance that leaves nothing out."""

Wanted = str | int | None | Sequence[str | int | None]


@dataclass(frozen=True)
class Snapshot:
    """A moment of generation, as pixels: uint8 (B, H, W, C).

    Attributes:
        step, steps: `step` of `steps` are done. t: the time reached.
        x_t: the noisy pictures. x0: what the model thinks they will become; at the end, both are the result.
    """

    step: int
    steps: int
    t: float
    x_t: Pixels
    x0: Pixels

    @property
    def finished(self) -> bool:
        """Whether these are the final pictures."""
        return self.step == self.steps


def seeds_from(first: int, count: int) -> list[int]:
    """The seeds of `count` pictures: first, first + 1, ... (they are hashed, so neighbours are unrelated)."""
    return list(range(first, first + count))


def generate(
    model: ImageModel | str | Path,
    condition: Wanted = None,
    seeds: Sequence[int] = (0,),
    *,
    guidance: float | None = None,
    steps: int | None = None,
    sampler: str | Mapping[str, Any] | Sampler | None = None,
    grid: str | None = None,
    interval: tuple[float, float] | None = None,
) -> Iterator[Snapshot]:
    """Draw one picture per seed, yielding a `Snapshot` before the first step and after each.

    Args:
        model: a loaded model, the name of one, or a path to a weight file.
        condition: a class name or number for all pictures, or one per picture; None for no class.
        seeds: one integer per picture. A picture depends on its own seed only, not on the others.
        guidance: 0 unconditional, 1 plain conditional, more follows the condition more strongly.
        steps: how many steps of the sampler.
        sampler: a name in `pedesis.samplers.SAMPLERS`, `{"name": ..., **arguments}`, or a sampler.
        grid: a name in `pedesis.grids.GRIDS`: where the steps are.
        interval: (low, high) log-SNR between which guidance above 1 acts; outside, the condition alone does, for half
            the cost. `EVERYWHERE` for no limits.

    What is not given is taken from the model's own `generation` settings.

    Raises:
        ValueError: a setting out of its range, or an unknown name; raised before any work is done.
    """
    model = model if isinstance(model, ImageModel) else load(model)
    usual = model.generation
    steps = _whole("steps", usual.steps if steps is None else steps, 1, MOST_STEPS)
    guidance = _number("guidance", usual.guidance if guidance is None else guidance, 0, MOST_GUIDANCE)
    seeds = [_whole("a seed", seed, 0, 2**63 - 1) for seed in seeds]
    if not seeds:
        raise ValueError("no seeds were given; give one per picture")
    walker = _sampler(usual.sampler if sampler is None else sampler)
    times = GRIDS.build({"name": usual.grid if grid is None else grid})(model.denoiser.process, steps)
    labels = model.condition(condition, len(seeds))
    limits = usual.interval if interval is None else interval
    denoiser = Clipped(guided(model, guidance, limits)) if model.conditional else Clipped(model.denoiser)
    return _generate(model, denoiser, labels, seeds, walker, times)


def guided(model: ImageModel, guidance: float | Tensor, interval: tuple[float, float] | None) -> Denoiser:
    """The model under a guidance scale, one number or one per row; above 1 it acts within the interval only.

    Distilled models are told the scale, and the interval is part of what they learned.
    """
    if model.denoiser.guided:
        return model.denoiser.at(guidance)
    everywhere = ClassifierFree(model.denoiser, guidance)
    plain = everywhere.scale.clamp(max=1)
    if interval is None or bool((everywhere.scale == plain).all()):
        return everywhere
    return WithinInterval(ClassifierFree(model.denoiser, plain), everywhere, *interval)


def sample(
    model: ImageModel | str | Path, condition: Wanted = None, seeds: Sequence[int] = (0,), **settings: Any
) -> Pixels:
    """The finished pictures of `generate`, uint8 (B, H, W, C)."""
    for snapshot in generate(model, condition, seeds, **settings):
        pass
    return snapshot.x0


def _generate(
    model: ImageModel, denoiser: Denoiser, labels: Tensor | None, seeds: Sequence[int], sampler: Sampler, times: Tensor
) -> Iterator[Snapshot]:
    walks = [
        _walk(
            model,
            denoiser,
            None if labels is None else labels[first : first + CHUNK],
            seeds[first : first + CHUNK],
            sampler,
            times,
        )
        for first in range(0, len(seeds), CHUNK)
    ]
    with suppress(StopIteration):
        while True:
            now = [next(walk) for walk in walks]
            x_t = to_pixels(torch.cat([step.x_t for step in now]))[: len(seeds)]
            x0 = to_pixels(torch.cat([step.x0 for step in now]))[: len(seeds)]
            yield Snapshot(now[0].index, len(times) - 1, now[0].level.t, x_t, x0)


def _walk(
    model: ImageModel, denoiser: Denoiser, labels: Tensor | None, seeds: Sequence[int], sampler: Sampler, times: Tensor
) -> Iterator[Step]:
    """One chunk's trajectory; the rows that pad it repeat the last."""
    padded = [*seeds, *[seeds[-1]] * (CHUNK - len(seeds))]
    if labels is not None:
        labels = torch.cat([labels, labels[-1:].expand(CHUNK - len(labels))])
    noise = PerSeed(padded)
    prior = model.denoiser.process.prior(torch.empty(CHUNK, *model.shape, device=model.device))
    return sampler.trajectory(denoiser, prior.sample(noise), times, labels, noise)


def _sampler(wanted: str | Mapping[str, Any] | Sampler) -> Sampler:
    if isinstance(wanted, Sampler):
        return wanted
    return SAMPLERS.build({"name": wanted} if isinstance(wanted, str) else dict(wanted))


def _number(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise ValueError(f"{what} must be a finite number from {low:g} to {high:g}; got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{what} must lie between {low:g} and {high:g}; got {value}")
    return float(value)


def _whole(what: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{what} must be a whole number from {low} to {high}; got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{what} must lie between {low} and {high}; got {value}")
    return int(value)
