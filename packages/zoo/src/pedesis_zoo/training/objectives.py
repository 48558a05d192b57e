"""The objectives that a recipe can name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.editing.operators import Pooling
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.losses import Drifting, InductiveMomentMatching, Loss, MeanFlow, Shortcut
from pedesis.samplers import SAMPLERS
from pedesis.training import Objective
from pedesis.training.cross_entropy import attribute_cross_entropy, cross_entropy
from pedesis.training.distillation import Distillation
from pedesis.training.variational import HybridLoss, LearnedScheduleLoss
from pedesis.utils.registry import UnknownName
from pedesis_zoo.generation.sampling import guided
from pedesis_zoo.models.loading import load
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.weights import ATTRIBUTE_CLASSIFIER


def loss_of(recipe: Recipe, device: str = "cpu") -> Objective:
    """The objective that a recipe names in `loss["name"]` ("denoising" if it names none). Raises UnknownName."""
    if recipe.kind == ATTRIBUTE_CLASSIFIER:
        return attribute_cross_entropy
    if recipe.kind.endswith("classifier"):
        return cross_entropy
    name, arguments = recipe.loss.get("name", "denoising"), {k: v for k, v in recipe.loss.items() if k != "name"}
    if name == "distillation":
        return distillation(device=device, **arguments)
    if name not in LOSSES:
        raise UnknownName("loss", name, [*LOSSES, "distillation"])
    return LOSSES[name](**arguments)


def distillation(
    teacher: str, steps: int, substeps: int, scales: Sequence[float], device: str, sampler: str = "ddim"
) -> Distillation:
    """The loss of a student of a model of the zoo, guided as that model's own settings say."""
    taught_by = load(teacher, device)

    def guided_by(scale: Tensor) -> Denoiser:
        return StaticThresholding(guided(taught_by, scale, taught_by.generation.interval))

    low, high = scales
    return Distillation(guided_by, steps, substeps, (low, high), SAMPLERS.build({"name": sampler}))


def super_resolving(factor: int, **arguments: Any) -> Objective:
    """The denoising loss of a model that is conditioned on the same picture, `factor` times smaller."""
    loss, pooling = Loss(**arguments), Pooling(factor)

    def of_small(denoiser: Any, x0: Tensor, condition: Condition, noise: Any) -> tuple[Tensor, Tensor]:
        return loss(denoiser, x0, pooling.apply(x0), noise)

    return of_small


LOSSES: dict[str, Callable[..., Objective]] = {
    "denoising": Loss,
    "hybrid": HybridLoss,
    "learned-schedule": LearnedScheduleLoss,
    "enlarging": super_resolving,
    "shortcut": Shortcut,
    "mean-flow": MeanFlow,
    "moment-matching": InductiveMomentMatching,
    "drifting": Drifting,
}
"""The objectives that a recipe can name, beside "distillation", which needs its teacher on the device."""
