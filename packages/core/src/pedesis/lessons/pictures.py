"""Pictures to put noise on: three drawn here, and whatever a visitor brings.

Pixels are uint8 (H, W, 3). The bundled ones are drawn by the code below, 64 x 64, at four times the size
and then reduced, so that their edges are smooth.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from pedesis.utils.images import Pixels, resize_nearest

SIZE = 64
MAX_BYTES = 1_000_000
MAX_PIXELS = 16_000_000
MAX_SIDE = 128
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")

_AT_MOST = f"at most {MAX_PIXELS // 1_000_000} million can be read"
_FINE = 4  # drawn at 256 x 256


def picture(name: str) -> Pixels:
    """A bundled picture by name, uint8 (64, 64, 3).

    Raises:
        ValueError: no such picture.
    """
    if name not in PICTURES:
        raise ValueError(f"no bundled picture is called {name!r}; there are: {', '.join(PICTURES)}")
    return _drawn(name).copy()


def read(data: bytes) -> Pixels:
    """A visitor's file as uint8 (H, W, 3), upright, on white, no side longer than `MAX_SIDE`.

    The first frame of an animation; 16-bit and float images are stretched to their own range.

    Raises:
        ValueError: too many bytes, too many pixels, or nothing that Pillow can read; one sentence.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB can be read.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise ValueError(f"The picture has too many pixels; {_AT_MOST}.") from None
    except Exception:  # a decoder may raise anything on bytes that were not written for it
        raise ValueError(f"This is not a picture that can be read; expected one of {', '.join(FORMATS)}.") from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"The picture has {width} x {height} pixels; {_AT_MOST}.")
    try:
        image.draft("RGB", (2 * MAX_SIDE, 2 * MAX_SIDE))  # JPEG only: decode no more than is needed
        flat = _on_white(ImageOps.exif_transpose(image))
    except Exception as error:
        raise ValueError(f"The picture is damaged and cannot be decoded ({' '.join(str(error).split())}).") from None
    flat.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return np.array(flat)


def magnified(pixels: Pixels, width: int = 512) -> Pixels:
    """Repeat pixels so that the picture is at least `width` wide and stays sharp on any screen."""
    return resize_nearest(pixels, max(1, -(-width // max(pixels.shape[:2]))))


def png(pixels: Pixels) -> bytes:
    """uint8 (H, W, 3) as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """Any mode -> RGB, transparent parts white."""
    if image.mode[0] in "IF":  # 16-bit, 32-bit and float: no fixed white, so stretch to the range that is used
        values = np.asarray(image, dtype=np.float64)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        low, high = values.min(), values.max()
        image = Image.fromarray((255 * (values - low) / max(high - low, 1e-12)).astype(np.uint8))
    colored = image.convert("RGBA")
    white = Image.new("RGBA", colored.size, "white")
    return Image.alpha_composite(white, colored).convert("RGB")


# -- the bundled pictures -----------------------------------------------------------------------------------


def _blend(top: tuple[int, ...], bottom: tuple[int, ...], position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colors between `top` (position 0) and `bottom` (position 1)."""
    mixed: NDArray[np.float64] = np.array(top) + position[..., None] * (np.array(bottom) - np.array(top))
    return mixed


def _sunset(side: int) -> Image.Image:
    """A sun that sets behind hills and shines on the sea."""
    y, x = np.mgrid[0:side, 0:side] / side
    sky = np.where(
        (y < 0.35)[..., None],
        _blend((58, 46, 110), (226, 96, 110), y / 0.35),
        _blend((226, 96, 110), (255, 205, 120), (y - 0.35) / 0.27),
    )
    glow = np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / 0.04)[..., None]
    image = Image.fromarray(np.clip(sky + glow * np.array([60, 60, 20]), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    s = side / 64
    draw.ellipse([22 * s, 22 * s, 42 * s, 42 * s], fill=(255, 240, 190))
    far = [(0, 38), (8, 31), (15, 36), (24, 40), (40, 40), (50, 30), (57, 34), (64, 28), (64, 44), (0, 44)]
    draw.polygon([(a * s, b * s) for a, b in far], fill=(116, 62, 112))
    draw.rectangle([0, 42 * s, side, side], fill=(62, 52, 112))
    for row in range(22):
        half, height = 4 + 0.7 * row, 42.4 + row
        shift = 1.6 * np.sin(1.9 * row)
        strength = 1 - row / 26
        color = tuple(int(a + strength * (b - a)) for a, b in zip((62, 52, 112), (255, 190, 120), strict=True))
        if row % 2 == 0:
            draw.rectangle(
                [(32 - half + shift) * s, height * s, (32 + half + shift) * s, (height + 0.9) * s], fill=color
            )
    draw.polygon([(0, 64 * s), (0, 52 * s), (9 * s, 54 * s), (18 * s, 60 * s), (26 * s, 64 * s)], fill=(30, 26, 58))
    draw.polygon([(64 * s, 64 * s), (64 * s, 55 * s), (55 * s, 58 * s), (46 * s, 64 * s)], fill=(30, 26, 58))
    for a, b in ((4, 53), (10, 55)):  # two firs
        draw.polygon([(a * s, (b - 13) * s), ((a - 3) * s, b * s), ((a + 3) * s, b * s)], fill=(30, 26, 58))
    return image


def _cat(side: int) -> Image.Image:
    """A ginger cat that looks at you."""
    image = Image.new("RGB", (side, side), (126, 196, 190))
    draw = ImageDraw.Draw(image)
    s = side / 64

    def polygon(*points: tuple[float, float], fill: tuple[int, int, int]) -> None:
        draw.polygon([(a * s, b * s) for a, b in points], fill=fill)

    def ellipse(a: float, b: float, c: float, d: float, fill: tuple[int, int, int]) -> None:
        draw.ellipse([a * s, b * s, c * s, d * s], fill=fill)

    def line(*points: tuple[float, float], fill: tuple[int, int, int], width: float) -> None:
        draw.line([(a * s, b * s) for a, b in points], fill=fill, width=round(width * s), joint="curve")

    ginger, dark, cream, ink, pink = (240, 150, 62), (198, 104, 36), (255, 236, 208), (44, 34, 40), (236, 128, 132)
    polygon((9, 31), (12, 4), (31, 18), fill=ginger)
    polygon((55, 31), (52, 4), (33, 18), fill=ginger)
    polygon((13, 24), (15, 10), (25, 18), fill=pink)
    polygon((51, 24), (49, 10), (39, 18), fill=pink)
    ellipse(6, 14, 58, 60, ginger)
    for points in (((32, 14), (32, 24)), ((26, 15), (27, 23)), ((38, 15), (37, 23))):
        line(*points, fill=dark, width=2.6)
    for sign in (-1, 1):
        line((32 + sign * 25, 36), (32 + sign * 19, 37.5), fill=dark, width=2.2)
        line((32 + sign * 24, 42), (32 + sign * 19, 42), fill=dark, width=2.2)
    ellipse(19, 41, 34, 56, cream)
    ellipse(30, 41, 45, 56, cream)
    for left in (15.5, 36.5):
        ellipse(left, 26, left + 12, 39, (250, 250, 225))
        ellipse(left + 1.2, 26.5, left + 10.8, 38.5, (112, 172, 72))
        ellipse(left + 3.8, 27, left + 8.2, 38, ink)
        ellipse(left + 4, 28.5, left + 6.6, 31.2, (255, 255, 255))
    polygon((28.5, 41.5), (35.5, 41.5), (32, 45.5), fill=pink)
    line((32, 45), (32, 48), fill=ink, width=1.2)
    draw.arc([25 * s, 43 * s, 32.3 * s, 50.5 * s], 20, 160, fill=ink, width=round(1.3 * s))
    draw.arc([31.7 * s, 43 * s, 39 * s, 50.5 * s], 20, 160, fill=ink, width=round(1.3 * s))
    for sign in (-1, 1):
        for end in (43, 47.5, 52):
            line((32 + sign * 10, 46.5 + (end - 47) / 4), (32 + sign * 27, end), fill=cream, width=0.9)
    return image


def _rings(side: int) -> Image.Image:
    """Concentric rings in the colors of a rainbow, finer towards the edge."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side * 2 - 1
    radius = np.hypot(x, y)
    phase = 2 * np.pi * (2.2 * radius + 1.6 * radius**2)
    hue = 2 * np.pi * 0.55 * radius
    color = 0.5 + 0.5 * np.cos(hue[..., None] + np.array([0.0, 2.1, 4.2]))
    wave = 0.5 + 0.5 * np.cos(phase)
    values = 255 * (wave[..., None] * (0.25 + 0.75 * color) + (1 - wave[..., None]) * 0.08)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


_DRAWN: dict[str, Callable[[int], Image.Image]] = {"cat": _cat, "sunset": _sunset, "rings": _rings}
PICTURES = tuple(_DRAWN)
"""Names of the bundled pictures."""


@lru_cache
def _drawn(name: str) -> Pixels:
    image = _DRAWN[name](SIZE * _FINE)
    return np.array(image.resize((SIZE, SIZE), Image.Resampling.BOX))
