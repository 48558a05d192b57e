"""Editing: draw part of a picture anew, begin from a picture, draw one large, walk between two seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

import gradio as gr
import show
import widgets as w
from events import LIGHT, endpoint, on_page, path_of, stop, told
from generation_request import (
    MOST_SEED,
    GenerationRequest,
    Hole,
    ImageToImage,
    SuperResolution,
    Walk,
    from_png,
)
from models import enlarger, load, models, request
from painter import painted, painter, to_paint
from pictures import chosen, shelf, small
from words import in_html

import pedesis_zoo as zoo
from pedesis.utils.images import Pixels
from pedesis_zoo.generation.editing import (
    downsample,
    image_to_image,
    inpaint,
    interpolate,
    preprocess,
    super_resolution,
    upscale,
)

Results = Iterator[tuple[Any, ...]]
Begun = tuple[Iterator[zoo.Snapshot], Pixels | None, str]
"""A walk, the picture to show beside it, and what that is."""
Begin = Callable[[Any, zoo.ImageModel, Any], Begun]
NUMBER = 4
LARGEST = 24_000_000  # pixels of an upload: photos of phones
SETTINGS = ("label", "prompt", "guidance", "seed", "number", "sampler", "eta", "steps", "grid")
RESULTS = "Results: the pictures, one PNG each; all of them in one PNG; a sentence; the preview, HTML."


def draw_source(
    model: str, label: str, prompt: str, guidance: float, seed: int, sampler: str, eta: float, steps: int, grid: str
) -> Iterator[tuple[Any, str]]:
    """Draw one picture to edit. Results: a PNG in the model's own size; a sentence."""
    asked_for = locals()
    with show.sentences():
        asked, loaded = request(**asked_for, number=1)
        walk = zoo.generate(loaded, asked.wanted(loaded), asked.seeds(), **asked.settings(loaded))
        for snapshot in show.paced(walk):
            if not snapshot.finished:
                yield gr.skip(), show.said(f"step {snapshot.step} of {snapshot.steps}")
        yield show.png(snapshot.x0[0], asked), show.said("Choose what to do with it.")


def _inpaint(asked: Hole, model: zoo.ImageModel, old: Pixels) -> Begun:
    hole = asked.mask(model)
    walk = inpaint(model, old, hole, asked.wanted(model), asked.seeds(), repeats=asked.repeats, **asked.settings(model))
    return walk, show.with_hole(old, hole), "the picture, and its hole"


def _image_to_image(asked: ImageToImage, model: zoo.ImageModel, old: Pixels) -> Begun:
    walk = image_to_image(model, old, asked.strength, asked.wanted(model), asked.seeds(), **asked.settings(model))
    return walk, old, "the picture"


def _super_resolution(asked: SuperResolution, model: zoo.ImageModel, old: Pixels) -> Begun:
    small, trained = downsample(old, asked.factor), enlarger(asked.model, asked.factor)
    if trained is not None:
        caption = f"the small picture, for {trained.name}, which needs no prompt"
        return upscale(trained, small, asked.seeds()), small, caption
    walk = super_resolution(model, small, asked.factor, asked.wanted(model), asked.seeds(), **asked.settings(model))
    return walk, small, "the small picture"


def _between(asked: Walk, model: zoo.ImageModel, old: None) -> Begun:
    target, ends = asked.other or None, (asked.seed, asked.second_seed)
    return interpolate(model, *ends, asked.number, asked.wanted(model), target, **asked.settings(model)), None, ""


def endpoint_of(kind: type[GenerationRequest], begin: Begin, says: str, *more: str) -> Callable[..., Results]:
    """The handler of an edit. Its signature names its parameters for the API: those of all edits, then its own."""
    names = ["model", *([] if kind is Walk else ["picture"]), *SETTINGS, *more]

    def run(*values: Any, **named: Any) -> Results:
        yield from edited(kind, begin, **signature.bind(*values, **named).arguments)

    signature = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])
    run.__signature__, run.__doc__ = signature, f"{says} {RESULTS}"  # type: ignore[attr-defined]
    return run


inpainting = endpoint_of(
    Hole,
    _inpaint,
    "Draw part of a picture anew. `hole`: one 0 or 1 per pixel of the model, row by row, 1 where to draw.",
    "hole",
    "repeats",
)
variations = endpoint_of(
    ImageToImage,
    _image_to_image,
    "Image to image: noise a picture by `strength` (0 < strength <= 1) and draw from there.",
    "strength",
)
super_resolving = endpoint_of(
    SuperResolution,
    _super_resolution,
    "Super-resolution: make a picture `factor` (2 or 4) times smaller, and draw it large again.",
    "factor",
)
interpolating = endpoint_of(
    Walk,
    _between,
    "Pictures on the way from one seed to another, and from one class or prompt to `other`, if it is given.",
    "second_seed",
    "other",
)


def edited(kind: type[GenerationRequest], begin: Begin, **values: Any) -> Results:
    """Run an edit: the pictures and what stands below them; all in one PNG; a sentence; the preview, HTML."""
    with show.sentences():
        picture = values.pop("picture", None)
        values["hole"] = painted(values.get("hole"))
        asked, model = request(kind, **{"number": NUMBER, **{k: v for k, v in values.items() if v is not None}})
        walk, beside, caption = begin(asked, model, None if kind is Walk else source(model, picture))
        left = "" if beside is None else show.figure(f"<b>{in_html(caption)}</b>", beside, caption)
        started = time.monotonic()
        for snapshot in show.paced(walk):
            drawn = snapshot.x0
            right = show.figure("<b>drawn</b>", show.sheet(drawn), "the pictures drawn")
            if not snapshot.finished:
                shown = show.made_by(asked, model, f'<div class="edit">{left}{right}</div>')
                yield None, None, show.said(show.progress(snapshot, time.monotonic() - started)), shown
        files = list(zip(show.pngs(drawn, asked, model), captions(asked), strict=True))
        shown = show.made_by(asked, model, f'<div class="before">{left}</div>')
        yield files, show.sheet_file(drawn, asked), show.said(show.counted(len(drawn))), shown


def captions(asked: GenerationRequest) -> list[str]:
    """What stands below each picture: its seed, or how far it is on the way."""
    if not isinstance(asked, Walk):
        return [f"seed {i}" for i in asked.seeds()]
    last = asked.number - 1
    between = [f"{i} of {last}" for i in range(1, last)]
    return [f"seed {asked.seed}", *between, f"seed {asked.second_seed}{f', {asked.other}' if asked.other else ''}"]


def source(model: zoo.ImageModel, picture: Any) -> Pixels:
    """The picture to edit, as the model would draw it. Raises ValueError if there is none."""
    if picture is None:
        raise ValueError("there is no picture yet: upload one, or press 'Draw one'")
    return preprocess(model, path_of(picture), LARGEST)


def to_edit(model: str, picture: Any) -> dict[str, Any] | None:
    """What the mask editor is given for a picture."""
    with show.sentences():
        return None if picture is None else to_paint(source(request(model=model)[1], picture))


def begin_edit(model: str, picture: Any) -> tuple[dict[str, Any] | None, str]:
    """`to_edit` for the page: of a picture that cannot be used nothing stays, and why is said."""
    try:
        value = to_edit(model, picture)
        return value, show.said("Choose what to do with it." if value else "Draw or drop a picture.")
    except gr.Error as error:
        return None, show.said(error.message)


def number(model: zoo.ImageModel, value: int | None) -> gr.Slider:
    """How many pictures an edit gives."""
    return w.number(model, w.or_usual(value, NUMBER))


def other(model: zoo.ImageModel, value: str | None) -> gr.Dropdown:
    """The second end of a way."""
    return w.other(model, value, "To another class" if model.classes else "To another prompt", "or to nothing else")


@dataclass(frozen=True)
class Tab:
    """Where other tabs put a picture to edit."""

    picker: gr.Dropdown
    picture: gr.Image
    editor: gr.HTML
    widgets: w.Widgets

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
            with gr.Tabs():
                with gr.Tab("Inpaint"), gr.Row():
                    with gr.Column(scale=3, min_width=260):
                        editor = painter(label="Mask editor", elem_classes="painter")
                    with gr.Column(scale=2, min_width=200):
                        gr.Markdown("Paint over what is to be drawn anew; the rest stays as it is.")
                        repeats = gr.Slider(
                            1, 10, 3, step=1, precision=0, label="Repeats", info="of every step: the parts fit better"
                        )
                        fill = gr.Button("Draw the painted part", variant="primary")
                with gr.Tab("Image to image"):
                    strength = gr.Slider(
                        0.05, 1, 0.6, step=0.05, label="Strength", info="0 keeps the picture, 1 leaves only noise"
                    )
                    begin = gr.Button("Draw from the picture", variant="primary")
                with gr.Tab("Super-resolution"):
                    factor = gr.Radio([2, 4], value=2, label="Times smaller, before it is drawn large again")
                    draw_large = gr.Button("Draw it large", variant="primary")
                with gr.Tab("Interpolate"):
                    with gr.Row():
                        second = gr.Number(1, label="To seed", precision=0, minimum=0, maximum=MOST_SEED, min_width=90)
                        target = other(first, None)
                    walk = gr.Button("Draw the way", variant="primary")
            with gr.Row():
                status = gr.HTML(show.said("Draw or drop a picture, then choose what to do with it."), label="Status")
                halt = gr.Button("Stop", min_width=80, scale=0)
            result = gr.HTML(elem_classes="preview", label="Preview")
            drawn = shelf("Use the clicked picture as input")
            save = gr.DownloadButton("PNG of all, with their settings", min_width=120, visible=False)

    asked, outputs = list(ask.values()), [drawn.gallery, save, status, result]
    single = [ask[name] for name in ("label", "prompt", "guidance", "seed", "sampler", "eta", "steps", "grid")]
    source_of, shown = [picker, *single], [picture, status]
    endpoint("draw_picture", draw_source, source_of, shown)
    sourced = draw.click(told(draw_source, shown, status), source_of, shown, **on_page(status))
    picture.change(begin_edit, [picker, picture], [editor, status], **LIGHT)
    edits = []
    for name, button, run, inputs in (
        ("inpaint", fill, inpainting, [picker, picture, *asked, editor, repeats]),
        ("image_to_image", begin, variations, [picker, picture, *asked, strength]),
        ("super_resolution", draw_large, super_resolving, [picker, picture, *asked, factor]),
        ("interpolate", walk, interpolating, [picker, *asked, second, target]),
    ):
        endpoint(name, run, inputs, outputs)
        edits.append(button.click(told(run, outputs, status), inputs, outputs, **on_page(status)))
    stop(halt, [sourced, *edits], status)
    makers = {"label": w.one_label, "number": number, "other": other}
    follow = w.follow(
        picker, {**ask, "other": target}, status, [drawn.gallery, save, result], [sourced, *edits], **makers
    )
    follow.success(begin_edit, [picker, picture], [editor, status], **LIGHT)
    w.follow_sampler(ask)
    tab = Tab(picker, picture, editor, ask)
    drawn.take.click(tab.receive, [drawn.gallery, drawn.clicked], tab.source, **LIGHT)
    return tab


def first_picture(
    asked: GenerationRequest, model: zoo.ImageModel, story: show.Story
) -> tuple[str, dict[str, Any], Any]:
    """What there is to edit when the page opens: the last picture of a walk, for both editors, and its class."""
    drawn, alone = story[-1].x0[-1], asked.alone(asked.number - 1, model)
    return show.png(drawn, alone), to_paint(drawn), alone.label if model.classes else gr.skip()
