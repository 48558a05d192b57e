r"""The parts of the U-Net, chosen for what processors do well.

Feature maps are channels-last in memory, so that a convolution is one dense matrix product and a norm over
channels reads adjacent numbers.

    residual block    x + conv(silu( norm(conv(silu(x))) * (1 + scale) + shift )),   (scale, shift) = linear(embedding)
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F


def channel_norm(x: Tensor) -> Tensor:
    """Layer norm over the channels of each pixel, without weights (FiLM supplies them): (B, C, H, W)."""
    return rearrange(F.layer_norm(rearrange(x, "b c h w -> b h w c"), x.shape[1:2]), "b h w c -> b c h w")


def zero(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """Set a layer to zero, so that the branch it ends starts as nothing."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def pointwise(channels: int, out: int) -> nn.Conv2d:
    """A 1x1 convolution. Its dilation changes no number: without it PyTorch has one thread compute fewer than 16
    pictures another way than more, which rounds differently."""
    return nn.Conv2d(channels, out, 1, dilation=2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with one norm between them, modulated by the embedding (FiLM)."""

    def __init__(self, channels: int, out: int, embedding: int):
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, padding=1)
        self.modulation = RowLinear(embedding, 2 * out)
        self.second = zero(nn.Conv2d(out, out, 3, padding=1))
        self.shortcut = pointwise(channels, out) if channels != out else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = rearrange(self.modulation(embedding), "b (n c) -> n b c 1 1", n=2)
        h = F.silu(torch.addcmul(shift, channel_norm(self.first(F.silu(x))), 1 + scale))
        out: Tensor = self.shortcut(x) + self.second(h)
        return out


def without_key_gradient(layer: nn.Module, bias: str, first: int, *inputs: Any, **options: Any) -> Tensor:
    r"""layer(*inputs), in training with a gradient of exactly zero for the biases of keys.

        softmax_j q . (k_j + b) = softmax_j (q . k_j + q . b) = softmax_j q . k_j

    so b has no effect, and what is computed as its gradient is rounding alone, of which Adam makes steps of full size:
    another one on every machine and for every split of the batch. Without a gradient b stays what it is.

    Args:
        bias: the name of the layer's bias: of queries, keys and values, one after the other, or of keys and values.
        first: where the keys begin, as a multiple of their number.
    """
    if not layer.training:
        out: Tensor = layer(*inputs, **options)
        return out
    whole = layer.get_parameter(bias)
    parts = list(whole.chunk(first + 2))
    parts[first] = parts[first].detach()
    changed: Tensor = functional_call(layer, {bias: torch.cat(parts)}, inputs, options)
    return changed


class SelfAttention(nn.Module):
    """Every pixel looks at every other; for small maps, where one matrix product per head is fastest."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query_key_value = pointwise(channels, 3 * channels)
        self.out = zero(pointwise(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        split = "b (n heads d) h w -> n b heads (h w) d"
        projected = without_key_gradient(self.query_key_value, "bias", 1, channel_norm(x))
        query, key, value = rearrange(projected, split, n=3, heads=self.heads)
        weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        mixed = rearrange(weights @ value, "b heads (h w) d -> b (heads d) h w", h=height)
        out: Tensor = x + self.out(mixed)
        return out


def together(layer: nn.Module, x: Tensor) -> bool:
    """Whether all rows are computed at once: in training, in a graph that is compiled or exported for any batch, and on
    a GPU, which has other libraries and must not be asked which rows are alike."""
    return layer.training or torch.compiler.is_compiling() or x.device.type != "cpu"


class RowLinear(nn.Linear):
    """A linear layer whose answer for a row depends on that row alone, not on how many there are, nor on its place.

    A library of matrix products (MKL) sums in another order for another number of rows, and in some for the last rows
    of a product. Blocks of four rows are one tile of it, in which all rows are alike; they cost no more than one row.
    Training has one batch size, and bf16 on a processor is summed row by row (oneDNN).
    """

    def forward(self, x: Tensor) -> Tensor:
        if together(self, x) or torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        blocks = F.pad(x, (0, 0, 0, -len(x) % 4)).split(4)
        return torch.cat([F.linear(four, self.weight, self.bias) for four in blocks])[: len(x)]


def in_even_rows(network: nn.Module, x: Tensor, *others: Tensor | None, **named: Tensor) -> Tensor:
    """network(x, *others, **named), each (B, ...) or None, an odd number of rows made even: the last is read twice.

    In float32 a processor computes the end of an odd batch not as vectors, and PyTorch a small convolution of one
    picture another way than of two; both round differently. Autocast to bf16 does neither.
    """
    alike = together(network, x) or torch.is_autocast_enabled("cpu")
    if alike or len(x) % 2 == 0:
        out: Tensor = network(x, *others, **named)
        return out

    def filled(rows: Tensor | None) -> Tensor | None:
        return None if rows is None else torch.cat([rows, rows[-1:]])

    out = network(*map(filled, (x, *others)), **{name: filled(rows) for name, rows in named.items()})
    return out[: len(x)]


def fold(x: Tensor, patch: int) -> Tensor:
    """Each patch x patch square of pixels becomes one pixel of patch^2 times the channels."""
    return rearrange(x, "b c (h p) (w q) -> b (p q c) h w", p=patch, q=patch)


def unfold(x: Tensor, patch: int) -> Tensor:
    """The inverse of `fold`."""
    return rearrange(x, "b (p q c) h w -> b c (h p) (w q)", p=patch, q=patch)


def channels_last(x: Tensor) -> Tensor:
    """The same tensor with the channels of a pixel adjacent in memory."""
    return x.contiguous(memory_format=torch.channels_last)
