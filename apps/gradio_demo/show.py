"""Pictures for the page: small ones inside it while work goes on, files for what is finished."""

from __future__ import annotations

import base64
import io
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

import disk
import gradio as gr
import numpy as np
from generation_request import GenerationRequest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import pedesis_zoo as zoo
from pedesis.utils.images import Pixels, make_grid, resize_nearest, save_gif, save_png, to_image

SECONDS = 120  # the longest a request may take
PAUSE = 0.2  # seconds between previews: more often only costs time
SINGLE, SLIDE, WIDE = 512, 1600, 900  # about how many pixels wide one picture, a sheet and an animation are
NAMES = {"Hole": "inpainted", "ImageToImage": "variation", "SuperResolution": "enlarged", "Walk": "interpolation"}
MOMENTS = 8  # of a film strip
MARGIN, HEAD = 150, 32  # pixels beside and above the pictures of a comparison

Story = list[zoo.Snapshot]


@contextmanager
def sentences() -> Iterator[None]:
    """A visitor's mistake is one sentence on the page, never a traceback."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None


def paced(
    snapshots: Iterator[zoo.Snapshot], story: Story | None = None, since: float | None = None
) -> Iterator[zoo.Snapshot]:
    """Some of the snapshots, at most five a second, and the last; `story` is given all of them.

    Args:
        since: when the request began, of which this may be one part of several; by default now.

    Raises:
        gr.Error: after `SECONDS`.
    """
    shown = time.monotonic()
    started = shown if since is None else since
    for snapshot in snapshots:
        if story is not None:
            story.append(snapshot)
        now = time.monotonic()
        if now - started > SECONDS:
            yield snapshot  # what there is
            raise gr.Error(
                f"stopped after {SECONDS} seconds; ask for fewer steps or pictures; this is how far it came",
                print_exception=False,
            )
        if snapshot.finished or now - shown > PAUSE:
            yield snapshot
            shown = time.monotonic()


def with_hole(picture: Pixels, hole: NDArray[np.bool_]) -> Pixels:
    """A picture (H, W, C) in color, its hole in the color of the mask editor."""
    shown = np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture.copy()
    shown[hole] = (240, 40, 250)
    return shown


def counted(pictures: int) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{pictures} picture{'s' if pictures != 1 else ''}"


def progress(snapshot: zoo.Snapshot, seconds: float, done: int = 0, parts: int = 1) -> str:
    """How far a request is after so many seconds, and about how long it still takes; `done` of its parts are drawn."""
    share = (done + snapshot.step / snapshot.steps) / parts
    left = f", about {seconds / share - seconds:.0f} s left" if share > 0 and seconds > 1 else ""
    return f"step {snapshot.step} of {snapshot.steps}, {seconds:.1f} s{left}"


def status_line(text: str, busy: bool = False) -> str:
    """A sentence on how far things are, which screen readers read out; `busy` while there is more to come."""
    return f'<p class="said{" busy" * busy}" role="status">{escape(text)}</p>'


def first(words: str, sentence: str) -> str:
    """What `said` gave, with these words first."""
    return sentence.replace(">", f">{escape(words)}: ", 1)


def made_by(asked: GenerationRequest, model: zoo.ImageModel, shown: str) -> str:
    """Pictures, as HTML, below the request that made them."""
    return f'<p class="made-by">{escape(asked.line(model))}</p>{shown}'


def data_uri(pixels: Pixels) -> str:
    """A picture as an address that holds it."""
    buffer = io.BytesIO()
    to_image(pixels).save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def img(pixels: Pixels, alt: str) -> str:
    """A picture as HTML; its pixels stay sharp at any size (see the style sheet)."""
    return f'<img alt="{escape(alt, quote=True)}" src="{data_uri(pixels)}">'


def figure(caption: str, pixels: Pixels, alt: str) -> str:
    """A picture and its caption, which is HTML."""
    return f"<figure><figcaption>{caption}</figcaption>{img(pixels, alt)}</figure>"


def sheet(pixels: Pixels) -> Pixels:
    """Pictures laid out as one, in rows of four where there are several rows."""
    return framed(pixels, min(len(pixels), 4))


def framed(pixels: Pixels, columns: int) -> Pixels:
    """Pictures laid out in columns with thin lines between them, thin for tiny pictures too."""
    return make_grid(resize_nearest(pixels, max(1, 32 // pixels.shape[2])), columns=columns, gap=1, background=128)


def pair(snapshot: zoo.Snapshot) -> str:
    """x_t beside the estimate of x0."""
    noisy = figure("<b>x<sub>t</sub></b> the noisy pictures", sheet(snapshot.x_t), "the noisy pictures x_t")
    clean = figure("<b>x̂<sub>0</sub></b> what the model expects", sheet(snapshot.x0), "what the model expects")
    return f'<div class="pair">{noisy}{clean}</div>'


def strip(story: Story) -> str:
    """The way of the first picture: x_t above, the estimate of x0 below."""
    chosen = [story[i] for i in np.unique(np.linspace(0, len(story) - 1, MOMENTS).round().astype(int))]
    rows = np.stack([s.x_t[0] for s in chosen] + [s.x0[0] for s in chosen])
    laid = framed(rows, len(chosen))
    steps = f"{story[-1].steps} step{'s' if story[-1].steps > 1 else ''}"
    caption = f"The first picture from noise in {steps}: <b>x<sub>t</sub></b> above, what the model expects below"
    shown, wide = figure(caption, laid, "x_t and the estimate of x0 from noise to picture"), 128 * len(chosen)
    return f'<div class="strip" style="max-width: {wide}px">{shown}</div>'


def table(columns: Sequence[str], rows: Sequence[str], pictures: Sequence[Sequence[Pixels | None] | None]) -> str:
    """A grid of pictures with labels: columns of pictures (H, W, C); what is None is not drawn yet."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    lines = [f"<tr><td></td>{head}</tr>"]
    for i, row in enumerate(rows):
        cells = [
            "<td></td>" if drawn is None or drawn[i] is None else f"<td>{img(drawn[i], f'{row}, {name}')}</td>"
            for name, drawn in zip(columns, pictures, strict=True)
        ]
        lines.append(f'<tr><th scope="row">{escape(row)}</th>{"".join(cells)}</tr>')
    style = f"min-width: {110 + 70 * len(columns)}px"
    return f'<div class="scroll"><table class="comparison" style="{style}">{"".join(lines)}</table></div>'


def film(frames: Sequence[tuple[str, Pixels]], alt: str, name: str, plays: bool = False) -> str:
    """Pictures of which one is seen, by a slider or one after the other; `plays` once by itself.

    Args:
        frames: what is said beside each, and the picture. name: of the slider. The last is seen first.
    """
    last = len(frames) - 1
    shown = "".join(
        img(pixels, f"{alt}, {said}").replace("<img", f'<img data-said="{escape(said)}"{" hidden" * (i < last)}', 1)
        for i, (said, pixels) in enumerate(frames)
    )
    slider = f'<input type="range" min="0" max="{last}" value="{last}" aria-label="{escape(name)}">'
    tools = f'<button type="button">Play</button>{slider}<output>{escape(frames[last][0])}</output>'
    return f'<div class="film{" plays" * plays}"><div class="film-tools">{tools}</div>{shown}</div>'


def steps_of(story: Story) -> str:
    """All pictures of a walk, step by step: x_t on the left, the estimate of x0 on the right."""
    most = min(len(story), 17, max(6, 96 // len(story[0].x0)))
    chosen = [story[i] for i in np.unique(np.linspace(0, len(story) - 1, most).round().astype(int))]
    frames = [(f"step {s.step} of {s.steps}", np.concatenate([sheet(s.x_t), sheet(s.x0)], axis=1)) for s in chosen]
    caption = "<figcaption>All pictures, step by step: <b>x<sub>t</sub></b>, and what the model expects</figcaption>"
    return f"<figure>{caption}{film(frames, 'x_t and the estimate of x0', 'Step of the denoising')}</figure>"


def labeled(columns: Sequence[str], rows: Sequence[str], pictures: Sequence[Pixels], line: str) -> Pixels:
    """Columns of pictures (rows, H, W, C) as one picture, with labels of columns and rows, and the request below."""
    factor, font = max(1, 224 // pictures[0].shape[1]), ImageFont.load_default(20)
    tall = [resize_nearest(make_grid(drawn, columns=1, gap=1), factor) for drawn in pictures]
    height, width = tall[0].shape[:2]
    below = textwrap.wrap(line, (MARGIN + width * len(tall)) // 11)
    page = Image.new("RGB", (MARGIN + width * len(tall), HEAD + height + HEAD * len(below)), "white")
    pen = ImageDraw.Draw(page)
    for i, (name, drawn) in enumerate(zip(columns, tall, strict=True)):
        page.paste(to_image(drawn), (MARGIN + i * width, HEAD))
        pen.text((MARGIN + i * width + 4, 4), name[: width // 11], fill="black", font=font)
    for i, row in enumerate(rows):
        words = "\n".join(textwrap.wrap(row, MARGIN // 11))
        pen.multiline_text((4, HEAD + (i + 0.4) * height / len(rows)), words, fill="black", font=font)
    for i, words in enumerate(below):
        pen.text((4, HEAD * (i + 1) + height + 4), words, fill="black", font=font)
    return np.asarray(page)


def file_of(asked: GenerationRequest, ending: str, what: str = "") -> Path:
    """Where a download goes, under a name of its own: the model, what it is, and its seeds."""
    seeds = f"seed-{asked.seed}" if asked.number == 1 else f"seeds-{asked.seed}-{asked.seeds()[-1]}"
    kind = NAMES.get(type(asked).__name__, "")
    parts = ["pedesis", asked.model.removesuffix(".safetensors").replace("/", "-"), kind, what, seeds]
    return disk.new_file("-".join(filter(None, parts)) + ending)


def png(pixels: Pixels, asked: GenerationRequest, what: str = "") -> str:
    """Write one picture, with the request in its metadata."""
    path = file_of(asked, ".png", what)
    save_png(pixels, path, asked.metadata())
    return str(path)


def large(pixels: Pixels, wide: int) -> Pixels:
    """A picture or a sheet about so many pixels wide, each of its own a sharp square."""
    return resize_nearest(pixels, max(1, wide // pixels.shape[1]))


def sheet_file(pixels: Pixels, asked: GenerationRequest) -> str:
    """Write all pictures as one PNG, large enough for a slide."""
    return png(large(sheet(pixels), SLIDE), asked, "sheet")


def pngs(pixels: Pixels, asked: GenerationRequest, model: zoo.ImageModel) -> list[str]:
    """Write each picture, with the request for it alone in its metadata."""
    return [png(large(picture, SINGLE), asked.alone(i, model)) for i, picture in enumerate(pixels)]


def gif(story: Story, asked: GenerationRequest) -> str:
    """Write the walk as an animation: x_t on the left, the estimate of x0 on the right."""
    chosen = [story[i] for i in np.unique(np.linspace(0, len(story) - 1, 24).round().astype(int))]
    frames = [large(np.concatenate([sheet(s.x_t), sheet(s.x0)], axis=1), WIDE) for s in chosen]
    path = file_of(asked, ".gif", "denoising")
    save_gif(frames, path, milliseconds=max(60, 2000 // len(frames)))
    return str(path)
