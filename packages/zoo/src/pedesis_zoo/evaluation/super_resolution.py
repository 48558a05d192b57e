"""How well a model enlarges pictures: beside bicubic interpolation, and read by the attribute classifier of its data.

PSNR = 10 log10( 255^2 / mean squared error )     decibels; of one picture drawn at random, so below the best guess's
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from pedesis.utils.images import Pixels, to_image
from pedesis_zoo.data.captioned import COMPOSED
from pedesis_zoo.evaluation.metrics import Estimate, average
from pedesis_zoo.evaluation.prompts import attribute_classifier_for, micro, read
from pedesis_zoo.generation.batches import in_batches
from pedesis_zoo.generation.editing import downsample, upscale
from pedesis_zoo.models.loading import ImageModel, known_data, load


def upscaled(model: ImageModel, real: Pixels, first_seed: int) -> tuple[Pixels, Pixels]:
    """Pictures (N, H, W, C) made small, and what the model draws of the small ones."""
    small = np.stack([downsample(picture, model.denoiser.option("enlarges")) for picture in real])
    return small, in_batches(lambda some, seeds: upscale(model, np.stack(some), seeds), list(small), first_seed)


def bicubic(small: Pixels, side: int) -> Pixels:
    """Pictures enlarged by bicubic interpolation."""
    large = [to_image(picture).resize((side, side), Image.Resampling.BICUBIC) for picture in small]
    return np.stack([np.array(picture) for picture in large]).reshape(len(small), side, side, -1)


def psnr(pictures: Pixels, real: Pixels) -> Estimate:
    """The mean over pictures of their PSNR, decibels."""
    square = (pictures.astype(np.float64) - real).reshape(len(real), -1)
    each = 10 * np.log10(255**2 / np.maximum((square**2).mean(1), 1e-9))
    return average(torch.as_tensor(each))


def evaluate_super_resolution(name: str, count: int = 1000, first_seed: int = 10_000) -> dict[str, Estimate]:
    """PSNR and readable attributes of enlarged composites, beside bicubic interpolation and the truth."""
    model = load(name)
    data = known_data(model.about)
    drawn_at = COMPOSED[data].source().draw(79, np.arange(count), "held-out")
    real, labels, attribute_classifier = (
        drawn_at.pixels,
        torch.from_numpy(drawn_at.labels),
        attribute_classifier_for(data),
    )
    small, generated = upscaled(model, real, first_seed)
    ways = {name: generated, "bicubic": bicubic(small, real.shape[1])}
    results = {f"PSNR, {way}": psnr(pictures, real) for way, pictures in ways.items()}
    for way, pictures in {**ways, "real composites": real}.items():
        right = read(attribute_classifier, pictures) == labels
        results[f"visible attributes right, {way}"] = micro(right & (labels >= 0), labels >= 0)
    return results
