r"""Interpolation between two normal noises, along the sphere they lie near: slerp(eps_1, eps_2)."""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.gaussian import sum_per_sample
from pedesis.process import broadcast


def slerp(first: Tensor, second: Tensor, share: float | Tensor) -> Tensor:
    """Spherical interpolation of two noises, row by row: keeps the norm that normal noise has.

    sin((1 - share) w)/sin(w) first + sin(share w)/sin(w) second, w the angle between the rows (Shoemake 1985).
    """
    norms = sum_per_sample(first**2).sqrt() * sum_per_sample(second**2).sqrt()
    angle = torch.acos((sum_per_sample(first * second) / norms).clamp(-1, 1))
    share = torch.as_tensor(share, dtype=first.dtype, device=first.device)
    small = angle.sin() < 1e-6
    left = torch.where(small, 1 - share, ((1 - share) * angle).sin() / angle.sin())
    right = torch.where(small, share, (share * angle).sin() / angle.sin())
    return broadcast(left, first) * first + broadcast(right, first) * second
