r"""loss(model, x0[, labels]) -> number: what a training step feeds the network, and what it wants back.

A squared error  mean w (answer - target)^2  has at each row the gradient  2 w (answer - target) / (B D)  with
respect to the answer, so two answers of ours give target and weight of every row at once; the input x_t is what the
network was shown. Steps, noise and labels are whatever the function draws, which we choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import behavior, few
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import Q_SAMPLE, TARGET, Formula, chain_symbols, evaluate
from pedesis.doctor.match import Explanation, explain, findings
from pedesis.doctor.probe import pattern, roundoff
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Asked, Draw, Failed, Served, StandIn, said, tensors
from pedesis.doctor.signatures import Call
from pedesis.process import Chain

WANTED, OPTIONAL = ("model", "x0"), ("t", "noise", "labels")
KINDS = ("nothing", "x0", "noise", "another noise")
SIZE = 2.0**-6


@dataclass(frozen=True)
class Trained:
    """One training step as it was seen: what the network was shown, and the gradient at what it answered, per row."""

    asked: Asked
    gradient: Tensor
    loss: Tensor
    draws: list[Draw]


@dataclass(frozen=True)
class Lesson:
    """The coefficients of input and target, role -> (M,), and the weight of every step (M,), 1 for a mean square."""

    shown: dict[str, Tensor]
    target: dict[str, Tensor]
    weight: Tensor
    squared: bool
    told: Tensor
    draws: list[Draw]
    rows: int


def examine_loss(
    ways: Sequence[Call], bases: Sequence[int], chain: Chain, shape: tuple[int, ...], prediction: str, guided: bool
) -> list[Finding]:
    """Findings about a loss.

    Args:
        bases: numbers that the first step may have. guided: whether there is guidance, which needs dropped labels.
    """
    t, total = torch.arange(1, len(chain.beta)), len(chain.beta) - 1
    best: tuple[tuple[int, int], int, Call, Lesson, Explanation, Explanation] | None = None
    failure = ""
    for way in ways:
        for base in bases:
            try:
                lesson = learn(way, base, t, total, shape)
                if one_for_all(lesson.draws):
                    t = few(total)
                    lesson = joined([learn(way, base, t[i : i + 1], total, shape) for i in range(len(t))])
            except Failed as problem:
                failure = failure or str(problem)
                continue
            shown = explained(lesson.shown, Q_SAMPLE, chain, t)
            target = explained(lesson.target, target_formula(prediction), chain, t)
            cost = (len(shown.unexplained) + len(target.unexplained), len(shown.faults) + len(target.faults))
            if best is None or cost < best[0]:
                best = (cost, base, way, lesson, shown, target)
    if best is None:
        return [Finding("loss", f"loss {failure}")]
    _, base, way, lesson, shown, target = best
    found = findings("loss", lesson.shown, shown, t.tolist(), spoken("what the model is shown"))
    if lesson.squared:
        found += twice(lesson) or findings("loss", lesson.target, target, t.tolist(), spoken("the target"))
        found += weights(lesson, t, shape)
    else:
        found += oracle(way, base, t, shape, prediction, chain)
    found += [*steps(lesson, base, total), *told(lesson, t, base)]
    if guided and "labels" in way.roles:
        found += labels(way, base, t, shape)
    found.append(
        Finding("loss", f"understood as the squared error of {prediction}; t counts from {base}", level="note")
    )
    return found


def target_formula(prediction: str) -> Formula:
    """What a network is asked for, as a formula of x_0 and the noise."""
    lines = {"t": "t", "s": "t - 1", "alpha_bar": "alpha_bars[t]", "target": TARGET[prediction]}
    return Formula(f"the target {prediction}", ("x0", "noise"), lines)


def explained(observed: dict[str, Tensor], formula: Formula, chain: Chain, t: Tensor) -> Explanation:
    """The cheapest explanation of input or target."""
    entries = [entry for entry in CATALOGUE.values() if "loss" in entry.where]
    observed = {role: observed[role] for role in formula.roles}
    return explain(observed, [(formula, {})], entries, chain_symbols(chain, t), roundoff(torch.float32))


def spoken(what: str) -> Any:
    """How a coefficient of the loss is spoken of."""
    return lambda role, t: f"the factor of {role} in {what} at t = {t}"


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


def train(way: Call, base: int, index: Tensor, steps: int, inputs: dict[str, Tensor], answer: Tensor) -> Trained:
    """One call of the loss with rows at steps `index` of `steps`, of a network that answers `answer`, broadcast to x0.

    Raises:
        Failed: it raised, never asked the network, or has no gradient.
    """
    said_rows = answer.expand_as(inputs["x0"]).clone().requires_grad_()
    model = StandIn(lambda x, count: said_rows.expand_as(x))
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
        raise Failed(f"raised {said(error)}") from None
    outputs = tensors(result)
    if not outputs or not model.asked:
        raise Failed("never asked the model" if outputs else f"gave back {type(result).__name__}, not a number")
    if not outputs[0].requires_grad:
        raise Failed("gives a number without a gradient, from which nothing can be learned")
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(outputs[0].sum(), said_rows, allow_unused=True)
    if gradient is None:
        raise Failed("has no gradient with respect to what the model answers, from which nothing can be learned")
    if len(model.asked[0].x) != len(index):
        raise Failed(f"showed the model {len(model.asked[0].x)} rows of a batch of {len(index)}")
    return Trained(model.asked[0], gradient.detach(), outputs[0].detach().sum(), mode.draws)


def one_for_all(draws: Sequence[Draw]) -> bool:
    """Whether one step is drawn for a whole batch."""
    return any(draw.law == "integers" and draw.shape in ((), (1,)) for draw in draws)


def joined(lessons: Sequence[Lesson]) -> Lesson:
    """Lessons of one step each as one."""
    first = lessons[0]
    return Lesson(
        {role: torch.cat([each.shown[role] for each in lessons]) for role in first.shown},
        {role: torch.cat([each.target[role] for each in lessons]) for role in first.target},
        torch.cat([each.weight for each in lessons]),
        all(each.squared for each in lessons),
        torch.cat([each.told for each in lessons]),
        first.draws,
        first.rows,
    )


def learn(way: Call, base: int, t: Tensor, steps: int, shape: Sequence[int]) -> Lesson:
    """Input, target and weight of the loss at steps t (M,) of `steps`."""
    inputs, unit, kinds = rows(len(t), shape), pattern(shape).flatten(), len(KINDS)
    index = t.repeat_interleave(kinds)
    silent, small, large = (train(way, base, index, steps, inputs, torch.tensor(k * SIZE)) for k in (0, 1, 2))
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
    return Lesson(factors(shown), factors(target), weight, squared, times, silent.draws, len(index))


def oracle(way: Call, base: int, t: Tensor, shape: Sequence[int], prediction: str, chain: Chain) -> list[Finding]:
    """For an error that is not squared: at the right answer it must be 0, which is all that is asked of it."""
    inputs, index = rows(len(t), shape), t.repeat_interleave(len(KINDS))
    symbols = {"alpha_bar": chain.alpha_bar[index].reshape(-1, *[1] * len(shape)), **inputs}
    answer = evaluate(TARGET[prediction], symbols)
    there, elsewhere = (
        float(train(way, base, index, len(chain.beta) - 1, inputs, a).loss) for a in (answer, answer + SIZE)
    )
    if abs(there) < 1e-3 * abs(elsewhere):
        return [Finding("loss", "an error that is not squared, 0 at the right answer", level="note")]
    sentence = f"a model that answers exactly {prediction} has a loss of {there:.3g}; it should be 0"
    return [Finding("loss", sentence, got=there, expected=0.0)]


def twice(lesson: Lesson) -> list[Finding]:
    """A finding if the target holds another noise than x_t does."""
    if float(lesson.target["another noise"].abs().nan_to_num(0.0).max()) < 1e-3:
        return []
    return [behavior("loss", "noise-drawn-twice", "two noises are drawn, one for x_t and one for the target")]


def weights(lesson: Lesson, t: Tensor, shape: Sequence[int]) -> list[Finding]:
    """A finding if the weight of some step is not positive, or is that of a sum; a note about any other."""
    weight = lesson.weight
    bad = ~(weight > 0)
    if bool(bad.any()):
        place = int(torch.nonzero(bad)[0])
        sentence = (
            f"the squared error at t = {int(t[place])} has the weight {float(weight[place]):.3g}; it should be positive"
        )
        return [Finding("loss", sentence, t=int(t[place]))]
    elements, batch = torch.Size(shape).numel(), lesson.rows
    for count, what in ((elements * batch, "elements and batch"), (elements, "elements")):
        if bool(((weight / count - 1).abs() < 1e-4).all()) or bool(((2 * weight / count - 1).abs() < 1e-4).all()):
            return [behavior("loss", "sum-for-mean", f"the squared error is summed over {what}")]
    if float(weight.max() / weight.min()) > 1.001:
        return [
            Finding(
                "loss", f"weights run from {float(weight.min()):.3g} to {float(weight.max()):.3g} over t", level="note"
            )
        ]
    return []


def steps(lesson: Lesson, base: int, steps: int) -> list[Finding]:
    """Findings about the steps that are drawn."""
    if one_for_all(lesson.draws):
        return [behavior("loss", "one-t-for-the-batch", "one t is drawn for a whole batch")]
    for draw in lesson.draws:
        if draw.law == "uniform" and len(draw.shape) > 1:
            return [behavior("loss", "uniform-noise", "the noise is drawn uniformly")]
        if draw.law == "normal" and len(draw.shape) > 1 and draw.shape[0] == 1:
            return [
                behavior("loss", "one-noise-for-the-batch", f"noise of shape {draw.shape} is drawn for a whole batch")
            ]
    bounds = [draw.arguments for draw in lesson.draws if draw.law == "integers"]
    numbers = [int(a) for a in (bounds[0] if bounds else ()) if isinstance(a, int)]
    low, high = (
        (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1]) if len(numbers) > 1 else (base, base + steps)
    )
    if (low, high) != (base, base + steps):
        sentence = f"t is drawn from {low} to {high - 1}; the steps are {base} to {base + steps - 1}"
        return [behavior("loss", "t-range", sentence)]
    return []


def told(lesson: Lesson, t: Tensor, base: int) -> list[Finding]:
    """A finding if the model is told a step beside the one that x_t is at."""
    if len(lesson.told) == len(t) and bool(((lesson.told - (t - 1 + base)).abs() == 1).all()):
        sentence = f"x_t is at t = {int(t[-1]) - 1 + base} and the model is told {float(lesson.told[-1]):g}"
        return [behavior("loss", "model-told-another-t", sentence)]
    return []


def labels(way: Call, base: int, t: Tensor, shape: Sequence[int]) -> list[Finding]:
    """A finding if of the labels of 64 batches, drawn with torch's own numbers, none is replaced, or all are."""
    index = t[:1].expand(16)
    inputs = {kind: value[:1].expand(16, *shape) for kind, value in rows(1, shape).items()}
    kept = []
    for _ in range(64):
        asked = train(way, base, index, len(t), inputs, torch.zeros(())).asked
        given = [m for m in asked.more if isinstance(m, Tensor) and m.shape == (16,) and not m.is_floating_point()]
        kept.append(given[0] == torch.arange(16) % 10 if given else torch.zeros(16, dtype=torch.bool))
    share = float(torch.stack(kept).double().mean())
    if share == 1:
        return [behavior("loss", "labels-never-dropped", "of 1024 labels none was replaced")]
    return [behavior("loss", "labels-always-dropped", "of 1024 labels all were replaced")] if share == 0 else []
