r"""Training as a generator: `fit` yields after every step, and the caller logs, plots, saves or stops.

    theta <- AdamW(theta, grad of the mean loss),    learning rate: warm-up, constant, linear cool-down
    ema_n = ema_(n-1) + (1 - (1 - 1/n)^(g+1)) (theta_n - ema_(n-1))        power-law average (Karras et al. 2024)

The average remembers a fixed fraction of the run, however long it is, so it needs no tuning and is good at any
step. Every random number is a function of (seed, step, row), and a checkpoint holds everything else, so a run
that was stopped and resumed ends in the same bits as one that was not.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pedesis.denoiser import Condition
from pedesis.files import atomic
from pedesis.images import Pixels, to_model
from pedesis.noise import TrainingNoise, generator

Batches = Callable[[int, range], tuple[Tensor, Condition]]
"""(step, rows of the global batch) -> data (B, ...) and condition; a function, so that a run can resume."""

Loss = Callable[[Any, Tensor, Condition, TrainingNoise], tuple[Tensor, Tensor]]
"""(model, data, condition, noise) -> loss of each row (B,), and the times it was taken at (B,)."""


class Trainable(Protocol):
    """What `fit` trains: a module that can describe itself (`NetworkDenoiser`, `NoisyClassifier`, ...)."""

    def spec(self) -> dict[str, Any]: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def train(self, mode: bool = True) -> Any: ...


Model = TypeVar("Model", bound=Trainable)


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Give `steps`, or `minutes` (the steps are planned from the measured speed), or neither."""

    batch: int = 128  # global batch size
    steps: int | None = None  # stop after this many steps
    minutes: float | None = None  # stop after about this long
    learning_rate: float = 1e-3
    warmup: int = 200  # steps of linear warm-up, at most a tenth of the plan
    cooldown: float = 0.2  # last fraction of the run in which the learning rate falls to zero
    weight_decay: float = 0.0
    clip: float = 1.0  # largest norm of the gradient
    ema_power: float = 16.97  # g of the power-law average; 16.97 remembers the last 5 %, 6.94 the last 10 %
    seed: int = 0


@dataclass
class TrainState(Generic[Model]):
    """Where a run stands. `save` writes a checkpoint; `averaged` is the model to use."""

    config: TrainConfig
    model: Model
    optimizer: torch.optim.Optimizer
    ema: list[Tensor]
    parameters: list[Tensor]
    step: int = 0
    steps: int | None = None  # planned total
    loss: float = math.nan  # of the last step
    seconds: float = 0.0  # spent training, over all sessions
    per_second: float = math.nan  # samples per second, smoothed

    def averaged(self) -> Model:
        """A copy of the model with the averaged weights, in evaluation mode."""
        twin = copy.deepcopy(self.model)
        twin.train(False)
        for parameter, average in zip(_trained(twin), self.ema, strict=True):
            parameter.data.copy_(average)
            parameter.requires_grad_(False)
        return twin

    def seconds_left(self) -> float | None:
        """Expected time to the end of the plan, or None if the run is open-ended."""
        if self.steps is None or not math.isfinite(self.per_second):
            return None
        return (self.steps - self.step) * self.config.batch / self.per_second

    def save(self, path: str | Path) -> None:
        """Write everything a resumed run needs, as one safetensors file, whole or not at all."""
        tensors = {}
        for i, (parameter, average) in enumerate(zip(self.parameters, self.ema, strict=True)):
            tensors[f"parameter.{i}"], tensors[f"ema.{i}"] = parameter.data, average
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{i}"] = value
        header = {
            "spec": self.model.spec(),
            "step": self.step,
            "steps": self.steps,
            "minutes": self.config.minutes,
            "seconds": self.seconds,
        }
        with atomic(path) as temporary:
            save_file(
                {k: v.contiguous() for k, v in tensors.items()}, temporary, {"pedesis-checkpoint": json.dumps(header)}
            )

    def restore(self, path: str | Path) -> None:
        """Continue from a checkpoint. Raises ValueError if it is not one, or belongs to another model.

        A plan of steps is the configuration's; one that was measured from minutes is kept, unless other minutes are
        asked for now.
        """
        try:
            with safe_open(path, "pt") as file:
                header = json.loads((file.metadata() or {}).get("pedesis-checkpoint", "null"))
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path} cannot be read as a checkpoint ({error})") from None
        if header is None or not agrees(header["spec"], json.loads(json.dumps(self.model.spec()))):
            raise ValueError(f"{path} is not a checkpoint of this model: its architecture or process differs")
        for i, (parameter, average) in enumerate(zip(self.parameters, self.ema, strict=True)):
            parameter.data.copy_(tensors[f"parameter.{i}"])
            average.copy_(tensors[f"ema.{i}"])
            moments = {key: torch.empty_like(parameter.data) for key in ("exp_avg", "exp_avg_sq")}  # same strides
            for key, moment in moments.items():
                moment.copy_(tensors[f"optimizer.{key}.{i}"])
            self.optimizer.state[parameter] = {"step": tensors[f"optimizer.step.{i}"].clone(), **moments}
        self.step, self.seconds = header["step"], header["seconds"]
        if self.config.steps is None and self.config.minutes is not None:
            used_up = self.seconds >= 60 * self.config.minutes
            same = header.get("minutes") == self.config.minutes
            self.steps = header["steps"] if same else self.step if used_up else None


def agrees(kept: Any, now: Any) -> bool:
    """Whether a model is as a kept specification says; options that are newer than it are not asked about."""
    if isinstance(kept, dict) and isinstance(now, dict):
        return all(key in now and agrees(value, now[key]) for key, value in kept.items())
    return bool(kept == now)


def fit(
    model: Model,
    batches: Batches,
    loss: Loss,
    config: TrainConfig,
    resume: str | Path | None = None,
) -> Iterator[TrainState[Model]]:
    """Train `model` in place, yielding the state after every step (Algorithm 1 of DDPM).

    Args:
        batches: gives the data of each step, on the device of the model.
        resume: a checkpoint to continue from; a plan in `config` counts from the start of the whole run.

    Raises:
        ValueError: a checkpoint that does not fit.
        FloatingPointError: the loss became infinite or NaN; the last checkpoint is still good.
    """
    parameters = _trained(model)
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
    )
    average = [p.detach().clone() for p in parameters]
    state = TrainState(config, model, optimizer, average, parameters, steps=config.steps)
    if resume is not None:
        state.restore(resume)
    model.train()

    speed = _Speedometer()
    while state.steps is None or state.step < state.steps:
        rows = range(config.batch)
        x0, condition = batches(state.step, rows)
        noise = TrainingNoise(config.seed, state.step, config.batch, rows)
        losses, _ = loss(model, x0, condition, noise)
        mean = losses.mean()
        state.loss = mean.item()
        if not math.isfinite(state.loss):
            raise FloatingPointError(
                f"the loss became {state.loss} at step {state.step}; lower the learning rate "
                f"({config.learning_rate:g}) and resume from the last checkpoint"
            )
        optimizer.zero_grad(set_to_none=True)
        mean.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip, foreach=True)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, state.step, state.steps)
        optimizer.step()
        state.step += 1
        share = 1 - (1 - 1 / state.step) ** (config.ema_power + 1)
        torch._foreach_lerp_(state.ema, [p.detach() for p in parameters], share)

        elapsed = speed.tick()
        state.seconds += elapsed
        state.per_second = config.batch * speed.rate
        if config.minutes is not None and state.steps is None and speed.steady:
            left = config.minutes * 60 - state.seconds
            state.steps = state.step + max(1, int(left * speed.rate))
        yield state
        speed.restart()  # what the caller does in between (saving, sampling) is not training time


def _trained(model: Trainable) -> list[Tensor]:
    return [p for p in model.parameters() if p.requires_grad]


def learning_rate(config: TrainConfig, step: int, steps: int | None) -> float:
    """Warm-up from zero, then constant, then straight down to zero over the last `cooldown` of a known plan."""
    warmup = config.warmup if steps is None else min(config.warmup, steps // 10)
    rate = config.learning_rate * min(1.0, (step + 1) / max(warmup, 1))
    if steps is not None and config.cooldown > 0:
        rate *= min(1.0, (steps - step) / (config.cooldown * steps))
    return rate


class _Speedometer:
    """Steps per second, smoothed; the first two steps (allocation, caches) do not count."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.count = 0
        self.rate = math.nan

    @property
    def steady(self) -> bool:
        return self.count >= 12

    def tick(self) -> float:
        elapsed = time.perf_counter() - self.start
        self.count += 1
        if self.count == 3:
            self.rate = 1 / elapsed
        elif self.count > 3:
            self.rate += (1 / elapsed - self.rate) * max(0.02, 1 / (self.count - 2))
        return elapsed

    def restart(self) -> None:
        self.start = time.perf_counter()


class ArrayBatches:
    """Batches from pixels that fit in memory: uint8 throughout, shuffled anew each epoch, no worker process.

    Row r of step n is entry n * batch + r of an endless list of permutations, each a function of (seed, epoch).

    Args:
        pixels: uint8 (N, H, W, C) or (N, H, W), or float (N, D) vectors, which are passed through.
        labels: int64 (N,), or None.
    """

    def __init__(self, pixels: Pixels | Tensor, labels: Tensor | None, batch: int, seed: int = 0, device: str = "cpu"):
        self.data = torch.as_tensor(pixels)
        self.labels = labels
        self.batch, self.seed, self.device = batch, seed, device
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __call__(self, step: int, rows: range) -> tuple[Tensor, Condition]:
        first = step * self.batch
        index = torch.stack([self._entry(first + row) for row in rows])
        data = self.data[index]
        x0 = to_model(data) if data.dtype == torch.uint8 else data
        condition = None if self.labels is None else self.labels[index].to(self.device)
        return x0.to(self.device), condition

    def _entry(self, position: int) -> Tensor:
        epoch, place = divmod(position, len(self.data))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = torch.randperm(len(self.data), generator=generator(epoch, self.seed))
        return self._order[place]
