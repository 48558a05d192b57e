"""Small training runs that are done in 1, 2 and 3 processes, for `tests/core/test_distributed.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pedesis.denoiser import NetworkDenoiser
from pedesis.losses import Loss
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis.training import ArrayBatches, Batches, Flipped, Objective, TrainConfig, fit
from pedesis.training.distillation import Distillation
from pedesis.training.variational import HybridLoss
from pedesis.utils.distributed import (
    DTYPES,
    add,
    alone,
    by_first,
    check_same,
    divided,
    first,
    from_first,
    rank,
    share,
    total,
    world,
)
from pedesis.utils.files import digest
from pedesis.utils.noise import PerSeed, fixed_seed

BATCH = 7
SMALL: dict[str, Any] = {"patch": 1, "widths": (8,), "blocks": (1,), "heads": 2, "embedding": 8, "detail": 4}
TEXT = {"vocabulary": ["red", "blue", "round", "square"], "length": 3, "width": 8, "layers": 1, "heads": 2}

Made = tuple[NetworkDenoiser, Batches, Objective]


def pictures(labels: torch.Tensor | None) -> Batches:
    """40 pictures of noise, mirrored or not."""
    pixels = (PerSeed(range(40)).uniform(torch.empty(40, 4, 4, 1)) * 256).to(torch.uint8)
    return Flipped(ArrayBatches(pixels, labels, BATCH))


def network(process: Process | None = None, **options: Any) -> NetworkDenoiser:
    with fixed_seed(0):
        return NetworkDenoiser(UNet(**SMALL, **options), process or Process("cosine"), "v")


def classes() -> Made:
    return network(classes=3), pictures(torch.arange(40) % 3), Loss("v", condition_dropout=0.3)


def variance() -> Made:
    return network(variance=True), pictures(None), HybridLoss("v", steps=50)


def text() -> Made:
    words = torch.arange(120).reshape(40, 3) % (len(TEXT["vocabulary"]) + 1)
    return network(text=TEXT), pictures(words), Loss("v", condition_dropout=0.3)


def distillation() -> Made:
    teacher = network(classes=3).eval().requires_grad_(False)
    with fixed_seed(1), torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return network(classes=3), pictures(torch.arange(40) % 3), Distillation(teacher, steps=4)


RUNS: dict[str, Callable[[], Made]] = {each.__name__: each for each in (classes, variance, text, distillation)}


def train(out: str, steps: int, accumulate: int = 1) -> None:
    """Do the runs, checking after every step that all ranks are in the same state; keep losses and weights."""
    for name in RUNS:
        model, batches, loss = RUNS[name]()
        config = TrainConfig(batch=BATCH, steps=steps, learning_rate=1e-3, warmup=10, accumulate=accumulate)
        losses = []
        for state in fit(model, batches, loss, config):
            losses.append(state.loss)
            kept = {f"{what}{i}": t for what in ("parameters", "ema") for i, t in enumerate(getattr(state, what))}
            check_same(digest(str(state.loss), kept), f"weights after step {state.step}")
        write(state, losses, Path(out) / f"{name}.safetensors")


def write(state: Any, losses: list[float], path: Path) -> None:
    named = [name for name, _ in state.model.named_parameters()]
    weights = {name: p.detach().contiguous() for name, p in zip(named, state.parameters, strict=True)}
    averages = {f"ema.{name}": p.contiguous() for name, p in zip(named, state.ema, strict=True)}
    if first():
        save_file({**weights, **averages}, path, {"losses": json.dumps(losses)})


def begin(checkpoint: str, steps: int, until: int) -> None:
    """The first steps of a run, and a checkpoint of it."""
    model, batches, loss = text()
    for state in fit(model, batches, loss, TrainConfig(batch=BATCH, steps=steps, learning_rate=1e-3, warmup=10)):
        if state.step == until:
            break
    if first():
        state.save(checkpoint)


def go_on(checkpoint: str, steps: int, out: str) -> None:
    """The rest of it, or all of it without a checkpoint."""
    model, batches, loss = text()
    config = TrainConfig(batch=BATCH, steps=steps, learning_rate=1e-3, warmup=10)
    for state in fit(model, batches, loss, config, checkpoint or None):
        pass
    write(state, [], Path(out) / "text.safetensors")


def other_weights() -> None:
    """Ranks that do not begin alike: all of them say so."""
    model, batches, loss = classes()
    with torch.no_grad():
        next(model.parameters()).add_(rank())
    with pytest.raises(ValueError, match="rank 1 has not the same model"):
        fit(model, batches, loss, TrainConfig(batch=BATCH))


def asked_of_one(steps: int) -> None:
    """One rank is asked to stop in its third step: all of them end after it."""
    model, batches, loss = classes()
    asked = []
    for state in fit(model, batches, loss, TrainConfig(batch=BATCH, steps=steps), stop=lambda: bool(asked)):
        if state.step == 2 and rank() == world() - 1:
            asked.append(True)
    assert state.step == 3


def no_rows() -> None:
    """More ranks than rows: those without any add nothing."""
    model, _, loss = classes()
    config = TrainConfig(batch=2, steps=2)
    batches = ArrayBatches(torch.zeros(5, 4, 4, 1, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64), 2)
    expected, _, _ = classes()
    with alone():
        losses = [state.loss for state in fit(expected, batches, loss, config)]
    assert [state.loss for state in fit(model, batches, loss, config)] == pytest.approx(losses, abs=1e-6)


def infinite() -> None:
    """One rank has infinite data: all of them say so, and keep the weights of before."""
    model, batches, loss = classes()

    def broken(step: int, rows: range) -> tuple[torch.Tensor, Any]:
        x0, labels = batches(step, rows)
        return (x0 / 0 if step == 1 and rows.start > 0 else x0), labels

    run = fit(model, broken, loss, TrainConfig(batch=BATCH))
    next(run)
    kept = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(FloatingPointError, match="loss became (nan|inf) at step 1"):
        next(run)
    assert all(bool((p == before).all()) for p, before in zip(model.parameters(), kept, strict=True))


def collectives() -> None:
    """Sums, parts and words of rank 0, against what one process works out."""
    big = torch.arange(5, dtype=torch.float64) * (rank() + 1)
    small, none = torch.full((2, 2), float(rank())), torch.zeros(0)
    add([big, small, none])
    ranks = sum(range(world()))
    assert big.tolist() == [i * (ranks + world()) for i in range(5)] and bool((small == ranks).all())
    for count in (1, 2, 5, 101):
        for multiple in (1, 4):
            for kind in DTYPES:
                rows = divided(count, lambda own: torch.tensor([[i, i] for i in own], dtype=kind), multiple)  # noqa: B023
                assert rows.dtype == kind and rows[:, 0].tolist() == list(range(count))
    assert from_first(rank() + 5) == 5 and total(0.5) == world() / 2
    with pytest.raises(ValueError, match="the sentence of rank 0, ö"):
        by_first(lambda: refuse(f"the sentence of rank {rank()}, ö"))
    with alone():
        assert world() == 1 and rank() == 0 and share(range(9)) == range(9)


def refuse(sentence: str) -> None:
    raise ValueError(sentence)


def agreements() -> None:
    for each in (collectives, other_weights, no_rows, infinite):
        each()
    asked_of_one(9)
