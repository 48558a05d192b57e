"""Pictures out of noise: the first thing that a visitor sees."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr
import show
import widgets as w
from models import load, models, own_models, prompts
from wishes import MOST_IMAGES, MOST_SEED, Wish, from_png, from_query, wish

import pedesis_zoo as zoo

Finished = tuple[Any, ...]
ADDRESS = "query => query ? `${location.origin}${location.pathname}?${query}` : ''"
"""In the browser: from the settings for an address to the whole address."""


def draw(
    model: str,
    label: str,
    prompt: str,
    guidance: float,
    seed: int,
    randomise: bool,
    number: int,
    sampler: str,
    eta: float,
    steps: int,
    grid: str,
    also: str,
    negative: str,
    interval_low: float,
    interval_high: float,
    rescale: float,
) -> Iterator[Finished]:
    """Draw pictures and show the way there. Results: the pictures; the seed that was used; all pictures in one PNG,
    and the way as a GIF; the same from Python; the settings for an address; a sentence; the preview, HTML."""
    asked_for, started = locals(), time.monotonic()
    with show.sentences():
        if asked_for.pop("randomise"):
            asked_for["seed"] = random.randint(0, MOST_SEED - MOST_IMAGES)
        asked = wish(**asked_for)
        loaded = load(asked.model)
        snapshots = zoo.generate(loaded, asked.wanted(loaded), asked.seeds(), **asked.settings(loaded))
        story: show.Story = []
        for snapshot in show.paced(snapshots, story):
            seconds = time.monotonic() - started
            if not snapshot.finished:
                said = f"step {snapshot.step} of {snapshot.steps}, {seconds:.1f} s"
                yield None, asked.seed, None, None, None, None, show.said(said), show.pair(snapshot)
        yield results(asked, loaded, story, f"{show.counted(asked.number)} in {seconds:.1f} s")


def results(asked: Wish, model: zoo.ImageModel, story: show.Story, said: str) -> Finished:
    """What is shown and can be taken away at the end."""
    drawn = story[-1].x0
    return (
        show.pngs(drawn, asked, model),
        asked.seed,
        show.png(show.large(show.sheet(drawn)), asked),
        show.gif(story, asked),
        asked.script(model, str(own_models.get(asked.model, asked.model))),
        asked.query(),
        show.said(said),
        show.strip(story),
    )


@lru_cache(maxsize=1)
def first_story() -> tuple[Wish, zoo.ImageModel, show.Story]:
    """What the page shows before anybody has asked for anything; drawn once."""
    model = load(models()[0])
    usual = model.generation
    asked = wish(
        model=models()[0],
        prompt=prompts(model)[0] if model.text else "",
        guidance=usual.guidance,
        sampler=usual.sampler,
        steps=usual.steps,
        grid=usual.grid,
    )
    return asked, model, list(zoo.generate(model, asked.wanted(model), asked.seeds(), **asked.settings(model)))


def rows(model: zoo.ImageModel) -> list[list[Any]]:
    """Examples: a few things (what, guidance, seed), and one of them under three guidance scales."""
    usual, (low, high) = model.generation.guidance, model.generation.scales
    scales = (low, 1.0, 5.0) if low < 1 else (low, 3.0, high)
    if model.text:
        first, *others = prompts(model)
        return [[text, usual, 7] for text in others] + [[first, scale, 7] for scale in scales]
    if model.classes:
        some = [[model.classes[i], usual, 7] for i in (-3, -2) if len(model.classes) > 5]
        return some + [[model.classes[len(model.classes) // 3], scale, 7] for scale in scales]
    return [["", 0.0, seed] for seed in (0, 8, 16)]


def of_example(name: str, row: list[Any]) -> list[Any]:
    """The widgets that an example fills."""
    with show.sentences():
        model = load(name)
    what, guidance, seed = row
    return [
        w.label(model, str(what) if model.classes else None),
        w.prompt(model, str(what) if model.text else None),
        w.guidance(model, guidance),
        seed,
    ]


@dataclass(frozen=True)
class Tab:
    """What the page fills when it is opened."""

    picker: gr.Dropdown
    widgets: w.Widgets
    outputs: list[Any]  # of `draw`, without the seed
    link: gr.Code

    def open(self, request: gr.Request) -> list[Any]:
        """The settings of the address, or some pictures."""
        try:
            asked = from_query(dict(request.query_params))
            if asked is not None:
                said = show.said("Settings from the link: press Generate.")
                return [*w.filled(asked, models(), self.widgets), *self.nothing(said)]
        except ValueError as error:
            return [*self.unchanged(), *self.nothing(show.said(f"The link is not understood: {error}"))]
        gallery, _, *others = results(*first_story(), "Choose what to draw, and press Generate.")
        return [*self.unchanged(), gallery, *others]

    def unchanged(self) -> list[Any]:
        """The settings as they are."""
        return [gr.skip()] * (1 + len(self.widgets))

    def nothing(self, said: str) -> list[Any]:
        """No pictures, and a sentence."""
        return [None, None, None, None, None, said, None]


def build() -> Tab:
    """Widgets and events."""
    names = models()
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            ask = w.place(first, "label", "prompt", "guidance")
            with gr.Row():
                ask |= w.place(first, "seed")
                randomise = gr.Checkbox(False, label="Randomise", min_width=90)
            with gr.Row():
                start = gr.Button("Generate", variant="primary", min_width=120)
                stop = gr.Button("Stop", min_width=80)
            with gr.Accordion("Advanced settings", open=False):
                more = w.place(first, "number", "sampler", "eta", "steps", "grid")
                more |= w.place(first, "also", "negative", "interval_low", "interval_high", "rescale")
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            status = gr.HTML(show.said("Choose what to draw, and press Generate."), label="Status")
            gallery = gr.Gallery(
                label="Pictures",
                show_label=False,
                columns=4,
                format="png",
                elem_classes="pictures",
                height="auto",
                buttons=["download", "fullscreen"],
            )
            preview = gr.HTML(elem_classes="preview", label="Preview")
            with gr.Row():
                save = gr.DownloadButton("PNG, with its settings", min_width=120)
                film = gr.DownloadButton("GIF of the denoising", min_width=120)
            with gr.Accordion("Copy as Python, or as a link", open=False):
                script = gr.Code(language="python", label="The same pictures from Python", interactive=False)
                link = gr.Code(
                    label="Link with these settings", interactive=False, wrap_lines=True, lines=1, elem_classes="link"
                )
            with gr.Accordion("Restore the settings of a downloaded PNG", open=False):
                dropped = gr.File(label="Drop a PNG of this page", file_types=[".png"], type="filepath", height=120)
    columns = [gr.Textbox(label="What", render=False)]
    columns += [gr.Number(label=name, render=False) for name in ("Guidance scale", "Seed")]
    samples = gr.Dataset(
        components=columns,
        samples=rows(first),
        label="Examples: the last three differ in guidance alone",
        elem_classes="examples",
    )

    every = {**ask, **more}
    inputs = [picker, *ask.values(), randomise, *more.values()]
    outputs = [gallery, every["seed"], save, film, script, link, status, preview]
    heavy: dict[str, Any] = {"concurrency_id": "cpu", "concurrency_limit": 1, "show_progress": "hidden"}
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    running = gr.on([start.click, every["prompt"].submit], draw, inputs, outputs, api_name="generate", **heavy)
    asked = [every[name] for name in ("label", "prompt", "guidance", "seed")]
    picked = samples.click(of_example, [picker, samples], asked, **light)
    again = picked.then(draw, inputs, outputs, api_visibility="private", **heavy)
    for event in (running, again):
        event.success(None, link, link, js=ADDRESS)
    w.stop(stop, [running, again], status)
    w.follow(picker, {**every, "examples": samples}, examples=lambda model, _: gr.Dataset(samples=rows(model)))
    w.follow_sampler(every)

    def restore(path: str) -> list[Any]:
        """Settings from a PNG of this page."""
        with show.sentences():
            return [*w.filled(from_png(path), names, every), show.said("Settings restored: press Generate.")]

    dropped.upload(restore, dropped, [picker, *every.values(), status], **light)
    return Tab(picker, every, [gallery, save, film, script, link, status, preview], link)
