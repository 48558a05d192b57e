"""The toy data: of unit size, and drawn from the law they claim."""

import numpy as np
import pytest
import torch

from pedesis.lessons import mixtures


@pytest.mark.parametrize("name", [*mixtures.LINE, *mixtures.PLANE])
def test_mean_zero_and_variance_one(name: str) -> None:
    data = mixtures.mixture(name)
    weights = data.weights / data.weights.sum()
    mean = weights @ data.means
    second = torch.einsum("k,kij->ij", weights, data.covs + data.means[:, :, None] * data.means[:, None, :])
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(second.diagonal(), 1, rtol=1e-12)
    assert data.means.shape[1] == (1 if name in mixtures.LINE else 2)


@pytest.mark.parametrize("name", [*mixtures.LINE, *mixtures.PLANE])
def test_draws_follow_the_law(name: str) -> None:
    points, component = mixtures.sample(name, 20_000)
    share = np.bincount(component, minlength=len(mixtures.mixture(name).weights)) / len(points)
    weights = mixtures.mixture(name).weights
    np.testing.assert_allclose(share, weights / weights.sum(), atol=0.015)
    np.testing.assert_allclose(points.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(points.var(0), 1, atol=0.05)
    assert torch.equal(mixtures.sample(name, 20_000)[0], points)
    assert not torch.equal(mixtures.sample(name, 20_000, 1)[0], points)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="'rings'; did you mean 'ring'"):
        mixtures.mixture("rings")
