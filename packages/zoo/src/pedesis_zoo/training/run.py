"""Training a recipe into a weight file, so that nothing that was learned is lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from pedesis.training import Batches, Flipped, TrainConfig, TrainState, fit, read_header
from pedesis.utils.device import find_device
from pedesis.utils.distributed import alone, by_first, first, world
from pedesis.utils.registry import UnknownName
from pedesis_zoo.data import TrainingData, training_data
from pedesis_zoo.data.digests import held_out, recognized, sketch
from pedesis_zoo.data.sets import ImageSet, PointSet
from pedesis_zoo.models.recipe import Recipe
from pedesis_zoo.models.weights import ATTRIBUTE_CLASSIFIER, build, check_saveable
from pedesis_zoo.training.fine_tuning import Origins, begin_from
from pedesis_zoo.training.interruption import until_asked_to_stop
from pedesis_zoo.training.keeping import CheckpointWriter, checkpoint_path, claim, intact_checkpoint
from pedesis_zoo.training.objectives import loss_of

__all__ = ["AUGMENTATIONS", "Plan", "Report", "checkpoint_path", "going_on", "plan", "train"]

Report = Callable[[TrainState[Any]], None]
AUGMENTATIONS: dict[str, Callable[[Batches, int], Batches]] = {"flip": Flipped}
"""What can be done to the pictures of each step, as functions of (seed, step, row)."""


@dataclass(frozen=True)
class Plan:
    """A recipe with its data at hand, ready to train.

    Attributes:
        augment: a name in `AUGMENTATIONS`. validate: share of the data that is held out. held: those data.
    """

    recipe: Recipe
    data: TrainingData
    config: TrainConfig
    augment: str | None = None
    validate: float = 0.0
    held: ImageSet | PointSet | None = None

    @property
    def model_spec(self) -> dict[str, Any]:
        """What `pedesis_zoo.models.weights.build` takes."""
        known = {**self.data.network, **self.recipe.network}
        if known.get("text"):
            known["text"] = {**self.data.network["text"], **self.recipe.network.get("text", {})}
        attributes = [[kind, list(values)] for kind, values in getattr(self.data, "attributes", ())]
        return {
            "attributes": attributes,
            "network": known,
            "process": self.recipe.process,
            "parameterization": {"name": self.recipe.parameterization},
            "data_std": self.recipe.data_std,
        }

    @property
    def trained_on(self) -> dict[str, Any]:
        """What a run of it is trained on: a checkpoint keeps it, and goes on with the same only."""
        return {
            "classes": list(self.data.classes),
            "shape of the data": list(self.data.shape),
            "data": self.data.name,
            "pictures": sketch(self.data),
            "loss": {"kind": self.recipe.kind, **self.recipe.loss},
            "augment": self.augment,
            "validate": self.validate,
        }

    def batches(self, device: str) -> Batches:
        """The data of each step, augmented."""
        batches = self.data.batches(self.config.batch, self.config.seed, device)
        return AUGMENTATIONS[self.augment](batches, self.config.seed) if self.augment else batches

    def about(self, state: TrainState[Any]) -> dict[str, Any]:
        """The description that goes into the weight file."""
        measured = {"validation loss": state.validation} if self.held else {}
        return {
            "kind": self.recipe.kind,
            "data": {
                "name": self.data.name,
                "shape": list(self.data.shape),
                "classes": list(self.data.classes),
                "license": self.data.license,
                "source": self.data.source,
                "fingerprint": self.data.fingerprint,
            },
            "generation": asdict(self.recipe.generation),
            "training": {
                "steps": state.step,
                "images": state.step * self.config.batch,
                "hours": round(state.seconds / 3600, 3),
                **measured,
            },
            "license": self.recipe.license,
        }


def plan(
    recipe: Recipe,
    data: TrainingData | None = None,
    augment: str | None = None,
    validate: float = 0.0,
    **changes: Any,
) -> Plan:
    """Bring a recipe and its data together. `changes` override fields of its `TrainConfig` (None: no change).

    Raises:
        UnknownName: no such augmentation. ValueError: a number out of range, or nothing that could be held out.
    """
    data = data or training_data(recipe.data, attributes=recipe.kind == ATTRIBUTE_CLASSIFIER)
    config = TrainConfig(**{**recipe.training, **{k: v for k, v in changes.items() if v is not None}})
    if augment is not None and augment not in AUGMENTATIONS:
        raise UnknownName("augmentation", augment, AUGMENTATIONS)
    if augment is not None and len(data.shape) != 3:
        raise ValueError(f"{augment!r} is for pictures; these data have shape {data.shape}")
    if not validate:
        return Plan(recipe, data, config, augment)
    if not isinstance(data, ImageSet | PointSet):
        raise ValueError(f"the data {data.name!r} are endless: every batch is new, and nothing needs to be held out")
    kept, held = held_out(data, validate)
    return Plan(recipe, kept, config, augment, validate, held)


def train(
    plan: Plan,
    out: str | Path,
    report: Report = lambda state: None,
    save_every: float = 120.0,
    device: str | torch.device = "cpu",
    start: str | Path | None = None,
    origins: Origins | None = None,
) -> Path:
    """Train, writing the averaged weights to `out` and a checkpoint beside it every `save_every` seconds.

    If the checkpoint is there already, training goes on from it: stopping and starting again changes nothing.
    Whatever ends the run, a signal, an error of `report` or of the data, both files are written first, the weights
    before the larger checkpoint; if the numbers became infinite, only where there was none before.

    Args:
        start: a model, or a file of the same shape, from whose weights a new run begins.
        origins: the trained class that a new one begins as, see `pedesis_zoo.training.fine_tuning.begin_from`.

    Raises:
        ValueError: before anything is computed, for a file that could not be written, a checkpoint of another run or
            a model that could not be loaded again; at the end, if the disk is full.
        FloatingPointError: the loss became infinite or NaN.
    """
    out, checkpoint, device = Path(out), checkpoint_path(out), str(find_device(device))
    with ExitStack() as kept:
        by_first(lambda: claim(kept, out, checkpoint))
        return _train(plan, out, checkpoint, report, save_every, device, start, origins)


def _train(
    plan: Plan,
    out: Path,
    checkpoint: Path,
    report: Report,
    save_every: float,
    device: str,
    start: str | Path | None,
    origins: Origins | None,
) -> Path:
    resume, trouble = intact_checkpoint(checkpoint)
    plan, about, notes = (plan, plan.trained_on, []) if resume is None else going_on(plan, resume)
    model = build(plan.recipe.kind, plan.model_spec, plan.config.seed).to(device)
    check_saveable(plan.recipe.kind, model)
    if start is not None and resume is None:
        begin_from(model, start, plan.data.classes, origins)
    loss = loss_of(plan.recipe, device)
    for note in [*notes, trouble]:
        if first() and note:
            print(note, file=sys.stderr)
    keeper = CheckpointWriter(plan, loss, device, out, checkpoint)

    saved, state = time.monotonic(), None
    with until_asked_to_stop(again=world() == 1, says=first()) as asked:
        run = fit(model, plan.batches(device), loss, plan.config, resume, about, lambda: asked.signal is not None)
        try:
            for state in run:
                if not first():
                    continue
                with alone():
                    report(state)
                if asked.signal is None and time.monotonic() - saved > save_every:
                    if trouble := keeper.keep(state):
                        print(f"step {state.step}: {trouble}; training goes on", file=sys.stderr)
                    saved = time.monotonic()
        except BaseException as error:
            if state is not None and first():
                trouble = keeper.keep(state, replacing=not isinstance(error, FloatingPointError))
                print(keeper.ended(state, trouble), file=sys.stderr)
            raise
        if state is None and asked.signal is None:
            raise ValueError(f"{checkpoint} is already trained to the end of this plan; ask for more steps or minutes")
        trouble = keeper.keep(state) if state is not None and first() else ""
        if state is not None and asked.signal is not None and first():
            print(keeper.ended(state, trouble), file=sys.stderr)
    if state is not None and trouble:
        raise ValueError(keeper.ended(state, trouble))
    return out


def going_on(plan: Plan, checkpoint: Path) -> tuple[Plan, dict[str, Any], list[str]]:
    """A plan as its checkpoint has it where that may differ, what it is trained on, and what to say of it.

    Pictures may come and go, a folder may have another name as long as most of its pictures are known, the network
    is told the standard deviation of the data that it began with, and the optimizer stays.

    Raises:
        ValueError: no checkpoint, or the pictures of a class are another's now.
    """
    header, now, notes = read_header(checkpoint), plan.trained_on, []
    kept = header.get("about") or {}
    if kept.get("classes") == now["classes"]:
        try:
            known = recognized(kept["pictures"], plan.data)
        except ValueError as error:
            raise ValueError(f"{checkpoint} is not a checkpoint of these data: {error}") from None
        if known:
            now["data"] = kept["data"]
        elif kept["pictures"]:
            notes.append(f"few of the pictures that {checkpoint} was trained on are left in the data")
        now["pictures"] = kept["pictures"]
    began = (header.get("spec") or {}).get("data_std")
    if began is not None and began != plan.recipe.data_std:
        notes.append(f"data_std stays {began}, with which this run began; measured now: {plan.recipe.data_std}")
        plan = replace(plan, recipe=replace(plan.recipe, data_std=began))
    optimizer = header["config"]["optimizer"]
    if optimizer != plan.config.optimizer:
        notes.append(f"the optimizer stays {optimizer}, with which this run began; asked for: {plan.config.optimizer}")
        plan = replace(plan, config=replace(plan.config, optimizer=optimizer))
    return plan, now, notes
