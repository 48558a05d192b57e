"""Plots of the measured curves, for the cards: a picture beside each CSV of `pedesis_zoo.models.measurements`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedesis.utils.files import atomic
from pedesis_zoo.models.measurements import Cell, Table, load_table, path_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORTHLESS = 30.0
"""Distances beyond this many times the smallest are noise to the eye, and left out."""

Points = tuple[str, list[float], list[float]]


def draw_curve(model: str, curve: str) -> Path | None:
    """Draw a kept curve into the PNG beside it; None for a curve that is a plain table."""
    if curve not in PLOTS:
        return None
    from matplotlib.figure import Figure  # not pyplot, which keeps figures and chooses a window system

    figure = Figure(figsize=(8, 3.6), dpi=110, layout="constrained")
    PLOTS[curve](figure, load_table(model, curve))
    path = path_of(model, curve).with_suffix(".png")
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def by_evaluations(figure: Figure, table: Table) -> None:
    """Frechet distance over network evaluations, a line for each sampler; distances over 30 times the smallest are left
    out. Dotted: as many real training pictures."""
    axes = figure.subplots()
    for name, x, y in lines(worthwhile(table), "sampler", "evaluations", "distance"):
        axes.plot(x, y, marker="o", label=name)
    floor(axes, table)
    label(axes, "network evaluations a picture", "Frechet distance", log="xy")
    axes.legend(fontsize="x-small", ncols=2, loc="center left", bbox_to_anchor=(1, 0.5))


def by_guidance(figure: Figure, table: Table) -> None:
    """How often what was asked for is there, over the scale; and fidelity against diversity. A line for each kind of
    guidance; distances over 30 times the smallest are left out. Dotted: as many real pictures."""
    left, right = figure.subplots(1, 2)
    for name, x, y in lines(table, "guidance", "scale", "accuracy"):
        left.plot(x, y, marker="o", label=name)
    for _, x, y in lines(worthwhile(table), "guidance", "recall", "distance"):
        right.plot(x, y, marker="o")
    floor(right, table)
    label(left, "guidance scale", "share of what was asked for")
    label(right, "recall", "Frechet distance", log="y")
    left.legend(fontsize="x-small")


def by_steps(figure: Figure, table: Table) -> None:
    """Bits per dimension over the number of steps: by variance on the uniform grid, and by grid."""
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, chosen, kept, named in ((left, "grid", "uniform", "variance"), (right, "variance", "analytic", "grid")):
        rows = only(table, chosen, kept)
        for name, x, y in lines(rows, named, "steps", "bits"):
            axes.plot(x, y, marker="o", label=f"{name} {named}")
        label(axes, f"steps ({kept} {chosen})", "bits per dimension" if axes is left else "", log="xy")
        axes.legend(fontsize="x-small")


def by_level(figure: Figure, table: Table) -> None:
    """Over the noise level: how wrong the estimate of the picture is, and the bits paid so far on the way down."""
    left, right = figure.subplots(1, 2)
    steps = [i for i, term in enumerate(table["term"]) if term == "denoising"]
    log_snrs, bits, rms = ([float(table[column][i]) for i in steps] for column in ("log_snr", "bits", "rms"))
    left.plot(log_snrs, rms)
    label(left, "log-SNR", "rms error in gray levels", log="y")
    right.plot(log_snrs, list(accumulate(bits)))
    label(right, "log-SNR", "bits per dimension paid")


def draw_contest(path: Path, rows: Sequence[Mapping[str, Cell]], floors: Mapping[str, float]) -> None:
    """Draw what the arena measured: distance, and error or accuracy, over evaluations.

    A row for each place, a line for each entry, the user's own thick. Distances over 30 times the smallest are left
    out. Dotted: as many real points or pictures.
    """
    from matplotlib.figure import Figure

    cells = {key: [row[key] for row in rows] for key in rows[0]}
    cells["name"] = [_named(*both) for both in zip(cells["name"], cells["scale"], strict=True)]
    table = Table("", cells)
    places, names = (list(dict.fromkeys(table[key])) for key in ("on", "name"))
    hues = {name: f"C{i % 10}" for i, name in enumerate(names)}
    hues |= dict.fromkeys(only(table, "own", "yes")["name"], "black")
    figure = Figure(figsize=(9, 3.4 * len(places)), dpi=110, layout="constrained")
    for on, pair in zip(places, figure.subplots(len(places), 2, squeeze=False), strict=True):
        here = only(table, "on", on)
        second = "error" if any(map(_there, here["error"])) else "accuracy"
        for axes, what in zip(pair, ("distance", second), strict=True):
            there = where(here, what, _there)
            for name, x, y in lines(worthwhile(there) if what == "distance" else there, "name", "evaluations", what):
                mine = "yes" in only(there, "name", name)["own"]
                look = {"linewidth": 3, "zorder": 3} if mine else {"linestyle": "-" if names.index(name) < 10 else "--"}
                axes.plot(x, y, marker="o", label=name, color=hues[name], **look)
            label(axes, f"evaluations, {on}", what, log="x" if what == "accuracy" else "xy")
        if str(on) in floors:
            pair[0].axhline(floors[str(on)], color="gray", linestyle="dotted")
        outside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        pair[1].legend(*pair[0].get_legend_handles_labels(), fontsize="x-small", **outside)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _there(cell: Cell) -> bool:
    """Whether something was measured, and is finite."""
    return cell != "" and isfinite(float(cell))


def _named(name: Cell, scale: Cell) -> str:
    return str(name) if scale == "" else f"{name} {scale:g}"


PLOTS: dict[str, Callable[[Any, Table], None]] = {
    "evaluations": by_evaluations,
    "guidance": by_guidance,
    "few-steps": by_steps,
    "bits": by_level,
}
"""How each kind of curve is drawn."""


def lines(table: Table, name: str, x: str, y: str) -> Iterator[Points]:
    """(name, x, y) for every value of the column `name`, in the order of the table."""
    for each in dict.fromkeys(table[name]):
        rows = only(table, name, each)
        yield str(each), [float(value) for value in rows[x]], [float(value) for value in rows[y]]


def worthwhile(table: Table) -> Table:
    """The rows of a table whose distance is worth looking at."""
    limit = WORTHLESS * min(map(float, table["distance"]))
    return where(table, "distance", lambda distance: float(distance) < limit)


def floor(axes: Axes, table: Table) -> None:
    """The distance of real pictures."""
    axes.axhline(max(map(float, table["floor"])), color="gray", linestyle="dotted")


def only(table: Table, column: str, value: Cell) -> Table:
    """The rows of a table where a column has a value."""
    return where(table, column, lambda cell: cell == value)


def where(table: Table, column: str, wanted: Callable[[Cell], bool]) -> Table:
    """The rows of a table whose cell in a column is wanted."""
    rows = [i for i, cell in enumerate(table[column]) if wanted(cell)]
    return Table(table.command, {key: [cells[i] for i in rows] for key, cells in table.columns.items()})


def label(axes: Axes, x: str, y: str, log: str = "") -> None:
    """Name the axes, and make those in `log` logarithmic with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if which in log:
            getattr(axes, f"set_{which}scale")("log")
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
