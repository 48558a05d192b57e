r"""Classifiers of clean and of noisy pictures.

    p(y | x_0)         judges what was generated
    p(y_k | x_0)       the same for several attributes of one picture
    p(y | x_t, t)      steers generation (classifier guidance); trained on noisy pictures of every level

They are trained with `pedesis.training.cross_entropy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.nn.blocks import in_even_rows
from pedesis.process import Process, Time, broadcast
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
