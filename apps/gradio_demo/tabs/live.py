"""The pictures follow the guidance scale and the words as they move: a distilled model needs only a few steps."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
import show
import widgets as w
from events import LIGHT, endpoint, on_page
from generation_request import MOST_SEED
from models import load, request, students

import pedesis_zoo as zoo

NUMBER = 8


def live(model: str, label: str, prompt: str, guidance: float, seed: int) -> tuple[str, str]:
    """Draw eight pictures in the model's usual few steps. Results: a sentence; the pictures, HTML."""
    asked_for, started = locals(), time.monotonic()
    with show.sentences():
        asked, loaded = request(**{**asked_for, "model": students()[0] if model is None else model})
        pixels = zoo.sample(loaded, asked.wanted(loaded), asked.seeds(), **asked.settings(loaded))
    said = f"{len(pixels)} pictures in {1000 * (time.monotonic() - started):.0f} ms"
    drawn = show.img(show.sheet(pixels), f"{len(pixels)} pictures at guidance {asked.guidance:g}")
    return show.status_line(said), show.made_by(asked, loaded, f'<div class="live">{drawn}</div>')


def others(seed: Any) -> int:
    """The first of the next eight seeds; after the largest come the smallest."""
    first = seed + NUMBER if isinstance(seed, int) else 0
    return first if 0 <= first <= MOST_SEED - NUMBER else 0


def quietly(*asked: Any) -> tuple[str, Any]:
    """`live` for the page: half a word is no reason to interrupt, so mistakes are said beside the last pictures."""
    try:
        return live(*asked)
    except gr.Error as error:
        return show.status_line(error.message), gr.skip()


def build() -> gr.events.Dependency:
    """Widgets and events; what draws the first pictures is returned."""
    names = students()
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            ask = w.place(first, "label", "prompt", "guidance", "seed")
            other = gr.Button("Other seeds")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            status = gr.HTML(
                show.status_line("Move the slider: the pictures follow."), label="Status", elem_classes="first"
            )
            result = gr.HTML(elem_classes=["preview", "first"], label="Preview")
    run: dict[str, Any] = {
        "fn": quietly,
        "inputs": [picker, *ask.values()],
        "outputs": [status, result],
        **on_page(status),
        "trigger_mode": "always_last",  # of the requests made while one runs, only the latest is kept
    }
    # Gradio's `input` misses what is pasted, deleted, reset, and what a slider corrects.
    moved = [ask[name].change for name in ask]  # type: ignore[attr-defined]
    pipeline = gr.on(moved, **run)
    endpoint("live", live, run["inputs"], run["outputs"])
    w.follow(picker, ask, status, [result], [pipeline]).success(**run)
    other.click(others, ask["seed"], ask["seed"], **LIGHT)
    return run
