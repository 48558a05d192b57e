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

from pedesis.nn.blocks import channel_norm, zero

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
    """A prompt, read: vectors (B, L, width) of its words, where it is padding (B, L), and all of it (B, embedding)."""

    vectors: Tensor
    padding: Tensor
    prompt: Tensor


class TextEncoder(nn.Module):
    """Tokens (B, L) int64, or None for no prompt -> `Words`. A prompt of nothing but padding is no prompt."""

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
        self.prompt = nn.Linear(c.width, embedding)

    def forward(self, tokens: Tensor | None, like: Tensor) -> Words:
        tokens = self.checked(tokens, like)
        nothing = torch.zeros_like(tokens[0]).index_fill(0, torch.zeros_like(tokens[0, :1]), -1)  # null, then padding
        empty = (tokens < 0).any(1, keepdim=True) | (tokens == PADDING).all(1, keepdim=True)
        tokens = torch.where(empty, nothing, tokens)
        padding = tokens == PADDING
        null = len(self.config.vocabulary) + 1
        vectors = self.table(torch.where(tokens < 0, null, tokens)) + self.place[: tokens.shape[1]]
        for layer in self.layers:
            vectors = layer(vectors, src_key_padding_mask=padding)
        vectors = F.layer_norm(vectors, vectors.shape[-1:])
        words = (~padding)[..., None].to(vectors.dtype)
        return Words(vectors, padding, self.prompt((vectors * words).sum(1) / words.sum(1)))

    def checked(self, tokens: Tensor | None, like: Tensor) -> Tensor:
        """The tokens, or null ones; ValueError for what is no prompt."""
        c = self.config
        if tokens is None:
            return torch.full((like.shape[0], 1), -1, device=like.device)
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= c.length:
            raise ValueError(
                f"the condition must be tokens (B, L) int64 with L from 1 to {c.length}; "
                f"got {tokens.dtype} of shape {tuple(tokens.shape)}"
            )
        if not torch.compiler.is_compiling() and int(tokens.max()) > len(c.vocabulary):
            raise ValueError(
                f"tokens go up to {len(c.vocabulary)}, the size of the vocabulary; got {int(tokens.max())}"
            )
        return tokens


class CrossAttention(nn.Module):
    """Every pixel looks at the words of the prompt."""

    def __init__(self, channels: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Conv2d(channels, channels, 1)
        self.key_value = nn.Linear(width, 2 * channels)
        self.out = zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor, words: Words) -> Tensor:
        height = x.shape[2]
        query = rearrange(self.query(channel_norm(x)), "b (heads d) h w -> b heads (h w) d", heads=self.heads)
        key, value = rearrange(self.key_value(words.vectors), "b l (n heads d) -> n b heads l d", n=2, heads=self.heads)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        weights = scores.masked_fill(words.padding[:, None, None], -torch.inf).softmax(-1)
        mixed = rearrange(weights @ value, "b heads (h w) d -> b (heads d) h w", h=height)
        out: Tensor = x + self.out(mixed)
        return out
