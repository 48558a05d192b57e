"""Examining a function that should be affine: find out how it is called, read it, explain it.

Every way to call it and every meaning of t is tried on a few steps; the one that leaves least to explain is what the
author meant. Then it is read at every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.catalogue import CATALOGUE, Entry
from pedesis.doctor.formulas import Formula
from pedesis.doctor.match import Explanation, explain, findings, span
from pedesis.doctor.probe import Probe, Reading
from pedesis.doctor.report import Finding
from pedesis.doctor.sandbox import Failed
from pedesis.doctor.signatures import Call, Clock

Formulas = Sequence[tuple[Formula, Mapping[str, Any]]]


@dataclass(frozen=True)
class Subject:
    """A function to examine.

    Attributes:
        name: "q_sample", ... ways: see `pedesis.doctor.signatures.calls`. clocks: meanings of t to try.
        formulas: the coefficients read -> the formulas that count as right, with what each knows.
        known: steps t (M,) -> the symbols that all formulas know. size: steps -> size of the inputs.
        rows: whether every row must be allowed a time of its own.
    """

    name: str
    ways: Sequence[Call]
    clocks: Sequence[Clock]
    steps: int
    roles: tuple[str, ...]
    shape: tuple[int, ...]
    formulas: Callable[[Mapping[str, Tensor], Tensor], Formulas]
    known: Callable[[Tensor], Mapping[str, Any]]
    size: Callable[[Tensor], Tensor]
    rows: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)
    spoken: Callable[[str, int], str] = lambda role, t: f"the factor of {role} at t = {t}"
    span: Callable[[Sequence[int], int], str] = span

    def explained(self, values: Mapping[str, Tensor], t: Tensor, roundoff: float, most: int) -> Explanation:
        """The cheapest explanation of coefficients at steps t."""
        mistakes = [entry for entry in CATALOGUE.values() if self.name in entry.where]
        return explain(values, self.formulas(values, t), mistakes, self.known(t), roundoff, most)


@dataclass(frozen=True)
class Examined:
    """What came of it: findings and notes, and, if it could be read, how, and the coefficients.

    Attributes:
        told: steps (N,), and what the model was told there, (N,).
    """

    entries: list[Finding]
    probe: Probe | None = None
    reading: Reading | None = None
    explanation: Explanation | None = None
    told: tuple[Tensor, Tensor] | None = None


def examine(subject: Subject) -> Examined:
    """All findings about one function."""
    probe, failure = understood(subject)
    if probe is None:
        return Examined([Finding(subject.name, f"{subject.name} {failure}")])
    t = torch.arange(1, subject.steps + 1)
    entries, together = rows_of_their_own(subject, probe)
    reading = probe.read(t, subject.size(t), together)
    shared = any(finding.entry == "one-noise-for-the-batch" for finding in laws(subject.name, reading))
    observed = {role: value for role, value in reading.values.items() if not (shared and role == "noise")}
    explanation = subject.explained(observed, t, reading.answer.roundoff, 2)
    entries += findings(subject.name, observed, explanation, t.tolist(), subject.spoken, subject.span)
    entries += oddities(subject, probe, reading, explanation, t)
    entries.append(Finding(subject.name, f"understood as {explanation.formula.name}; {probe.clock}", level="note"))
    return Examined(entries, probe, reading, explanation)


def few(steps: int) -> Tensor:
    """A few steps that tell one way of calling from another."""
    return torch.tensor(sorted({t for t in (1, 2, 3, steps // 3, steps // 2, steps - 1, steps) if 1 <= t <= steps}))


def understood(subject: Subject) -> tuple[Probe | None, str]:
    """The way of calling that leaves least to explain, or None and why none works."""
    t = few(subject.steps)
    found: list[tuple[Probe, Reading, Explanation]] = []
    failure = ""
    for dtype in (torch.float64, torch.float32):
        for way, clock in itertools.product(subject.ways, subject.clocks):
            probe = Probe(way, clock, subject.steps, subject.roles, subject.shape, subject.more, dtype=dtype)
            try:
                reading = probe.read(t, subject.size(t), False)
            except Failed as problem:
                failure = failure or str(problem)
                continue
            if any(same(reading, other) for _, other, _ in found):
                continue
            explanation = subject.explained(reading.values, t, reading.answer.roundoff, 0)
            if not explanation.unexplained and not reading.scattered:
                return probe, ""
            found.append((probe, reading, explanation))
        if found:
            break
    if len(found) < 2:
        return (found[0][0], "") if found else (None, failure)
    costs = [
        (
            len(explanation.unexplained) + reading.scattered,
            len(explanation.faults),
            round(explanation.distance, 6),
            order,
        )
        for order, (probe, reading, _) in enumerate(found)
        for explanation in [subject.explained(reading.values, t, reading.answer.roundoff, 1)]
    ]
    return found[min(costs)[-1]][0], ""


def same(one: Reading, other: Reading) -> bool:
    """Whether two ways of calling give the same coefficients."""
    return all(torch.equal(value.nan_to_num(), other.values[role].nan_to_num()) for role, value in one.values.items())


def rows_of_their_own(subject: Subject, probe: Probe) -> tuple[list[Finding], bool]:
    """Whether rows may have different times, and a finding where they must and may not."""
    t = few(subject.steps)
    if probe.clock.per_row:
        try:
            apart = probe.read(t, subject.size(t), True)
        except Failed as problem:
            return ([Finding(subject.name, f"{subject.name} {problem}, for a batch whose rows have times of their own")]
                    if subject.rows else []), False  # fmt: skip
        alone = probe.read(t, subject.size(t), False)
        same = all(
            torch.allclose(apart.values[role], alone.values[role], rtol=1e-4, atol=1e-9, equal_nan=True)
            for role in subject.roles
        )
        if not same and subject.rows:
            return [
                behavior(subject.name, "one-t-for-the-batch", "rows at different t get the factors of one t")
            ], False
        return [], same
    if subject.rows and lined_up_with_columns(subject, probe):
        sentence = "a tensor t with one entry per row works for a batch of 1 and for no other"
        return [behavior(subject.name, "broadcast-over-columns", sentence)], False
    return [], False


def lined_up_with_columns(subject: Subject, probe: Probe) -> bool:
    """Whether t (B,) works for a batch of 1 alone."""
    for base in {probe.clock.base, 0, 1}:
        tensors = replace(probe, clock=replace(probe.clock, kind="rows", base=base))
        inputs = {role: value[:1] for role, value in tensors.rows(torch.ones(1, dtype=torch.float64)).items()}
        three = {role: value.expand(3, *subject.shape) for role, value in inputs.items()}
        try:
            tensors.ask(torch.tensor([1]), inputs)
        except Failed:
            continue
        try:
            tensors.ask(torch.tensor([1, 1, 1]), three)
        except Failed:
            return True
    return False


def oddities(subject: Subject, probe: Probe, reading: Reading, explanation: Explanation, t: Tensor) -> list[Finding]:
    """Findings that no coefficient shows."""
    name, found = subject.name, []
    loose = 2**10 * reading.answer.roundoff  # of sums of a few rounded products
    bad = torch.stack([value.isnan() for value in reading.values.values()]).any(0)
    bad &= ~torch.stack([value.isnan() for value in explanation.wrong.values.values()]).any(0)
    if bool(bad.any()):
        first = int(t[bad][0])
        only = name in ("step", "posterior") and t[bad].tolist() == [1] and "share" not in probe.clock.kind
        why = ", the step to clean data: t - 1 is -1 there, and a table at -1 gives its last entry"
        found.append(
            Finding(name, f"{name} gives NaN at t = {first}{why if only and not probe.clock.base else ''}", t=first)
        )
    if float(reading.uneven.nan_to_num(0.0).max()) > loose:
        place = int(reading.uneven.nan_to_num(0.0).argmax())
        found.append(
            Finding(name, f"at t = {int(t[place])} {name} treats the elements of a picture unequally", t=int(t[place]))
        )
    if float(reading.constant.nan_to_num(0.0).max()) > loose:
        place = int(reading.constant.nan_to_num(0.0).argmax())
        amount = float(reading.constant[place] * subject.size(t)[place])
        found.append(
            Finding(
                name, f"{name} of nothing but zeros is not zero: {amount:.3g} at t = {int(t[place])}", t=int(t[place])
            )
        )
    elif float(reading.curved.nan_to_num(0.0).max()) > loose:
        place = int(reading.curved.nan_to_num(0.0).argmax())
        found.append(
            Finding(name, f"at t = {int(t[place])} {name} is not linear in {', '.join(subject.roles)}", t=int(t[place]))
        )
    if reading.answer.changed:
        found.append(behavior(name, "changes-its-argument", f"{name} changes {reading.answer.changed[0]} in place"))
    return found + unsteady(subject, probe) + laws(name, reading)


def unsteady(subject: Subject, probe: Probe) -> list[Finding]:
    """A finding if the same call gives another result the second time."""
    t = few(subject.steps)[-1:]
    first, second = (probe.ask(t.expand(2), {r: v[:2] for r, v in probe.rows(subject.size(t)).items()}) for _ in "ab")
    if torch.equal(first.outputs[probe.output].nan_to_num(), second.outputs[probe.output].nan_to_num()):
        return []
    what = (
        f"{subject.name} gives another result when it is called again with the same input: it keeps a state, or draws "
    )
    return [Finding(subject.name, what + "random numbers that are not torch's")]


def laws(name: str, reading: Reading) -> list[Finding]:
    """A finding about random numbers of the wrong law or shape."""
    rows = reading.answer.outputs[0].shape[0]
    for draw in reading.answer.draws:
        if draw.law == "uniform" and len(draw.shape) > 1:
            return [behavior(name, "uniform-noise", f"{name} draws its noise uniformly")]
        if draw.law == "normal" and draw.shape[:1] != (rows,) and rows > 1 and len(draw.shape) > 1:
            return [
                behavior(name, "one-noise-for-the-batch", f"{name} draws noise of shape {draw.shape} for {rows} rows")
            ]
    return []


def behavior(subject: str, name: str, sentence: str) -> Finding:
    """A finding of the catalogue that no coefficient shows."""
    entry: Entry = CATALOGUE[name]
    return Finding(
        subject, f"{sentence}: {entry.cause}", name, entry.level, wrong=entry.wrong, right=entry.right,
        cause=entry.cause, symptom=entry.symptom, source=entry.source,
    )  # fmt: skip
