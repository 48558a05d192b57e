r"""Mean flows: the mean velocity obeys a differential equation (Geng et al. 2025, arXiv:2505.13447).

    (sigma_t - sigma_s) u(x_t, t, s) = int_s^t v(x_r, r) d sigma_r          differentiated by sigma_t along the flow:

    u = v - (sigma_t - sigma_s) du/d sigma_t,        du/d sigma_t = v . grad_x u + partial u / partial sigma_t

    loss = w ||u - target||^2,   target = v - (sigma_t - sigma_s) du/d sigma_t without a gradient,   v = eps - x_0

The derivative is one Jacobian-vector product of the network, by forward-mode differentiation. v of a single pair
(x_0, eps) takes the place of the mean v(x_t, t): the target is linear in it, so its mean is the same. For s = t this is
flow matching. The weight w = 1 / (||u - target||^2 + c)^p, without a gradient, makes rows with large targets count
less (p = 1, c = 0.001 in the paper; p = 0 is the plain squared error).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual

from pedesis.denoiser import Condition, NetworkDenoiser
from pedesis.losses.denoising import checked_probability
from pedesis.losses.flow_map import check_told, mean_velocity, noised, squared_error, uniform
from pedesis.process import broadcast
from pedesis.utils.noise import TrainingNoise


class MeanFlow:
    """The loss of a flow map on straight paths, for `pedesis.training.fit`.

    Args:
        jumping: share of rows with s < t, 0..1; the others learn the velocity.
        mean, std: of the normal numbers whose sigmoids are t and s, the larger t.
        power: p of the weight, at least 0.
    """

    def __init__(self, jumping: float = 0.25, mean: float = -0.4, std: float = 1.0, power: float = 1.0):
        self.jumping = checked_probability("jumping", jumping)
        if std <= 0 or power < 0:
            raise ValueError(f"std must be more than 0 and power at least 0; got {std} and {power}")
        self.mean, self.std, self.power = mean, std, power

    def __call__(
        self, denoiser: NetworkDenoiser, x0: Tensor, condition: Condition, noise: TrainingNoise
    ) -> tuple[Tensor, Tensor]:
        """The loss of each row (B,) and the times t (B,). Raises ValueError for a network of another kind."""
        check_told(denoiser, "a mean flow", straight=True)
        eps = noise(x0)
        two = (self.mean + self.std * noise(torch.empty(len(x0), 2, dtype=torch.float64))).sigmoid()
        t = two.amax(1)
        s = torch.where(uniform(noise) < self.jumping, two.amin(1), t)
        level, end = denoiser.process.log_snr(t), denoiser.process.log_snr(s)
        x_t = noised(denoiser, x0, eps, level)
        u, target = mean_flow_target(denoiser, x_t, level, end, eps - x0, condition)
        error = squared_error(target, u)
        return error / (error.detach() + 1e-3) ** self.power, t


def mean_flow_target(
    denoiser: NetworkDenoiser, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, condition: Condition = None
) -> tuple[Tensor, Tensor]:
    """u(x_t, t, s), and v - (sigma_t - sigma_s) du/d sigma_t along a velocity v; t and s are log-SNRs (B,)."""
    sigma_t, sigma_s = (denoiser.process.alpha_sigma(level)[1] for level in (t, s))
    slope = -2 / (sigma_t * (1 - sigma_t))  # d log_snr / d sigma, where alpha = 1 - sigma
    with dual_level():
        u, change = unpack_dual(mean_velocity(denoiser, make_dual(x_t, v), make_dual(t, slope), s, condition))
    return u, v - broadcast(sigma_t - sigma_s, x_t) * change
