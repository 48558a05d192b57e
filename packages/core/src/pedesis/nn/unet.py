r"""A small U-Net, fast on processors.

    fold 2x2 pixels -> [blocks, halve] ... blocks + attention ... [double, join, blocks] -> unfold
                                                                 -> join the full-resolution input -> image

Folding patches of pixels into channels makes every feature map four times smaller. Fine detail survives
because the last two convolutions see the unfolded features together with the input at full resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.nn.blocks import (
    ResidualBlock,
    SelfAttention,
    channel_norm,
    channels_last,
    fold,
    unfold,
    zero,
)
from pedesis.nn.embeddings import ClassLabel, NoiseLevel
from pedesis.nn.networks import NETWORKS


@dataclass(frozen=True)
class UNetConfig:
    """Every size of a `UNet`."""

    channels: int = 1  # of the image
    patch: int = 2  # side of the squares folded into channels; 1 for tiny images
    widths: tuple[int, ...] = (96, 160)  # channels at each resolution, the finest first
    blocks: tuple[int, ...] = (2, 2)  # residual blocks at each resolution, on either side
    heads: int = 4  # of the attention at the coarsest resolution; 0 for none
    embedding: int = 256  # width of the noise level and condition embedding
    detail: int = 16  # channels of the full-resolution end
    classes: int = 0  # number of classes to be conditioned on; 0 for none


@NETWORKS.register("unet")
class UNet(nn.Module):
    """(x (B, C, H, W), log_snr (B,), condition) -> (B, C, H, W).

    Args: the fields of `UNetConfig`. H and W must be multiples of patch * 2^(len(widths) - 1).
    """

    name: str

    def __init__(self, **config: Any):
        super().__init__()
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, Sequence) else v for k, v in config.items()}
        self.config = c = UNetConfig(**arguments)
        if len(c.widths) != len(c.blocks):
            raise ValueError(f"widths and blocks must have one entry per resolution; got {c.widths} and {c.blocks}")
        if c.heads and c.widths[-1] % c.heads:
            raise ValueError(f"the last width, {c.widths[-1]}, must be a multiple of heads, {c.heads}")

        self.noise_level = NoiseLevel(c.embedding)
        self.label = ClassLabel(c.classes, c.embedding) if c.classes else None

        self.stem = nn.Conv2d(c.channels * c.patch**2, c.widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        width, skips = c.widths[0], []
        for out, blocks in zip(c.widths, c.blocks, strict=True):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(ResidualBlock(width, out, c.embedding))
                width = out
                skips.append(width)
            self.down.append(stage)

        self.attention = SelfAttention(width, c.heads) if c.heads else nn.Identity()
        self.middle = ResidualBlock(width, width, c.embedding)

        for out, blocks in zip(c.widths[::-1], c.blocks[::-1], strict=True):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(ResidualBlock(width + skips.pop(), out, c.embedding))
                width = out
            self.up.append(stage)

        self.head = nn.Conv2d(width, c.detail * c.patch**2, 3, padding=1)
        self.detail = nn.Conv2d(c.detail + c.channels, c.detail, 3, padding=1)
        self.out = zero(nn.Conv2d(c.detail, c.channels, 3, padding=1))
        self.to(memory_format=torch.channels_last)

    def spec(self) -> dict[str, Any]:
        """Plain data from which `NETWORKS.build` remakes it."""
        return {"name": self.name, **asdict(self.config)}

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        embedding = self.embed(x, log_snr, condition)
        h = self.stem(channels_last(fold(x, self.config.patch)))

        skips = []
        for level, stage in enumerate(self.down):
            if level > 0:
                h = F.avg_pool2d(h, 2)
            for block in stage:  # type: ignore[attr-defined]
                h = block(h, embedding)
                skips.append(h)

        h = self.middle(self.attention(h), embedding)

        for level, stage in enumerate(self.up):
            if level > 0:
                h = F.interpolate(h, scale_factor=2, mode="nearest")
            for block in stage:  # type: ignore[attr-defined]
                h = block(torch.cat([h, skips.pop()], dim=1), embedding)

        h = unfold(self.head(F.silu(channel_norm(h))), self.config.patch)
        h = channels_last(torch.cat([h, x.to(h.dtype)], dim=1))
        out: Tensor = self.out(F.silu(self.detail(h)))
        return out

    def embed(self, x: Tensor, log_snr: Tensor, condition: Tensor | None) -> Tensor:
        """Noise level and condition as one vector per row, (B, embedding)."""
        step = self.config.patch * 2 ** (len(self.config.widths) - 1)
        if x.shape[1] != self.config.channels or x.shape[2] % step or x.shape[3] % step:
            raise ValueError(
                f"this network takes (B, {self.config.channels}, H, W) with H and W multiples of {step}; "
                f"got {tuple(x.shape)}"
            )
        embedding: Tensor = self.noise_level(log_snr)
        if self.label is not None:
            embedding = embedding + self.label(condition, x)
        return F.silu(embedding)
