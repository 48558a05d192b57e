"""Training a recipe, or your own pictures, into a weight file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pedesis.classifier import attribute_cross_entropy, cross_entropy
from pedesis.denoiser import Condition, Denoiser
from pedesis.device import find_device
from pedesis.distillation import Distillation
from pedesis.files import check_writable
from pedesis.inverse import Pooling
from pedesis.losses import Loss
from pedesis.registry import UnknownName
from pedesis.samplers import SAMPLERS
from pedesis.thresholds import Clipped
from pedesis.training import TrainConfig, TrainState, fit
from pedesis.variational import Hybrid, LearnedScheduleLoss
from pedesis_zoo.data import ImageSet, TrainingData, training_data
from pedesis_zoo.generation import guided
from pedesis_zoo.loading import load, load_any
from pedesis_zoo.recipes import Recipe
from pedesis_zoo.weights import READER, build, save_weights

Report = Callable[[TrainState[Any]], None]
Objective = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Plan:
    """A recipe with its data at hand, ready to train."""

    recipe: Recipe
    data: TrainingData
    config: TrainConfig

    @property
    def model_spec(self) -> dict[str, Any]:
        """What `pedesis_zoo.weights.build` takes."""
        known = {**self.data.network, **self.recipe.network}
        if known.get("text"):
            known["text"] = {**self.data.network["text"], **self.recipe.network.get("text", {})}
        attributes = [[kind, list(values)] for kind, values in getattr(self.data, "attributes", ())]
        return {
            "attributes": attributes,
            "network": known,
            "process": self.recipe.process,
            "parameterisation": {"name": self.recipe.parameterisation},
            "data_std": self.recipe.data_std,
        }

    def about(self, state: TrainState[Any]) -> dict[str, Any]:
        """The description that goes into the weight file."""
        return {
            "kind": self.recipe.kind,
            "data": {
                "name": self.data.name,
                "shape": list(self.data.shape),
                "classes": list(self.data.classes),
                "licence": self.data.licence,
            },
            "generation": asdict(self.recipe.generation),
            "training": {
                "steps": state.step,
                "images": state.step * self.config.batch,
                "hours": round(state.seconds / 3600, 3),
            },
            "licence": self.recipe.licence,
        }


def plan(recipe: Recipe, data: TrainingData | None = None, **changes: Any) -> Plan:
    """Bring a recipe and its data together. `changes` override fields of its `TrainConfig` (None: no change)."""
    data = data or training_data(recipe.data, attributes=recipe.kind == READER)
    config = TrainConfig(**{**recipe.training, **{k: v for k, v in changes.items() if v is not None}})
    return Plan(recipe, data, config)


def train(
    plan: Plan,
    out: str | Path,
    report: Report = lambda state: None,
    save_every: float = 120.0,
    device: str | torch.device = "cpu",
    start: str | Path | None = None,
) -> Path:
    """Train, writing the averaged weights to `out` and a checkpoint beside it every `save_every` seconds.

    If the checkpoint is there already, training goes on from it: stopping and starting again changes nothing.
    A new run may begin from the weights of a file of the same shape, `start`, instead of random ones.
    """
    out, device = Path(out), str(find_device(device))
    check_writable(out)
    checkpoint = checkpoint_path(out)
    torch.manual_seed(plan.config.seed)  # the fresh weights; everything later draws from its own generators
    model = build(plan.recipe.kind, plan.model_spec).to(device)
    if start is not None:
        begin_from(model, start)
    batches = plan.data.batches(plan.config.batch, plan.config.seed, device)
    loss = loss_of(plan.recipe, device)

    saved, state = time.monotonic(), None
    run = fit(model, batches, loss, plan.config, checkpoint if checkpoint.is_file() else None)  # type: ignore[type-var]
    for state in run:
        report(state)
        if time.monotonic() - saved > save_every:
            state.save(checkpoint)
            save_weights(out, state.averaged(), plan.about(state))
            saved = time.monotonic()
    if state is None:
        raise ValueError(f"{checkpoint} is already trained to the end of this plan; ask for more steps or minutes")
    state.save(checkpoint)
    save_weights(out, state.averaged(), plan.about(state))
    return out


def loss_of(recipe: Recipe, device: str = "cpu") -> Objective:
    """The objective that a recipe names in `loss["name"]` ("denoising" if it names none). Raises UnknownName."""
    if recipe.kind.endswith("classifier"):
        return cross_entropy
    if recipe.kind == READER:
        return attribute_cross_entropy
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
        return Clipped(guided(taught_by, scale, taught_by.generation.interval))

    low, high = scales
    return Distillation(guided_by, steps, substeps, (low, high), SAMPLERS.build({"name": sampler}))


def enlarging(factor: int, **arguments: Any) -> Objective:
    """The denoising loss of a model that is conditioned on the same picture, `factor` times smaller."""
    loss, pooling = Loss(**arguments), Pooling(factor)

    def of_small(denoiser: Any, x0: Tensor, condition: Condition, noise: Any) -> tuple[Tensor, Tensor]:
        return loss(denoiser, x0, pooling.apply(x0), noise)

    return of_small


LOSSES: dict[str, Callable[..., Objective]] = {
    "denoising": Loss,
    "hybrid": Hybrid,
    "learned-schedule": LearnedScheduleLoss,
    "enlarging": enlarging,
}
"""The objectives that a recipe can name, beside "distillation", which needs its teacher on the device."""


def begin_from(model: nn.Module, weights: str | Path) -> None:
    """Copy the weights of a file, or of a model of the zoo, into a model, which may have more, or more outputs.

    Raises:
        ValueError: weights of another shape.
    """
    trained, fresh = load_any(weights)[0].state_dict(), model.state_dict()
    head = [name for name in trained if name.startswith("network.out.") and name in fresh]
    copied = {**trained, **{name: _grown(trained[name], fresh[name]) for name in head}}
    try:
        model.load_state_dict({**fresh, **copied})
    except RuntimeError as error:
        raise ValueError(f"{weights} does not fit this recipe: {str(error).splitlines()[-1].strip()}") from None


def _grown(trained: Tensor, fresh: Tensor) -> Tensor:
    """Trained rows, followed by what a fresh tensor has more: a variance head's, after the mean's."""
    fits = trained.shape[1:] == fresh.shape[1:]
    return torch.cat([trained, fresh[len(trained) :]]) if fits and len(fresh) > len(trained) else trained


def checkpoint_path(out: str | Path) -> Path:
    """Where the checkpoint of a run that writes `out` lies: beside it."""
    out = Path(out)
    return out.with_name(f"{out.stem}.checkpoint.safetensors")


def folder_recipe(images: ImageSet) -> Recipe:
    """A recipe for anybody's pictures: the network of `fashion-mnist`, its data measured."""
    from pedesis_zoo.registry import recipe

    base = recipe("fashion-mnist")
    values = images.pixels.astype(np.float64) / 127.5 - 1
    generation = replace(base.generation, guidance=base.generation.guidance if images.classes else 1.0)
    return replace(
        base,
        title=f"trained on {images.name}",
        data=images.name,
        sha256="",
        data_std=round(float(np.sqrt((values**2).mean())), 3),
        generation=generation,
        network={**base.network, **_fitting(images)},
        notes="",
    )


def _fitting(images: ImageSet) -> Mapping[str, Any]:
    side = images.pixels.shape[1]
    if side % 4:
        raise ValueError(
            f"pictures must have a side that is a multiple of 4; got {side}: use --size {side - side % 4 + 4}"
        )
    return {"patch": 1} if side < 16 else {}
