"""The outcome of the arena: a table for each place, verdicts on what is the user's own, a plot, a CSV."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pedesis_zoo.evaluation.arena.walks import Result, apart
from pedesis_zoo.evaluation.metrics import Estimate
from pedesis_zoo.evaluation.plots import draw_contest
from pedesis_zoo.models.measurements import Cell, write_table

Place = tuple[str, str, float | None]
"""Mixture or model, kind of entry, scale of guidance."""

SLACK = 1.05
"""How many times the allowed evaluations an entry may have used to count as one of equal evaluations."""


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes:
        results: one for each entry, place and number of evaluations.
        titles: what the distance of each mixture or model is, in words.
        floors: (mixture or model, scale) -> the distance of as many real points or pictures.
        command: the line that makes it again.
    """

    results: Sequence[Result]
    titles: Mapping[str, str]
    floors: Mapping[tuple[str, float | None], Estimate]
    command: str

    @property
    def rows(self) -> list[dict[str, Cell]]:
        """Plain rows, as the CSV has them; what was not measured is empty."""
        return [result.row() for result in self.results]

    def save(self, path: str | Path) -> None:
        """Write the rows as CSV, the command on the first line. Raises ValueError if the file cannot be written."""
        write_table(Path(path), self.command, self.rows)

    def plot(self, path: str | Path) -> None:
        """Draw distance and error over evaluations into a PNG; needs matplotlib. Raises ValueError as `save` does."""
        draw_contest(Path(path), self.rows, {on: floor.value for (on, _), floor in self.floors.items()})

    def __str__(self) -> str:
        places = dict.fromkeys((result.on, result.entry.kind, result.scale) for result in self.results)
        return "\n\n".join(["\n".join(lines) for lines in [*map(self.table, places), [*self.verdicts()]] if lines])

    __repr__ = __str__

    def at(self, place: Place) -> list[Result]:
        """The results of one place."""
        return [result for result in self.results if (result.on, result.entry.kind, result.scale) == place]

    def table(self, place: Place) -> list[str]:
        """One place as lines: an entry each, the best at the largest number of evaluations first; * is the user's."""
        some, (on, kind, scale) = self.at(place), place
        budgets = sorted({result.budget for result in some})
        entries: dict[str, dict[int, Result]] = {}
        for result in some:
            entries.setdefault(("* " if result.entry.own else "  ") + result.entry.name, {})[result.budget] = result
        shown: dict[str, Callable[[Result], str]] = {
            f"distance at {budgets[0]}": lambda result: _with_half(result.distance),
            f"error at {budgets[0]}": lambda result: _number(result.error),
            f"accuracy at {budgets[0]}": lambda result: "" if result.accuracy is None else f"{result.accuracy:.0%}",
        }
        header, lines = [f"  {kind}"], {name: [name] for name in entries}
        if any(result.order is not None for result in some):
            header.append("order")
            for name, each in entries.items():
                lines[name].append(_order(next(iter(each.values())).order))
        for title, text in shown.items():
            cells = {name: [text(each[b]) if b in each else "" for b in budgets] for name, each in entries.items()}
            if any(map(any, cells.values())):
                header += [title, *map(str, budgets[1:])]
                lines = {name: [*line, *cells[name]] for name, line in lines.items()}
        best = sorted(entries, key=lambda name: _last(entries[name], budgets))
        title = f"{on}, scale {scale:g}" if scale is not None else on
        floor = self.floors.get((on, scale))
        draws = "training pictures" if self.titles[on].startswith("Frechet") else "draws of the data themselves"
        real = "" if floor is None else f"; as many {draws} have {_with_half(floor)}"
        return [f"{title}: {self.titles[on]}{real}", *_aligned([header, *(lines[name] for name in best)])]

    def verdicts(self) -> Iterator[str]:
        """A sentence for each result of the user's own: beside the best of ours at equal evaluations, seed by seed."""
        for mine in (result for result in self.results if result.entry.own):
            rivals = [result for result in self.at((mine.on, mine.entry.kind, mine.scale)) if not result.entry.own]
            fair = [other for other in rivals if other.evaluations <= SLACK * max(mine.evaluations, mine.budget)]
            fair = [other for other in fair if other.budget == mine.budget]
            if fair:
                yield _verdict(mine, min(fair, key=lambda other: other.distance.value)) + _exactness(mine, fair)


def _verdict(mine: Result, best: Result) -> str:
    scale = "" if mine.scale is None else f" and scale {mine.scale:g}"
    start = f"{mine.entry.name} on {mine.on} with {mine.evaluations:g} evaluations{scale}:"
    if not math.isfinite(mine.distance.value):
        return f"{start} what it draws is not finite"
    gap = apart(mine.distance_of, mine.drawn, best.drawn)
    judged = "better than" if gap.high < 0 else "worse than" if gap.low > 0 else "no better and no worse than"
    figures = f"{mine.distance.value:.3g} - {best.distance.value:.3g} = {gap.value:.2g} [{gap.low:.2g}, {gap.high:.2g}]"
    return f"{start} {judged} the best of ours, {best.entry.name}: {figures}"


def _exactness(mine: Result, others: Sequence[Result]) -> str:
    """Where an end is known for each walk, the error beside the least of ours: it sees what a distance cannot."""
    errors = {other.entry.name: other.error for other in others if other.error is not None}
    if mine.error is None or not errors:
        return ""
    name = min(errors, key=lambda name: errors[name])
    return f"; error {mine.error:.2g}, the least of ours {errors[name]:.2g} ({name})"


def _last(each: Mapping[int, Result], budgets: Sequence[int]) -> tuple[bool, float]:
    found = each.get(budgets[-1])
    return found is None, math.inf if found is None else found.distance.value


def _with_half(estimate: Estimate) -> str:
    """A number and half the width of its interval."""
    if not math.isfinite(estimate.value):
        return "not finite"
    return f"{estimate.value:.3g} ±{(estimate.high - estimate.low) / 2:.1g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if math.isfinite(value) else "not finite"


def _order(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
