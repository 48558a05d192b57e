"""Schedules and `samples` of yuanchenyang/smalldiffusion: x = x_0 + sigma eps."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pedesis.doctor.convergence import Oracle, Walk


def walk(samples: Any, schedule: Any, **options: Any) -> Walk:
    """The sampler of `convergence` for `smalldiffusion.samples` and a schedule.

    Args:
        options: of `samples`, as gam=1, mu=0.5 for DDPM.
    """

    def sample(oracle: Oracle, noise: Tensor, steps: int) -> Any:
        sigmas = schedule.sample_sigmas(steps)
        *_, end = samples(Model(oracle, noise), sigmas, batchsize=len(noise), xt=noise * sigmas[0], **options)
        return end

    return sample


class Model(nn.Module):
    """What `samples` asks of a model."""

    def __init__(self, oracle: Oracle, like: Tensor):
        super().__init__()
        self.oracle, self.like = oracle, like

    def rand_input(self, rows: int) -> Tensor:
        """Noise for some rows."""
        return self.like.new_empty(rows, *self.like.shape[1:]).normal_()

    def predict_eps_cfg(self, x: Tensor, sigma: Tensor, cond: Any, scale: float) -> Tensor:
        """The exact eps."""
        return self.oracle.eps(x, 1.0, sigma)
