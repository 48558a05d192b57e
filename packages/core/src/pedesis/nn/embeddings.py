r"""Numbers and names as vectors.

sinusoid(x)_k = cos(f_k x), sin(f_k x),   f_k geometric from 1 down to 1/range
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoid(x: Tensor, width: int, longest: float = 1000.0) -> Tensor:
    """[O15] The sinusoidal embedding of Vaswani et al. 2017, as DDPM uses it for time: (B,) -> (B, width).

    Formula: \\big(\\cos f_k x,\\ \\sin f_k x\\big),\\quad f_k = L^{-k/(K-1)},\\ k=0..K-1
    Source: 001, "VDM: implementation details"; Ho et al. 2020, appendix B

    Args:
        width: even; half cosines, half sines.
        longest: L, the ratio of the slowest to the fastest wavelength.
    """
    half = width // 2
    frequencies = torch.exp(-math.log(longest) * torch.arange(half, device=x.device) / max(half - 1, 1))
    angles = x.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class NumberEmbedding(nn.Module):
    """A number per row, such as log_snr, (B,) -> (B, width): its sinusoids through one hidden layer."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, number: Tensor) -> Tensor:
        out: Tensor = self.second(F.silu(self.first(sinusoid(number, self.width))))
        return out


class ClassLabel(nn.Module):
    """[N8] Classes (B,) int64 -> (B, width); negative classes, or none at all, are the learned null row.

    Formula: p_\\theta(x_{0:T}\\mid y) = p(x_T)\\prod_t p_\\theta(x_{t-1}\\mid x_t, y)
    Source: 001, "Guidance"
    """

    def __init__(self, classes: int, width: int):
        super().__init__()
        self.classes = classes
        self.table = nn.Embedding(classes + 1, width)

    def forward(self, condition: Tensor | None, like: Tensor) -> Tensor:
        if condition is None:
            condition = torch.full((like.shape[0],), -1, device=like.device)
        known = torch.compiler.is_compiling() or int(condition.max()) < self.classes  # a traced value is not looked at
        if condition.ndim != 1 or condition.is_floating_point() or not known:
            raise ValueError(
                f"the condition must be class numbers (B,) from 0 to {self.classes - 1}, or -1 for none; "
                f"got {condition.dtype} of shape {tuple(condition.shape)}"
                + (f" with maximum {int(condition.max())}" if condition.numel() else "")
            )
        out: Tensor = self.table(torch.where(condition < 0, self.classes, condition))
        return out
