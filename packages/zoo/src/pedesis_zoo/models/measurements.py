"""What was measured of a model and is kept in its folder, each with the command that measures it again.

    metrics.json    numbers with 95 % intervals, by command
    curves/*.csv    curves, the command on the first line

Beside a weight file of your own, NAME.safetensors, they are NAME.metrics.json and NAME.CURVE.csv.

Reading them imports nothing heavy, so that pages and cards can show what is too slow to measure on the spot.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pedesis.utils.files import atomic, check_writable
from pedesis_zoo.models.registry import METRICS, folder_of, list_models, own_file

FOLDER = "curves"
Cell = str | float
Numbers = Mapping[str, Sequence[float]]
"""Name -> value, and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Table:
    """A measured curve: the command that made it, and its columns by name (numbers where all cells are)."""

    command: str
    columns: Mapping[str, Sequence[Cell]]

    def __getitem__(self, column: str) -> Sequence[Cell]:
        return self.columns[column]


def save_numbers(model: str, command: str, numbers: Numbers) -> Path:
    """Keep numbers under the command that made them, in place of those it made before."""
    path = numbers_path(model)
    with atomic(path) as temporary:
        temporary.write_text(json.dumps({**load_numbers(model), command: numbers}, indent=1) + "\n")
    return path


def load_numbers(model: str) -> dict[str, Numbers]:
    """The kept numbers of a model, by command; empty if nothing was measured. Raises UnknownName."""
    path = numbers_path(model)
    return json.loads(path.read_text()) if path.is_file() else {}


def numbers_text(model: str) -> str:
    """The kept numbers as Markdown: a table under each command that reproduces it."""
    tables = []
    for command, results in load_numbers(model).items():
        rows = [
            f"| {key} | {value:.4g} | {f'{low:.4g} to {high:.4g}' if low < high else ''} |"
            for key, (value, low, high) in results.items()
        ]
        tables.append(f"    {command}\n\n| | value | 95 % interval |\n|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(tables)


def numbers_path(model: str) -> Path:
    """Where the numbers of a model are kept. Raises UnknownName for a model without a recipe."""
    if (own := own_file(model)) is not None:
        return own.with_name(f"{own.stem}.{METRICS}")
    return folder_of(model) / METRICS


def path_of(model: str, curve: str) -> Path:
    """Where a curve of a model is kept. Raises UnknownName for a model without a recipe."""
    if (own := own_file(model)) is not None:
        return own.with_name(f"{own.stem}.{curve}.csv")
    return folder_of(model) / FOLDER / f"{curve}.csv"


def check_keepable(model: str) -> None:
    """Before measuring: raise ValueError if the results of a model could not be kept."""
    check_writable(numbers_path(model))


def measured(curve: str) -> list[str]:
    """The models for which a curve has been measured."""
    return [name for name in list_models() if curve in curves_of(name)]


def curves_of(model: str) -> list[str]:
    """The curves that have been measured of a model."""
    return sorted(path.stem for path in (folder_of(model) / FOLDER).glob("*.csv"))


def save_table(model: str, curve: str, command: str, rows: Sequence[Mapping[str, Cell]]) -> Path:
    """Keep a curve: one mapping per row, all with the same keys."""
    path = path_of(model, curve)
    path.parent.mkdir(exist_ok=True)
    write_table(path, command, rows)
    return path


def write_table(path: Path, command: str, rows: Sequence[Mapping[str, Cell]]) -> None:
    """A CSV file whose first line is the command that makes it again."""
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        file.write(f"# {command}\n")
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)


def load_table(model: str, curve: str) -> Table:
    """A kept curve. Raises ValueError if it has not been measured."""
    path = path_of(model, curve)
    if not path.is_file():
        raise ValueError(
            f"the curve {curve!r} has not been measured for {model!r}; measured: {', '.join(measured(curve)) or 'none'}"
        )
    first, *lines = path.read_text().splitlines()
    header, *rows = csv.reader(lines)
    columns = {name: _numbers([row[i] for row in rows]) for i, name in enumerate(header)}
    return Table(first.removeprefix("# "), columns)


def _numbers(cells: list[str]) -> Sequence[Cell]:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return cells
