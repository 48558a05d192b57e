"""Finished pictures: large on a click, a file for each, on to the tab Edit; and what a visit has drawn so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from events import LIGHT, path_of
from PIL import Image

import pedesis_zoo as zoo
from pedesis.utils.images import Pixels
from pedesis_zoo.generation.editing import preprocess

MOST = 48  # pictures of a visit that stay in sight


def gallery(**options: Any) -> gr.Gallery:
    """Pictures side by side; a click enlarges one, and offers its file."""
    return gr.Gallery(
        show_label=False,
        format="png",
        interactive=False,
        height="auto",
        buttons=["download", "fullscreen"],
        **{"columns": 4, "label": "Pictures", "elem_classes": "pictures", **options},
    )


@dataclass(frozen=True)
class Shelf:
    """A gallery, which of its pictures was clicked last, and the button that takes this one elsewhere."""

    gallery: gr.Gallery
    clicked: gr.State
    take: gr.Button


def shelf(words: str) -> Shelf:
    """A gallery, and a button with these words."""
    shown, clicked = gallery(), gr.State(0)
    take = gr.Button(words, min_width=120, elem_classes="with-pictures")
    shown.select(which, None, clicked, **LIGHT)
    return Shelf(shown, clicked, take)


def which(event: gr.SelectData) -> int:
    """The picture that was clicked."""
    return int(event.index)


def seed_of(event: gr.SelectData) -> Any:
    """The seed below the picture that was clicked."""
    found = re.match(r"seed (\d+)", str((event.value or {}).get("caption") or ""))
    return int(found[1]) if found else gr.skip()


def chosen(pictures: Any, clicked: Any) -> str:
    """The file of the picture that was clicked last, or of the first. Raises ValueError if there is none."""
    if not isinstance(pictures, list) or not pictures:
        raise ValueError("there is no picture yet: draw some first")
    item = pictures[clicked if isinstance(clicked, int) and 0 <= clicked < len(pictures) else 0]
    return path_of(item.get("image") if isinstance(item, dict) else item)


def remembered(pictures: Any, before: Any) -> list[tuple[str, str]]:
    """The pictures of this visit: those that were drawn just now, then those before."""
    both = [*(pictures or []), *(before or [])]
    return [(path_of(item["image"]), item["caption"] or "") for item in both[:MOST]]


def small(model: zoo.ImageModel, path: str) -> Pixels:
    """A picture of a gallery in the model's own size, pixel by pixel as it was drawn. Raises ValueError for others."""
    pixels, (channels, height, width) = preprocess(model, path), model.shape
    with Image.open(path) as image:
        if image.width % width == 0 and image.height % height == 0:
            large = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(*image.size[::-1], channels)
            pixels = np.ascontiguousarray(large[:: image.height // height, :: image.width // width])
    return pixels
