"""loss(model, x0[, labels]) -> number: what a training step feeds the network, and what it wants back.

Read small, line by line (`pedesis.doctor.loss_reading`); what is right there is looked at once more at full size, by a
network that knows the best answer (`pedesis.doctor.minimum`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import Examined, behavior, few
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import Q_SAMPLE, TARGET, Formula, chain_symbols, evaluate
from pedesis.doctor.loss_reading import KINDS, SIZE, LossReading, constant, joined, one_for_all, read_loss, rows, train
from pedesis.doctor.match import Explanation, explain, findings
from pedesis.doctor.minimum import examine_minimum
from pedesis.doctor.probe import roundoff
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Failed
from pedesis.doctor.signatures import Call, with_variance
from pedesis.process import Chain

WANTED, OPTIONAL = ("model", "x0"), ("t", "noise", "labels")


def examine_loss(
    ways: Sequence[Call], bases: Sequence[int], chain: Chain, shape: tuple[int, ...], prediction: str, guided: bool
) -> Examined:
    """Findings about a loss.

    Args:
        bases: numbers that the first step may have. guided: whether there is guidance, which needs dropped labels.
    """
    total = len(chain.beta) - 1
    best, failure = understood(ways, bases, chain, shape, prediction)
    if best is None:
        best, _ = understood(with_variance(ways), bases, chain, shape, prediction)
    if best is None:
        return Examined([Finding("loss", f"loss {failure}")])
    found = []
    if best.cost > (0, 0):
        units = [FromUnit(way.function, way.positional, way.keywords) for way in ways]
        unit, _ = understood(units, bases, chain, shape, prediction)
        if unit is not None and unit.cost < best.cost:
            best = unit
            sentence = "it brings pictures from [0, 1] to [-1, 1] itself, so give it none that are in [-1, 1] already"
            found.append(Finding("loss", sentence, level="note"))
    t, base, way, reading, shown, target = best.t, best.base, best.way, best.reading, best.shown, best.target
    found += findings("loss", reading.shown, shown, t.tolist(), spoken("what the model is shown"))
    if reading.squared:
        found += twice(reading) or findings("loss", reading.target, target, t.tolist(), spoken("the target"))
        found += weights(reading, t, shape)
    else:
        found += unsquared(way, base, t, shape, prediction, chain)
    found += [*steps(reading, base, total), *told(reading, t, base)]
    if all(finding.level == "note" for finding in found):
        found += examine_minimum(way, base, chain, shape, prediction, reading.squared)
    if guided and "labels" in way.roles:
        found += labels(way, base, t, shape)
    found.append(
        Finding("loss", f"understood as the squared error of {prediction}; t counts from {base}", level="note")
    )
    readable = len(reading.told) == len(t) and not bool(reading.told.isnan().any())
    return Examined(found, told=(t, reading.told) if readable else None)


@dataclass(frozen=True)
class FromUnit(Call):
    """A loss that is given pictures in [0, 1]."""

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return super().__call__({**values, "x0": (values["x0"] + 1) / 2})


@dataclass(frozen=True)
class Understood:
    """A way of calling a loss, and what it teaches at steps t; the cost is what is left unexplained, and faults."""

    way: Call
    base: int
    t: Tensor
    reading: LossReading
    shown: Explanation
    target: Explanation

    @property
    def cost(self) -> tuple[int, int]:
        """Smaller is better."""
        both = (self.shown, self.target)
        return sum(len(each.unexplained) for each in both), sum(len(each.faults) for each in both)


def understood(
    ways: Sequence[Call], bases: Sequence[int], chain: Chain, shape: tuple[int, ...], prediction: str
) -> tuple[Understood | None, str]:
    """The way of calling that leaves least to explain, or None and why none works."""
    t, total = torch.arange(1, len(chain.beta)), len(chain.beta) - 1
    best: Understood | None = None
    failure = ""
    for way in ways:
        for base in bases:
            try:
                reading = read_loss(way, base, t, total, shape)
                if one_for_all(reading.draws):
                    t = few(total)
                    reading = joined([read_loss(way, base, t[i : i + 1], total, shape) for i in range(len(t))])
            except Failed as problem:
                failure = failure or str(problem)
                continue
            shown = explained(reading.shown, Q_SAMPLE, chain, t)
            target = explained(reading.target, target_formula(prediction), chain, t)
            found = Understood(way, base, t, reading, shown, target)
            best = found if best is None or found.cost < best.cost else best
    return best, failure


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


def unsquared(way: Call, base: int, t: Tensor, shape: Sequence[int], prediction: str, chain: Chain) -> list[Finding]:
    """For an error that is not squared: at the right answer it must be 0."""
    inputs, index = rows(len(t), shape), t.repeat_interleave(len(KINDS))
    symbols = {"alpha_bar": chain.alpha_bar[index].reshape(-1, *[1] * len(shape)), **inputs}
    right = evaluate(TARGET[prediction], symbols)
    there, elsewhere = (
        float(train(way, base, index, len(chain.beta) - 1, inputs, lambda x, add=add: right + add).loss.sum())  # type: ignore[misc]
        for add in (0, SIZE)
    )
    if abs(there) < 1e-3 * abs(elsewhere):
        return [Finding("loss", "an error that is not squared, 0 at the right answer", level="note")]
    sentence = f"a model that answers exactly {prediction} has a loss of {there:.3g}; it should be 0"
    return [Finding("loss", sentence, got=there, expected=0.0)]


def twice(reading: LossReading) -> list[Finding]:
    """A finding if the target holds another noise than x_t does."""
    if float(reading.target["another noise"].abs().nan_to_num(0.0).max()) < 1e-3:
        return []
    return [behavior("loss", "noise-drawn-twice", "two noises are drawn, one for x_t and one for the target")]


def weights(reading: LossReading, t: Tensor, shape: Sequence[int]) -> list[Finding]:
    """A finding if the weight of some step is not positive, or is that of a sum; a note about any other."""
    weight = reading.weight
    bad = ~(weight > 0)
    if bool(bad.any()):
        place = int(torch.nonzero(bad)[0])
        sentence = (
            f"the squared error at t = {int(t[place])} has the weight {float(weight[place]):.3g}; it should be positive"
        )
        return [Finding("loss", sentence, t=int(t[place]))]
    elements, batch = torch.Size(shape).numel(), reading.rows
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


def steps(reading: LossReading, base: int, steps: int) -> list[Finding]:
    """Findings about the steps that are drawn."""
    if one_for_all(reading.draws):
        return [behavior("loss", "one-t-for-the-batch", "one t is drawn for a whole batch")]
    for draw in reading.draws:
        if draw.law == "uniform" and len(draw.shape) > 1:
            return [behavior("loss", "uniform-noise", "the noise is drawn uniformly")]
        if draw.law == "normal" and len(draw.shape) > 1 and draw.shape[0] == 1:
            return [
                behavior("loss", "one-noise-for-the-batch", f"noise of shape {draw.shape} is drawn for a whole batch")
            ]
    bounds = [draw.arguments for draw in reading.draws if draw.law == "integers"]
    numbers = [int(a) for a in (bounds[0] if bounds else ()) if isinstance(a, int)]
    low, high = (
        (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1]) if len(numbers) > 1 else (base, base + steps)
    )
    if (low, high) != (base, base + steps):
        sentence = f"t is drawn from {low} to {high - 1}; the steps are {base} to {base + steps - 1}"
        return [behavior("loss", "t-range", sentence)]
    return []


def told(reading: LossReading, t: Tensor, base: int) -> list[Finding]:
    """A finding if the model is told a step beside the one that x_t is at, or one for two steps."""
    if len(reading.told) != len(t) or bool(reading.told.isnan().any()):
        return []
    if bool(((reading.told - (t - 1 + base)).abs() == 1).all()):
        sentence = f"x_t is at t = {int(t[-1]) - 1 + base} and the model is told {float(reading.told[-1]):g}"
        return [behavior("loss", "model-told-another-t", sentence)]
    values, counts = reading.told.unique(return_counts=True)
    if len(values) < len(t):
        most = values[counts.argmax()]
        first, second = (t[reading.told == most] - 1 + base)[:2].tolist()
        sentence = f"at t = {first} and at t = {second} the model is told the same, {float(most):g}"
        return [behavior("loss", "model-told-another-t", sentence)]
    return []


def labels(way: Call, base: int, t: Tensor, shape: Sequence[int]) -> list[Finding]:
    """A finding if of the labels of 64 batches, drawn with torch's own numbers, none is replaced, or all are."""
    index = t[:1].expand(16)
    inputs = {kind: value[:1].expand(16, *shape) for kind, value in rows(1, shape).items()}
    kept = []
    for _ in range(64):
        asked = train(way, base, index, len(t), inputs, constant(0)).asked
        given = [m for m in asked.more if isinstance(m, Tensor) and m.shape == (16,) and not m.is_floating_point()]
        kept.append(given[0] == torch.arange(16) % 10 if given else torch.zeros(16, dtype=torch.bool))
    share = float(torch.stack(kept).double().mean())
    if share == 1:
        return [behavior("loss", "labels-never-dropped", "of 1024 labels none was replaced")]
    return [behavior("loss", "labels-always-dropped", "of 1024 labels all were replaced")] if share == 0 else []
