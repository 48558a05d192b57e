"""Editing: draw part of a picture anew, begin from a picture, draw one large, walk between two seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import disk
import gradio as gr
import show
import widgets as w
from edits import (
    NUMBER,
    begin_edit,
    draw_source,
    from_link,
    inpainting,
    interpolating,
    query_of,
    source_of,
    super_resolving,
    to_edit,
    variations,
)
from events import KEPT, LIGHT, endpoint, on_page, stop, with_status
from generation_request import MOST_SEED, GenerationRequest, from_png
from gradio.components import Component
from models import load, models
from painter import painter, to_paint
from pictures import chosen, shelf, small

import pedesis_zoo as zoo
from tabs.generate import first_story

__all__ = ["build", "draw_source", "inpainting", "interpolating", "super_resolving", "to_edit", "variations"]


def number(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    """How many pictures an edit gives."""
    return w.number(model, w.or_usual(value, NUMBER))


def other(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    """The second end of a way."""
    return w.other(model, value, "To another class" if model.classes else "To another prompt", "or to nothing else")


@dataclass(frozen=True)
class Tab:
    """Where other tabs put a picture to edit, and what a link to an edit fills."""

    picker: gr.Dropdown
    picture: gr.Image
    editor: gr.HTML
    widgets: w.Widgets
    own: w.Widgets  # of single edits, by field
    tabs: gr.Tabs
    mask: gr.Textbox  # of a link, until the picture is there
    arrived: gr.Textbox  # the link itself, once its settings are on the page
    status: gr.HTML

    @property
    def source(self) -> list[Any]:
        """What `receive` fills."""
        return [self.picture, self.picker, *self.widgets.values()]

    def receive(self, pictures: Any, clicked: Any) -> list[Any]:
        """The picture of a gallery that was clicked, with the model and the settings that it was drawn by."""
        with show.sentences():
            path = chosen(pictures, clicked)
            asked = from_png(path)
            path, asked = show.png(small(load(asked.model), path), asked), asked.model_copy(update={"number": NUMBER})
            return [path, *w.filled(asked, models(), self.widgets, number=number, label=w.one_label)]

    @property
    def opened(self) -> list[Any]:
        """What `open` fills."""
        settings = [self.picker, *self.widgets.values(), *self.own.values(), self.tabs, self.mask, self.arrived]
        return [*settings, self.status, self.picture, self.editor]

    def open(self, visit: gr.Request) -> dict[Component, Any]:
        """The edit of the address, whose picture is then drawn; else the last picture of the tab Generate."""
        query = visit.query_params
        if "edit" not in query:
            path, painting, label = first_picture()
            return {self.picture: path, self.editor: painting, self.widgets["label"]: label}
        try:
            asked, mask = from_link(query)
            settings = w.filled(asked, models(), self.widgets, number=number, label=w.one_label)
            shown = dict(zip([self.picker, *self.widgets.values()], settings, strict=True))
            own = {widget: self.other_or(name, asked, load(asked.model)) for name, widget in self.own.items()}
            arrived = {self.tabs: gr.Tabs(selected=query["edit"]), self.mask: mask, self.arrived: str(query)}
            return {**shown, **own, **arrived}
        except ValueError as error:
            return {self.status: show.status_line(f"The link is not understood: {error}")}

    def other_or(self, name: str, asked: GenerationRequest, model: zoo.ImageModel) -> Any:
        """The value of a widget of single edits, where the link is to that edit."""
        value = getattr(asked, name, None)
        return gr.skip() if value is None else other(model, value) if name == "other" else value


def build() -> Tab:
    """Widgets and events."""
    names = models()
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            picture = gr.Image(
                label="Picture",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                format="png",
                height=230,
                elem_classes="source",
                buttons=[],
            )
            gr.Markdown("Drop or paste a picture, or")
            draw = gr.Button("Draw one")
            ask = w.place(first, label=w.one_label, prompt=w.prompt, guidance=w.guidance, seed=w.seed, number=number)
            with gr.Accordion("Advanced settings", open=False):
                ask |= w.place(first, "sampler", "eta", "steps", "grid")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            arrived, mask, query = (gr.Textbox(visible="hidden") for _ in range(3))
            with gr.Tabs() as kinds:
                with gr.Tab("Inpaint", id="inpaint"), gr.Row():
                    with gr.Column(scale=3, min_width=260):
                        editor = painter(label="Mask editor", elem_classes="painter")
                    with gr.Column(scale=2, min_width=200):
                        gr.Markdown("Paint over what is to be drawn anew; the rest stays as it is.")
                        repeats = gr.Slider(
                            1, 10, 3, step=1, precision=0, label="Repeats", info="of every step: the parts fit better"
                        )
                        fill = gr.Button("Draw the painted part", variant="primary")
                with gr.Tab("Image to image", id="image_to_image"):
                    strength = gr.Slider(
                        0.05, 1, 0.6, step=0.05, label="Strength", info="0 keeps the picture, 1 leaves only noise"
                    )
                    begin = gr.Button("Draw from the picture", variant="primary")
                with gr.Tab("Super-resolution", id="super_resolution"):
                    factor = gr.Radio([2, 4], value=2, label="Times smaller, before it is drawn large again")
                    draw_large = gr.Button("Draw it large", variant="primary")
                with gr.Tab("Interpolate", id="interpolate"):
                    with gr.Row():
                        second = gr.Number(1, label="To seed", precision=0, minimum=0, maximum=MOST_SEED, min_width=90)
                        target = other(first, None)
                    walk = gr.Button("Draw the way", variant="primary")
            with gr.Row():
                status = gr.HTML(
                    show.status_line("Draw or drop a picture, then choose what to do with it."), label="Status"
                )
                halt = gr.Button("Stop", min_width=80, scale=0)
            result = gr.HTML(elem_classes="preview", label="Preview")
            drawn = shelf("Use the clicked picture as input")
            save = gr.DownloadButton("PNG of all, with their settings", min_width=120, visible=False)

    asked, outputs = list(ask.values()), [drawn.gallery, save, status, result]
    single = [ask[name] for name in ("label", "prompt", "guidance", "seed", "sampler", "eta", "steps", "grid")]
    drawing, shown = [picker, *single], [picture, status]
    endpoint("draw_picture", draw_source, drawing, shown)
    sourced = draw.click(with_status(draw_source, shown, status), drawing, shown, **on_page(status))
    linked = lambda link: source_of(dict(parse_qsl(link)))  # noqa: E731
    restored = arrived.change(with_status(linked, shown, status), arrived, shown, **on_page(status))
    begun = picture.change(begin_edit, [picker, picture, mask, editor], [editor, status], **LIGHT)
    begun.success(lambda: "", None, mask, **LIGHT)
    edits = []
    for name, button, run, inputs in (
        ("inpaint", fill, inpainting, [picker, picture, *asked, editor, repeats]),
        ("image_to_image", begin, variations, [picker, picture, *asked, strength]),
        ("super_resolution", draw_large, super_resolving, [picker, picture, *asked, factor]),
        ("interpolate", walk, interpolating, [picker, *asked, second, target]),
    ):
        endpoint(name, run, inputs, outputs)
        edits.append(button.click(with_status(run, outputs, status), inputs, outputs, **on_page(status)))
        followed = edits[-1].success(partial(query_of, name), inputs, query, **LIGHT)
        followed.success(None, query, query, js=KEPT)
    heavy = [sourced, restored, *edits]
    stop(halt, heavy, status)
    makers = {"label": w.one_label, "number": number, "other": other}
    follow = w.follow(picker, {**ask, "other": target}, status, [drawn.gallery, save, result], heavy, **makers)
    follow.success(begin_edit, [picker, picture], [editor, status], **LIGHT)
    w.follow_sampler(ask)
    own = {"repeats": repeats, "strength": strength, "factor": factor, "second_seed": second, "other": target}
    tab = Tab(picker, picture, editor, ask, own, kinds, mask, arrived, status)
    drawn.take.click(tab.receive, [drawn.gallery, drawn.clicked], tab.source, **LIGHT)
    return tab


@lru_cache(maxsize=1)
def first_picture() -> tuple[str, dict[str, Any], Any]:
    """What there is to edit when the page opens, encoded once: the last of the first pictures, and its class."""
    asked, story = first_story()
    model = load(asked.model)
    drawn, alone = story[-1].x0[-1], asked.alone(asked.number - 1, model)
    path = show.png(drawn, alone)
    disk.lasting.add(Path(path))
    return path, to_paint(drawn), alone.label if model.classes else gr.skip()
