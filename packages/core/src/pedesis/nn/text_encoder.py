r"""Words as a condition: a small transformer reads the prompt, and the picture looks at its words.

    word vectors    table[token] + place,  then `layers` of self-attention          (B, L, width)
    prompt vector   their mean over the words, added to the noise-level embedding    (B, width)
    cross-attention each pixel asks, the words answer: softmax(q k^T / sqrt(d)) v

Tokens are numbers in the vocabulary, (B, L) int64: 0 is padding, negative ones are null (no prompt).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.nn.blocks import RowLinear, channel_norm, pointwise, together, without_key_gradient, zero
from pedesis.nn.embeddings import check_integers

PADDING = 0
"""The token that fills a prompt up to its length; nothing looks at it."""


@dataclass(frozen=True)
class TextConfig:
    """What a network knows of words. The vocabulary lives here, so a weight file can read prompts by itself."""

    vocabulary: tuple[str, ...]  # token i + 1 is word i; 0 is padding
    length: int = 24  # longest prompt, in words
    width: int = 192  # of the word vectors
    layers: int = 2  # of self-attention among the words
    heads: int = 4

    @classmethod
    def of(cls, plain: Mapping[str, Any] | TextConfig) -> TextConfig:
        """From plain data, as a weight file holds it."""
        if isinstance(plain, TextConfig):
            return plain
        return cls(**{**plain, "vocabulary": tuple(plain["vocabulary"])})


@dataclass(frozen=True)
class Words:
    """Prompts, read.

    Attributes:
        vectors: (P, L, width), of the words of each of P prompts. row: (B,), which prompt a row of the batch has.
        padding: (B, L), where there is no word. prompt: (B, embedding), all of it.
    """

    vectors: Tensor
    row: Tensor
    padding: Tensor
    prompt: Tensor

    def keys_and_values(self, layer: nn.Module) -> Tensor:
        """layer(vectors) of each row, (B, L, 2 channels): every prompt alone, so that it depends on no other."""
        parts = [self.vectors] if together(layer, self.vectors) else self.vectors.split(1)
        return torch.cat([without_key_gradient(layer, "bias", 0, part) for part in parts])[self.row]


class TextEncoder(nn.Module):
    """Tokens (B, L) int64, or None for no prompt -> `Words`. A prompt of nothing but padding is no prompt.

    Outside of training each different prompt is read once, and alone: what it says depends on no other.
    """

    def __init__(self, config: TextConfig, embedding: int):
        super().__init__()
        self.config = c = config
        self.table = nn.Embedding(len(c.vocabulary) + 2, c.width)  # padding, the words, null
        self.place = nn.Parameter(torch.randn(c.length, c.width) * 0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                c.width, c.heads, 2 * c.width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(c.layers)
        )
        self.prompt = RowLinear(c.width, embedding)

    def forward(self, tokens: Tensor | None, like: Tensor) -> Words:
        if tokens is None:
            tokens = torch.full((like.shape[0], 1), -1, device=like.device)
        tokens = tokens.long()
        nothing = torch.zeros_like(tokens[0]).index_fill(0, torch.zeros_like(tokens[0, :1]), -1)  # null, then padding
        empty = (tokens < 0).any(1, keepdim=True) | (tokens == PADDING).all(1, keepdim=True)
        tokens = torch.where(empty, nothing, tokens)
        if together(self, tokens):
            vectors, row = self.read(tokens), torch.arange(tokens.shape[0], device=tokens.device)
        else:
            prompts, row = tokens.unique(dim=0, return_inverse=True)
            vectors = torch.cat([self.read(prompt) for prompt in prompts.split(1)])
        padding = tokens == PADDING
        words = (~padding)[..., None].to(vectors.dtype)
        return Words(vectors, row, padding, self.prompt((vectors[row] * words).sum(1) / words.sum(1)))

    def read(self, tokens: Tensor) -> Tensor:
        """The vectors of the words of prompts, (P, L, width)."""
        padding, null = tokens == PADDING, len(self.config.vocabulary) + 1
        vectors = self.table(torch.where(tokens < 0, null, tokens)) + self.place[: tokens.shape[1]]
        for layer in self.layers:
            bias = "self_attn.in_proj_bias"
            vectors = without_key_gradient(layer, bias, 1, vectors, src_key_padding_mask=padding)
        return F.layer_norm(vectors, vectors.shape[-1:])

    def check(self, tokens: Tensor, rows: int) -> None:
        """ValueError for what is no prompt."""
        length, words = self.config.length, len(self.config.vocabulary)
        what = f"tokens (B, L) int64 up to {words}, the size of the vocabulary, with L from 1 to {length}"
        check_integers(tokens, rows, 2, words, what)
        if not 1 <= tokens.shape[1] <= length:
            raise ValueError(f"the condition must be {what}; got L = {tokens.shape[1]}")


class CrossAttention(nn.Module):
    """Every pixel looks at the words of the prompt."""

    def __init__(self, channels: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = pointwise(channels, channels)
        self.key_value = nn.Linear(width, 2 * channels)
        self.out = zero(pointwise(channels, channels))

    def forward(self, x: Tensor, words: Words) -> Tensor:
        height = x.shape[2]
        query = rearrange(self.query(channel_norm(x)), "b (heads d) h w -> b heads (h w) d", heads=self.heads)
        key, value = rearrange(
            words.keys_and_values(self.key_value), "b l (n heads d) -> n b heads l d", n=2, heads=self.heads
        )
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        weights = scores.masked_fill(words.padding[:, None, None], -torch.inf).softmax(-1)
        mixed = rearrange(weights @ value, "b heads (h w) d -> b (heads d) h w", h=height)
        out: Tensor = x + self.out(mixed)
        return out
