"""A small multilayer perceptron, for points in the plane and other vectors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.nn.blocks import zero
from pedesis.nn.embeddings import ClassLabel, NumberEmbedding, StepEnd, refuse
from pedesis.nn.networks import NETWORKS


@dataclass(frozen=True)
class MLPConfig:
    """Every size of an `MLP`."""

    features: int = 2  # length of the data vectors
    width: int = 128  # of each hidden layer
    layers: int = 3  # hidden layers, each a residual branch
    classes: int = 0  # number of classes to be conditioned on; 0 for none
    variance: bool = False  # a second output per feature: how sure the network is
    jumps: bool = False  # the noise level at which a step ends is an input, as it is of flow maps


@NETWORKS.register("mlp")
class MLP(nn.Module):
    """(x (B, D), log_snr (B,), condition[, end (B,)]) -> (B, D), or (B, 2 D) with a variance.

    Residual layers, modulated by the noise level.
    """

    name: str

    def __init__(self, **config: Any):
        super().__init__()
        self.config = c = MLPConfig(**config)
        self.noise_level = NumberEmbedding(c.width)
        self.label = ClassLabel(c.classes, c.width) if c.classes else None
        self.end = StepEnd(c.width) if c.jumps else None
        self.first = nn.Linear(c.features, c.width)
        self.hidden = nn.ModuleList(nn.Linear(c.width, c.width) for _ in range(c.layers))
        self.modulation = nn.ModuleList(nn.Linear(c.width, 2 * c.width) for _ in range(c.layers))
        self.last = zero(nn.Linear(c.width, c.features * (2 if c.variance else 1)))

    def spec(self) -> dict[str, Any]:
        """Plain data from which `NETWORKS.build` remakes it."""
        return {"name": self.name, **asdict(self.config)}

    def check_condition(self, condition: Tensor, rows: int) -> None:
        """ValueError for a condition that `forward` cannot take, or would ignore; it reads values."""
        if self.label is None:
            refuse(condition)
        self.label.check(condition, rows)

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None, end: Tensor | None = None) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.config.features:
            raise ValueError(f"this network takes (B, {self.config.features}); got {tuple(x.shape)}")
        embedding = self.noise_level(log_snr)
        if self.label is not None:
            embedding = embedding + self.label(condition, x)
        if self.end is not None:
            embedding = embedding + self.end(log_snr, end)
        embedding, h = F.silu(embedding), self.first(x)
        for layer, modulation in zip(self.hidden, self.modulation, strict=True):
            scale, shift = modulation(embedding).chunk(2, dim=1)
            h = h + F.silu(torch.addcmul(shift, layer(F.layer_norm(h, h.shape[1:])), 1 + scale))
        out: Tensor = self.last(h)
        return out
