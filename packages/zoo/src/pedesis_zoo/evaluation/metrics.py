r"""How good generated pictures are, in the feature space of a classifier of clean pictures.

    Frechet distance    ||m_1 - m_2||^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))       of the two clouds' Gaussians (FID)
    kernel distance     unbiased MMD^2 with the kernel (f.g/d + 1)^3              (KID)
    precision, recall   share of one cloud inside the k-nearest-neighbor balls of the other (Kynkaanniemi et al. 2019)

Numbers in one feature space compare with each other, never with Inception's. torchmetrics computes the first two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pedesis.guidance.classifiers import CleanClassifier
from pedesis.utils.distributed import divided
from pedesis.utils.images import Pixels, to_model


@dataclass(frozen=True)
class Estimate:
    """A number with a 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """A number without an interval."""
        return cls(value, value, value)

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def features_of(feature_extractor: CleanClassifier, pixels: Pixels, batch: int = 500) -> tuple[Tensor, Tensor]:
    """Features (N, F) and log-probabilities (N, classes) of uint8 pictures (N, H, W, C).

    In several processes (`pedesis.utils.distributed`) each looks at some, and all of them get all; each must call this.
    """

    def features_and_log_probs(rows: range) -> Tensor:
        found = []
        for first in range(rows.start, rows.stop, batch):
            hidden = feature_extractor.features(to_model(pixels[first : min(first + batch, rows.stop)]))
            log_probs = feature_extractor.network.out(hidden).float().log_softmax(1)  # type: ignore[operator]
            found.append(torch.cat([hidden.float(), log_probs], dim=1))
        return torch.cat(found)

    with torch.no_grad():
        both = divided(len(pixels), features_and_log_probs, multiple=batch)
    width = both.shape[1] - feature_extractor.network.out.out_features  # type: ignore[operator,union-attr]
    return both[:, :width].contiguous(), both[:, width:].contiguous()


class _Given(nn.Module):
    """The 'extractor' for features that are already computed."""

    def __init__(self, width: int):
        super().__init__()
        self.num_features = width

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """The Frechet distance between two sets of features, (N, F) and (M, F)."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    alone: dict[str, Any] = {"sync_on_compute": False}  # in several processes each has all rows already
    metric = FrechetInceptionDistance(_Given(real.shape[1]), normalize=True, **alone).eval()
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def kernel_distance(real: Tensor, fake: Tensor, subset: int = 1000, subsets: int = 50, seed: int = 0) -> float:
    """The kernel distance, averaged over random subsets of at most `subset` features of each."""
    from torchmetrics.image.kid import poly_mmd  # its class warns, and draws from the global generator

    size, source = min(subset, len(real), len(fake)), torch.Generator().manual_seed(seed)

    def random_subset(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=source)[:size]]

    return float(torch.stack([poly_mmd(random_subset(real), random_subset(fake)) for _ in range(subsets)]).mean())


def in_manifold(centers: Tensor, points: Tensor, neighbors: int = 3) -> Tensor:
    """Which `points` lie inside the ball of some center, its radius the distance to its k-th neighbor: 0 or 1, (N,)."""
    radii = torch.cat([torch.cdist(rows, centers).kthvalue(neighbors + 1).values for rows in centers.split(1000)])
    inside = [(torch.cdist(rows, centers) <= radii).any(1) for rows in points.split(1000)]
    return torch.cat(inside).double()


def precision_recall(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Improved precision and recall (Kynkaanniemi et al. 2019), before the mean: 0 or 1 for each row of features.

    precision (N,): which fake rows lie in the manifold of the real ones. recall: which of the first N real rows lie in
    that of the fake ones.
    """
    return in_manifold(real, fake), in_manifold(fake, real[: len(fake)])


def nearest_distance(points: Tensor, known: Tensor) -> Tensor:
    """Root mean square difference of each point (N, D) to the nearest known one (M, D), (N,)."""
    nearest = [torch.cdist(rows, known).amin(1) for rows in points.split(500)]
    distances: Tensor = torch.cat(nearest) / points.shape[1] ** 0.5
    return distances


def nearest_other(points: Tensor) -> Tensor:
    """Root mean square difference of each point (N, D) to the nearest of the others, (N,)."""
    nearest = [torch.cdist(rows, points).topk(2, largest=False).values[:, 1] for rows in points.split(500)]
    distances: Tensor = torch.cat(nearest) / points.shape[1] ** 0.5
    return distances


def average(values: Tensor) -> Estimate:
    """The mean of a sample, (N,)."""
    return bootstrap(lambda rows: float(rows.mean()), values)


def paired_gain(scale: float, before: Tensor, after: Tensor, wanted: Tensor) -> dict[str, float]:
    """What a guidance scale gains over scale 1: both shares of what is right, and their difference.

    Args:
        before, after: how many things are right in each picture, at scale 1 and at `scale`, of the same seeds, (N,).
        wanted: how many things are wanted of it, (N,).

    Returns:
        The difference with a 95 % interval over resampled pictures, each with both of its versions.
    """
    table = torch.stack([before, after, wanted], dim=1).double()

    def share(rows: Tensor, column: int) -> float:
        return float(rows[:, column].sum() / rows[:, 2].sum())

    gain = bootstrap(lambda rows: share(rows, 1) - share(rows, 0), table, rounds=1000)
    shares = {"accuracy at 1": share(table, 0), "accuracy": share(table, 1)}
    return {"scale": scale, **shares, "gain": gain.value, "low": gain.low, "high": gain.high}


def memorization(pixels: Pixels, train: Pixels, test: Pixels) -> dict[str, Estimate]:
    """Are pictures copies of training pictures? Their distance to the nearest, beside that of unseen test pictures.

    Distances are root mean squares over a picture's numbers, in gray levels. A model that has copied nothing has
    about 1 % of its pictures nearer to a training picture than the nearest 1 % of test pictures are; copies add to it.
    """
    flat, known, real = (torch.as_tensor(p.reshape(len(p), -1)).float() for p in (pixels, train, test))
    distances, unseen = nearest_distance(flat, known).double(), nearest_distance(real, known).double()
    close = (distances < unseen.quantile(0.01)).double()
    return {
        "gray levels to the nearest training picture, median": bootstrap(lambda rows: float(rows.median()), distances),
        "the same for real test pictures": Estimate.exact(float(unseen.median())),
        "share nearer than the nearest 1 % of test pictures": average(close),
    }


def bootstrap(statistic: Callable[[Tensor], float], fake: Tensor, rounds: int = 100, seed: int = 0) -> Estimate:
    """A statistic of a sample, with the 2.5 % and 97.5 % quantiles over resamples of its rows.

    Resampled Frechet distances are biased upwards; the interval is shifted to be centered on the estimate.
    """
    source = torch.Generator().manual_seed(seed)
    value = statistic(fake)
    again = [statistic(fake[torch.randint(len(fake), (len(fake),), generator=source)]) for _ in range(rounds)]
    low, middle, high = np.quantile(again, [0.025, 0.5, 0.975])
    return Estimate(value, float(value + low - middle), float(value + high - middle))
