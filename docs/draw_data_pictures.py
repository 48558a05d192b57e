"""Draw what the sets of composed pictures look like: some of each, with their captions."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pedesis.utils.images import resize_nearest, to_image
from pedesis_zoo.data import avatars, heroes
from pedesis_zoo.data.composed import CompositeBatch

PICTURES = Path(__file__).parent / "pictures"
COLUMNS, LINES, LINE = 6, 6, 15


def sheet(composites: CompositeBatch, captions: list[str], factor: int) -> Image.Image:
    """Pictures, enlarged, each above its caption."""
    font = ImageFont.load_default(12)
    side = composites.pixels.shape[1] * factor
    width, height = side + 60, side + LINES * LINE + 12
    page = Image.new("RGB", (COLUMNS * width, -(-len(captions) // COLUMNS) * height), "white")
    draw = ImageDraw.Draw(page)
    for i, (pixels, caption) in enumerate(zip(resize_nearest(composites.pixels, factor), captions, strict=True)):
        x, y = i % COLUMNS * width, i // COLUMNS * height
        page.paste(to_image(pixels), (x, y))
        text = "\n".join(textwrap.wrap(caption, width // 7))
        draw.multiline_text((x, y + side + 2), text, fill="black", font=font, spacing=1)
    return page


if __name__ == "__main__":
    for name, draw, factor in (("heroes", heroes.lexicon().draw, 4), ("avatars", avatars.lexicon().draw, 8)):
        some = draw(8, np.arange(24))
        sheet(some, some.captions(range(24)), factor).quantize(256).save(PICTURES / f"{name}-data.png", optimize=True)
