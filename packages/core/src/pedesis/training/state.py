"""Where a run stands: the network, its optimizer, the average of its weights."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from pedesis.training.checkpoint import restore, save
from pedesis.training.config import TrainConfig
from pedesis.training.optimizers import Together

Model = TypeVar("Model", bound=nn.Module)


@dataclass
class TrainState(Generic[Model]):
    """Where a run stands. `save` writes a checkpoint; `ema_model` is the model to use."""

    config: TrainConfig
    model: Model
    optimizer: torch.optim.Optimizer | Together
    ema: list[Tensor]
    parameters: list[Tensor]
    step: int = 0
    steps: int | None = None  # planned total
    loss: float = math.nan  # of the last step
    seconds: float = 0.0  # spent training, over all sessions
    per_second: float = math.nan  # samples per second, smoothed
    validation: float = math.nan  # what the caller last measured on data that are not trained on
    about: dict[str, Any] = field(default_factory=dict)  # what it is trained on, as the caller says
    whole: bool = True  # False while a step is changing the weights

    def ema_model(self) -> Model:
        """A copy of the model with the averaged weights, in evaluation mode."""
        twin = copy.deepcopy(self.model)
        twin.train(False)
        for parameter, average in zip(trained(twin), self.ema, strict=True):
            parameter.data.copy_(average)
            parameter.requires_grad_(False)
        return twin

    def seconds_left(self) -> float | None:
        """Expected time to the end of the plan, or None if the run is open-ended."""
        if self.steps is None or not math.isfinite(self.per_second):
            return None
        return (self.steps - self.step) * self.config.batch / self.per_second

    def save(self, path: str | Path, previous: Path | None = None) -> None:
        """Write a checkpoint; the one that was there goes to `previous`, if that is given.

        Raises ValueError if it cannot be written; then an older one is still whole.
        """
        save(self, path, previous)

    def restore(self, path: str | Path) -> None:
        """Continue from a checkpoint. Raises ValueError if it is not one, or belongs to another run."""
        restore(self, path)


def trained(model: nn.Module) -> list[Tensor]:
    """The parameters that a run changes."""
    return [p for p in model.parameters() if p.requires_grad]
