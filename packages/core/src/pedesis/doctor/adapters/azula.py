"""Samplers of probabilists/azula, which take a denoiser with a schedule of their own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor

from pedesis.doctor.convergence import Oracle, Walk


def walk(sampler: Any, schedule: Any, **options: Any) -> Walk:
    """The sampler of `convergence` for a class of `azula.sample`, as DDIMSampler, and a schedule of `azula.noise`."""

    def sample(oracle: Oracle, noise: Tensor, steps: int) -> Any:
        walker = sampler(Exact(oracle, schedule), steps=steps, silent=True, dtype=noise.dtype, **options)
        return walker(noise * schedule(walker.timesteps[0])[1])

    return sample


class Exact:
    """The oracle as one of their denoisers."""

    def __init__(self, oracle: Oracle, schedule: Any):
        self.oracle, self.schedule = oracle, schedule

    def __call__(self, x_t: Tensor, t: Tensor, **kwargs: Any) -> Any:
        """Their posterior, of which a sampler uses the mean."""
        return SimpleNamespace(mean=self.oracle.x0(x_t, *self.schedule(t)))
