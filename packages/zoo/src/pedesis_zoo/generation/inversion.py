r"""Inversion: the noise that a deterministic walk turns into a picture.

    x_s = alpha_s x0_hat(x_t) + sigma_s eps_hat(x_t),    s > t        DDIM, upwards (Song et al. 2021, section 5.4)

Walked down again the noise gives the picture back, up to an error that shrinks with the steps and is always said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pedesis.utils.images import Pixels, checked_pixels, to_model
from pedesis.utils.noise import Noise
from pedesis_zoo.generation.pipeline import Pipeline, chunks, padded
from pedesis_zoo.generation.sampling import Settings, Wanted, make_pipeline
from pedesis_zoo.models.loading import ImageModel, load

USUAL: Settings = {"sampler": "ddim", "grid": "uniform", "steps": 50, "guidance": 1.0}
"""What suits inversion: small equal steps, and no guidance, under which the walks up and down part."""

CLEAN = 12.0
"""The log-SNR at which the way up begins: at t = 0 eps_hat is 0, and much of the noise would be lost."""


@dataclass(frozen=True)
class Inversion:
    """Pictures as noise.

    Attributes:
        noise: (B, C, H, W), x at t = 1 over the deviation of the prior: near standard normal.
        reconstruction: uint8 (B, H, W, C), what the same walk draws from it.
        error: root mean square of reconstruction - picture, in levels of 255, one per picture (B,).
    """

    model: ImageModel
    settings: Settings
    noise: Tensor = field(repr=False)
    reconstruction: Pixels = field(repr=False)
    error: NDArray[np.float64]

    def draw(self, condition: Wanted = None, **settings: Unpack[Settings]) -> Pixels:
        """Draw from this noise, under any condition: an edit that keeps the composition (Mokady et al. 2023)."""
        chosen: Settings = {**self.settings, **settings}
        return _from(make_pipeline(self.model, condition, range(len(self.noise)), **chosen), self.noise).pictures()


def invert(
    model: ImageModel | str | Path, pictures: Pixels, condition: Wanted = None, **settings: Unpack[Settings]
) -> Inversion:
    """The noise of which a model draws given pictures, and how well it gives them back.

    Args:
        pictures: uint8 (B, H, W, C), as the model draws them. condition: what they show, as `generate` takes it.
        settings: as of `generate`; where nothing is said, `USUAL`. The sampler must be deterministic.

    Raises:
        ValueError: pictures of another size, a sampler that draws noise, or a setting out of its range.
    """
    model = model if isinstance(model, ImageModel) else load(model)
    pictures = checked_pixels(pictures)
    channels, height, width = model.shape
    if not len(pictures) or pictures.shape[1:] != (height, width, channels):
        raise ValueError(f"{model.name!r} draws pictures (B, {height}, {width}, {channels}); got {pictures.shape}")
    usual: Settings = USUAL if model.conditional else {**USUAL, "guidance": None}
    chosen: Settings = {**usual, **settings}
    pipeline = make_pipeline(model, condition, range(len(pictures)), **chosen)
    if pipeline.sampler.stochastic:
        raise ValueError(f"only a deterministic sampler can be inverted; {pipeline.sampler.name!r} draws noise")
    noise = torch.cat(list(_upwards(pipeline, to_model(pictures[padded(range(len(pictures)))]))))[: len(pictures)]
    generated = _from(pipeline, noise).pictures()
    difference = (generated.astype(np.float64) - pictures).reshape(len(generated), -1)
    return Inversion(model, chosen, noise, generated, np.sqrt((difference**2).mean(1)))


def _upwards(pipeline: Pipeline, x0: Tensor) -> Iterator[Tensor]:
    """The noise of each chunk of padded pictures, on the CPU."""
    process, up = pipeline.model.denoiser.process, pipeline.times.flip(0)
    up[0] = min(float(process.schedule.time(torch.tensor(CLEAN, dtype=torch.float64))), float(up[1]) / 2)
    for rows in chunks(len(pipeline.seeds)):
        condition = None if pipeline.condition is None else pipeline.condition[rows]
        x = x0[rows].to(pipeline.model.device, pipeline.model.dtype)
        x = pipeline.sampler.sample(pipeline.denoiser(rows), x, up, condition)
        yield (x / process.prior(x).var.sqrt()).cpu()


def _from(pipeline: Pipeline, noise: Tensor) -> Pipeline:
    """A drawing that begins with given noise (B, C, H, W)."""
    rows = noise[padded(range(len(noise)))]

    def given(part: slice) -> Noise:
        return lambda like: rows[part].to(like)

    return replace(pipeline, noise=given)
