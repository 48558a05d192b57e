"""How to train, as numbers; and the learning rate they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Give `steps`, or `minutes` (the steps are planned from the measured speed), or neither.

    Raises:
        ValueError: a number outside its range.
    """

    batch: int = 128  # global batch size
    steps: int | None = None  # stop after this many steps
    minutes: float | None = None  # stop after about this long
    learning_rate: float = 1e-3
    warmup: int = 200  # steps of linear warm-up, at most a tenth of the plan
    cooldown: float = 0.2  # last fraction of the run in which the learning rate falls to zero
    weight_decay: float = 0.0
    optimizer: str = "adamw"  # or "muon": for matrices, and AdamW for the rest (`pedesis.training.optimizers`)
    clip: float = 1.0  # largest norm of the gradient
    ema_power: float = 16.97  # g of the power-law average; 16.97 remembers the last 5 %, 6.94 the last 10 %
    seed: int = 0  # of everything random: noise, times, the order of the data
    accumulate: int = 1  # parts that a batch is computed in, one after the other, where memory is short

    def __post_init__(self) -> None:
        _check("batch", self.batch, self.batch >= 1, "at least 1")
        _check("steps", self.steps, self.steps is None or self.steps >= 1, "at least 1")
        _check("minutes", self.minutes, self.minutes is None or 0 < self.minutes < math.inf, "more than 0")
        _check("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "more than 0")
        _check("warmup", self.warmup, self.warmup >= 0, "0 or more")
        _check("cooldown", self.cooldown, 0 <= self.cooldown <= 1, "from 0 to 1")
        _check("weight_decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "0 or more")
        _check("optimizer", self.optimizer, self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        _check("clip", self.clip, self.clip > 0, "more than 0")
        _check("ema_power", self.ema_power, self.ema_power > -1, "more than -1")
        _check("seed", self.seed, self.seed >= 0, "0 or more")
        _check("accumulate", self.accumulate, 1 <= self.accumulate <= self.batch, f"from 1 to the batch, {self.batch}")


def _check(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:
        raise ValueError(f"{name} must be {expected}; got {value}")


def learning_rate(config: TrainConfig, step: int, steps: int | None) -> float:
    """Warm-up from zero, then constant, then straight down to zero over the last `cooldown` of a known plan."""
    warmup = config.warmup if steps is None else min(config.warmup, steps // 10)
    rate = config.learning_rate * min(1.0, (step + 1) / max(warmup, 1))
    if steps is not None and config.cooldown > 0:
        rate *= min(1.0, (steps - step) / (config.cooldown * steps))
    return rate
