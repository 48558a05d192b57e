r"""A training step taken apart: what it shows the network, what it wants back, and how much each step weighs.

A squared error  mean w (answer - target)^2  has at each row the gradient  2 w (answer - target) / (B D)  with
respect to the answer, so two answers of ours give target and weight of every row at once; the input x_t is what the
network was shown. Steps, noise and labels are whatever the function draws, which we choose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.probe import pattern
from pedesis.doctor.sandbox import Asked, Draw, Failed, Served, StandIn, described, tensors
from pedesis.doctor.signatures import Call

KINDS = ("nothing", "x0", "noise", "another noise")
SIZE = 2.0**-6


@dataclass(frozen=True)
class Trained:
    """One training step as it was seen: what the network was shown, the gradient at what it answered, per row, and
    the loss as it was given back, one number or one per row."""

    asked: Asked
    gradient: Tensor
    loss: Tensor
    draws: list[Draw]


@dataclass(frozen=True)
class LossReading:
    """The coefficients of input and target, role -> (M,), and the weight of every step (M,), 1 for a mean square."""

    shown: dict[str, Tensor]
    target: dict[str, Tensor]
    weight: Tensor
    squared: bool
    told: Tensor
    draws: list[Draw]
    rows: int


def rows(count: int, shape: Sequence[int]) -> dict[str, Tensor]:
    """Inputs for `count` steps, each in every kind: role -> (count * kinds, *shape)."""
    unit = SIZE * pattern(shape)
    return {
        kind: (torch.eye(len(KINDS), dtype=torch.float64)[i].reshape(1, -1, *[1] * len(shape)) * unit)
        .expand(count, -1, *shape)
        .flatten(0, 1)
        .clone()
        for i, kind in enumerate(KINDS)
        if kind != "nothing"
    }


def train(
    way: Call, base: int, index: Tensor, steps: int, inputs: dict[str, Tensor], answer: Callable[[Tensor], Tensor]
) -> Trained:
    """One call of the loss with rows at steps `index` of `steps`, of a network that answers `answer(x_t)`.

    Raises:
        Failed: it raised, never asked the network, or has no gradient.
    """
    answers: list[Tensor] = []

    def answered(x: Tensor, count: int) -> Tensor:
        answers.append(answer(x.detach().double()).clone().requires_grad_())
        return answers[-1]

    model = StandIn(answered)
    noises = [inputs["noise"], inputs["another noise"]]
    number = index - 1 + base

    def serve(draw: Draw, count: int, out: Tensor) -> Tensor | None:
        first = "t" not in way.roles and sum(len(d.shape) < 2 and d.law != "normal" for d in mode.draws) == 1
        if first and draw.law != "normal" and out.ndim < 2:
            times = number if draw.law == "integers" else index.double() / steps
            return times if out.shape == times.shape else times[:1].expand_as(out) if out.numel() == 1 else None
        if draw.law != "integers" and out.shape == noises[0].shape:
            return noises[min(sum(d.law == draw.law and len(d.shape) > 1 for d in mode.draws) - 1, 1)]
        return None

    mode = Served(serve)
    values = {"model": model, "x0": inputs["x0"].clone(), "t": number, "noise": inputs["noise"].clone()}
    values["labels"] = torch.arange(len(index)) % 10
    try:
        with torch.enable_grad(), mode:
            result = way(values)
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {described(error)}") from None
    outputs = losses(result)
    if not outputs or not model.asked:
        raise Failed("never asked the model" if outputs else f"gave back {type(result).__name__}, not a number")
    if not bool(outputs[0].isfinite().all()):
        raise Failed(f"gave back {float(outputs[0].detach().sum()):g}")
    if not outputs[0].requires_grad:
        plain = "" if isinstance(result, Tensor) else "; give the tensor, before .item() or .backward()"
        raise Failed(f"gives a number without a gradient, from which nothing can be learned{plain}")
    with torch.enable_grad():
        gradients = [g for g in torch.autograd.grad(outputs[0].sum(), answers, allow_unused=True) if g is not None]
    if not gradients:
        raise Failed("has no gradient with respect to what the model answers, from which nothing can be learned")
    if len(model.asked[0].x) != len(index):
        raise Failed(f"showed the model {len(model.asked[0].x)} rows of a batch of {len(index)}")
    return Trained(model.asked[0], sum(gradients[1:], gradients[0]), outputs[0].detach().double(), mode.draws)


def losses(result: Any) -> list[Tensor]:
    """The tensors of a result, the loss first: what is called so, else what is one number, else the first."""
    named = result.get("loss") if isinstance(result, dict) else getattr(result, "loss", None)
    return sorted(tensors(result if named is None else named), key=lambda out: out.ndim > 0)


def constant(size: float) -> Callable[[Tensor], Tensor]:
    """A network that answers one number everywhere."""
    return lambda x: torch.full_like(x, size)


def one_for_all(draws: Sequence[Draw]) -> bool:
    """Whether one step is drawn for a whole batch."""
    return any(draw.law == "integers" and draw.shape in ((), (1,)) for draw in draws)


def joined(readings: Sequence[LossReading]) -> LossReading:
    """Lessons of one step each as one."""
    first = readings[0]
    return LossReading(
        {role: torch.cat([each.shown[role] for each in readings]) for role in first.shown},
        {role: torch.cat([each.target[role] for each in readings]) for role in first.target},
        torch.cat([each.weight for each in readings]),
        all(each.squared for each in readings),
        torch.cat([each.told for each in readings]),
        first.draws,
        first.rows,
    )


def read_loss(way: Call, base: int, t: Tensor, steps: int, shape: Sequence[int]) -> LossReading:
    """Input, target and weight of the loss at steps t (M,) of `steps`."""
    inputs, unit, kinds = rows(len(t), shape), pattern(shape).flatten(), len(KINDS)
    index = t.repeat_interleave(kinds)
    silent, small, large = (train(way, base, index, steps, inputs, constant(k * SIZE)) for k in (0, 1, 2))
    slope = (small.gradient - silent.gradient).reshape(len(t), kinds, -1)
    twice = (large.gradient - silent.gradient).reshape(len(t), kinds, -1)
    squared = bool((slope != 0).any()) and torch.allclose(twice, 2 * slope, rtol=1e-3, atol=1e-12)
    target = -SIZE * silent.gradient.reshape(len(t), kinds, -1) / slope
    shown = small.asked.x.double().reshape(len(t), kinds, -1)

    def factors(values: Tensor) -> dict[str, Tensor]:
        each = (values[:, 1:] - values[:, :1]) / (SIZE * unit)
        return {kind: each[:, i].mean(1) for i, kind in enumerate(KINDS[1:])}

    weight = slope.mean((1, 2)) * inputs["x0"].numel() / (2 * SIZE)
    told = silent.asked.t
    times = torch.as_tensor(torch.nan if told is None else told, dtype=torch.float64).flatten()
    times = times[::kinds] if len(times) == len(index) else times.expand(len(t)) if len(times) == 1 else times[:0]
    return LossReading(factors(shown), factors(target), weight, squared, times, silent.draws, len(index))
