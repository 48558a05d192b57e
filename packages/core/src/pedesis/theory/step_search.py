r"""The best sub-trajectory of a long chain, by dynamic programming over any pairwise cost.

    C[k, t] = min_{s < t} C[k-1, s] + L(s, t)

L(s, t) is what a step from t to s costs; the cheapest path of k steps from noise to data is read off backwards.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.process import Process


def best_steps(cost: Tensor, steps: int) -> tuple[Tensor, float]:
    """[N5] The `steps`-step path through nodes 0 (data) .. N (noise) of least total cost.

    Formula: C[k,t] = \\min_{s<t}\\ C[k-1,s] + L(s,t)
    Source: 001, "Enhancements" (corrected citation: Watson, Ho, Norouzi, Chan 2021, arXiv 2106.03802)

    Args:
        cost: (N + 1, N + 1), entry [s, t] the cost of a step from node t down to node s < t; the rest is ignored.
        steps: 1 <= steps <= N.

    Returns:
        The nodes, (steps + 1,) from N down to 0, and the total cost.

    Raises:
        ValueError: a number of steps that no path has.
    """
    nodes = len(cost) - 1
    if not 1 <= steps <= nodes:
        raise ValueError(f"a chain of {nodes} steps can be walked in 1 to {nodes} steps; got {steps}")
    allowed = torch.triu(torch.ones_like(cost, dtype=torch.bool), diagonal=1)
    cost = torch.where(allowed, cost.double(), torch.inf)
    total = cost[0]  # C[1, t]
    came_from = []
    for _ in range(steps - 1):
        total, source = (total[:, None] + cost).min(0)
        came_from.append(source)
    path = [nodes]
    for source in reversed(came_from):
        path.append(int(source[path[-1]]))
    return torch.tensor([*path, 0]), float(total[nodes])


def variational_cost(process: Process, times: Tensor, mean_squares: Tensor, var: Tensor | None = None) -> Tensor:
    """The denoising term of the variational bound for every pair of times, in nats per dimension: (N + 1, N + 1).

    E KL(q(x_s | x_t, x_0) || p_theta(x_s | x_t)) depends on the model only through the mean squared error of its
    x0_hat at t and the variance it assumes (Watson et al. 2021).

    Args:
        times: (N + 1,) increasing from 0. mean_squares: (N + 1,), E (x_0 - x0_hat)^2 per dimension at each time.
        var: the assumed Var[x_0 | x_t] at each time, (N + 1,); by default the best one, the mean square itself.
            Entry [0, t], a step to clean data, is the Gaussian code length of the data given x_t, up to a constant.
    """
    var = mean_squares if var is None else var
    cost = torch.full((len(times), len(times)), torch.inf, dtype=torch.float64)
    for j in range(1, len(times)):
        t = times[j]
        cost[0, j] = 0.5 * (var[j].log() + mean_squares[j] / var[j])
        if j == 1:
            continue
        s = times[1:j]
        _, c_0, posterior = process.posterior_coefficients(s, t.expand(j - 1))
        assumed = posterior + c_0**2 * var[j]
        cost[1:j, j] = 0.5 * (assumed.log() - posterior.log() - 1 + (posterior + c_0**2 * mean_squares[j]) / assumed)
    return cost
