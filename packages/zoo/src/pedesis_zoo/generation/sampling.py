"""The one verb of the apps and of scripts: `generate` draws pictures and shows its work on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.denoiser import Denoiser
from pedesis.guidance.base import checked_scale
from pedesis.guidance.classifier_free import ClassifierFreeGuidance, RescaledGuidance
from pedesis.guidance.composition import Composition
from pedesis.guidance.interval import GuidanceInterval
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.samplers import SAMPLERS, Sampler
from pedesis.samplers.timesteps import TimestepSpacing, timesteps
from pedesis.utils.noise import PerSeed
from pedesis.utils.registry import Choice, UnknownArgument, shown
from pedesis_zoo.generation.palette import palette_of
from pedesis_zoo.generation.pipeline import Pipeline, Snapshot, padded
from pedesis_zoo.models.arguments import flag, number, pair, seeds_of, whole
from pedesis_zoo.models.loading import ImageModel, PointModel, loaded
from pedesis_zoo.models.notebook import Pictures

MOST_STEPS = 1000
EVERYWHERE = (-math.inf, math.inf)
"""The interval of guidance that leaves nothing out."""

Wanted = str | int | None | Sequence[str | int | None] | NDArray[Any] | Tensor
Seeds = Iterable[int] | NDArray[Any] | Tensor
Around = Callable[[Denoiser], Denoiser]


def seeds_from(first: int, count: int) -> list[int]:
    """The seeds of `count` pictures: first, first + 1, ... (they are hashed, so neighbors are unrelated)."""
    return list(range(first, first + count))


class Settings(TypedDict, total=False):
    """What else `generate` takes; what is not given, or None, is taken from the model's own `generation` settings.

    guidance: 0 unconditional, 1 plain conditional, more follows the condition more strongly. A distilled model knows
        the scales that it has learned, `Generation.scales`.
    steps: how many steps of the sampler.
    sampler: a name in `pedesis.samplers.SAMPLERS`, `{"name": ..., **arguments}`, or a sampler. Its step to clean data
        is a mean, even where it could be drawn (`ddpm` with variance "optimal").
    grid: where the steps are: a name in `pedesis.samplers.timesteps.TIMESTEP_SPACINGS`, its arguments, or a grid.
    interval: (low, high) log-SNR between which guidance above 1 acts; outside, the condition alone does, for half
        the cost. `EVERYWHERE` for no limits.
    also: a second condition, with the same weight: the product of the two.
    negative: what to keep away from, with weight -(guidance - 1): nothing at guidance 1 and below.
    rescale: 0 to 1, how far guided estimates keep the spread of the conditional ones (Lin et al. 2024).
    around: a guidance rule of your own in place of these: it is given the plain denoiser and gives the one to follow,
        as in `around=lambda denoiser: CFGPlusPlus(denoiser, 0.3)`.
    palette: True: each pixel of the finished pictures takes the nearest color that the pictures of training have
        (pixel art only); the network's own colors by default.
    """

    guidance: float | None
    steps: int | None
    sampler: Choice[Sampler] | None
    grid: Choice[TimestepSpacing] | None
    interval: tuple[float, float] | None
    also: Wanted
    negative: Wanted
    rescale: float | None
    around: Around | None
    palette: bool | None


def generate(
    model: ImageModel | str | Path,
    condition: Wanted = None,
    seeds: Seeds = (0,),
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """Draw one picture per seed, yielding a `Snapshot` before the first step and after each.

    Args:
        model: a loaded model, the name of one, or a path to a weight file.
        condition: a class name or number for all pictures, or one per picture, or prompts; None or -1 for nothing.
        seeds: one integer per picture. A picture depends on its own seed only, not on the others.
        settings: guidance, steps, sampler, grid, interval, also, negative, rescale, around, palette: see `Settings`.

    Raises:
        ValueError: a setting out of its range, or an unknown name; raised before any work is done.
    """
    return make_pipeline(model, condition, seeds, **settings).run()


def sample(
    model: ImageModel | str | Path,
    condition: Wanted = None,
    seeds: Seeds = (0,),
    *,
    progress: bool | None = None,
    **settings: Unpack[Settings],
) -> Pictures:
    """The finished pictures of `generate`, uint8 (B, H, W, C), in the memory of 32; notebooks show them.

    In several processes (`pedesis.utils.launch.ranks`) each draws some, and all of them get all; each must call this.

    Args:
        progress: whether a bar says how far it is; by default on a terminal and in a notebook, after a second.
    """
    return make_pipeline(model, condition, seeds, **settings).pictures(progress).view(Pictures)


def make_pipeline(
    model: ImageModel | str | Path,
    condition: Wanted = None,
    seeds: Seeds = (0,),
    *,
    inside: Around | None = None,
    small: Tensor | None = None,
    **settings: Unpack[Settings],
) -> Pipeline:
    """What `generate` settles before it begins; see `Settings`.

    Args:
        inside: what is put around the model itself, inside its guidance: something that wants plain means of x_0.
        small: what a model that enlarges is conditioned on, a row per picture, padded to whole chunks.
    """
    given = _given(settings)
    model = loaded(model)
    if model.denoiser.option("enlarges") and small is None:
        raise ValueError(
            f"{model.name!r} draws larger versions of pictures: pedesis_zoo.generation.editing.upscale(model, small)"
        )
    usual, seeds = model.generation, seeds_of(seeds)
    steps = whole("steps", given.get("steps", usual.steps), 1, MOST_STEPS)
    guidance = number("guidance", given.get("guidance", usual.guidance), *usual.scales)
    rescale = number("rescale", given.get("rescale", 0), 0, 1)
    limits = pair("interval", given["interval"]) if "interval" in given else usual.interval
    walker = _sampler(given.get("sampler", usual.sampler))
    times = timesteps(model.denoiser.process, steps, given.get("grid", usual.grid))
    palette = palette_of(model) if flag("palette", given.get("palette", False)) else None
    wanted = rows_of(model, condition, len(seeds)) if small is None else small

    if "also" in given or "negative" in given:
        others = [(given.get("also"), towards), (given.get("negative"), away)]
        terms = [(rows_of(model, other, len(seeds)), weight) for other, weight in others if other is not None]
        denoiser = composed(model, [(wanted, towards), *terms], guidance, limits, rescale, inside)
    else:
        own = given.get("around")
        steered = guided(model, guidance, limits, rescale, inside) if own is None else _by(own, model, guidance)
        denoiser = lambda rows: steered  # noqa: E731

    return Pipeline(
        model,
        tuple(seeds),
        wanted,
        lambda rows: StaticThresholding(denoiser(rows)),
        lambda rows: PerSeed(padded(seeds)[rows]),
        walker,
        times,
        palette=palette,
    )


def _given(settings: Settings) -> dict[str, Any]:
    """The settings that are not None. Raises UnknownArgument for one that there is not, ValueError for two rules."""
    known = list(Settings.__annotations__)
    for name in settings:
        if name not in known:
            raise UnknownArgument("setting", name, ["condition", "seeds", *known])
    given = {name: value for name, value in settings.items() if value is not None}
    others = given.keys() & {"guidance", "interval", "also", "negative", "rescale"}
    if "around" in given and others:
        raise ValueError(f"around= is a guidance rule in place of {', '.join(sorted(others))}; give one or the other")
    return given


def _by(rule: Around, model: ImageModel, guidance: float) -> Denoiser:
    """The model under a rule of one's own."""
    made = rule(model.denoiser.at(guidance) if model.denoiser.guided else model.with_variance)
    if not isinstance(made, Denoiser):
        raise ValueError(f"around= must give a pedesis.denoiser.Denoiser; it gave {shown(made)}")
    return made


def rows_of(model: ImageModel, wanted: Wanted, count: int) -> Tensor | None:
    """A condition for `count` pictures, padded to whole chunks."""
    condition = model.condition(wanted, count)
    return None if condition is None else condition[torch.tensor(padded(range(count)))]


def guided(
    model: ImageModel,
    guidance: float | Tensor,
    interval: tuple[float, float] | None,
    rescale: float = 0.0,
    inside: Around | None = None,
) -> Denoiser:
    """The model under a guidance scale, one number or one per row; above 1 it acts within the interval only.

    Distilled models are told the scale, and the interval is part of what they learned. Unconditional ones have none.
    """
    if model.denoiser.guided:
        _undistilled(model, rescale != 0)
        scaled = model.denoiser.at(guidance)
        return scaled if inside is None else inside(scaled)
    plain = model.with_variance if inside is None else inside(model.with_variance)
    if not model.conditional:
        check_unguided(model, guidance, rescale)
        return plain

    def at(scale: Tensor) -> Denoiser:
        return RescaledGuidance(plain, scale, rescale) if rescale else ClassifierFreeGuidance(plain, scale)

    return within(at, checked_scale(guidance), interval)


def check_unguided(model: ImageModel | PointModel, guidance: float | Tensor, rescale: float = 0.0) -> None:
    """ValueError for guidance of an unconditional model that would change nothing: other than 0, 1 or its default."""
    wanted = set(checked_scale(guidance).flatten().tolist())
    if rescale or not wanted <= {0.0, 1.0, float(model.generation.guidance)}:
        asked = f"rescale {rescale:g}" if rescale else f"guidance {', '.join(f'{each:g}' for each in sorted(wanted))}"
        raise ValueError(f"{model.name!r} is unconditional: there is nothing to guide, so {asked} would do nothing")


def within(at: Callable[[Tensor], Denoiser], guidance: Tensor, interval: tuple[float, float] | None) -> Denoiser:
    """`at(guidance)` within the interval, and outside it what remains of it at scales up to 1."""
    plain = guidance.clamp(max=1)
    if interval is None or bool((guidance == plain).all()):
        return at(guidance)
    return GuidanceInterval(at(plain), at(guidance), *interval)


Weight = Callable[[Tensor, slice], Tensor]
"""From the guidance scale, for a chunk of rows, to the weight of a condition."""


def towards(scale: Tensor, rows: slice) -> Tensor:
    """The condition itself."""
    return scale


def away(scale: Tensor, rows: slice) -> Tensor:
    """Away from a condition as a negative prompt goes: nothing up to scale 1, then -(scale - 1)."""
    return -(scale - 1).clamp(min=0)


def composed(
    model: ImageModel,
    terms: Sequence[tuple[Tensor | None, Weight]],
    guidance: float,
    interval: tuple[float, float] | None,
    rescale: float = 0.0,
    inside: Around | None = None,
) -> Callable[[slice], Denoiser]:
    """The model under several conditions at once, each padded rows and a weight, for a chunk of rows.

    Raises:
        ValueError: for a model that takes none, or that has no unconditional side.
    """
    if not model.conditional:
        raise ValueError(f"{model.name!r} is unconditional and takes no conditions")
    _undistilled(model, True)
    plain = model.with_variance if inside is None else inside(model.with_variance)

    def for_rows(rows: slice) -> Denoiser:
        def at(scale: Tensor) -> Denoiser:
            every = [(condition[rows], weight(scale, rows)) for condition, weight in terms if condition is not None]
            active = [(condition, weight) for condition, weight in every if bool((weight != 0).any())]
            return Composition(plain, active or every[:1], rescale)

        return within(at, checked_scale(guidance), interval)

    return for_rows


def _undistilled(model: ImageModel, wanted: bool) -> None:
    if wanted and model.denoiser.guided:
        raise ValueError(
            f"{model.name!r} is distilled: guidance is an input of its network, so it takes no second or negative "
            "condition and no rescaling; use the model that it learned from"
        )


def _sampler(wanted: Choice[Sampler]) -> Sampler:
    return SAMPLERS.of(wanted).ending_in_mean()
