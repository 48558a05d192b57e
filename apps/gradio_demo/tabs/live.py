"""The pictures follow the guidance scale and the words as they move: a distilled model needs only a few steps."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
import show
import widgets as w
from models import load, students
from wishes import MOST_IMAGES, wish

import pedesis_zoo as zoo


def live(model: str, label: str, prompt: str, guidance: float, seed: int) -> tuple[str, str]:
    """Draw eight pictures in the model's usual few steps. Results: a sentence; the pictures, HTML."""
    asked_for, started = locals(), time.monotonic()
    with show.sentences():
        loaded = load(model)
        usual = loaded.generation
        asked = wish(**asked_for, sampler=usual.sampler, steps=usual.steps, grid=usual.grid)
        pixels = zoo.sample(loaded, asked.wanted(loaded), asked.seeds(), **asked.settings(loaded))
    said = f"{len(pixels)} pictures in {1000 * (time.monotonic() - started):.0f} ms"
    drawn = show.img(show.sheet(pixels), f"{len(pixels)} pictures at guidance {asked.guidance:g}")
    return show.said(said), f'<div class="live">{drawn}</div>'


def quietly(*asked: Any) -> tuple[str, Any]:
    """`live` for the page: half a word is no reason to interrupt, so mistakes are said beside the last pictures."""
    try:
        return live(*asked)
    except gr.Error as error:
        return show.said(error.message), gr.skip()


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
            status = gr.HTML(show.said("Move the slider: the pictures follow."), label="Status")
            result = gr.HTML(elem_classes="preview", label="Preview")
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    run: dict[str, Any] = {
        "fn": quietly,
        "inputs": [picker, *ask.values()],
        "outputs": [status, result],
        "concurrency_id": "cpu",
        "show_progress": "hidden",
        "trigger_mode": "always_last",  # of the requests made while one runs, only the latest is kept
    }
    moved = [ask[name].input for name in ("label", "guidance", "seed")]  # type: ignore[attr-defined]
    moved.append(ask["prompt"].change)  # type: ignore[attr-defined]  # gradio's input misses what is pasted or deleted
    gr.on(moved, **run, api_visibility="private")
    gr.api(live, api_name="live", concurrency_id="cpu")
    w.follow(picker, ask).success(**run, api_visibility="private")
    other.click(lambda seed: int(seed or 0) + MOST_IMAGES, ask["seed"], ask["seed"], **light).success(
        **run, api_visibility="private"
    )
    return run
