r"""Drifting: what is drawn moves towards the data and away from itself (Deng et al. 2026, arXiv:2602.04770).

    V(x) = m_p(x) - m_q(x),    m_p(x) = sum_j k(x, y_j) y_j / sum_j k(x, y_j),    y_j ~ p the data, or ~ q the drawn
         = E_{y+ ~ p, y- ~ q} [ k(x, y+) k(x, y-) (y+ - y-) ] / (Z_p(x) Z_q(x)),    k(x, y) = exp(-||x - y|| / tau)
    loss = || x - (x + V(x)) without a gradient ||^2,           x = x0_hat(x_1, t = 1) drawn in one jump from noise

V is antisymmetric in p and q, so that it vanishes where they are equal. (With a Gaussian kernel of variance h^2 it is
h^2 times the difference of the scores of both laws, blurred by the kernel.) There is no time: the network is asked for
a jump from noise to data and for nothing else, so that a sample is one evaluation and more have no meaning.

The fields of several tau add up. tau is given as a share of the mean distance between the drawn and the data, as the
paper's normalized features have it; no feature extractor is used here, so this is drifting in the space of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser
from pedesis.losses.flow_map import same, squared_error
from pedesis.utils.noise import TrainingNoise


class Drifting:
    """The loss of a generator in one jump, for `pedesis.training.fit`; any process and parameterization.

    Args:
        temperatures: tau as shares of the mean distance between drawn rows and data, each more than 0.

    All rows of a batch are compared, so it cannot be computed in parts. Rows that are asked for different conditions
    are no neighbors; one that is alone does not move.
    """

    def __init__(self, temperatures: Sequence[float] = (0.02, 0.05, 0.2)):
        if not temperatures or min(temperatures) <= 0:
            raise ValueError(f"temperatures are numbers above 0, at least one; got {tuple(temperatures)}")
        self.temperatures = tuple(temperatures)

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times, all 1 (B,). Raises ValueError for a part of a batch."""
        if len(noise.rows) < noise.batch:
            raise ValueError(
                "drifting compares all rows of a batch: compute it in one part (accumulate=1) and one process; "
                f"got {len(noise.rows)} of {noise.batch} rows"
            )
        process, t = denoiser.process, torch.ones(len(x0), dtype=torch.float64)
        start, clean = process.prior(x0).sample(noise), process.log_snr(0.0)
        drawn = denoiser.toward(clean).x0(start, t, condition)
        with torch.no_grad():
            x, data = drawn.detach().flatten(1), x0.flatten(1)
            alike = same(condition, len(x0))[0].to(x.device)
            scale = torch.cdist(x, data).mean()
            field = sum((drift(x, data, tau * scale, alike=alike) for tau in self.temperatures), torch.zeros_like(x))
        return squared_error((x + field).view_as(drawn), drawn), t


def drift(
    x: Tensor, data: Tensor, tau: Tensor | float, drawn: Tensor | None = None, alike: Tensor | None = None
) -> Tensor:
    """V at x (N, D), towards `data` (M, D) and away from `drawn` (K, D); by default from all other x.

    Args:
        alike: of x and `data` row by row, which are neighbors, (N, N) or (1, 1); without `drawn`.
    """
    if drawn is not None:
        return kernel_mean(x, data, tau) - kernel_mean(x, drawn, tau)
    neighbors = torch.ones(1, 1, dtype=torch.bool, device=x.device) if alike is None else alike
    others = neighbors & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    moved = kernel_mean(x, data, tau, neighbors) - kernel_mean(x, x, tau, others)
    return moved.where(others.any(1, keepdim=True), 0)


def kernel_mean(x: Tensor, y: Tensor, tau: Tensor | float, neighbors: Tensor | None = None) -> Tensor:
    """m(x), the mean of y (M, D) as each x (N, D) sees it, (N, D); of those y that are `neighbors`, bool (N, M)."""
    logits = -torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") / tau
    if neighbors is not None:
        logits = logits.masked_fill(~neighbors, -1e9)
    return logits.softmax(1) @ y
