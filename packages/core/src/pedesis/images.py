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


def to_model(pixels: Pixels | Tensor) -> Tensor:
    """uint8 (B, H, W, C) or (B, H, W) in 0..255 -> float32 (B, C, H, W) in [-1, 1]: x/127.5 - 1."""
    tensor = torch.as_tensor(pixels)
    if tensor.dtype != torch.uint8 or tensor.ndim not in (3, 4):
        raise ValueError(f"pixels must be uint8 (B, H, W, C) or (B, H, W); got {tensor.dtype} {tuple(tensor.shape)}")
    if tensor.ndim == 3:
        tensor = tensor[..., None]
    return rearrange(tensor, "b h w c -> b c h w").to(torch.float32) / 127.5 - 1


def to_pixels(x: Tensor) -> Pixels:
    """float (B, C, H, W), nominally in [-1, 1] -> uint8 (B, H, W, C), rounded to the nearest level."""
    return np.ascontiguousarray(grey_levels(x.detach().float().cpu()).numpy())


def grey_levels(x: Tensor) -> Tensor:
    """`to_pixels` as a tensor, uint8 (B, H, W, C): round(127.5 (x + 1)), kept within 0..255."""
    levels = ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return rearrange(levels, "b c h w -> b h w c")


def grid(pixels: Pixels, columns: int | None = None, gap: int = 2, background: int = 255) -> Pixels:
    """Lay (B, H, W, C) out as one (H', W', C) picture, row by row; as square as possible by default."""
    from torchvision.utils import make_grid

    columns = columns or int(np.ceil(np.sqrt(len(pixels))))
    tiles = rearrange(torch.as_tensor(pixels), "b h w c -> b c h w")
    if len(tiles) == 1:  # make_grid leaves out the frame of a single tile
        return np.pad(pixels[0], ((gap, gap), (gap, gap), (0, 0)), constant_values=background)
    sheet = make_grid(tiles, nrow=columns, padding=gap, pad_value=background)
    return np.ascontiguousarray(rearrange(sheet[: pixels.shape[-1]], "c h w -> h w c").numpy())


def enlarge(pixels: Pixels, factor: int) -> Pixels:
    """Repeat every pixel `factor` times in both directions: sharp at any size; (..., H, W, C)."""
    return pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def to_image(pixels: Pixels) -> Image.Image:
    """uint8 (H, W, C) with 1 or 3 channels -> a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_png(pixels: Pixels, path: str | Path, text: dict[str, str] | None = None) -> None:
    """Write (H, W, C) as PNG, with `text` in its metadata; the file appears whole or not at all."""
    from PIL.PngImagePlugin import PngInfo

    from pedesis.files import atomic

    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_text(key, value)
    with atomic(path) as temporary:
        to_image(pixels).save(temporary, format="PNG", pnginfo=info)


def save_gif(frames: Sequence[Pixels], path: str | Path, milliseconds: int = 120, hold: int = 1500) -> None:
    """Write pictures (H, W, C) as an endless animation; the last one stays for `hold` milliseconds."""
    from pedesis.files import atomic

    if not len(frames):
        raise ValueError("an animation needs at least one picture; got none")
    first, *rest = [to_image(frame) for frame in frames]
    durations = [milliseconds] * len(rest) + [hold]
    with atomic(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)
