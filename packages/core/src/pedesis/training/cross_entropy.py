r"""The losses of classifiers, for `pedesis.training.fit`.

-log p(y | x_t)              noisy pictures of every level (t = 0 for a classifier of clean ones)
-sum_k log p(y_k | x_0)      several attributes of one clean picture
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pedesis.denoiser import Condition
from pedesis.guidance.classifiers import AttributeClassifier, CleanClassifier, NoisyClassifier
from pedesis.utils.noise import TrainingNoise


def cross_entropy(
    model: CleanClassifier | NoisyClassifier, x0: Tensor, label: Condition, noise: TrainingNoise
) -> tuple[Tensor, Tensor]:
    """-log p(label | x_t) of each row and its time, for `pedesis.training.fit`; clean classifiers have t = 0."""
    assert label is not None, "a classifier learns from labels"
    if isinstance(model, NoisyClassifier):
        t = noise.stratified()
        log_probs = model.log_probs(model.process.marginal(x0, t).sample(noise), t)
    else:
        t = torch.zeros(x0.shape[0], dtype=torch.float64)  # times are kept on the CPU
        log_probs = model.log_probs(random_shift(x0, noise))
    return F.nll_loss(log_probs, label, reduction="none"), t


def attribute_cross_entropy(
    model: AttributeClassifier, x0: Tensor, labels: Condition, noise: TrainingNoise
) -> tuple[Tensor, Tensor]:
    """-sum_k log p(y_k | x_0) of each row, over the attributes that can be seen; labels (B, K), -1 where hidden."""
    assert labels is not None, "an attribute classifier learns from labels"
    each = zip(model.log_probs(x0), labels.unbind(1), strict=True)
    terms = [F.nll_loss(log_probs, label, ignore_index=-1, reduction="none") for log_probs, label in each]
    return torch.stack(terms).sum(0), torch.zeros(len(x0), dtype=torch.float64)


def random_shift(x0: Tensor, noise: TrainingNoise, most: int = 2) -> Tensor:
    """Each picture moved by up to `most` pixels either way and mirrored half of the time."""
    offset = (noise.uniform(torch.empty(x0.shape[0], 3)) * torch.tensor([2 * most + 1, 2 * most + 1, 2])).long()
    padded = F.pad(x0, (most, most, most, most), mode="replicate")
    height, width = x0.shape[2:]
    rows = []
    for picture, (down, right, mirror) in zip(padded, offset.tolist(), strict=True):
        piece = picture[:, down : down + height, right : right + width]
        rows.append(piece.flip(-1) if mirror else piece)
    return torch.stack(rows)
