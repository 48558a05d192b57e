"""Gaussians against torch.distributions and against Monte Carlo."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from pedesis.gaussian import Gaussian
from pedesis.utils.noise import gaussian_noise

D = torch.float64


def pair(shape: tuple[int, ...]) -> tuple[Gaussian, Gaussian]:
    draw = gaussian_noise(1)
    like = torch.empty(shape, dtype=D)
    return Gaussian(draw(like), draw(like).exp()), Gaussian(draw(like), draw(like).exp())


@pytest.mark.row("L6")
@pytest.mark.parametrize("shape", [(5, 3), (4, 7), (2, 3, 4, 4)])
def test_kl_and_log_prob_agree_with_torch(shape: tuple[int, ...]) -> None:
    p, q = pair(shape)
    theirs_p, theirs_q = (Independent(Normal(g.mean, g.var.sqrt()), len(shape) - 1) for g in (p, q))
    torch.testing.assert_close(p.kl(q), kl_divergence(theirs_p, theirs_q))
    torch.testing.assert_close(p.log_prob(q.mean), theirs_p.log_prob(q.mean))


def test_a_shared_variance_counts_once_per_element() -> None:
    p, q = pair((3, 5))
    shared = Gaussian(p.mean, torch.tensor(0.7, dtype=D))
    full = Gaussian(p.mean, torch.full_like(p.mean, 0.7))
    torch.testing.assert_close(shared.kl(q), full.kl(q))
    torch.testing.assert_close(q.kl(shared), q.kl(full))
    torch.testing.assert_close(shared.log_prob(q.mean), full.log_prob(q.mean))


def test_samples_have_the_mean_and_variance() -> None:
    g = Gaussian(torch.full((200_000, 1), 3.0, dtype=D), torch.tensor(0.25, dtype=D))
    x = g.sample(gaussian_noise(0))
    assert abs(x.mean().item() - 3) < 5 * 0.5 / 200_000**0.5
    assert abs(x.var().item() - 0.25) < 5 * 0.25 * (2 / 200_000) ** 0.5
