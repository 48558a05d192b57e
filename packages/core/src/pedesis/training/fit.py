"""One step after the other: `fit` yields the state after each, and the caller logs, plots, saves or stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from pedesis.denoiser import Condition
from pedesis.training.batches import Batches, LoaderBatches
from pedesis.training.checkpoint import plain, restore
from pedesis.training.config import TrainConfig, learning_rate
from pedesis.training.ema import update_ema
from pedesis.training.optimizers import optimizer_of
from pedesis.training.speed import Speedometer
from pedesis.training.state import Model, TrainState, trained
from pedesis.utils.distributed import add, check_same, from_first, share, world
from pedesis.utils.files import digest
from pedesis.utils.noise import TrainingNoise, fixed_seed, splitmix64

Objective = Callable[[Any, Tensor, Condition, TrainingNoise], tuple[Tensor, Tensor]]
"""(model, data, condition, noise) -> loss of each row (B,), and the times it was taken at (B,)."""


def fit(
    model: Model,
    batches: Batches | DataLoader[Any],
    loss: Objective,
    config: TrainConfig,
    resume: str | Path | None = None,
    about: dict[str, Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[TrainState[Model]]:
    """Train `model` in place, yielding the state after every step (Algorithm 1 of DDPM).

    Args:
        model: any module. Its description, if it has a `spec()`, is kept in checkpoints.
        batches: gives the data of each step, on the device of the model; or a DataLoader, see `LoaderBatches`.
        resume: a checkpoint to continue from; a plan in `config` counts from the start of the whole run.
        about: what the run is trained on, as plain data: kept in checkpoints, and a run that says otherwise is not
            resumed.
        stop: asked in every step; once it says yes, on any rank, the run ends after that step on all of them.

    In several processes (`pedesis.utils.launch.ranks`) each computes its rows, `accumulate` splits those further,
    and the weights stay the same on all of them; every rank must go through all steps.

    Raises:
        ValueError: at once, if nothing can be trained, the batches are not of `config.batch` rows, or the checkpoint
            is of another run; later, for a loss that is not one number per row.
        RankLost: another process of the run ended; the state is that of the last whole step.
        FloatingPointError: the loss or its gradient became infinite or NaN; the weights are those of before.
    """
    parameters = trained(model)
    if not parameters:
        raise ValueError(
            "nothing here can be trained: every parameter is frozen (requires_grad=False), as those of a loaded model "
            "are; train pedesis_zoo.trainable(model), or call model.requires_grad_() first"
        )
    if isinstance(batches, DataLoader):
        batches = LoaderBatches(batches, config.batch, config.seed, parameters[0].device)
    rows = getattr(batches, "batch", None)
    if rows is not None and rows != config.batch:
        raise ValueError(
            f"these batches have {rows} rows and TrainConfig says {config.batch}: give TrainConfig(batch={rows})"
        )
    optimizer = optimizer_of(model, parameters, config)
    average = [p.detach().clone() for p in parameters]
    state = TrainState(
        config, model, optimizer, average, parameters, steps=config.steps, about=plain(dict(about or {}))
    )
    if resume is not None:
        restore(state, resume)
    if world() > 1:
        check_same(_digest(state), "model, plan or checkpoint")
    model.train()
    return _steps(state, batches, loss, stop)


def _steps(
    state: TrainState[Model], batches: Batches, loss: Objective, stop: Callable[[], bool]
) -> Iterator[TrainState[Model]]:
    config, speed = state.config, Speedometer()
    stopping = False
    while not stopping and (state.steps is None or state.step < state.steps):
        if world() == 1 and stop():
            return
        stopping = backward(state, batches, loss, stop)
        update(state)
        elapsed = speed.tick()
        state.seconds += elapsed
        state.per_second = config.batch * speed.rate
        if config.minutes is not None and state.steps is None and speed.steady:
            left = config.minutes * 60 - state.seconds
            state.steps = from_first(state.step + max(1, int(left * speed.rate)))
        yield state
        speed.restart()  # what the caller does in between (saving, sampling) is not training time


def backward(
    state: TrainState[Any], batches: Batches, loss: Objective, stop: Callable[[], bool] = lambda: False
) -> bool:
    """The gradient of the mean loss of the batch, sum over parts and ranks of grad (sum of their losses / batch).

    Returns:
        Whether any rank was asked to stop.
    """
    config = state.config
    state.optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for rows in filter(None, parts(share(range(config.batch)), config.accumulate)):
        with fixed_seed(splitmix64(rows.start, state.step, config.seed), state.parameters[0].device):
            mean = loss_of_rows(state.model, batches, loss, config, state.step, rows).sum() / config.batch
        total += mean.item()
        if world() == 1:
            _check_finite("loss", total, state)
        mean.backward()
    state.loss, stopping = _sum_over_ranks(state.parameters, total, stop())
    _check_finite("loss", state.loss, state)
    norm = nn.utils.clip_grad_norm_(state.parameters, config.clip, foreach=True)
    _check_finite("gradient", norm.item(), state)
    return stopping


def _sum_over_ranks(parameters: list[Tensor], loss: float, stop: bool) -> tuple[float, bool]:
    """Sum the gradients in place; the sum of the losses, and whether any rank said stop. One without rows adds zero."""
    if world() == 1:
        return loss, stop
    sums = torch.tensor([loss, stop, *(p.grad is not None for p in parameters)], dtype=torch.float64)
    add([sums])
    active = [p for p, count in zip(parameters, sums[2:].tolist(), strict=True) if count > 0]
    for parameter in active:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    add([p.grad for p in active if p.grad is not None])
    return float(sums[0]), bool(sums[1] > 0)


def _digest(state: TrainState[Any]) -> str:
    """sha256 of where a run stands: its configuration, its step, its weights and their average."""
    named = {f"{what}.{i}": each for what in ("parameters", "ema") for i, each in enumerate(getattr(state, what))}
    return digest(f"{state.config} {state.step} {state.steps}", named)


def update(state: TrainState[Any]) -> None:
    """One step of the optimizer and of the average of the weights."""
    config = state.config
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(config, state.step, state.steps)
    state.whole = False
    state.optimizer.step()
    state.step += 1
    update_ema(state.ema, state.parameters, state.step, config.ema_power)
    state.whole = True


def loss_of_rows(
    model: nn.Module, batches: Batches, loss: Objective, config: TrainConfig, step: int, rows: range
) -> Tensor:
    """The loss of each of some rows of the global batch, (rows,)."""
    x0, condition = batches(step, rows)
    losses, _ = loss(model, x0, condition, TrainingNoise(config.seed, step, config.batch, rows))
    if losses.shape != (len(rows),):
        raise ValueError(f"a loss must be one number per row, ({len(rows)},); got shape {tuple(losses.shape)}")
    return losses


def parts(rows: range, count: int) -> list[range]:
    """`count` consecutive parts of nearly equal length."""
    ends = [rows.start + len(rows) * i // count for i in range(count + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def validation_loss(
    model: nn.Module, batches: Batches, loss: Objective, count: int, seed: int = 0, at_once: int = 64
) -> float:
    """The mean loss of `count` rows of step 0 of `batches`, with noise that is a function of the seed and row alone.

    The same numbers for every model and at every step, so that what differs is the model. A model is in evaluation
    mode meanwhile.
    """
    config, training = TrainConfig(batch=count, seed=seed), model.training
    model.eval()
    try:
        with torch.no_grad():
            pieces = parts(range(count), math.ceil(count / at_once))
            losses = [loss_of_rows(model, batches, loss, config, 0, rows) for rows in pieces]
    finally:
        model.train(training)
    return float(torch.cat(losses).mean())


def _check_finite(what: str, value: float, state: TrainState[Any]) -> None:
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the {what} became {value} at step {state.step}; lower the learning rate "
            f"({state.config.learning_rate:g}) and resume from the last checkpoint, or look for infinite data"
        )
