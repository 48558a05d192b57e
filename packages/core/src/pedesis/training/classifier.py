r"""Classifiers of clean and of noisy pictures.

    p(y | x_0)         judges what was generated
    p(y_k | x_0)       the same for several attributes of one picture
    p(y | x_t, t)      steers generation (classifier guidance); trained on noisy pictures of every level

All are trained with the cross-entropy  -log p(y | x_t).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pedesis.denoiser import Condition
from pedesis.nn.blocks import in_even_rows
from pedesis.process import Process, Time, broadcast
from pedesis.utils.noise import TrainingNoise
from pedesis.utils.precision import at_least_single, autocast, weights_of


class CleanImageNetwork(nn.Module):
    """What looks at clean pictures.

    Args:
        network: x (B, C, H, W) -> logits (B, classes), with a method `features`.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, features)."""
        broadcast(torch.zeros(()), x)
        dtype = weights_of(self.network, x.dtype)
        with autocast(x.device, dtype):
            features: Tensor = self.network.features(x.to(dtype))  # type: ignore[operator]
        return features.to(at_least_single(x.dtype))

    def logits(self, x: Tensor) -> Tensor:
        """What the network says. Raises ValueError for pictures that are no floating tensor."""
        broadcast(torch.zeros(()), x)
        dtype = weights_of(self.network, x.dtype)
        with autocast(x.device, dtype):
            logits: Tensor = self.network(x.to(dtype))
        return logits.to(at_least_single(x.dtype))


class CleanClassifier(CleanImageNetwork):
    """p(y | x_0) of clean pictures."""

    def spec(self) -> dict[str, Any]:
        """Everything but the weights, as plain data."""
        return {"network": self.network.spec()}  # type: ignore[operator]

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(y | x) for every class, (B, classes)."""
        return self.logits(x).log_softmax(1)


class AttributeClassifier(CleanImageNetwork):
    """p(y_k | x_0) for several attributes y_1, ..., y_K of a clean picture.

    Args:
        network: x (B, C, H, W) -> logits (B, V_1 + ... + V_K).
        attributes: (kind, its V_k values in words) for each k.
    """

    def __init__(self, network: nn.Module, attributes: Sequence[tuple[str, Sequence[str]]]):
        super().__init__(network)
        self.attributes = tuple((kind, tuple(values)) for kind, values in attributes)

    def spec(self) -> dict[str, Any]:
        """Everything but the weights, as plain data."""
        attributes = [[kind, list(values)] for kind, values in self.attributes]
        return {"network": self.network.spec(), "attributes": attributes}  # type: ignore[operator]

    def log_probs(self, x: Tensor) -> list[Tensor]:
        """log p(y_k | x) for every value of each kind, (B, V_k)."""
        split = self.logits(x).split([len(values) for _, values in self.attributes], dim=1)
        return [part.log_softmax(1) for part in split]

    def read(self, x: Tensor) -> Tensor:
        """The likeliest value of each kind, (B, K) int64."""
        return torch.stack([log_probs.argmax(1) for log_probs in self.log_probs(x)], dim=1)


class NoisyClassifier(nn.Module):
    """p(y | x_t, t) under a forward process, for classifier guidance.

    Args:
        network: (x, log_snr (B,)) -> logits (B, classes).
        data_std: root mean square of the data, as in `NetworkDenoiser`.
    """

    def __init__(self, network: nn.Module, process: Process, data_std: float = 1.0):
        super().__init__()
        self.network, self.process, self.data_std = network, process, data_std

    def spec(self) -> dict[str, Any]:
        """Everything but the weights, as plain data."""
        network: dict[str, Any] = self.network.spec()  # type: ignore[operator]
        return {"network": network, "process": self.process.spec(), "data_std": self.data_std}

    def log_probs(self, x_t: Tensor, t: Time) -> Tensor:
        """log p(y | x_t) for every class, (B, classes)."""
        return self.log_probs_at(x_t, self.process.log_snr(t))

    def log_probs_at(self, x_t: Tensor, log_snr: Tensor) -> Tensor:
        """`log_probs` at noise levels in place of times: one number, or one per row of x_t, (B,)."""
        alpha, sigma = (broadcast(c, x_t) for c in self.process.alpha_sigma(log_snr))
        scaled = x_t * (alpha**2 * self.data_std**2 + sigma**2).rsqrt()
        dtype, number = weights_of(self.network, x_t.dtype), at_least_single(x_t.dtype)
        log_snr = log_snr.to(x_t.device, number)
        with autocast(x_t.device, dtype):
            logits = in_even_rows(self.network, scaled.to(dtype), log_snr.expand(x_t.shape[0]))
        return logits.to(number).log_softmax(1)

    def log_prob(self, x_t: Tensor, t: Time, label: Tensor) -> Tensor:
        """log p(label | x_t), (B,); differentiable in x_t."""
        return self.log_probs(x_t, t).gather(1, label[:, None])[:, 0]


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
    assert labels is not None, "a reader learns from labels"
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
