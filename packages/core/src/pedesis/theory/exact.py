r"""Data distributions whose denoiser is known in closed form: the truth that everything is tested against.

A mixture of Gaussians p(x_0) = sum_k w_k N(m_k, S_k) stays one under the forward process,

    q(x_t) = sum_k w_k N(alpha m_k, C_k),   C_k = alpha^2 S_k + sigma^2 I

and so does its posterior p(x_0 | x_t) = sum_k r_k N(m_k + alpha S_k C_k^-1 (x_t - alpha m_k), V_k) with
V_k = S_k - alpha^2 S_k C_k^-1 S_k and responsibilities r_k = softmax(log w_k + log N(x_t; alpha m_k, C_k)).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.gaussian import Noise
from pedesis.process import Process, Time


@dataclass(frozen=True)
class Mixture:
    """sum_k weight_k N(mean_k, cov_k) in D dimensions.

    Attributes:
        weights: (K,), positive; normalized on use. means: (K, D). covs: (K, D, D), positive definite.
        labels: (K,) int64, the class of each component, or None.
    """

    weights: Tensor
    means: Tensor
    covs: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        k, d = self.means.shape
        if self.weights.shape != (k,) or self.covs.shape != (k, d, d) or not bool((self.weights > 0).all()):
            raise ValueError(
                f"a mixture of {k} Gaussians in {d} dimensions needs {k} positive weights and covariances "
                f"({k}, {d}, {d}); got {tuple(self.weights.shape)} and {tuple(self.covs.shape)}"
            )

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Mixture:
        """The mixture with every tensor changed, for instance moved to a device."""
        labels = None if self.labels is None else change(self.labels)
        return Mixture(change(self.weights), change(self.means), change(self.covs), labels)

    def log_weights(self, condition: Condition, rows: int) -> Tensor:
        """log w_k for each row (B, K): the class-conditional mixture where the row's class is not null."""
        return of_class(self.weights.log().expand(rows, -1), self.labels, condition).log_softmax(1)

    def sample(self, rows: int, noise: Noise, uniform: Tensor) -> tuple[Tensor, Tensor]:
        """Draw (B, D) points and their components (B,), from normals and `uniform` (B,) in [0, 1)."""
        edges = self.weights.cumsum(0) / self.weights.sum()
        component = torch.searchsorted(edges, uniform.to(edges)).clamp(max=len(edges) - 1)
        means = self.means[component]
        roots = torch.linalg.cholesky(self.covs)[component]
        return means + torch.einsum("bij,bj->bi", roots, noise(means)), component


def of_class(log_weights: Tensor, labels: Tensor | None, condition: Condition) -> Tensor:
    """Log weights (B, K) with -inf for what is of another class than a row asks for; null rows are left whole.

    Raises:
        ValueError: a condition where there are no labels, or one that none of them meets.
    """
    if condition is None:
        return log_weights
    if labels is None:
        raise ValueError("these data have no labels and would ignore the condition; give none")
    met = (condition[:, None] < 0) | (labels == condition[:, None])
    if not bool(met.any(1).all()):
        raise ValueError(
            f"no datum has the class {int(condition[~met.any(1)][0])}; there are {labels.unique().tolist()}"
        )
    return log_weights.masked_fill(~met, -torch.inf)


def log_normal(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    """log N(x; mean, cov) in nats, from cov = L L^T: -|L^-1 (x - mean)|^2 / 2 - log det L - D/2 log 2 pi.

    Args:
        x: (..., D). mean: (..., D). cov: (..., D, D), positive definite. Their leading dimensions are broadcast.
    """
    root = torch.linalg.cholesky(cov)
    inverse = torch.linalg.solve_triangular(root, torch.eye(x.shape[-1]).to(root).expand_as(root), upper=False)
    white = (inverse * (x - mean)[..., None, :]).sum(-1)
    constant = x.shape[-1] / 2 * math.log(math.tau)
    density: Tensor = -white.square().sum(-1) / 2 - root.diagonal(dim1=-2, dim2=-1).log().sum(-1) - constant
    return density


class ExactDenoiser(Denoiser):
    """A denoiser that knows the density of its data at every noise level, and so its true reverse conditional."""

    @abstractmethod
    def log_prob(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        """log q(x_t | condition) in nats, (B,)."""

    def log_reverse(self, x_s: Tensor, x_t: Tensor, s: Time, t: Time, condition: Condition = None) -> Tensor:
        """[R1] log q(x_s | x_t), the true reverse conditional, by Bayes' rule; nats (B,), 0 < s < t.

        Formula: q(z_{t-1}\\mid z_t) = \\frac{q(z_t\\mid z_{t-1})\\,q(z_{t-1})}{q(z_t)}
        Source: 000, "Conditional distribution"; 001; 002 (intractable in general, not for a mixture)
        """
        forward = self.process.transition(x_s, s, t).log_prob(x_t)
        return forward + self.log_prob(x_s, s, condition) - self.log_prob(x_t, t, condition)


class MixtureDenoiser(ExactDenoiser):
    """[F10] E[x_0 | x_t], Var[x_0 | x_t], log q(x_t) and its score for a mixture of Gaussians.

    Formula: q(z_t) = \\sum_k w_k\\,\\mathcal N\\big(\\alpha m_k,\\ \\alpha^2 S_k + \\sigma^2 I\\big)
    Source: 000, "Conditional distribution"
    """

    def __init__(self, mixture: Mixture, process: Process):
        super().__init__(process)
        self.mixture = mixture

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> MixtureDenoiser:
        """`to(device)` and the like move the mixture too."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.mixture = self.mixture.mapped(fn)
        return self

    def components(self, t: Time, like: Tensor) -> tuple[Tensor, Tensor]:
        """Means alpha m_k (B or 1, K, D) and covariances alpha^2 S_k + sigma^2 I (B or 1, K, D, D) of q(x_t)."""
        alpha, sigma, _ = self.process.scales(t, like[:, 0])
        alpha, sigma = alpha.reshape(-1, 1, 1), sigma.reshape(-1, 1, 1, 1)
        identity = torch.eye(like.shape[1], dtype=like.dtype, device=like.device)
        return alpha * self.mixture.means, alpha[..., None] ** 2 * self.mixture.covs + sigma**2 * identity

    def log_joint(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        """log w_k + log N(x_t; alpha m_k, C_k), (B, K)."""
        means, covs = self.components(t, x_t)
        return self.mixture.log_weights(condition, len(x_t)) + log_normal(x_t[:, None], means, covs)

    def log_prob(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.log_joint(x_t, t, condition).logsumexp(1)

    def log_class(self, x_t: Tensor, t: Time, label: Tensor) -> Tensor:
        """log p(label | x_t), the exact noise-aware classifier, (B,)."""
        if self.mixture.labels is None:
            raise ValueError("this mixture has no class labels")
        joint = self.log_joint(x_t, t)
        mine = joint.masked_fill(self.mixture.labels != label[:, None], -torch.inf)
        return mine.logsumexp(1) - joint.logsumexp(1)

    def moments(self, x_t: Tensor, t: Time, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Mean (B, D) and full covariance (B, D, D) of p(x_0 | x_t, condition)."""
        means, covs = self.components(t, x_t)
        alpha, _, _ = self.process.scales(t, x_t[:, 0])
        alpha = alpha.reshape(-1, 1, 1, 1)
        gain = alpha * torch.linalg.solve(covs, self.mixture.covs.expand_as(covs)).mT  # alpha S_k C_k^-1
        mean = self.mixture.means + torch.einsum(
            "bkij,bkj->bki", gain.expand(len(x_t), -1, -1, -1), x_t[:, None] - means
        )
        cov = self.mixture.covs - alpha * gain @ self.mixture.covs
        share = self.log_joint(x_t, t, condition).softmax(1)
        overall = torch.einsum("bk,bki->bi", share, mean)
        apart = mean - overall[:, None]
        interpolate = torch.einsum("bk,bki,bkj->bij", share, apart, apart)
        return overall, torch.einsum("bk,bkij->bij", share, cov) + interpolate

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.moments(x_t, t, condition)[0]

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.moments(x_t, t, condition)[1].diagonal(dim1=-2, dim2=-1)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        mean, cov = self.moments(x_t, t, condition)
        return self.prediction(x_t, t, mean, variance=cov.diagonal(dim1=-2, dim2=-1))


class EmpiricalDenoiser(ExactDenoiser):
    """The training set itself as a denoiser: a softmax-weighted mean of the data (Bishop's remark).

    q(x_t) = 1/N sum_n N(x_t; alpha x_n, sigma^2 I), and x0_hat = sum_n p(x_n | x_t) x_n: the optimum of the training
    loss, which can only ever give back the training set.

    Args:
        data: (N, ...). labels: (N,) int64 or None.
    """

    def __init__(self, data: Tensor, process: Process, labels: Tensor | None = None):
        super().__init__(process)
        self.data: Tensor
        self.labels: Tensor | None
        self.register_buffer("data", data, persistent=False)
        self.register_buffer("labels", labels, persistent=False)

    def log_joint(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        """log p(x_n | condition) + log N(x_t; alpha x_n, sigma^2 I) for every training point, (B, N)."""
        alpha, sigma, _ = self.process.scales(t, x_t.flatten(1))
        distance = torch.cdist(x_t.flatten(1) / alpha, self.data.flatten(1))
        density = -((alpha * distance / sigma) ** 2) / 2 - self.data[0].numel() * (sigma * math.tau**0.5).log()
        share = torch.zeros(len(x_t), len(self.data), dtype=density.dtype, device=density.device)
        share = of_class(share, self.labels, condition)
        joint: Tensor = share.log_softmax(1) + density
        return joint

    def log_prob(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.log_joint(x_t, t, condition).logsumexp(1)

    def log_weights(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        """log p(x_n | x_t) for every training point, (B, N)."""
        return self.log_joint(x_t, t, condition).log_softmax(1)

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        weights = self.log_weights(x_t, t, condition).exp()
        return (weights @ self.data.flatten(1)).reshape(x_t.shape)

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        weights = self.log_weights(x_t, t, condition).exp()
        mean = weights @ self.data.flatten(1)
        return (weights @ self.data.flatten(1) ** 2 - mean**2).clamp(min=0).reshape(x_t.shape)
