"""Edits: what each of them begins from, and the handlers that the page and the API share."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature, signature
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
import show
from events import path_of
from generation_request import (
    GenerationRequest,
    Hole,
    ImageToImage,
    Kind,
    SuperResolution,
    Walk,
    from_png,
    from_query,
)
from models import request, super_resolver
from painter import painted, to_paint
from words import in_html

import pedesis_zoo as zoo
from pedesis.utils.images import Pixels
from pedesis.utils.registry import UnknownName
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
KINDS = {"inpaint": Hole, "image_to_image": ImageToImage, "super_resolution": SuperResolution, "interpolate": Walk}
"""Edits by the names of their endpoints."""
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
                yield gr.skip(), show.status_line(f"step {snapshot.step} of {snapshot.steps}", busy=True)
        yield show.png(snapshot.x0[0], asked), show.status_line("Choose what to do with it.")


def _inpaint(asked: Hole, model: zoo.ImageModel, old: Pixels) -> Begun:
    hole = asked.mask(model)
    walk = inpaint(model, old, hole, asked.wanted(model), asked.seeds(), repeats=asked.repeats, **asked.settings(model))
    return walk, show.with_hole(old, hole), "the picture, and its hole"


def _image_to_image(asked: ImageToImage, model: zoo.ImageModel, old: Pixels) -> Begun:
    walk = image_to_image(model, old, asked.strength, asked.wanted(model), asked.seeds(), **asked.settings(model))
    return walk, old, "the picture"


def _super_resolution(asked: SuperResolution, model: zoo.ImageModel, old: Pixels) -> Begun:
    small, trained = downsample(old, asked.factor), super_resolver(asked.model, asked.factor)
    if trained is not None:
        caption = f"the small picture, for {trained.name}, which needs no prompt"
        return upscale(trained, small, asked.seeds()), small, caption
    walk = super_resolution(model, small, asked.factor, asked.wanted(model), asked.seeds(), **asked.settings(model))
    return walk, small, "the small picture"


def _between(asked: Walk, model: zoo.ImageModel, old: None) -> Begun:
    target, ends = asked.other or None, (asked.seed, asked.second_seed)
    return interpolate(model, *ends, asked.number, asked.wanted(model), target, **asked.settings(model)), None, ""


def parameters(kind: type[GenerationRequest]) -> list[str]:
    """The parameters of an edit: those of all edits, then its own."""
    own = [name for name in kind.model_fields if name not in GenerationRequest.model_fields]
    return ["model", *([] if kind is Walk else ["picture"]), *SETTINGS, *own]


def endpoint_of(kind: type[GenerationRequest], begin: Begin, says: str) -> Callable[..., Results]:
    """The handler of an edit; its signature names its parameters for the API."""
    names = parameters(kind)

    def run(*values: Any, **named: Any) -> Results:
        yield from edited(kind, begin, **signature.bind(*values, **named).arguments)

    signature = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])
    run.__signature__, run.__doc__ = signature, f"{says} {RESULTS}"  # type: ignore[attr-defined]
    return run


inpainting = endpoint_of(
    Hole,
    _inpaint,
    "Draw part of a picture anew. `hole`: one 0 or 1 per pixel of the model, row by row, 1 where to draw.",
)
variations = endpoint_of(
    ImageToImage,
    _image_to_image,
    "Image to image: noise a picture by `strength` (0 < strength <= 1) and draw from there.",
)
super_resolving = endpoint_of(
    SuperResolution,
    _super_resolution,
    "Super-resolution: make a picture `factor` (2 or 4) times smaller, and draw it large again.",
)
interpolating = endpoint_of(
    Walk,
    _between,
    "Pictures on the way from one seed to another, and from one class or prompt to `other`, if it is given.",
)


def edited(kind: type[GenerationRequest], begin: Begin, **values: Any) -> Results:
    """Run an edit: the pictures and what stands below them; all in one PNG; a sentence; the preview, HTML."""
    with show.sentences():
        picture = values.pop("picture", None)
        asked, model = settled(kind, **values)
        walk, beside, caption = begin(asked, model, None if kind is Walk else source(model, picture))
        left = "" if beside is None else show.figure(f"<b>{in_html(caption)}</b>", beside, caption)
        started = time.monotonic()
        for snapshot in show.paced(walk):
            drawn = snapshot.x0
            right = show.figure("<b>drawn</b>", show.sheet(drawn), "the pictures drawn")
            if not snapshot.finished:
                shown = show.made_by(asked, model, f'<div class="edit">{left}{right}</div>')
                said = show.progress(snapshot, time.monotonic() - started)
                yield None, None, show.status_line(said, busy=True), shown
        files = list(zip(show.pngs(drawn, asked, model), captions(asked), strict=True))
        shown = show.made_by(asked, model, f'<div class="before">{left}</div>')
        yield files, show.sheet_file(drawn, asked), show.status_line(show.counted(len(drawn))), shown


def settled(kind: type[Kind], **values: Any) -> tuple[Kind, zoo.ImageModel]:
    """The request of an edit, of four pictures if nobody says how many. Raises ValueError."""
    values["hole"] = painted(values.get("hole"))
    return request(kind, **{"number": NUMBER, **{name: value for name, value in values.items() if value is not None}})


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


def begin_edit(model: str, picture: Any, mask: str | None = None, shown: Any = None) -> tuple[Any, Any]:
    """`to_edit` for the page, with a mask if it fits: what cannot be used does not stay, and why is said.

    Gradio says of a picture that was drawn twice that it changed: with its last step, and at the end. So the editor
    that already shows it keeps what is painted there, and what was said since stays.
    """
    try:
        value = to_edit(model, picture)
        if value and isinstance(shown, dict) and shown.get("picture") == value["picture"]:
            return gr.skip(), gr.skip()
        if value and mask and len(mask) == value["width"] * value["height"]:
            value["mask"] = mask
        return value, show.status_line("Choose what to do with it." if value else "Draw or drop a picture.")
    except gr.Error as error:
        return None, show.status_line(error.message)


def query_of(name: str, *values: Any) -> str:
    """The settings of an edit for an address: what is not as usual, the mask, and what drew the picture, if we did."""
    named = dict(zip(parameters(KINDS[name]), values, strict=True))
    picture = named.pop("picture", None)
    with show.sentences():
        asked, model = settled(KINDS[name], **named)
        usual, _ = settled(KINDS[name], model=asked.model, label=None if model.classes else asked.label)
        hole = getattr(asked, "hole", "")
        more = {"edit": name} | ({"mask": f"{int(hole, 2):x}"} if hole else {})
        if picture is not None and (drawn := drawn_by(picture)):
            more["picture"] = drawn
        plain = asked.model_copy(update={"hole": ""}) if hole else asked
        return f"{plain.query(usual)}&{urlencode(more)}"


def drawn_by(picture: Any) -> str:
    """The settings that drew a picture of this page, for an address; nothing for others."""
    try:
        asked = from_png(path_of(picture))
        return asked.query(request(model=asked.model)[0])
    except ValueError:
        return ""


def from_link(query: Mapping[str, str]) -> tuple[GenerationRequest, str]:
    """The edit that an address carries, and its mask, one 0 or 1 per pixel. Raises ValueError."""
    if query["edit"] not in KINDS:
        raise UnknownName("edit", query["edit"][:80], KINDS)
    kind = KINDS[query["edit"]]
    asked = from_query(query, lambda **fields: settled(kind, **fields)[0], kind) or settled(kind)[0]
    _, height, width = request(model=asked.model)[1].shape
    if not re.fullmatch("[0-9a-f]*", mask := query.get("mask", "")):
        raise ValueError("mask: hexadecimal digits")
    return asked, f"{int(mask, 16):0{height * width}b}" if mask else ""


def source_of(query: Mapping[str, str]) -> Iterator[tuple[Any, str]]:
    """Draw the picture that was edited, if the address says how."""
    said = dict(parse_qsl(query.get("picture", "")))
    with show.sentences():
        asked = from_query(said, lambda **fields: request(**fields)[0])
    if asked is None:
        yield gr.skip(), show.status_line("Settings from the link: drop the picture that was edited, or draw one.")
        return
    for picture, sentence in draw_source(**{name: getattr(asked, name) for name in signature(draw_source).parameters}):
        yield picture, show.first("Settings from the link", sentence)
