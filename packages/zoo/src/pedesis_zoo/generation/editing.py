"""Editing with a model of the zoo: inpainting, image to image, super-resolution, interpolation.

Each is `generate` with one part changed, and yields the same snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pedesis.denoiser import Denoiser
from pedesis.editing.image_to_image import remaining_timesteps
from pedesis.editing.inpainting import InpaintingDenoiser, RePaint
from pedesis.editing.interpolation import slerp
from pedesis.editing.inverse_problems import DDNM, MMPS
from pedesis.editing.operators import Pooling
from pedesis.gaussian import Noise
from pedesis.guidance.base import checked_scale
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.utils.images import Pixels, to_model, to_pixels
from pedesis.utils.noise import PerSeed
from pedesis_zoo.data.folder import read_picture
from pedesis_zoo.generation.pipeline import Pipeline, Snapshot, padded
from pedesis_zoo.generation.sampling import Settings, Wanted, composed, make_pipeline, rows_of
from pedesis_zoo.models.loading import ImageModel
from pedesis_zoo.models.registry import list_models, recipe
from pedesis_zoo.models.weights import SUPER_RESOLUTION


def preprocess(model: ImageModel, path: str | Path, largest: int = 16_000_000) -> Pixels:
    """A picture file as the model would draw it, uint8 (H, W, C): its central part, resized; gray for gray models.

    Raises:
        ValueError: a file that is no picture, or that has more than `largest` pixels.
    """
    channels, height, width = model.shape
    picture, trouble = read_picture(Path(path), max(height, width), largest)
    if picture is None:
        raise ValueError(f"{Path(path).name} {trouble}")
    picture = picture[(len(picture) - height) // 2 :][:height, (picture.shape[1] - width) // 2 :][:, :width]
    return np.array(Image.fromarray(picture).convert("L"))[..., None] if channels == 1 else picture.copy()


def inpaint(
    model: ImageModel,
    picture: Pixels,
    hole: NDArray[np.bool_],
    condition: Wanted = None,
    seeds: Sequence[int] = (0,),
    *,
    repeats: int = 1,
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """Draw the part of a picture where `hole` is true; the rest is kept as it is.

    Args:
        picture: uint8 (H, W, C). hole: bool (H, W).
        repeats: how often each step is taken, with noise in between: more, and the new part fits the old one better
            (Lugmayr et al. 2022).

    Raises:
        ValueError: a picture or hole of another size, or a hole that holds nothing.
    """
    hole = np.asarray(hole)
    if hole.dtype != np.bool_ or hole.shape != model.shape[1:] or not hole.any():
        raise ValueError(
            f"the hole must be true somewhere, bool {model.shape[1:]}; got {hole.dtype} {hole.shape}, "
            f"true at {np.count_nonzero(hole)} places"
        )
    pipeline = make_pipeline(model, condition, seeds, **settings)
    known, mask = _as_row(model, picture), torch.as_tensor(~hole)[None, None].to(model.device)
    inner = pipeline.denoiser
    return replace(
        pipeline,
        denoiser=lambda rows: InpaintingDenoiser(inner(rows), known, mask),
        sampler=RePaint(pipeline.sampler, repeats) if repeats != 1 else pipeline.sampler,
    ).run()


def image_to_image(
    model: ImageModel,
    picture: Pixels,
    strength: float,
    condition: Wanted = None,
    seeds: Sequence[int] = (0,),
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """Image to image: noise a picture part of the way and draw from there (Meng et al. 2022, SDEdit).

    Args:
        strength: 0 (nothing changes) < strength <= 1 (only noise is left): the share of the steps that is taken.
    """
    pipeline = make_pipeline(model, condition, seeds, **settings)
    times = remaining_timesteps(pipeline.times, strength)
    return replace(pipeline, times=times, picture=_as_row(model, picture)).run()


def downsample(picture: Pixels, factor: int) -> Pixels:
    """The means over blocks of factor x factor pixels, uint8 (H/factor, W/factor, C): what
    `super_resolution` begins with.

    Raises:
        ValueError: a factor that does not divide both sides.
    """
    small: Pixels = to_pixels(Pooling(factor).apply(to_model(picture[None])))[0]
    return small


def super_resolution(
    model: ImageModel,
    small: Pixels,
    factor: int,
    condition: Wanted = None,
    seeds: Sequence[int] = (0,),
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """Super-resolution: pictures whose means over blocks of factor x factor pixels are `small`.

    Moment matching (`pedesis.editing.MMPS`) inside the guidance: it takes derivatives of what should be a
    mean of x_0, which a guided estimate is not. One iteration: more of them trust the network's derivatives too far.

    Outside the guidance, the null space rule: A x_0 = y is certain, but guidance multiplies what each half misses of
    it, to A x_guided - y = (1 - g) r_uncond + g r_cond, and a walk that believes that goes astray.

    Args:
        small: uint8 (H/factor, W/factor, C), see `downsample`.
    """
    channels, height, width = model.shape
    if small.shape[0] * factor != height or small.shape[1] * factor != width or small.shape[2] != channels:
        raise ValueError(
            f"{model.name!r} draws pictures of {(height, width, channels)}, not {factor} times {small.shape}"
        )
    pooling, measured = Pooling(factor), to_model(small[None]).to(model.device)

    def measurement_guided(plain: Denoiser) -> Denoiser:
        return MMPS(StaticThresholding(plain), pooling, measured, iterations=1)

    pipeline = make_pipeline(model, condition, seeds, inside=measurement_guided, **settings)
    guided = pipeline.denoiser
    return replace(pipeline, denoiser=lambda rows: StaticThresholding(DDNM(guided(rows), pooling, measured))).run()


def upscaler_for(data: str | None, factor: int) -> str | None:
    """The model that was trained to enlarge pictures of a data set of the zoo by a factor, if there is one."""
    fitting = (name for name in list_models(kind=SUPER_RESOLUTION) if recipe(name).data == data)
    return next((name for name in fitting if recipe(name).network["enlarges"] == factor), None)


def upscale(
    model: ImageModel, small: Pixels, seeds: Sequence[int] = (0,), **settings: Unpack[Settings]
) -> Iterator[Snapshot]:
    """Super-resolution by a model that was trained for it, such as "heroes-x2".

    Args:
        small: uint8 (H/factor, W/factor, C), or one for each seed (B, H/factor, W/factor, C); see `downsample`.

    Raises:
        ValueError: a model that enlarges nothing, or a picture that it cannot bring to its own size.
    """
    factor = model.denoiser.option("enlarges")
    if not factor:
        raise ValueError(f"{model.name!r} was not trained to enlarge pictures; use `super_resolution`")
    channels, height, width = model.shape
    rows = small if small.ndim == 4 else np.repeat(small[None], len(seeds), axis=0)
    if rows.shape != (len(seeds), height // factor, width // factor, channels):
        raise ValueError(
            f"{model.name!r} enlarges pictures of {(height // factor, width // factor, channels)}, one or "
            f"{len(seeds)} of them; got {small.shape}"
        )
    return make_pipeline(
        model, None, seeds, small=to_model(rows[padded(range(len(rows)))]).to(model.device), **settings
    ).run()


def interpolate(
    model: ImageModel,
    first_seed: int,
    second_seed: int,
    number: int = 8,
    condition: Wanted = None,
    other: Wanted = None,
    **settings: Unpack[Settings],
) -> Iterator[Snapshot]:
    """Pictures between two seeds, and between two conditions if `other` is given.

    All noise is slerp(noise of the first, noise of the second, share), share from 0 to 1; the conditions are mixed as
    x0 = x0_uncond + guidance ((1 - share) (x0_first - x0_uncond) + share (x0_other - x0_uncond)).

    Raises:
        ValueError: fewer than two pictures, or a model that cannot mix conditions.
    """
    if number < 2:
        raise ValueError(f"between two ends there are at least 2 pictures; got number = {number}")
    pipeline = make_pipeline(model, condition, [first_seed] * number, **settings)
    make_pipeline(model, None, [second_seed])  # the same checks
    share = torch.tensor(padded(np.linspace(0, 1, number).tolist()), dtype=torch.float64)

    def noise(rows: slice) -> Noise:
        first, second = (PerSeed([seed] * len(share[rows])) for seed in (first_seed, second_seed))
        return lambda like: slerp(first(like), second(like), share[rows].to(like))

    pipeline = replace(pipeline, noise=noise)
    return (pipeline if other is None else _mixed(pipeline, other, share, settings)).run()


def _mixed(pipeline: Pipeline, other: Wanted, share: torch.Tensor, settings: Settings) -> Pipeline:
    model, usual = pipeline.model, pipeline.model.generation
    guidance, interval = settings.get("guidance"), settings.get("interval")
    terms = [
        (pipeline.condition, lambda scale, rows: scale * (1 - share[rows])),
        (rows_of(model, other, len(pipeline.seeds)), lambda scale, rows: scale * share[rows]),
    ]
    mixture = composed(
        model,
        terms,
        float(checked_scale(usual.guidance if guidance is None else guidance)),
        usual.interval if interval is None else interval,
    )
    return replace(pipeline, denoiser=lambda rows: StaticThresholding(mixture(rows)))


def _as_row(model: ImageModel, picture: Pixels) -> torch.Tensor:
    channels, height, width = model.shape
    if picture.shape != (height, width, channels):
        raise ValueError(f"{model.name!r} draws pictures of {(height, width, channels)}; got {picture.shape}")
    return to_model(picture[None]).to(model.device)
