r"""A small convolutional classifier; with a noise level as input it can read noisy pictures too.

fold 2x2 pixels -> [residual blocks, halve] ... -> mean over pixels -> features -> one logit per class
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from einops import reduce
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.nn.blocks import ResidualBlock, RowLinear, channel_norm, channels_last, fold
from pedesis.nn.embeddings import NumberEmbedding
from pedesis.nn.networks import NETWORKS


@dataclass(frozen=True)
class ClassifierConfig:
    """Every size of a `ConvClassifier`."""

    channels: int = 1  # of the image
    patch: int = 2  # side of the squares folded into channels
    widths: tuple[int, ...] = (64, 128)  # channels at each resolution, the finest first
    blocks: tuple[int, ...] = (2, 2)  # residual blocks at each resolution
    embedding: int = 128  # width of the noise-level embedding
    features: int = 128  # width of the last hidden layer
    classes: int = 10
    noise_aware: bool = True  # False: for clean images only


@NETWORKS.register("classifier")
class ConvClassifier(nn.Module):
    """(x (B, C, H, W), log_snr (B,) or None for clean images) -> logits (B, classes)."""

    name: str

    def __init__(self, **config: Any):
        super().__init__()
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, Sequence) else v for k, v in config.items()}
        self.config = c = ClassifierConfig(**arguments)
        self.noise_level = NumberEmbedding(c.embedding) if c.noise_aware else None
        self.stem = nn.Conv2d(c.channels * c.patch**2, c.widths[0], 3, padding=1)
        self.stages, width = nn.ModuleList(), c.widths[0]
        for out, blocks in zip(c.widths, c.blocks, strict=True):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(ResidualBlock(width, out, c.embedding))
                width = out
            self.stages.append(stage)
        self.hidden = RowLinear(width, c.features)
        self.out = RowLinear(c.features, c.classes)
        self.to(memory_format=torch.channels_last)

    def spec(self) -> dict[str, Any]:
        """Plain data from which `NETWORKS.build` remakes it."""
        return {"name": self.name, **asdict(self.config)}

    def features(self, x: Tensor, log_snr: Tensor | None = None) -> Tensor:
        """The last hidden layer, (B, features): the space in which feature distances are measured."""
        if self.noise_level is not None and log_snr is not None:
            embedding = F.silu(self.noise_level(log_snr))
        else:
            embedding = x.new_zeros(x.shape[0], self.config.embedding)
        h = self.stem(channels_last(fold(x, self.config.patch)))
        for level, stage in enumerate(self.stages):
            if level > 0:
                h = F.avg_pool2d(h, 2)
            for block in stage:  # type: ignore[attr-defined]
                h = block(h, embedding)
        pooled = reduce(F.silu(channel_norm(h)), "b c h w -> b c", "mean")
        return F.silu(self.hidden(pooled))

    def forward(self, x: Tensor, log_snr: Tensor | None = None) -> Tensor:
        out: Tensor = self.out(self.features(x, log_snr))
        return out
