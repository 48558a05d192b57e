r"""Inductive moment matching: jumps from t and from a little below lead to one law (Zhou, Ermon, Song 2025).

    y  = jump(x_t, t -> s)                      x_t = alpha_t x_0 + sigma_t eps
    y' = jump(x_r, r -> s), without a gradient  x_r = alpha_r x_0 + sigma_r eps,   s <= r < t

    loss = w(t) MMD^2(law of y, law of y'),     MMD^2 = E k(y_i, y_j) + E k(y'_i, y'_j) - 2 E k(y_i, y'_j)
    k(x, y) = exp(-||x - y|| / (D c)),          c = sigma_t - sigma_s,   D the dimension of x
    w(t) = 1/2 sigmoid(b - log_snr_t) |d log_snr_t / d sigma_t| alpha_t / (alpha_t^2 + sigma_t^2)

At r = s the second jump is of no length, y' = x_s, the truth: from there the laws are right by induction, for longer
and longer jumps. r lies below t by a fixed piece of sigma/alpha, r = max(s, ...), 2^-k of the whole. The means are over
groups of rows that share t and s; groups of one row are consistency training. Source: arXiv:2503.07565, with its
settings for CIFAR-10: groups of 4, k = 15, b = 5.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser
from pedesis.losses.flow_map import check_told, jump, laplace, noised, same, uniform
from pedesis.utils.noise import TrainingNoise


class InductiveMomentMatching:
    """The loss of a flow map on straight paths, for `pedesis.training.fit`.

    Args:
        group: rows that are compared with one another; the batch, and each part of it, is a multiple of it.
        pieces: k; r is 2^-k of the range of sigma/alpha below t.
        bias: b of the weight.

    Rows that are asked for different conditions are no neighbors: k is 0 between them.
    """

    def __init__(self, group: int = 4, pieces: float = 15, bias: float = 5.0):
        if group < 1:
            raise ValueError(f"a group has at least 1 row; got {group}")
        self.group, self.pieces, self.bias = group, pieces, bias

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times t (B,). Raises ValueError for another network, or split groups."""
        check_told(denoiser, "moment matching", straight=True)
        if noise.rows.start % self.group or len(noise.rows) % self.group:
            raise ValueError(
                f"rows are compared in groups of {self.group}, which a batch, its parts and its share of a process "
                f"must hold whole; got rows {noise.rows.start} to {noise.rows.stop - 1}"
            )
        process, eps = denoiser.process, noise(x0)
        time = self._shared(noise.stratified())
        t, s = process.log_snr(time), process.log_snr(time * self._shared(uniform(noise)))
        r = self.below(t, s, process.log_snr(1.0))
        y = jump(denoiser, noised(denoiser, x0, eps, t), t, s, condition)
        with torch.no_grad():
            known = jump(denoiser, noised(denoiser, x0, eps, r), r, s, condition)
        (alpha, sigma), (_, sigma_s) = process.alpha_sigma(t), process.alpha_sigma(s)
        weight = torch.sigmoid(self.bias - t) / (sigma * (alpha**2 + sigma**2))
        y, known = (each.reshape(-1, self.group, x0[0].numel()) for each in (y, known))
        width = (x0[0].numel() * (sigma - sigma_s)[:: self.group, None, None]).to(x0)
        between = discrepancy(y, known, width, same(condition, self.group).to(x0.device))
        return weight * between.flatten().to(weight), time

    def below(self, t: Tensor, s: Tensor, last: Tensor) -> Tensor:
        """The log-SNR r of max(s, eta^-1(eta(t) - eta(1) 2^-k)), eta = sigma/alpha = exp(-log_snr/2)."""
        left = (-t / 2).exp() - (-last / 2).exp() * 2.0**-self.pieces
        return torch.where(left > 0, -2 * left.clamp(min=1e-300).log(), torch.inf).minimum(s)

    def _shared(self, each: Tensor) -> Tensor:
        """The number of a group's first row, for all of its rows, (B,)."""
        return each[:: self.group].repeat_interleave(self.group)


def discrepancy(y: Tensor, known: Tensor, width: Tensor, alike: Tensor) -> Tensor:
    """MMD^2 of clouds (groups, M, D), as what each row adds to the mean, (groups, M).

    Args:
        width: of the Laplace kernel, (groups, 1, 1). alike: which rows are neighbors, (groups or 1, M or 1, M or 1).
    """
    within = laplace(y, y, width) + laplace(known, known, width)
    across = laplace(y, known, width)
    return ((within - across - across.mT) * alike).mean(2)
