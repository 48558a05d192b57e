"""The same seeds over a row of guidance scales, samplers, steps or conditions; and over two of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import disk
import gradio as gr
import numpy as np
import show
import widgets as w
from comparison import SEEDS, WAYS, Comparison, common, comparison, expected, row_names, swept, usual_values, way_of
from curves import Curves, chart
from events import KEPT, LIGHT, endpoint, on_page, stop, with_status
from generation_request import MOST_GUIDANCE, MOST_ROWS, GenerationRequest, from_query
from models import load, models, request, with_curve
from words import in_html

import pedesis_zoo as zoo
from pedesis_zoo.models.measurements import load_table

__all__ = ["WAYS", "build", "common", "compare", "curve", "row_names", "usual_values"]

SHARES = ("accuracy", "precision", "recall")
OWN = ("classifier-free", "classifier-free, interval")  # without and with an interval, as the curve calls them
FIELDS = ("model", "label", "prompt", "guidance", "seed", "number", "sampler", "steps", "grid")
CELLS = ("by", "values", "rows_by", "row_values")
LONG = 5  # seconds; what takes longer is said before
Results = Iterator[tuple[Any, ...]]


def compare(
    model: str,
    label: str,
    prompt: str,
    guidance: float,
    seed: int,
    number: int,
    sampler: str,
    steps: int,
    grid: str,
    by: str,
    values: str,
    rows_by: str | None = None,
    row_values: str | None = None,
) -> Results:
    """Draw one column per value of `by` (guidance, sampler, steps or condition; one value a line), and one row per
    seed, or per value of `rows_by`. Results: all columns in one PNG; a sentence; the table, HTML."""
    asked_for = locals()
    with show.sentences():
        asked, loaded = settled(**{name: asked_for[name] for name in FIELDS})
        cells = comparison(asked, loaded, by, values, rows_by, row_values)
        for drawn, said, busy in columns_of(cells):
            shown = line_of(cells) + show.table(cells.columns, cells.rows, drawn)
            if busy:
                yield None, show.status_line(said, busy=True), shown
        yield picture_of(cells, asked, drawn), show.status_line(said), shown


def settled(**asked_for: Any) -> tuple[GenerationRequest, zoo.ImageModel]:
    """The request that all cells are made of, of three pictures if nobody says how many. Raises ValueError."""
    return request(**{"number": 3, **{name: value for name, value in asked_for.items() if value is not None}})


def columns_of(cells: Comparison) -> Iterator[tuple[list[list[Any]], str, bool]]:
    """Draw part by part: the columns as far as they are, a sentence, and whether there is more to come."""
    drawn: list[list[Any]] = [[None] * len(cells.rows) for _ in cells.columns]
    started = time.monotonic()
    for i, part in enumerate(cells.parts):
        model = load(part.asked.model)
        walk = zoo.generate(model, part.asked.wanted(model), part.asked.seeds(), **part.asked.settings(model))
        for snapshot in show.paced(walk, since=started):
            drawn[part.column][part.rows] = list(snapshot.x0)
            done = show.progress(snapshot, time.monotonic() - started, i, len(cells.parts))
            yield drawn, f"{cells.columns[part.column]}: {done}", True
    yield drawn, f"{len(cells.columns)} columns, the same seeds in each", False


def line_of(cells: Comparison) -> str:
    """What all cells have in common, HTML."""
    return f'<p class="made-by">{in_html(cells.common)}</p>'


def picture_of(cells: Comparison, asked: GenerationRequest, drawn: list[list[Any]]) -> str:
    """Write all of it as one PNG, which says what was asked for."""
    columns = [np.stack(column) for column in drawn]
    return show.png(show.labeled(cells.columns, cells.rows, columns, cells.common), asked, f"comparison-of-{cells.way}")


def sweep(*asked_for: Any) -> Results:
    """`compare` over all guidance scales, shown one after the other; the values are not asked for."""
    with show.sentences():
        asked, loaded = settled(**dict(zip(FIELDS, asked_for, strict=False)))
        if not loaded.conditional:
            raise ValueError(f"{asked.model} takes no guidance; choose another model")
        cells = swept(asked, loaded)
        for drawn, said, busy in columns_of(cells):
            done = [(n, show.sheet(np.stack(d))) for n, d in zip(cells.columns, drawn, strict=True) if d[0] is not None]
            shown = line_of(cells) + show.film(done, "pictures", "Guidance scale", plays=not busy)
            if busy:
                yield None, show.status_line(said, busy=True), shown
        yield picture_of(cells, asked, drawn), show.status_line("The same seeds under more and more guidance."), shown


def query_of(*asked_for: Any) -> str:
    """The settings of a comparison for an address: what is not as usual."""
    named = dict(zip((*FIELDS, *CELLS), asked_for, strict=True))
    with show.sentences():
        asked, _ = settled(**{name: named[name] for name in FIELDS})
        by, rows_by = way_of(named["by"]), named["rows_by"]
        usual = usual_values(by, asked.model)
        more = {"by": by} | ({"values": named["values"]} if named["values"] != usual else {})
        more |= {} if rows_by == SEEDS else {"rows_by": way_of(rows_by), "row_values": named["row_values"]}
        return f"{asked.query(settled(model=asked.model)[0])}&{urlencode(more)}"


def waiting_time(*asked_for: Any) -> str:
    """About how long a comparison takes, where that is long, HTML; nothing where it cannot be drawn."""
    named = dict(zip((*FIELDS, *CELLS), asked_for, strict=True))
    try:
        asked, loaded = settled(**{name: named[name] for name in FIELDS})
        cells = comparison(asked, loaded, *[named[name] for name in CELLS])
        seconds = expected(cells)
    except ValueError:
        return ""
    pictures = show.counted(len(cells.columns) * len(cells.rows))
    return show.status_line(f"{pictures}: about {seconds:.0f} s" if seconds > LONG else "")


@lru_cache(maxsize=1)
def first_comparison() -> tuple[Any, ...]:
    """What the tab shows before anybody has asked for anything; drawn once."""
    drawn = list(compare(*[None] * 13))[-1]  # type: ignore[arg-type]
    disk.lasting.add(Path(drawn[0]))
    return drawn


def opening(shown: Any) -> Iterator[tuple[Any, ...]]:
    """The first comparison, unless there is one already."""
    if shown:
        yield gr.skip(), gr.skip(), gr.skip()  # a handler that yields nothing would empty them
        return
    yield gr.skip(), show.status_line("drawing ...", busy=True), gr.skip()
    yield first_comparison()


def curve(model: str) -> Curves:
    """Shares of a model over its guidance scale, as measured for its card. Raises ValueError if they are not."""
    table, own = load_table(model, "guidance"), OWN[load(model).generation.interval is not None]
    most = min(load(model).generation.scales[1], MOST_GUIDANCE)
    scales = table["scale"]
    rows = [i for i, kind in enumerate(table["guidance"]) if kind == own and float(scales[i]) <= most]
    return {share: [(float(scales[i]), float(table[share][i])) for i in rows] for share in SHARES}


def plotted(name: str, by: str) -> gr.HTML:
    """The curve, where guidance scales are compared."""
    shown = with_curve(name) and by == next(iter(WAYS))
    title = "Accuracy and precision, which are fidelity, and recall, which is diversity, as measured"
    drawn = chart(curve(name), title, "guidance scale") if shown else ""
    return gr.HTML(drawn, label="Curve by guidance scale", visible=shown, elem_classes="curve")


@dataclass(frozen=True)
class Tab:
    """What the page fills when it is opened by a link to a comparison."""

    picker: gr.Dropdown
    ask: w.Widgets
    cells: list[Any]  # by, values, rows_by, row_values
    arrived: gr.Textbox
    status: gr.HTML

    @property
    def filled(self) -> list[Any]:
        """What `open` fills."""
        return [self.picker, *self.ask.values(), *self.cells, self.arrived, self.status]

    def open(self, visit: gr.Request) -> list[Any]:
        """The comparison of the address; none without `by` in it."""
        query, nothing = visit.query_params, [gr.skip()] * (len(self.filled) - 1)
        if "by" not in query:
            return [*nothing, gr.skip()]
        try:
            asked = from_query(query, lambda **fields: settled(**fields)[0]) or settled()[0]
            cells = [query.get(name) for name in CELLS]
            comparison(asked, load(asked.model), *cells)
            by, rows_by = way_of(cells[0]), SEEDS if cells[2] is None else named(way_of(cells[2]))
            values = usual_values(by, asked.model) if cells[1] is None else cells[1]
            settings = w.filled(asked, models(), self.ask, number=rows)
            return [*settings, named(by), values, rows_by, cells[3] or "", str(query), gr.skip()]
        except ValueError as error:
            return [*nothing, show.status_line(f"The link is not understood: {error}")]


def named(way: str) -> str:
    """A way to compare as the page calls it."""
    return next(name for name, each in WAYS.items() if each == way)


def build(tab: gr.Tab) -> Tab:
    """Widgets and events."""
    names, ways = models(), list(WAYS)
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            by = gr.Dropdown(ways, value=ways[0], label="Compare")
            values = gr.Textbox(usual_values(ways[0], names[0]), label="Values, one a line", lines=5, max_length=2000)
            rows_by = gr.Dropdown([SEEDS, *ways], value=SEEDS, label="Rows")
            row_values = gr.Textbox(label="Values of the rows, one a line", lines=3, max_length=2000, visible=False)
            arrived, query = gr.Textbox(visible="hidden"), gr.Textbox(visible="hidden")
            with gr.Row():
                start = gr.Button("Compare", variant="primary", min_width=120)
                halt = gr.Button("Stop", min_width=80)
            time_of = gr.HTML(label="Expected time", elem_classes="expected")
            play = gr.Button("Play all guidance scales", min_width=120)
            with gr.Accordion("What stays the same", open=False):
                ask = w.place(first, "label", "prompt", "guidance", "seed", number=rows)
                ask |= w.place(first, "sampler", "steps", "grid")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            status = gr.HTML(
                show.status_line("One column per value, one row per seed."), label="Status", elem_classes="first"
            )
            result = gr.HTML(elem_classes=["preview", "first"], label="Preview")
            save = gr.DownloadButton("PNG with labels", visible=False)
            plot = plotted(names[0], ways[0])
    cells = [by, values, rows_by, row_values]
    inputs, outputs = [picker, *ask.values(), *cells], [save, status, result]
    endpoint("compare", compare, inputs, outputs)
    running = gr.on(
        [start.click, arrived.change], with_status(compare, outputs, status), inputs, outputs, **on_page(status)
    )
    running.success(query_of, inputs, query, **LIGHT).success(None, query, query, js=KEPT)
    sweeping = play.click(with_status(sweep, outputs, status), inputs, outputs, **on_page(status))
    stop(halt, [running, sweeping], status)
    linked = "shown => shown || location.search.includes('by=')"  # a link draws its own
    tab.select(with_status(opening, outputs, status, ""), result, outputs, js=linked, **on_page(status))
    by.input(usual_values, [by, picker], values, **LIGHT)
    by.change(plotted, [picker, by], plot, **LIGHT)
    rows_by.input(values_of_rows, [rows_by, picker], row_values, **LIGHT)
    rows_by.change(lambda way: gr.Textbox(visible=way != SEEDS), rows_by, row_values, **LIGHT)
    asked = [widget.change for widget in [*cells, ask["number"], ask["sampler"], ask["steps"]]]  # type: ignore[attr-defined]
    gr.on(asked, waiting_time, inputs, time_of, **LIGHT)
    follow = w.follow(picker, ask, status, [save, result], [running, sweeping], number=rows)
    values_follow = follow.success(usual_values, [by, picker], values, **LIGHT)
    values_follow.success(plotted, [picker, by], plot, **LIGHT)
    values_follow.success(values_of_rows, [rows_by, picker], row_values, **LIGHT)
    return Tab(picker, ask, cells, arrived, status)


def values_of_rows(rows_by: str, model: str) -> str:
    """Values worth comparing for the rows, at most as many as there may be."""
    return "" if rows_by == SEEDS else "\n".join(usual_values(rows_by, model).splitlines()[:MOST_ROWS])


def rows(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    """How many seeds are compared."""
    return gr.Slider(1, MOST_ROWS, w.or_usual(value, 3), step=1, precision=0, label="Seeds")
