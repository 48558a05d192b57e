"""A comparison: pictures in columns and rows, one value per column, and one seed or one value more per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from generation_request import (
    ALL_CLASSES,
    MOST_COLUMNS,
    MOST_GUIDANCE,
    MOST_LETTERS,
    MOST_ROWS,
    GenerationRequest,
    as_number,
    parse_request,
)
from models import prompts, request, seconds_per_step

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS

WAYS = {
    "guidance scales": "guidance",
    "samplers": "sampler",
    "numbers of steps": "steps",
    "classes or prompts": "condition",
}
SEEDS = "seeds"
SWEPT = 9  # guidance scales of a sweep


@dataclass(frozen=True)
class Part:
    """What is drawn together: some rows of one column."""

    column: int
    rows: slice
    asked: GenerationRequest


@dataclass(frozen=True)
class Comparison:
    """By what columns differ, what stands above them and beside the rows, what all have in common, and the parts."""

    way: str
    columns: list[str]
    rows: list[str]
    common: str
    parts: list[Part]


def compared(
    asked: GenerationRequest, by: str, lines: str, model: zoo.ImageModel
) -> list[tuple[str, GenerationRequest]]:
    """A label and a request for each column of a comparison.

    Args:
        by: a way to compare, as the page or as a request calls it (`WAYS`). lines: the values, one a line.

    Raises:
        ValueError: an unknown `by`, too many or too few values, or a value that is not allowed.
    """
    by = way_of(by)
    if not isinstance(lines, str):
        raise ValueError(f"values: a text, one value a line; got {str(lines)[:80]!r}")
    values: Sequence[str] = [line.strip() for line in lines[: MOST_COLUMNS * MOST_LETTERS].splitlines() if line.strip()]
    if not 2 <= len(values) <= MOST_COLUMNS:
        raise ValueError(f"give 2 to {MOST_COLUMNS} values, one a line; got {len(values)}")
    if asked.number > MOST_ROWS:
        raise ValueError(f"a comparison has at most {MOST_ROWS} rows; got {asked.number}")
    condition = "prompt" if model.text is not None else "label"
    field, plain = condition if by == "condition" else by, asked.model_dump()
    named = by in ("guidance", "steps")
    return [
        (f"{by} {value}" if named else value, parse_request(**{**plain, field: as_number(value) if named else value}))
        for value in values
    ]


def way_of(by: object) -> str:
    """The field by which columns or rows differ. Raises ValueError for another way to compare."""
    way = WAYS.get(str(by), str(by))
    if way not in WAYS.values():
        raise ValueError(f"comparisons are by {', '.join(WAYS)}; got {way[:80]!r}")
    return way


def usual_values(by: str, model: str) -> str:
    """Values worth comparing, one a line. Raises ValueError for another way to compare."""
    loaded, way = request(model=model)[1], way_of(by)
    low, high = loaded.generation.scales
    conditions = prompts(loaded) if loaded.text else loaded.classes[:6]
    return "\n".join(
        {
            "guidance": tuple(str(scale) for scale in (0, 1, 2, 4, 8) if low <= scale <= high),
            "sampler": tuple(SAMPLERS)[:6],
            "steps": ("1", "2", "4", "8", "16", "32"),
            "condition": conditions,
        }[way]
    )


def comparison(
    asked: GenerationRequest,
    model: zoo.ImageModel,
    by: str | None,
    values: str | None,
    rows_by: str | None = None,
    row_values: str | None = None,
) -> Comparison:
    """Settle a comparison. What is None is as usual: guidance scales, from the same seeds in each row.

    Raises:
        ValueError: one sentence that says what came and what was expected.
    """
    way = "guidance" if by is None else way_of(by)
    lines = usual_values(way, asked.model) if values is None else values
    if rows_by is None or rows_by == SEEDS:
        columns = compared(asked, way, lines, model)
        parts = [Part(i, slice(0, asked.number), one) for i, (_, one) in enumerate(columns)]
        rows = row_names(asked, model, way)
        return Comparison(way, [name for name, _ in columns], rows, common(asked, model, way), parts)
    other = way_of(rows_by)
    if other == way:
        raise ValueError(f"columns and rows are both by {way}: choose another for the rows, or {SEEDS}")
    single = asked.alone(0, model)
    listed = "\n".join(usual_values(other, asked.model).splitlines()[:MOST_ROWS]) if row_values is None else row_values
    rows_of = compared(single, other, listed, model)
    if len(rows_of) > MOST_ROWS:
        raise ValueError(f"a comparison has at most {MOST_ROWS} rows; got {len(rows_of)}")
    grid = [compared(one, way, lines, model) for _, one in rows_of]
    parts = [Part(i, slice(j, j + 1), cells[i][1]) for i in range(len(grid[0])) for j, cells in enumerate(grid)]
    names = [name for name, _ in grid[0]]
    return Comparison(way, names, [name for name, _ in rows_of], common(single, model, way, other), parts)


def swept(asked: GenerationRequest, model: zoo.ImageModel) -> Comparison:
    """The same seeds under every guidance scale that the model knows and the page offers, from low to high."""
    low, high = model.generation.scales
    scales = [float(scale) for scale in np.linspace(low, min(high, MOST_GUIDANCE), SWEPT).round(2)]
    parts = [
        Part(i, slice(0, asked.number), asked.model_copy(update={"guidance": scale})) for i, scale in enumerate(scales)
    ]
    names = [f"guidance {scale:g}" for scale in scales]
    return Comparison("guidance", names, row_names(asked, model, "guidance"), common(asked, model, "guidance"), parts)


def row_names(asked: GenerationRequest, model: zoo.ImageModel, way: str) -> list[str]:
    """What stands beside each row: its seed, and its class where they differ."""
    alone = [asked.alone(i, model) for i in range(asked.number)]
    with_class = asked.label == ALL_CLASSES and model.classes and way != "condition"
    return [f"seed {one.seed}" + (f", {one.label}" if with_class else "") for one in alone]


def common(asked: GenerationRequest, model: zoo.ImageModel, *ways: str) -> str:
    """What all pictures have in common, in one line."""
    return asked.line(model, *ways)


def expected(settled: Comparison) -> float:
    """About how many seconds it takes, from how long a step of the model took."""
    return sum(
        seconds_per_step(part.asked.model)
        * (part.rows.stop - part.rows.start)
        * part.asked.steps
        * SAMPLERS[part.asked.sampler]().evaluations
        for part in settled.parts
    )
