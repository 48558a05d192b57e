r"""Measurement operators: linear maps A from data to what was measured of them, with adjoint and regularized inverse.

Mask       keep the known pixels                inpainting
Pooling    means over blocks of pixels          super-resolution
Blur       convolution with a Gaussian          deblurring
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import reduce, repeat
from torch import Tensor

from pedesis.gaussian import sum_per_sample
from pedesis.process import broadcast


class Operator(ABC):
    """A linear map A from data (B, ...) to measurements (B, ...)."""

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """A x."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """A^T y, of the shape of the data."""

    @abstractmethod
    def solve(self, y: Tensor, prior: Tensor | float, noise: float) -> Tensor:
        """(prior A A^T + noise I)^-1 y, for variances broadcastable to y; zero where A and noise are."""

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """A^+ y: the smallest x with A x = y, or as nearly as may be."""
        return self.adjoint(self.solve(y, 1.0, 0.0))


@dataclass(frozen=True)
class Mask(Operator):
    """Keep where `known` (boolean, broadcastable to the data) is true, 0 elsewhere: inpainting."""

    known: Tensor

    def __post_init__(self) -> None:
        if self.known.dtype != torch.bool:
            raise ValueError(f"the mask must be boolean, true where pixels are known; got {self.known.dtype}")

    def apply(self, x: Tensor) -> Tensor:
        return x.masked_fill(~self.known.to(x.device), 0.0)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    def solve(self, y: Tensor, prior: Tensor | float, noise: float) -> Tensor:
        return self.apply(y / (prior + noise))


@dataclass(frozen=True)
class Pooling(Operator):
    """The mean of every factor x factor block of pixels, (B, C, H, W) -> (B, C, H/factor, W/factor): super-resolution.

    A A^T = I / factor^2; A^+ repeats every pixel.
    """

    factor: int

    def apply(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[2] % self.factor or x.shape[3] % self.factor:
            raise ValueError(
                f"pooling by {self.factor} needs pictures (B, C, H, W) whose sides it divides; got {tuple(x.shape)}"
            )
        return reduce(x, "b c (h f) (w g) -> b c h w", "mean", f=self.factor, g=self.factor)

    def adjoint(self, y: Tensor) -> Tensor:
        return repeat(y, "b c h w -> b c (h f) (w g)", f=self.factor, g=self.factor) / self.factor**2

    def solve(self, y: Tensor, prior: Tensor | float, noise: float) -> Tensor:
        return y / (prior / self.factor**2 + noise)


@dataclass(frozen=True)
class Blur(Operator):
    """A Gaussian blur of standard deviation `width` pixels, periodic at the edges, of (B, C, H, W).

    It multiplies frequency f (cycles per pixel) by exp(-2 pi^2 width^2 f^2), and by 0 where that is below `LOST`: what
    is left of those frequencies drowns in rounding.
    """

    width: float
    LOST = 1e-4

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"the width of a blur is a positive number of pixels; got {self.width}")

    def gain(self, x: Tensor) -> Tensor:
        """What each frequency of `torch.fft.rfft2` is multiplied by, (H, W//2 + 1)."""
        height, width = x.shape[-2:]
        down = torch.fft.fftfreq(height, dtype=x.dtype, device=x.device)
        across = torch.fft.rfftfreq(width, dtype=x.dtype, device=x.device)
        gain = torch.exp(-2 * (torch.pi * self.width) ** 2 * (down[:, None] ** 2 + across**2))
        return gain.masked_fill(gain < self.LOST, 0.0)

    def filtered(self, x: Tensor, gain: Tensor) -> Tensor:
        """x with its frequencies multiplied by `gain`."""
        filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * gain, s=x.shape[-2:])
        return filtered

    def apply(self, x: Tensor) -> Tensor:
        return self.filtered(x, self.gain(x))

    def adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    def solve(self, y: Tensor, prior: Tensor | float, noise: float) -> Tensor:
        total = prior * self.gain(y) ** 2 + noise
        return self.filtered(y, torch.where(total > 0, 1 / total, 0.0))


def conjugate_gradients(
    matrix: Callable[[Tensor], Tensor], nearly: Callable[[Tensor], Tensor], right: Tensor, iterations: int
) -> Tensor:
    """Solve matrix(v) = right, row by row, for a symmetric positive matrix (Hestenes and Stiefel 1952).

    Args:
        nearly: the preconditioner, a symmetric positive map near the inverse of `matrix`.
    """
    solution, rest = torch.zeros_like(right), right
    direction = nearly(rest)
    size = sum_per_sample(rest * direction)
    for _ in range(iterations):
        ahead = matrix(direction)
        step = broadcast(share(size, sum_per_sample(direction * ahead)), right)
        solution, rest = solution + step * direction, rest - step * ahead
        better = nearly(rest)
        size, last = sum_per_sample(rest * better), size
        direction = better + broadcast(share(size, last), right) * direction
    return solution


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole where whole is positive, else 0: a direction that is used up is left alone."""
    return torch.where(whole > 0, part / whole, 0.0)
