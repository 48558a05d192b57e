r"""The exponential moving average of the weights (EMA), with a power-law profile (Karras et al. 2024, section 3.1).

    ema_n = ema_(n-1) + (1 - beta_n) (theta_n - ema_(n-1)),    beta_n = (1 - 1/n)^(g + 1)

so that theta_i counts in ema_n about as (i/n)^g: the average remembers a fixed fraction of the run, however long it is.
g = 16.97 remembers about the last 5 % of the steps, 6.94 the last 10 % (`TrainConfig.ema_power`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def ema_decay(step: int, power: float) -> float:
    """beta_n at step n = 1, 2, ...; 0 at the first, which forgets the weights before it."""
    return float((1 - 1 / step) ** (power + 1))


def update_ema(ema: Sequence[Tensor], parameters: Sequence[Tensor], step: int, power: float) -> None:
    """ema_(n-1) -> ema_n in place, for tensors in the order of the parameters; `step` is n, from 1."""
    torch._foreach_lerp_(list(ema), [p.detach() for p in parameters], 1 - ema_decay(step, power))
