"""One computation for several questions about the same x_t."""

import pytest
import torch

from pedesis.process import Process
from pedesis.theory.cached import CachedDenoiser
from pedesis.theory.elbo import elbo
from pedesis.theory.exact import Mixture, MixtureDenoiser
from pedesis.theory.reverse import VARIANCE_RULES
from pedesis.utils.noise import gaussian_noise

D = torch.float64


def test_bounds_with_common_noise_are_the_same_and_cost_one_walk(mixture: Mixture, points: torch.Tensor) -> None:
    plain = MixtureDenoiser(mixture, Process("cosine"))
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    plain.register_forward_hook(count)
    shared, times = CachedDenoiser(plain), torch.linspace(1, 0, 6, dtype=D)
    bounds = {
        name: elbo(shared, points, times, gaussian_noise(0), VARIANCE_RULES.build({"name": name}), levels=None)
        for name in VARIANCE_RULES
    }
    assert calls == 5
    for name, bound in bounds.items():
        alone = elbo(plain, points, times, gaussian_noise(0), VARIANCE_RULES.build({"name": name}), levels=None)
        torch.testing.assert_close(bound.nats, alone.nats, rtol=0, atol=0)


def test_memory_belongs_to_one_batch(mixture: Mixture, points: torch.Tensor) -> None:
    shared = CachedDenoiser(MixtureDenoiser(mixture, Process("cosine")))
    first = shared(points, 0.5)
    assert shared(points, torch.full((16,), 0.5, dtype=D)) is first
    with pytest.raises(ValueError, match=r"at t = 0\.5 another x_t was asked about"):
        shared(points + 1, 0.5)
    shared.memory.clear()
    assert shared(points + 1, 0.5) is not first
