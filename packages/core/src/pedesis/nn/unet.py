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
from pedesis.nn.embeddings import ClassLabel, NumberEmbedding, StepEnd, refuse
from pedesis.nn.networks import NETWORKS
from pedesis.nn.text_encoder import CrossAttention, TextConfig, TextEncoder, Words


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
    text: TextConfig | None = None  # prompts to be conditioned on, instead of classes
    enlarges: int = 0  # how many times smaller the picture is that it is conditioned on, instead; 0 for none
    variance: bool = False  # a second output per channel: how sure the network is
    guided: bool = False  # the guidance scale is an input, as it is of distilled networks
    jumps: bool = False  # the noise level at which a step ends is an input, as it is of flow maps


@NETWORKS.register("unet")
class UNet(nn.Module):
    """(x (B, C, H, W), log_snr (B,), condition[, scale (B,), end (B,)]) -> (B, C, H, W), or (B, 2 C, H, W).

    Twice the channels are with a variance.

    Args: the fields of `UNetConfig`. H and W must be multiples of patch * 2^(len(widths) - 1).
    """

    name: str

    def __init__(self, **config: Any):
        super().__init__()
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, Sequence) else v for k, v in config.items()}
        if arguments.get("text"):
            arguments["text"] = TextConfig.of(arguments["text"])
        self.config = c = UNetConfig(**arguments)
        if len(c.widths) != len(c.blocks):
            raise ValueError(f"widths and blocks must have one entry per resolution; got {c.widths} and {c.blocks}")
        attending = c.widths if c.text else c.widths[-1:]
        if c.heads and any(width % c.heads for width in attending):
            raise ValueError(f"widths with attention, {attending}, must be multiples of heads, {c.heads}")

        self.noise_level = NumberEmbedding(c.embedding)
        self.label = ClassLabel(c.classes, c.embedding) if c.classes else None
        self.scale = NumberEmbedding(c.embedding) if c.guided else None
        if self.scale is not None:
            zero(self.scale.second)  # so that a student starts as its teacher
        self.end = StepEnd(c.embedding) if c.jumps else None
        self.text = TextEncoder(c.text, c.embedding) if c.text else None
        self.look_down, self.look_up = nn.ModuleList(), nn.ModuleList()

        seen = c.channels * (2 if c.enlarges else 1)
        self.stem = nn.Conv2d(seen * c.patch**2, c.widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        width, skips = c.widths[0], []
        for out, blocks in zip(c.widths, c.blocks, strict=True):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(ResidualBlock(width, out, c.embedding))
                width = out
                skips.append(width)
            self.down.append(stage)
            if c.text:
                self.look_down.append(CrossAttention(out, c.text.width, max(c.heads, 1)))

        self.attention = SelfAttention(width, c.heads) if c.heads else nn.Identity()
        self.middle = ResidualBlock(width, width, c.embedding)

        for out, blocks in zip(c.widths[::-1], c.blocks[::-1], strict=True):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(ResidualBlock(width + skips.pop(), out, c.embedding))
                width = out
            self.up.append(stage)
            if c.text:
                self.look_up.append(CrossAttention(out, c.text.width, max(c.heads, 1)))

        self.head = nn.Conv2d(width, c.detail * c.patch**2, 3, padding=1)
        self.detail = nn.Conv2d(c.detail + seen, c.detail, 3, padding=1)
        self.out = zero(nn.Conv2d(c.detail, c.channels * (2 if c.variance else 1), 3, padding=1))
        self.to(memory_format=torch.channels_last)

    def spec(self) -> dict[str, Any]:
        """Plain data from which `NETWORKS.build` remakes it."""
        return {"name": self.name, **asdict(self.config)}

    def check_condition(self, condition: Tensor, rows: int) -> None:
        """ValueError for a condition that `forward` cannot take, or would ignore; it reads values."""
        if self.config.enlarges:
            if not condition.is_floating_point() or condition.ndim != 4 or len(condition) != rows:
                raise ValueError(
                    "the condition must be small pictures, floating (B, C, H, W), see pedesis.utils.images.to_model; "
                    f"got {condition.dtype} of shape {tuple(condition.shape)} for {rows} rows"
                )
            return
        known = self.text if self.text is not None else self.label
        if known is None:
            refuse(condition)
        known.check(condition, rows)

    def forward(
        self,
        x: Tensor,
        log_snr: Tensor,
        condition: Tensor | None = None,
        scale: Tensor | None = None,
        end: Tensor | None = None,
    ) -> Tensor:
        words = self.text(condition, x) if self.text is not None else None
        embedding = self.embed(x, log_snr, condition, words, scale, end)
        if self.config.enlarges:
            x = torch.cat([x, self.upscaled(condition, x)], dim=1)
        h = self.stem(channels_last(fold(x, self.config.patch)))

        skips = []
        for level, stage in enumerate(self.down):
            if level > 0:
                h = F.avg_pool2d(h, 2)
            for block in stage:  # type: ignore[attr-defined]
                h = block(h, embedding)
                skips.append(h)
            if words is not None:
                h = self.look_down[level](h, words)

        h = self.middle(self.attention(h), embedding)

        for level, stage in enumerate(self.up):
            if level > 0:
                h = F.interpolate(h, scale_factor=2, mode="nearest")
            for block in stage:  # type: ignore[attr-defined]
                h = block(torch.cat([h, skips.pop()], dim=1), embedding)
            if words is not None:
                h = self.look_up[level](h, words)

        h = unfold(self.head(F.silu(channel_norm(h))), self.config.patch)
        h = channels_last(torch.cat([h, x.to(h.dtype)], dim=1))
        out: Tensor = self.out(F.silu(self.detail(h)))
        return out

    def upscaled(self, small: Tensor | None, x: Tensor) -> Tensor:
        """The small picture that x (B, C, H, W) is conditioned on, made as large; zeros, the middle gray, for none."""
        if small is None:
            return torch.zeros_like(x)
        large = F.interpolate(small.to(x), scale_factor=self.config.enlarges, mode="nearest")
        if large.shape != x.shape:
            raise ValueError(
                f"pictures of {tuple(x.shape)} need small ones {self.config.enlarges} times smaller; "
                f"got {tuple(small.shape)}"
            )
        return large

    def embed(
        self,
        x: Tensor,
        log_snr: Tensor,
        condition: Tensor | None,
        words: Words | None,
        scale: Tensor | None,
        end: Tensor | None,
    ) -> Tensor:
        """Noise level, condition, guidance scale and the end of the step as one vector per row, (B, embedding)."""
        step = self.config.patch * 2 ** (len(self.config.widths) - 1)
        if x.shape[1] != self.config.channels or x.shape[2] % step or x.shape[3] % step:
            raise ValueError(
                f"this network takes (B, {self.config.channels}, H, W) with H and W multiples of {step}; "
                f"got {tuple(x.shape)}"
            )
        embedding: Tensor = self.noise_level(log_snr)
        if self.label is not None:
            embedding = embedding + self.label(condition, x)
        if words is not None:
            embedding = embedding + words.prompt
        if scale is not None and self.scale is None:
            raise ValueError("this network was built without a guidance scale (guided=False) and would ignore it")
        if self.scale is not None:
            embedding = embedding + self.scale(4 * (torch.ones_like(log_snr) if scale is None else scale))
        if self.end is not None:
            embedding = embedding + self.end(log_snr, end)
        return F.silu(embedding)
