r"""A flow map: where the probability flow leads from x_t, in one jump to any s <= t.

    x_s = alpha_s x0_hat + sigma_s eps_hat,     (x0_hat, eps_hat) = denoiser.toward(s)(x_t, t)

It is the step of DDIM, taken by a denoiser that is told where the step ends: `NetworkDenoiser.toward`, for a network
with the input `jumps`. Where s = t it is a denoiser as any other, and `DDIM` walks it in as many jumps as it is given.
On straight paths (alpha + sigma = 1) the network's answer in the parameterization "flow" is the mean velocity,

    u(x_t, t, s) = (x_t - x_s) / (sigma_t - sigma_s) = 1/(sigma_t - sigma_s) int_s^t v(x_r, r) d sigma_r

Noise levels are log-SNRs here: one number, or one per row, (B,); +inf for clean data.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pedesis.denoiser import Condition, NetworkDenoiser
from pedesis.process import FlowFrame, broadcast
from pedesis.utils.noise import TrainingNoise


def jump(denoiser: NetworkDenoiser, x_t: Tensor, t: Tensor, s: Tensor, condition: Condition = None) -> Tensor:
    """x_s, of the shape of x_t (B, ...)."""
    end = denoiser.toward(s).predict_at(x_t, t, condition)
    alpha, sigma = (broadcast(c, x_t) for c in denoiser.process.alpha_sigma(s))
    return alpha * end.x0 + sigma * end.eps


def mean_velocity(denoiser: NetworkDenoiser, x_t: Tensor, t: Tensor, s: Tensor, condition: Condition = None) -> Tensor:
    """u(x_t, t, s), of the shape of x_t (B, ...); s = t is the velocity at t itself."""
    return denoiser.toward(s).network_output(x_t, t, condition)[0]


def noised(denoiser: NetworkDenoiser, x0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x_t = alpha x_0 + sigma eps."""
    alpha, sigma = (broadcast(c, x0) for c in denoiser.process.alpha_sigma(t))
    return alpha * x0 + sigma * eps


def squared_error(target: Tensor, output: Tensor) -> Tensor:
    """mean (target - output)^2 of each row, (B,), float64 on the CPU, as times are; no gradient reaches the target."""
    return (target.detach() - output).square().flatten(1).mean(1).to("cpu", torch.float64)


def uniform(noise: TrainingNoise) -> Tensor:
    """One number in [0, 1) per row of the step, (B,), float64."""
    return noise.uniform(torch.empty(len(noise.rows), dtype=torch.float64))


def check_told(denoiser: NetworkDenoiser, loss: str, straight: bool = False) -> None:
    """ValueError unless the network is told where a step ends and, if asked for, answers with straight velocities."""
    if not denoiser.option("jumps"):
        raise ValueError(f"{loss} needs a network that is told where a step ends: build it with jumps=True")
    frame, name = denoiser.process.frame, denoiser.parameterization.name
    if straight and not (isinstance(frame, FlowFrame) and name == "flow"):
        raise ValueError(
            f"{loss} needs velocities of straight paths: Process(..., frame='flow') and the parameterization 'flow'; "
            f"got {frame.name!r} and {name!r}"
        )


def same(condition: Condition, group: int) -> Tensor:
    """Which rows of a group are asked for the same, bool (groups, group, group); without a condition all, (1, 1, 1)."""
    if condition is None:
        return torch.ones(1, 1, 1, dtype=torch.bool)
    labels = condition.clamp(min=-1).reshape(-1, group, condition[0].numel())  # null rows are alike
    return (labels[:, :, None] == labels[:, None]).all(3)


def laplace(x: Tensor, y: Tensor, width: Tensor) -> Tensor:
    """The kernel exp(-||x_i - y_j|| / width) of rows (..., N, D) and (..., M, D), (..., N, M)."""
    return (-torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") / width).exp()
