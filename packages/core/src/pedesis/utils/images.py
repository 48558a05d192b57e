"""Between pixels and numbers: uint8 (B, H, W, C) for people, float (B, C, H, W) in [-1, 1] for models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Pixels = NDArray[np.uint8]


def checked_pixels(pixels: Pixels | Tensor, batch: bool = True) -> Pixels:
    """Pixels as numpy, uint8 (B, H, W, C), or one picture (H, W, C) without `batch`; C from 1 to 4.

    Raises:
        ValueError: another type or shape, with what to call for what came.
    """
    array: Pixels = np.asarray(pixels.detach().cpu() if isinstance(pixels, Tensor) else pixels)
    shape = "(B, H, W, C)" if batch else "(H, W, C)"
    if array.dtype == np.uint8 and array.ndim == 3 + batch and 1 <= array.shape[-1] <= 4:
        return array
    hint = ""
    if array.dtype.kind == "f":
        hint = "; what a model draws, (B, C, H, W) in [-1, 1], becomes pixels by `to_pixels`"
    elif array.dtype == np.uint8 and array.ndim == 3 and batch:
        hint = "; give one picture as pixels[None]"
    elif array.dtype == np.uint8 and array.ndim == 4 and not batch:
        hint = "; lay several pictures out by `grid`, or take one of them"
    raise ValueError(f"pixels must be uint8 {shape} with 1 to 4 channels; got {array.dtype} {array.shape}{hint}")


def to_model(pixels: Pixels | Tensor) -> Tensor:
    """uint8 (B, H, W, C) or (B, H, W) in 0..255 -> float32 (B, C, H, W) in [-1, 1]: x/127.5 - 1.

    Raises:
        ValueError: another type or shape; or (H, W, C), one picture without a batch axis, that would be read as H of
            one channel.
    """
    tensor = torch.as_tensor(pixels)
    if tensor.ndim == 3 and (tensor.shape[2] not in (1, 3, 4) or tensor.shape[1] == tensor.shape[2]):
        tensor = tensor[..., None]
    if tensor.dtype != torch.uint8 or tensor.ndim != 4 or not 1 <= tensor.shape[3] <= 4:
        checked_pixels(tensor)
    return rearrange(tensor, "b h w c -> b c h w").to(torch.float32) / 127.5 - 1


def to_pixels(x: Tensor) -> Pixels:
    """float (B, C, H, W), nominally in [-1, 1] -> uint8 (B, H, W, C), rounded to the nearest level.

    Raises:
        ValueError: no pictures of a model; or NaN or infinity in them, which no level shows: a model or a sampler has
            diverged.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim != 4:
        raise ValueError(f"to_pixels takes a floating tensor (B, C, H, W); got {_said(x)}")
    if not bool(torch.isfinite(x).all()):
        bad = int((~torch.isfinite(x)).flatten(1).any(1).sum())
        raise ValueError(f"{bad} of {len(x)} pictures hold NaN or infinity: the model or its sampler has diverged")
    return np.ascontiguousarray(gray_levels(x.detach().float().cpu()).numpy())


def gray_levels(x: Tensor) -> Tensor:
    """`to_pixels` as a tensor, uint8 (B, H, W, C): round(127.5 (x + 1)), kept within 0..255."""
    levels = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return rearrange(levels, "b c h w -> b h w c")


def make_grid(pixels: Pixels, columns: int | None = None, gap: int = 2, background: int = 255) -> Pixels:
    """Lay (B, H, W, C) out as one (H', W', C) picture, row by row; as square as possible by default.

    Raises:
        ValueError: no pictures, or what is no uint8 (B, H, W, C).
    """
    from torchvision.utils import make_grid

    pixels = checked_pixels(pixels)
    if not len(pixels) or (columns is not None and columns < 1):
        raise ValueError(f"a grid needs at least 1 picture and 1 column; got {len(pixels)} and {columns}")
    columns = columns or int(np.ceil(np.sqrt(len(pixels))))
    tiles = rearrange(torch.as_tensor(pixels), "b h w c -> b c h w")
    if len(tiles) == 1:  # make_grid leaves out the frame of a single tile
        return np.pad(pixels[0], ((gap, gap), (gap, gap), (0, 0)), constant_values=background)
    sheet = make_grid(tiles, nrow=columns, padding=gap, pad_value=background)
    return np.ascontiguousarray(rearrange(sheet[: pixels.shape[-1]], "c h w -> h w c").numpy())


def resize_nearest(pixels: Pixels, factor: int) -> Pixels:
    """Repeat every pixel `factor` times in both directions: sharp at any size; (..., H, W, C).

    Raises:
        ValueError: a factor below 1, or what is no uint8 (H, W, C) or (B, H, W, C).
    """
    pixels = checked_pixels(pixels, batch=pixels.ndim != 3)
    if factor < 1:
        raise ValueError(f"pictures are enlarged 1 time or more; got {factor}")
    return pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def to_image(pixels: Pixels) -> Image.Image:
    """uint8 (H, W, C) -> a Pillow image. Raises ValueError for another type or shape, such as a batch."""
    pixels = checked_pixels(pixels, batch=False)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_png(pixels: Pixels, path: str | Path, text: dict[str, str] | None = None) -> None:
    """Write (H, W, C) as PNG, with `text` in its metadata; the file appears whole or not at all.

    Raises:
        ValueError: what is no picture; or a name that ends like another format's, which would lie about its content.
    """
    from PIL.PngImagePlugin import PngInfo

    from pedesis.utils.files import atomic

    _check_suffix(path, ".png")
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    with atomic(path) as temporary:
        to_image(pixels).save(temporary, format="PNG", pnginfo=info)


def save_gif(frames: Sequence[Pixels], path: str | Path, milliseconds: int = 120, hold: int = 1500) -> None:
    """Write pictures (H, W, C) as an endless animation; the last one stays for `hold` milliseconds.

    Raises:
        ValueError: no pictures, or of several sizes; or a name that ends like another format's.
    """
    from pedesis.utils.files import atomic

    _check_suffix(path, ".gif")
    if not len(frames):
        raise ValueError("an animation needs at least one picture; got none")
    if len(sizes := {np.shape(frame) for frame in frames}) > 1:
        raise ValueError(f"the pictures of an animation have one size; got {', '.join(map(str, sorted(sizes)))}")
    first, *rest = [to_image(frame) for frame in frames]
    durations = [milliseconds] * len(rest) + [hold]
    with atomic(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def _check_suffix(path: str | Path, suffix: str) -> None:
    if Path(path).suffix.lower() not in ("", suffix):
        raise ValueError(f"{path} would hold a {suffix[1:].upper()} picture: give it a name that ends in {suffix}")


def _said(x: object) -> str:
    shape = tuple(getattr(x, "shape", ()))
    return f"{getattr(x, 'dtype', type(x).__name__)} {shape}"
