"""Which textbook formula, with which mistakes, do these coefficients come from?

A hypothesis is a formula with no, one or two faults; a fault is an entry of the catalogue with the lines that it makes
wrong. The hypothesis that explains most coefficients wins, of these the one with the fewest faults. What none explains
is located, and not given a name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.catalogue import Entry
from pedesis.doctor.formulas import Coefficients, Evaluation, Formula, Lines, names
from pedesis.doctor.report import Finding

Observed = Mapping[str, Tensor]
"""Role -> the coefficient read at every place, (N,)."""


@dataclass(frozen=True)
class Fault:
    """One way to make one mistake in one formula: the symbols that change, and their wrong lines."""

    entry: Entry
    lines: Lines


def faults(entries: Iterable[Entry], formula: Formula, known: Iterable[str]) -> list[Fault]:
    """Every mistake that can be made in a formula; lines that speak of symbols that it does not have are left out."""
    there = {*formula.lines, *formula.roles, *known}
    ways = [(entry, way) for entry in entries for way in entry.ways(formula.lines)]
    return [Fault(entry, way) for entry, way in ways if all(names(line) <= there for line in way.values())]


@dataclass(frozen=True)
class Explanation:
    """A formula with faults, and what it leaves unexplained.

    Attributes:
        right, wrong: the coefficients of the formula without and with its faults; alone: with each fault by itself.
        unexplained: roles.
    """

    formula: Formula
    faults: tuple[Fault, ...]
    right: Coefficients
    wrong: Coefficients
    unexplained: tuple[str, ...]
    distance: float = 0.0
    alone: tuple[Coefficients, ...] = ()

    @property
    def cost(self) -> tuple[int, int, float]:
        """Smaller is better: coefficients unexplained, faults, distance."""
        return len(self.unexplained), len(self.faults), self.distance


def agrees(observed: Tensor, expected: Tensor, tolerance: Tensor) -> Tensor:
    """Where a coefficient is as expected, (N,). Where there is none (NaN), expected or observed, it is not judged."""
    near = (observed - expected).abs() <= tolerance
    return near | (observed == expected) | expected.isnan() | observed.isnan()


def explain(
    observed: Observed,
    formulas: Sequence[tuple[Formula, Mapping[str, Any]]],
    entries: Sequence[Entry],
    known: Mapping[str, Any],
    roundoff: float,
    most: int = 2,
    blur: Tensor | float = 0.0,
) -> Explanation:
    """The cheapest explanation of what was observed.

    Args:
        formulas: those that count as right, with the symbols that each knows besides `known`; the first of equals wins.
        entries: the mistakes to think of. most: how many of them at once.
        blur: how far the reading itself may be off, one number or (N,).
    """
    texts = [Text(formula, {**known, **more}, entries, roundoff, blur) for formula, more in formulas]
    best = min((judge(observed, text, ()) for text in texts), key=lambda found: found.cost)
    for count in range(1, most + 1):
        if not best.unexplained:
            break
        for text in texts:
            for chosen in text.combinations(count):
                if text.missed_at_a_glance(observed, chosen) < len(best.unexplained):
                    best = min(best, judge(observed, text, chosen), key=lambda found: found.cost)
    return further(observed, texts, best) if most > 1 and best.unexplained and best.faults else best


def further(observed: Observed, texts: Sequence[Text], best: Explanation) -> Explanation:
    """With more faults, one or two, beside those found already, what these leave unexplained."""
    known = [fault.lines for fault in best.faults]
    for count, text in itertools.product((1, 2), texts):
        begun = tuple(fault for fault in text.faults if fault.lines in known)
        taken = {symbol for fault in begun for symbol in fault.lines}
        for more in text.combinations(count):
            if not best.unexplained:
                return best
            if taken.isdisjoint(merged(more)) and text.missed_at_a_glance(observed, begun + more) < len(
                best.unexplained
            ):
                best = min(best, judge(observed, text, begun + more), key=lambda found: found.cost)
    return best


class Text:
    """A formula at all places and, for a glance, at a few of them; with the mistakes that can be made in it."""

    def __init__(self, formula: Formula, known: Mapping[str, Any], entries: Sequence[Entry], roundoff: float,
                 blur: Tensor | float = 0.0):  # fmt: skip
        self.formula, self.blur = formula, torch.as_tensor(blur, dtype=torch.float64)
        self.faults = faults(entries, formula, known)
        self.all = Evaluation(formula, known, roundoff)
        self.coarse = slice(None, None, max(1, self.all.places // 8))
        thin = {s: v[self.coarse] if isinstance(v, Tensor) and v.ndim == 1 else v for s, v in known.items()}
        self.few = Evaluation(formula, thin, roundoff)
        self.right = self.coefficients({})

    def coefficients(self, wrong: Lines) -> Coefficients:
        """The coefficients with some lines wrong, as they may be read."""
        exact = self.all.coefficients(wrong)
        return Coefficients(exact.values, {role: each + self.blur for role, each in exact.tolerance.items()})

    def combinations(self, count: int) -> Iterable[tuple[Fault, ...]]:
        """Sets of `count` faults that change different symbols."""
        for chosen in itertools.combinations(self.faults, count):
            symbols = [symbol for fault in chosen for symbol in fault.lines]
            if len(symbols) == len(set(symbols)):
                yield chosen

    def missed_at_a_glance(self, observed: Observed, chosen: Iterable[Fault]) -> int:
        """How many roles a few places already show to be otherwise."""
        some = self.few.coefficients(merged(chosen))
        blur = self.blur[self.coarse] if self.blur.ndim else self.blur
        return sum(
            not bool(agrees(value[self.coarse], some.values[role], some.tolerance[role] + blur).all())
            for role, value in observed.items()
        )


def merged(chosen: Iterable[Fault]) -> dict[str, str]:
    """All wrong lines of some faults."""
    return {symbol: line for fault in chosen for symbol, line in fault.lines.items()}


def judge(observed: Observed, text: Text, chosen: tuple[Fault, ...]) -> Explanation:
    """How well a formula with some faults explains the coefficients."""
    wrong = text.coefficients(merged(chosen)) if chosen else text.right
    unexplained, distance = [], 0.0
    for role, value in observed.items():
        expected = wrong.values[role]
        silent = int((expected.isnan() | value.isnan()).sum())
        if silent * 2 > len(expected) or not bool(agrees(value, expected, wrong.tolerance[role]).all()):
            unexplained.append(role)
            off = (value - expected).abs() / (expected.abs() + wrong.tolerance[role] + 1e-300)
            distance += float(off.nan_to_num(1e6, 1e6).clamp(max=1e6).mean())
    alone = tuple(text.coefficients(fault.lines) for fault in chosen) if not unexplained else (wrong,) * len(chosen)
    return Explanation(text.formula, chosen, text.right, wrong, tuple(unexplained), distance, alone)


def clearest(observed: Observed, right: Coefficients) -> tuple[str, int]:
    """The role and the place at which a coefficient is furthest from right, relative to the larger of the two."""
    worst, where = -1.0, ("", 0)
    for role, value in observed.items():
        expected, tolerance = right.values[role], right.tolerance[role]
        off = (value - expected).abs() / torch.maximum(value.abs(), expected.abs()).clamp(min=1e-300)
        off = torch.where(agrees(value, expected, tolerance), 0.0, off.nan_to_num(0.0, 2.0))
        place = int(off.argmax())
        if float(off[place]) > worst:
            worst, where = float(off[place]), (role, place)
    return where


def findings(
    subject: str,
    observed: Observed,
    explanation: Explanation,
    places: Sequence[int],
    spoken: Callable[[str, int], str],
    where: Callable[[Sequence[int], int], str] | None = None,
) -> list[Finding]:
    """One finding for each fault, and one for each coefficient that no fault explains.

    Args:
        places: the step of every coefficient. spoken: (role, step) -> "the factor of noise at t = 37".
        where: (steps that are off, number of all) -> "every step".
    """
    found: list[Finding] = []
    observed = {role: observed[role] for role in explanation.right.values if role in observed}
    for fault, alone in zip(explanation.faults, explanation.alone, strict=True):
        role, place = clearest({r: alone.values[r] for r in observed}, explanation.right)
        got, expected = float(observed[role][place]), float(explanation.right.values[role][place])
        entry = fault.entry
        if any(finding.entry == entry.name for finding in found):
            continue
        same = merged(each for each in explanation.faults if each.entry is entry)
        lines, symbols = explanation.formula.lines, list(same)
        found.append(
            Finding(
                subject,
                f"{spoken(role, places[place])} is {got:.4g}; it should be {expected:.4g}: {entry.cause}",
                entry.name,
                entry.level,
                places[place],
                role,
                got,
                expected,
                "; ".join(f"{s} = {same[s]}" for s in symbols),
                "; ".join(f"{s} = {lines[s]}" for s in symbols),
                entry.cause,
                entry.symptom,
                entry.source,
            )
        )
    for role in explanation.unexplained:
        found.append(located(subject, observed, explanation, role, places, spoken, where or span))
    return found


def located(
    subject: str,
    observed: Observed,
    explanation: Explanation,
    role: str,
    places: Sequence[int],
    spoken: Callable[[str, int], str],
    where: Callable[[Sequence[int], int], str],
) -> Finding:
    """A coefficient that is wrong in no way that the catalogue knows: where, and by how much."""
    expected, got_all = explanation.right.values[role], observed[role]
    fine = agrees(got_all, expected, explanation.right.tolerance[role])
    _, place = clearest({role: got_all}, explanation.right)
    got, right = float(got_all[place]), float(expected[place])
    wrong_at = [places[i] for i in torch.nonzero(~fine).flatten().tolist()]
    share = (got_all / expected)[expected != 0]
    even = len(share) > 2 and bool(((share / share[0] - 1).abs() < 1e-3).all())
    more = f", {float(share[0]):.4g} times as large everywhere" if even else ""
    silent = int(got_all.isnan().sum())
    more += f" ({silent} of {len(places)} could not be read)" if silent else ""
    return Finding(
        subject,
        f"{spoken(role, places[place])} is {got:.4g}; it should be {right:.4g} ({explanation.formula.name}). It is off "
        f"at {where(wrong_at, len(places))}{more}, and is none of the mistakes in the catalogue",
        None,
        "error",
        places[place],
        role,
        got,
        right,
    )


def span(wrong_at: Sequence[int], total: int) -> str:
    """The steps at which a coefficient is off."""
    if len(wrong_at) == total:
        return "every step"
    if len(wrong_at) <= 3:
        return "t = " + ", ".join(map(str, wrong_at))
    return f"{len(wrong_at)} of {total} steps, t = {min(wrong_at)} to {max(wrong_at)}"
