r"""Numbers and names as vectors.

sinusoid(x)_k = cos(f_k x), sin(f_k x),   f_k geometric from 1 down to 1/range
"""

from __future__ import annotations

import math
from typing import NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.nn.blocks import RowLinear, zero
from pedesis.utils.device import needs_check


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
    angles = x.to(torch.promote_types(x.dtype, torch.float32))[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def refuse(condition: Tensor) -> NoReturn:
    """ValueError: a network without classes would ignore what it is asked for."""
    raise ValueError(
        "this network was built without classes (classes=0) and would ignore the condition; build it with their "
        f"number, or give no condition; got {condition.dtype} of shape {tuple(condition.shape)}"
    )


class NumberEmbedding(nn.Module):
    """A number per row, such as log_snr, (B,) -> (B, width): its sinusoids through one hidden layer.

    An infinite number, as log_snr is of clean data, is seen as `INFINITY`.
    """

    INFINITY = 15.0  # as a log_snr, cleaner than what training shows a network

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.first = RowLinear(width, width)
        self.second = RowLinear(width, width)

    def forward(self, number: Tensor) -> Tensor:
        number = torch.where(number.isinf(), number.sign() * self.INFINITY, number)
        out: Tensor = self.second(F.silu(self.first(sinusoid(number, self.width).to(self.first.weight.dtype))))
        return out


class StepEnd(nn.Module):
    """Where a step ends, as log-SNRs (B,) and (B,) -> (B, width): the share of the straight path's time that is left.

    share = tau(end) / tau(log_snr),   tau = sigma / (alpha + sigma) = sigmoid(-log_snr / 2)

    1 is a step of no length, as without an end, and 0 one to clean data; it is the same in every frame.
    """

    def __init__(self, width: int):
        super().__init__()
        self.number = NumberEmbedding(width)
        zero(self.number.second)  # so that a network begins as one that does not look ahead

    def forward(self, log_snr: Tensor, end: Tensor | None) -> Tensor:
        share = torch.ones_like(log_snr) if end is None else (-end / 2).sigmoid() / (-log_snr / 2).sigmoid()
        out: Tensor = self.number(10 * share)
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

    def check(self, condition: Tensor, rows: int) -> None:
        """ValueError for what are no classes."""
        check_integers(
            condition, rows, 1, self.classes - 1, f"class numbers (B,) from 0 to {self.classes - 1}, or -1 for none"
        )

    def forward(self, condition: Tensor | None, like: Tensor) -> Tensor:
        if condition is None:
            condition = torch.full((like.shape[0],), -1, device=like.device)
        out: Tensor = self.table(torch.where(condition < 0, self.classes, condition.long()))
        return out


def check_integers(condition: Tensor, rows: int, ndim: int, most: int, what: str) -> None:
    """ValueError unless a condition is `rows` rows of integers up to `most`; it reads values, so no `forward` calls it.

    Args:
        ndim: of the condition. what: it should be, for people.
    """
    integers = not (condition.is_floating_point() or condition.is_complex() or condition.dtype == torch.bool)
    fitting = integers and condition.ndim == ndim and len(condition) == rows
    if fitting and (not needs_check(condition) or bool((condition <= most).all())):
        return
    raise ValueError(
        f"the condition must be {what}; got {condition.dtype} of shape {tuple(condition.shape)} for {rows} rows"
        + (f" with maximum {condition.max().item():g}" if condition.numel() else "")
    )
