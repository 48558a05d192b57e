"""Pictures out of noise: the first thing that a visitor sees."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

import disk
import gradio as gr
import show
import widgets as w
from draft import draft, drafted
from events import ADDRESS, KEPT, LIGHT, emptied, endpoint, on_page, path_of, shown_in, stop, with_status
from generation_request import MOST_IMAGES, GenerationRequest, from_png, from_query, strange
from models import load, models, own_models, prompts, request
from pictures import Shelf, gallery, remembered, seed_of, shelf
from words import in_html

import pedesis_zoo as zoo

LINKED = "Settings from the link"
WELCOME = "Choose what to draw, and press Generate."
RANDOM_SEEDS = 10**6  # short enough to be read below a small picture, and to be told to others
OTHERS = {"by", "edit"}
"""What only links to other tabs say."""
Finished = tuple[Any, ...]


def draw(
    model: str,
    label: str,
    prompt: str,
    guidance: float,
    seed: int,
    randomize: bool,
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
    palette: bool,
) -> Iterator[Finished]:
    """Draw pictures and show the way there. Results: the pictures; the seed that was used; all pictures in one PNG,
    and the way as a GIF; the same from Python; the settings for an address; a sentence; the preview, HTML."""
    asked_for = locals()
    with show.sentences():
        yield from drawn(*settled(**asked_for), time.monotonic())


def settled(randomize: bool | None, **asked_for: Any) -> tuple[GenerationRequest, zoo.ImageModel]:
    """The request, with the seed that it will be drawn from. Raises ValueError."""
    if not isinstance(randomize, bool | None):
        raise ValueError(f"randomize: true or false; got {str(randomize)[:80]!r}")
    if randomize:
        asked_for["seed"] = random.randint(0, RANDOM_SEEDS - MOST_IMAGES)
    return request(**asked_for)


def drawn(asked: GenerationRequest, model: zoo.ImageModel, started: float) -> Iterator[Finished]:
    """The results of a request that began at a time, as they come."""
    snapshots = zoo.generate(model, asked.wanted(model), asked.seeds(), **asked.settings(model))
    story: show.Story = []
    begun = time.monotonic()
    for snapshot in show.paced(snapshots, story, started):
        if not snapshot.finished:
            said = show.status_line(show.progress(snapshot, time.monotonic() - begun), busy=True)
            yield None, asked.seed, None, None, None, None, said, preview(asked, model, [snapshot])
    yield results(asked, model, story, f"{show.counted(asked.number)} in {time.monotonic() - started:.1f} s")


def results(asked: GenerationRequest, model: zoo.ImageModel, story: show.Story, said: str) -> Finished:
    """What is shown and can be taken away at the end."""
    drawn = story[-1].x0
    return (
        show.pngs(drawn, asked, model),
        asked.seed,
        show.sheet_file(drawn, asked),
        show.gif(story, asked),
        asked.script(model, str(own_models.get(asked.model, asked.model))),
        asked.query(request(model=asked.model, **w.usual_interval(model))[0]),
        show.status_line(said),
        preview(asked, model, story),
    )


def preview(asked: GenerationRequest, model: zoo.ImageModel, story: show.Story) -> str:
    """The request, and the way as far as it has come, HTML."""
    done = story[-1].finished
    return show.made_by(asked, model, show.strip(story) + show.steps_of(story) if done else show.pair(story[-1]))


def captioned(*values: Any) -> Iterator[Finished]:
    """`draw` for the page: below each picture its seed; where the model has a student, its draft comes first."""
    with show.sentences():
        started = time.monotonic()
        asked, model = settled(**dict(zip(signature(draw).parameters, values, strict=True)))
        first = draft(asked, model)
        if first is not None:
            files, said, made = drafted(first, asked.model)
            yield files, asked.seed, None, None, None, None, show.status_line(said, busy=True), made
        for pictures, seed, *others, said, shown in drawn(asked, model, started):
            if first and pictures is None:  # the draft stays
                said = show.first(f"a draft by {first.model} is there", said)
            yield with_seeds(pictures, seed) or (gr.skip() if first else None), seed, *others, said, shown


def linked(*asked: Any) -> Iterator[Finished]:
    """`captioned` for a link that was opened, without a random seed."""
    for *others, said, shown in captioned(*asked):
        yield *others, show.first(LINKED, said), shown


def with_seeds(gallery: list[str] | None, seed: int) -> list[tuple[str, str]] | None:
    """Pictures and what stands below them."""
    return gallery and [(path, f"seed {seed + i}") for i, path in enumerate(gallery)]


@lru_cache(maxsize=1)
def first_story() -> tuple[GenerationRequest, show.Story]:
    """What the page shows before anybody has asked for anything; drawn once. (No model, which could not be let go.)"""
    asked, model = request()
    return asked, list(zoo.generate(model, asked.wanted(model), asked.seeds(), **asked.settings(model)))


@lru_cache(maxsize=1)
def first_results() -> Finished:
    """The same, for the page; encoded once."""
    asked, story = first_story()
    drawn = results(asked, load(asked.model), story, WELCOME)
    for file in (*drawn[0], drawn[2], drawn[3]):
        disk.lasting.add(Path(file))
    return drawn


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
    drawn: Shelf | None = None

    def open(self, visit: gr.Request) -> list[Any]:
        """The settings of the address, or some pictures."""
        try:
            query = {} if OTHERS & visit.query_params.keys() else visit.query_params
            asked = from_query(query, lambda **fields: request(**fields)[0])
            if unknown := strange(query):
                gr.Info(in_html(f"The link also says {', '.join(unknown)}, which is unknown here."))
            if asked is not None:
                said = show.status_line(f"{LINKED}: drawing ...")
                return [*w.filled(asked, models(), self.widgets), asked.query(), False, *self.nothing(said)]
        except ValueError as error:
            told = self.nothing(show.status_line(f"The link is not understood: {error}"))
            return [*self.unchanged(), "", True, *told]
        gallery, seed, *others = first_results()
        shown = map(shown_in, self.outputs[2:], [with_seeds(gallery, seed), *others])
        return [*self.unchanged(), "", True, *shown]

    def unchanged(self) -> list[Any]:
        """The settings as they are."""
        return [gr.skip()] * (1 + len(self.widgets))

    def nothing(self, said: str) -> list[Any]:
        """No pictures, and a sentence."""
        return [*emptied(self.outputs[2:-2]), said, None]


def build() -> Tab:
    """Widgets and events."""
    names = models()
    first = load(names[0])
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=2, min_width=280, elem_classes="controls"):
            picker = w.model(names, names[0])
            ask = w.place(first, "label", "prompt")
            words = w.words(first)
            apart = w.place(first, "negative")
            ask |= w.place(first, "guidance")
            with gr.Row():
                ask |= w.place(first, "seed")
                randomize = gr.Checkbox(False, label="Randomize", min_width=90)  # true once the page is open
            arrived = gr.Textbox(visible="hidden")  # the settings of a link, once they are on the page
            query = gr.Textbox(visible="hidden", label="Settings, for an address")
            with gr.Row():
                start = gr.Button("Generate", variant="primary", min_width=120)
                halt = gr.Button("Stop", min_width=80)
            with gr.Accordion("Advanced settings", open=False):
                more = w.place(first, "number", "sampler", "eta", "steps", "grid")
                more |= (
                    w.place(first, "also")
                    | apart
                    | w.place(first, "interval_low", "interval_high", "rescale", "palette")
                )
        with gr.Column(scale=5, min_width=280, elem_classes="results"):
            status = gr.HTML(show.status_line(WELCOME), label="Status", elem_classes="first")
            drawn = shelf("Send the clicked picture to Edit")
            preview = gr.HTML(elem_classes="preview", label="Preview")
            with gr.Row():
                save = gr.DownloadButton("PNG, with its settings", min_width=120, visible=False)
                film = gr.DownloadButton("GIF of the denoising", min_width=120, visible=False)
            with gr.Accordion("All pictures of this visit, the newest first", open=False):
                visit = gallery(columns=8, label="Pictures of this visit", elem_classes="visit")
            with gr.Accordion("Copy as Python, or as a link", open=False):
                script = gr.Code(language="python", label="The same pictures from Python", interactive=False)
                link = gr.Code(
                    label="Link with these settings", interactive=False, wrap_lines=True, lines=1, elem_classes="link"
                )
            with gr.Accordion("Restore the settings of a downloaded PNG", open=False):
                dropped = gr.File(
                    label="Drop a PNG of this page", file_types=[".png", ".gif"], type="filepath", height=120
                )
    columns = [gr.Textbox(label="What", render=False)]
    columns += [gr.Number(label=name, render=False) for name in ("Guidance scale", "Seed")]
    samples = gr.Dataset(
        components=columns,
        samples=rows(first),
        label="Examples: the last three differ in guidance alone",
        elem_classes="examples",
    )

    every = {**ask, **more}
    inputs = [picker, *ask.values(), randomize, *more.values()]
    outputs = [drawn.gallery, every["seed"], save, film, script, query, status, preview]
    pipeline = with_status(captioned, outputs, status)
    endpoint("generate", draw, inputs, outputs)
    pressed = [start.click, every["prompt"].submit]  # type: ignore[attr-defined]
    latest = {**on_page(status), "trigger_mode": "always_last"}  # what is asked for while one runs comes after it
    running = gr.on(pressed, pipeline, inputs, outputs, **latest)
    opened = arrived.change(with_status(linked, outputs, status), inputs, outputs, **on_page(status))
    every["seed"].input(None, None, randomize, js="() => false")  # type: ignore[attr-defined]
    drawn.gallery.select(seed_of, None, every["seed"], **LIGHT).success(None, None, randomize, js="() => false")
    asked = [every[name] for name in ("label", "prompt", "guidance", "seed")]
    samples.click(None, None, randomize, js="() => false")
    picked = samples.click(of_example, [picker, samples], asked, api_visibility="private", show_progress="hidden")
    again = picked.then(pipeline, inputs, outputs, **on_page(status))
    for event in (running, again, opened):
        event.success(None, query, None, js=KEPT)
        event.success(remembered, [drawn.gallery, visit], visit, **LIGHT)
    query.change(None, query, link, js=ADDRESS)
    stop(halt, [running, again, opened], status)
    cleared = [drawn.gallery, save, film, script, query, preview]
    w.follow(
        picker,
        {**every, "examples": samples, "words": words},
        status,
        cleared,
        [running, again, opened],
        words=w.words,
        examples=lambda model, _: gr.Dataset(samples=rows(model)),
    )
    w.follow_sampler(every)

    def restore(file: Any) -> list[Any]:
        """Settings from a PNG of this page; the pictures of others go."""
        with show.sentences():
            said = show.status_line("Settings restored: press Generate.")
            return [*w.filled(from_png(path_of(file)), names, every), False, said, *emptied(cleared)]

    dropped.upload(restore, dropped, [picker, *every.values(), randomize, status, *cleared], **LIGHT)
    filled = [arrived, randomize, drawn.gallery, save, film, script, query, status, preview]
    return Tab(picker, every, filled, drawn)
