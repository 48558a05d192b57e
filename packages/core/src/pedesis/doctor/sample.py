r"""sample(model, shape) -> x_0: a whole walk, taken apart into its steps.

We are the model and we serve the noise, so the walk is affine in numbers of ours. Three rows suffice: one starts at
x_T = h and is never disturbed, one is disturbed by predictions only, one by noise only; from one question to the model
to the next, each gives a coefficient of that step,

    x_s = a x_t + b prediction + c noise,

and every step is held against the textbook's step from t to s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import behavior
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import chain_symbols
from pedesis.doctor.match import explain, findings
from pedesis.doctor.probe import pattern, roundoff
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Asked, Draw, Failed, Served, StandIn, said, tensors
from pedesis.doctor.signatures import Call
from pedesis.doctor.step import size_of_inputs, step_formulas
from pedesis.process import Chain

WANTED, OPTIONAL = ("model",), ("shape", "count", "image_size", "channels", "labels", "steps")
ROWS = ("nothing", "x_t", "prediction", "noise")


@dataclass(frozen=True)
class Walk:
    """What was asked on the way, in groups of one time, and where it ended.

    Attributes:
        times: as the model was told them. states: x at each of them, and the result; (rows, elements) each.
        sizes: of prediction and noise at each.
    """

    times: list[float]
    states: list[Tensor]
    sizes: list[float]
    draws: list[Draw]


def examine_sample(
    ways: Sequence[Call], base: int | None, chain: Chain, shape: tuple[int, ...], prediction: str
) -> list[Finding]:
    """Findings about a sampling loop."""
    failure = ""
    for way in ways:
        try:
            walk = walked(way, base, chain, shape)
        except Failed as problem:
            failure = failure or str(problem)
            continue
        return judged(walk, base, chain, shape, prediction)
    return [Finding("sample", f"sample {failure}")]


def indices(times: Sequence[float], base: int | None, steps: int) -> Tensor:
    """The steps 1..T that the model was told, whether as shares of 1 or as numbers."""
    told = torch.tensor(times, dtype=torch.float64)
    if bool((told <= 1).all()) and (bool((told != told.round()).any()) or (steps > 1 and times[0] == 1)):
        return (told * steps).round().long()
    if base is None:
        base = 1 if float(told.max()) == steps else 0
    return told.long() + 1 - base


def walked(way: Call, base: int | None, chain: Chain, shape: tuple[int, ...]) -> Walk:
    """One run of the loop, with a batch of one row of each kind.

    Raises:
        Failed: it raised, never asked the model, or gave back another shape.
    """
    loop, rows, steps = Loop(base, chain, shape), len(ROWS), len(chain.beta) - 1
    model, mode = StandIn(loop.answer), Served(loop.serve)
    loop.asked = model.asked
    values = {"model": model, "shape": (rows, *shape), "count": rows, "image_size": shape[-1], "channels": shape[0]}
    values |= {"labels": torch.zeros(rows, dtype=torch.long), "steps": steps}
    try:
        with mode:
            result = way(values)
    except Failed:
        raise
    except Exception as error:  # other people's code may raise anything
        raise Failed(f"raised {said(error)}") from None
    outputs = [out for out in tensors(result) if out.shape == (rows, *shape)]
    if not outputs or not model.asked:
        shapes = ", ".join(str(tuple(out.shape)) for out in tensors(result)) or type(result).__name__
        raise Failed(f"gave back {shapes} for the shape {(rows, *shape)}" if model.asked else "never asked the model")
    states = [model.asked[i].x[:rows].double().reshape(rows, -1) for i in loop.first]
    states.append(outputs[-1].double().reshape(rows, -1))
    return Walk(loop.told, states, loop.sizes, mode.draws)


class Loop:
    """The model and the noise of a walk, on our side of it.

    Attributes:
        told: the times the model was told, one for each run of equal ones; first: the question at which each begins.
        sizes: of prediction and noise at each, in turn positive and negative: what they leave behind stays small.
    """

    def __init__(self, base: int | None, chain: Chain, shape: tuple[int, ...]):
        self.base, self.chain, self.unit = base, chain, pattern(shape)
        self.told: list[float] = []
        self.first: list[int] = []
        self.sizes: list[float] = []
        self.asked: Sequence[Asked] = ()

    def row(self, kind: str, size: float, like: Tensor) -> Tensor:
        """The rows of which only the one of this kind is not zero; again and again for a batch of several such."""
        on = torch.zeros(len(ROWS), dtype=torch.float64)
        on[ROWS.index(kind)] = size
        values = on.reshape(-1, *[1] * self.unit.ndim) * self.unit
        whole = len(like) % len(ROWS) == 0
        return values.repeat(len(like) // len(ROWS), *[1] * self.unit.ndim) if whole else values[:1].expand_as(like)

    def answer(self, x: Tensor, count: int) -> Tensor:
        """What the model says."""
        told = self.asked[-1].t
        if told is None:
            raise Failed("asks the model without telling it the time")
        now = float(torch.as_tensor(told, dtype=torch.float64).flatten()[0])
        if not self.told or now != self.told[-1]:
            steps = len(self.chain.beta) - 1
            index = indices([*self.told[:1], now], self.base or 0, steps)[-1:].clamp(1, steps)
            sign = -1 if self.sizes and self.sizes[-1] > 0 else 1
            self.sizes.append(sign * float(size_of_inputs(self.chain, index)))
            self.told.append(now)
            self.first.append(count)
        return self.row("prediction", self.sizes[-1], x)

    def serve(self, draw: Draw, count: int, out: Tensor) -> Tensor | None:
        """What a draw gives: x_T first, then noise."""
        if draw.law == "integers" or out.shape[1:] != self.unit.shape:
            return None
        if self.asked:
            return self.row("noise", self.sizes[-1], out)
        start = size_of_inputs(self.chain, torch.tensor([len(self.chain.beta) - 1]))
        return self.row("x_t", float(start), out)


def judged(walk: Walk, base: int | None, chain: Chain, shape: tuple[int, ...], prediction: str) -> list[Finding]:
    """Findings about the steps of a walk."""
    steps = len(chain.beta) - 1
    t = indices(walk.times, base, steps)
    found = laws(walk)
    if bool((t.diff() > 0).all()) and len(t) > 1:
        sentence = f"the model is told t = {walk.times[0]:g} first, {walk.times[-1]:g} last"
        return [*found, behavior("sample", "time-reversed", sentence)]
    if bool((t.diff() >= 0).any()) or int(t.min()) < 1 or int(t.max()) > steps:
        what = (
            f"the model is told the times {walk.times[:4]} ..., which are not the steps of a chain of {steps} downwards"
        )
        return [*found, Finding("sample", what)]
    s = torch.cat([t[1:], torch.zeros(1, dtype=torch.long)])
    if int(t[0]) != steps or (int(t[-1]) != 1 and len(t) > steps // 2):
        found.append(
            behavior("sample", "t-range", f"the walk runs from t = {int(t[0])} to {int(t[-1])} of {steps} steps")
        )
    values, blur, rest = step_coefficients(walk, shape)
    known = chain_symbols(chain, t, s)
    entries = [entry for entry in CATALOGUE.values() if "sample" in entry.where]
    formulas, unit = step_formulas(prediction, chain, values, t, s), roundoff(torch.float32)
    explanation = explain(values, formulas, entries, known, unit, blur=8 * unit * blur)
    names = {"noise": "the noise", "x_t": "x_t", "prediction": f"the prediction ({prediction})"}
    found += findings(
        "sample", values, explanation, t.tolist(), lambda role, t: f"the factor of {names[role]} at t = {t}"
    )
    return [*found, *rest, Finding("sample", f"understood as {explanation.formula.name}, {len(t)} steps", level="note")]


def step_coefficients(walk: Walk, shape: tuple[int, ...]) -> tuple[dict[str, Tensor], Tensor, list[Finding]]:
    """The coefficients of every step, role -> (M,); how many times the rounding of the states they are differences
    of may be in them, (M,); and a note if the result was brought from [-1, 1] to [0, 1]."""
    unit, states, notes = pattern(shape).flatten(), list(walk.states), []
    largest = torch.stack([state.abs().max() for state in states])
    if bool(((states[-1][0] - 0.5).abs() < 1e-6).all()):
        states[-1] = 2 * states[-1] - 1
        notes.append(Finding("sample", "the result is brought from [-1, 1] to [0, 1]", level="note"))
    sizes = torch.tensor(walk.sizes, dtype=torch.float64)
    x = torch.stack([(state - state[:1]) / unit for state in states])  # (M + 1, rows, elements)
    now, then = x[:-1].mean(2), x[1:].mean(2)
    kept = then[:, 1] / now[:, 1]
    blur = torch.maximum(largest[1:], largest[:-1]) / torch.minimum(sizes.abs(), now[:, 1].abs())
    return (
        {
            "x_t": kept,
            "prediction": (then[:, 2] - kept * now[:, 2]) / sizes,
            "noise": (then[:, 3] - kept * now[:, 3]) / sizes,
        },
        blur,
        notes,
    )


def laws(walk: Walk) -> list[Finding]:
    """A finding about random numbers of the wrong law or shape."""
    pictures = [draw for draw in walk.draws if len(draw.shape) > 1]
    if any(draw.law == "uniform" for draw in pictures):
        return [behavior("sample", "uniform-noise", "noise is drawn uniformly")]
    if any(draw.law == "normal" and draw.shape[0] == 1 for draw in pictures):
        return [behavior("sample", "one-noise-for-the-batch", "noise of one row is drawn for the whole batch")]
    return []


__all__: Any = ["examine_sample"]
