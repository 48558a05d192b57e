r"""Shortcut models: one big jump is two small ones (Frans, Hafner, Levine, Abbeel 2024, arXiv:2410.12557).

    u(x_t, t, t)     = v = eps - x_0                                 a share 1 - k of the rows: flow matching
    u(x_t, t, t-2d)  = 1/2 u(x_t, t, t-d) + 1/2 u(x', t-d, t-2d)     the others: self-consistency,
    x'               = x_t - d u(x_t, t, t-d)                        the right-hand side without a gradient

The steps 2d are 1, 1/2, ..., 1/64 of the whole time, equally often, and t is a multiple of 2d. The smallest jumps d
are answered by the velocity itself, s = t. Where two halves are not equally long (another schedule than "flow"), each
counts by its length: u is (x_t - x_s) / (sigma_t - sigma_s) of the point that both jumps lead to.

The paper takes the right-hand side from averaged weights; here it is from the present ones, as its ablation allows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser
from pedesis.losses.denoising import checked_probability
from pedesis.losses.flow_map import check_told, mean_velocity, noised, squared_error, uniform
from pedesis.process import broadcast
from pedesis.utils.noise import TrainingNoise


class Shortcut:
    """The loss of a flow map on straight paths, for `pedesis.training.fit`.

    Args:
        consistency: k, the share of rows that learn from two jumps of half the length, 0..1.
        finest: the shortest way of two jumps is 1/finest of the time; a power of two.
    """

    def __init__(self, consistency: float = 0.25, finest: int = 64):
        self.consistency = checked_probability("consistency", consistency)
        if finest < 1 or finest & (finest - 1):
            raise ValueError(f"the finest step is one over a power of two (1, 2, 4, ...); got {finest}")
        self.finest = finest

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times t (B,). Raises ValueError for a network of another kind."""
        check_told(denoiser, "a shortcut model", straight=True)
        process, t, eps = denoiser.process, noise.stratified(), noise(x0)
        jumping = uniform(noise) < self.consistency
        pieces = 2 ** (uniform(noise) * self.finest.bit_length()).floor()  # 1, 2, ..., finest
        t = torch.where(jumping, (t * pieces).ceil() / pieces, t)
        s = torch.where(jumping, (t - 1 / pieces).clamp(min=0), t)
        middle = torch.where(pieces == self.finest, t, (t + s) / 2)
        levels = [process.log_snr(time) for time in (t, (t + s) / 2, s, middle)]
        x_t, target = noised(denoiser, x0, eps, levels[0]), eps - x0
        if bool(jumping.any()):
            rows, (begin, half, end, told) = jumping.to(x0.device), (level[jumping] for level in levels)
            row_condition = None if condition is None else condition[rows]
            target[rows] = self.two_jumps(denoiser, x_t[rows], begin, half, end, told, row_condition)
        return squared_error(target, mean_velocity(denoiser, x_t, levels[0], levels[2], condition)), t

    @torch.no_grad()
    def two_jumps(
        self,
        denoiser: NetworkDenoiser,
        x_t: Tensor,
        t: Tensor,
        m: Tensor,
        s: Tensor,
        told: Tensor,
        condition: Condition = None,
    ) -> Tensor:
        """The mean velocity of the way from t over m to s, at log-SNRs (B,).

        Args:
            told: where the first jump is said to end: at m, or at t for the shortest, which asks for the velocity.
        """
        sigma_t, sigma_m, sigma_s = (denoiser.process.alpha_sigma(level)[1] for level in (t, m, s))
        first = mean_velocity(denoiser, x_t, t, told, condition)
        x_m = x_t - broadcast(sigma_t - sigma_m, x_t) * first
        second = mean_velocity(denoiser, x_m, m, torch.where(told == t, m, s), condition)
        share = broadcast((sigma_t - sigma_m) / (sigma_t - sigma_s), x_t)
        return share * first + (1 - share) * second
