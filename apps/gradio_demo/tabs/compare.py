"""The same seeds over a row of guidance scales, samplers, steps or conditions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import disk
import gradio as gr
import pandas as pd
import show
import widgets as w
from events import LIGHT, endpoint, on_page, stop, told
from generation_request import ALL_CLASSES, MOST_GUIDANCE, MOST_ROWS, GenerationRequest, compared
from models import load, models, prompts, request, with_curve
from words import in_html

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS
from pedesis_zoo.models.measurements import load_table

WAYS = {
    "guidance scales": "guidance",
    "samplers": "sampler",
    "numbers of steps": "steps",
    "classes or prompts": "condition",
}
SHARES = ("accuracy", "precision", "recall")
OWN = ("classifier-free", "classifier-free, interval")  # without and with an interval, as the curve calls them


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
) -> Iterator[tuple[Any, ...]]:
    """Draw one column per value of `by` (guidance, sampler, steps or condition; one value a line), from the same
    seeds. Results: all columns in one PNG; a sentence; the table, HTML."""
    asked_for = {name: value for name, value in locals().items() if name not in ("by", "values")}
    with show.sentences():
        asked, loaded = request(**{"number": 3, **{k: v for k, v in asked_for.items() if v is not None}})
        way = "guidance" if by is None else WAYS.get(str(by), by)
        columns = compared(asked, way, usual_values(way, asked.model) if values is None else values, loaded)
        walks = [zoo.generate(loaded, one.wanted(loaded), one.seeds(), **one.settings(loaded)) for _, one in columns]
        names, rows = [name for name, _ in columns], row_names(asked, loaded, way)
        drawn: list[Any] = [None] * len(walks)
        said_first = f'<p class="made-by">{in_html(common(asked, loaded, way))}</p>'
        started = time.monotonic()
        for i, walk in enumerate(walks):
            for snapshot in show.paced(walk, since=started):
                drawn[i] = snapshot.x0
                said = f"{names[i]}: {show.progress(snapshot, time.monotonic() - started, i, len(walks))}"
                yield None, show.said(said), said_first + show.table(names, rows, drawn)
        said = f"{len(names)} columns, the same seeds in each"
        yield (
            show.png(show.labeled(names, rows, drawn, common(asked, loaded, way)), asked, f"comparison-of-{way}"),
            show.said(said),
            said_first + show.table(names, rows, drawn),
        )


def row_names(asked: GenerationRequest, model: zoo.ImageModel, way: str) -> list[str]:
    """What stands beside each row: its seed, and its class where they differ."""
    alone = [asked.alone(i, model) for i in range(asked.number)]
    with_class = asked.label == ALL_CLASSES and model.classes and way != "condition"
    return [f"seed {one.seed}" + (f", {one.label}" if with_class else "") for one in alone]


def common(asked: GenerationRequest, model: zoo.ImageModel, way: str) -> str:
    """What all columns have in common, in one line."""
    return asked.line(model, without=way)


@lru_cache(maxsize=1)
def first_comparison() -> tuple[Any, ...]:
    """What the tab shows before anybody has asked for anything; drawn once."""
    drawn = list(compare(*[None] * 11))[-1]  # type: ignore[arg-type]
    disk.lasting.add(Path(drawn[0]))
    return drawn


def opening(shown: Any) -> Iterator[tuple[Any, ...]]:
    """The first comparison, unless there is one already."""
    if not shown:
        yield first_comparison()


def usual_values(by: str, model: str) -> str:
    """Values worth comparing, one a line. Raises ValueError for another way to compare."""
    loaded, way = request(model=model)[1], WAYS.get(str(by), str(by))
    if way not in WAYS.values():
        raise ValueError(f"comparisons are by {', '.join(WAYS)}; got {way[:80]!r}")
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


def curve(model: str) -> pd.DataFrame | None:
    """Fidelity and diversity of a model over its guidance scale, as measured for its card; None if they are not."""
    if not with_curve(model):
        return None
    columns = pd.DataFrame(load_table(model, "guidance").columns)
    own = OWN[load(model).generation.interval is not None]
    most = min(load(model).generation.scales[1], MOST_GUIDANCE)
    rows = columns[(columns["guidance"] == own) & (columns["scale"] <= most)].rename(
        columns={"scale": "guidance scale"}
    )
    return rows.melt("guidance scale", list(SHARES), var_name="measure", value_name="share")


def plotted(name: str, by: str) -> gr.LinePlot:
    """The curve, where guidance scales are compared."""
    return gr.LinePlot(curve(name), visible=with_curve(name) and by == next(iter(WAYS)))


def build(tab: gr.Tab) -> None:
    """Widgets and events."""
    names, ways = models(), list(WAYS)
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            by = gr.Dropdown(ways, value=ways[0], label="Compare")
            values = gr.Textbox(usual_values(ways[0], names[0]), label="Values, one a line", lines=5, max_length=2000)
            with gr.Row():
                start = gr.Button("Compare", variant="primary", min_width=120)
                halt = gr.Button("Stop", min_width=80)
            with gr.Accordion("What stays the same", open=False):
                ask = w.place(first, "label", "prompt", "guidance", "seed", number=rows)
                ask |= w.place(first, "sampler", "steps", "grid")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            status = gr.HTML(show.said("One column per value, one row per seed."), label="Status", elem_classes="first")
            result = gr.HTML(elem_classes=["preview", "first"], label="Preview")
            save = gr.DownloadButton("PNG with labels", visible=False)
            plot = gr.LinePlot(
                curve(names[0]),
                x="guidance scale",
                y="share",
                color="measure",
                label="Fidelity (accuracy, precision) and diversity (recall), as measured",
                y_lim=[0, 1],
                visible=with_curve(names[0]),
                height=260,
            )
    inputs = [picker, *ask.values(), by, values]
    outputs = [save, status, result]
    endpoint("compare", compare, inputs, outputs)
    running = start.click(told(compare, outputs, status), inputs, outputs, **on_page(status))
    stop(halt, [running], status)
    tab.select(told(opening, outputs, status), result, outputs, **on_page(status))
    by.change(usual_values, [by, picker], values, **LIGHT)
    by.change(plotted, [picker, by], plot, **LIGHT)
    follow = w.follow(picker, ask, status, [save, result], [running], number=rows)
    follow.success(usual_values, [by, picker], values, **LIGHT).success(plotted, [picker, by], plot, **LIGHT)


def rows(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    """How many seeds are compared."""
    return gr.Slider(1, MOST_ROWS, w.or_usual(value, 3), step=1, precision=0, label="Seeds")
