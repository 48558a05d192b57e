r"""A denoiser answers one question: which clean data does this noisy point stand for, on average?

    x0_hat(x_t, t, y) = E[ x_0 | x_t, y ]

    eps_hat = (x_t - alpha x0_hat) / sigma       the noise
    score   = -eps_hat / sigma                   grad log q(x_t | y)       (Tweedie)
    v       = alpha eps_hat - sigma x0_hat

Networks, closed-form mixtures, the training set itself and guided models are all denoisers, and a sampler
cannot tell them apart.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.nn.blocks import in_even_rows
from pedesis.parameterizations import PARAMETERIZATIONS, Parameterization
from pedesis.process import Process, Time, broadcast
from pedesis.utils.device import to_device
from pedesis.utils.hooks import capture_outputs
from pedesis.utils.precision import at_least_single, autocast, plain, weights_of

Condition = Tensor | None
"""What an image should show, batch first: classes (B,) int64, token ids (B, L) int64, an image. Negative
integers are null, and so is an image of zeros; None means that every row is null (unconditional)."""


def drop(condition: Condition, mask: Tensor) -> Condition:
    """Make the rows of a condition null where `mask` (B,) is true."""
    if condition is None:
        return None
    mask = to_device(mask, condition.device).reshape(-1, *([1] * (condition.ndim - 1)))
    return condition.masked_fill(mask, 0 if condition.is_floating_point() else -1)


@dataclass(frozen=True)
class Prediction:
    """What a denoiser says about x_t: the data, the noise, and how sure it is.

    Attributes:
        x_t, x0, eps: (B, ...), with x_t = alpha x0 + sigma eps unless a guidance rule chose otherwise.
        alpha, sigma: shaped to multiply them.
        variance: Var[x_0 | x_t] per element, broadcastable to x_t, or None where the denoiser has none.
    """

    x_t: Tensor
    x0: Tensor
    eps: Tensor
    alpha: Tensor
    sigma: Tensor
    variance: Tensor | None = None

    @property
    def score(self) -> Tensor:
        """[R8] grad log q(x_t) as the mean of the conditional scores.

        Formula: \\nabla\\log q(x_t\\mid x_0) = -\\frac{\\epsilon}{\\sqrt{1-\\bar\\alpha_t}},\\qquad
            \\nabla\\log q(x_t) = \\mathbb E\\big[\\nabla\\log q(x_t\\mid x_0)\\mid x_t\\big]
        Source: 001, "interpretation III"
        """
        return -self.eps / self.sigma

    @property
    def v(self) -> Tensor:
        """alpha eps - sigma x0 (Salimans and Ho 2022)."""
        return self.alpha * self.eps - self.sigma * self.x0

    def chunk(self, count: int) -> list[Prediction]:
        """Predictions of `count` equal parts of the batch."""

        def parts(value: Tensor | None) -> Sequence[Tensor | None]:
            if value is None or value.ndim == 0 or len(value) < len(self.x_t):
                return [value] * count  # common to all rows
            return value.chunk(count)

        values = [parts(getattr(self, field.name)) for field in fields(self)]
        return [Prediction(*each) for each in zip(*values, strict=True)]


def completed(
    x_t: Tensor, x0: Tensor, alpha: Tensor, sigma: Tensor, eps: Tensor | None = None, variance: Tensor | None = None
) -> Prediction:
    """An estimate of x0 with the eps that explains x_t, (x_t - alpha x0)/sigma, unless another is given.

    Where sigma = 0 nothing has to be estimated, whatever was: E[x_0 | x_0] = x_0, E[eps | x_0] = 0, Var = 0.
    """
    clean = sigma == 0
    if eps is None:
        eps = (x_t - alpha * x0) / sigma.masked_fill(clean, 1)
    x0, eps = torch.where(clean, x_t / alpha, x0), torch.where(clean, 0, eps)
    if variance is not None:
        variance = torch.where(clean, 0, variance)
    return Prediction(x_t, x0, eps, alpha, sigma, variance)


class Denoiser(nn.Module):
    """E[x_0 | x_t, condition] under a forward process. Write `x0`; calling it gives a `Prediction`."""

    def __init__(self, process: Process):
        super().__init__()
        self.process = process

    def toward(self, log_snr: float | Tensor) -> Denoiser:
        """The same denoiser, told at which log-SNR the step ends: only a flow map answers otherwise then."""
        return self

    @abstractmethod
    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        """The mean of x_0 given x_t, of the shape of x_t."""

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        """Var[x_0 | x_t] per element (broadcastable to x_t), or None if it is not known."""
        return None

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        """The full answer; override where x0 and variance, or x0 and eps, come from one computation."""
        x0 = self.x0(x_t, t, condition)
        return self.prediction(x_t, t, x0, variance=self.variance(x_t, t, condition))

    def prediction(
        self, x_t: Tensor, t: Time, x0: Tensor, eps: Tensor | None = None, variance: Tensor | None = None
    ) -> Prediction:
        """Complete an x0 estimate with the eps that explains x_t, see `completed`."""
        alpha, sigma, _ = self.process.scales(t, x_t)
        return completed(x_t, x0, alpha, sigma, eps, variance)

    def forward(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        """`predict`, outside of any autocast of the caller's.

        Raises:
            ValueError: x_t without a batch axis, or that is no floating tensor.
        """
        if x_t.ndim < 2:
            raise ValueError(f"x_t needs a batch axis first: (B, ...); got shape {tuple(x_t.shape)}")
        broadcast(torch.zeros(()), x_t)
        with plain(x_t.device):
            return self.predict(x_t, t, condition)


class NetworkDenoiser(Denoiser):
    """A neural network read through a parameterization.

        output = network(c_in x_t, log_snr, condition),   c_in = 1 / sqrt(alpha^2 data_std^2 + sigma^2)

    The network sees the noise level as log_snr, never t, so the schedule can be changed after training. A network
    that answers with twice the channels also says how sure it is, r = sigmoid(second half):

        Var[x_0 | x_t] = r sigma^2 / (alpha^2 + sigma^2),   between the `posterior` rule (0) and `beta` (1)

    Args:
        network: (x (B, C, ...), log_snr (B,), condition) -> (B, C, ...) or (B, 2 C, ...).
        parameterization: what its output means; an object or a name ("x0", "eps", "score", "v", "flow").
        data_std: root mean square of the data, so that the network's input has variance 1.
    """

    scale: float | Tensor | None = None
    """The guidance scale that a network with a `guided` input is told; see `at`."""
    end: float | Tensor | None = None
    """The log-SNR at which a step ends, as a network with the input `jumps` is told; see `toward`."""

    def __init__(
        self,
        network: nn.Module,
        process: Process,
        parameterization: Parameterization | str = "v",
        data_std: float = 1.0,
    ):
        super().__init__(process)
        self.network = network
        self.parameterization = PARAMETERIZATIONS.of(parameterization)
        self.data_std = data_std

    def __repr__(self) -> str:
        size = sum(weights.numel() for weights in self.network.parameters()) / 1e6
        network = f"{type(self.network).__name__} of {size:.1f} million parameters"
        return f"NetworkDenoiser({network}, {self.process!r}, {self.parameterization.name!r})"

    def spec(self) -> dict[str, Any]:
        """Everything but the weights, as plain data (the header of a weight file)."""
        return {
            "network": self.network.spec(),  # type: ignore[operator]
            "process": self.process.spec(),
            "parameterization": self.parameterization.spec(),
            "data_std": self.data_std,
        }

    @property
    def guided(self) -> bool:
        """Whether the guidance scale is an input of the network, as it is of distilled ones."""
        return bool(self.option("guided"))

    def option(self, name: str) -> Any:
        """A field of the network's own configuration, or None if it has none of that name."""
        return getattr(getattr(self.network, "config", None), name, None)

    def at(self, scale: float | Tensor) -> NetworkDenoiser:
        """The same weights under another guidance scale, one number or one per row (B,).

        Raises:
            ValueError: the network has no such input; guide it with `pedesis.guidance.ClassifierFreeGuidance`.
        """
        if not self.guided:
            raise ValueError("this network takes no guidance scale; use pedesis.guidance.ClassifierFreeGuidance")
        twin = copy.copy(self)
        twin.scale = scale
        return twin

    def toward(self, log_snr: float | Tensor) -> NetworkDenoiser:
        """The same weights for a step that ends at a log-SNR, one number or one per row (B,); without it, none is made.

        A network with the input `jumps` answers with the x_0 and eps of one DDIM step, see `pedesis.losses.flow_map`.
        """
        twin = copy.copy(self)
        twin.end = log_snr
        return twin if self.option("jumps") else self

    def network_output(self, x_t: Tensor, log_snr: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor | None]:
        """The network's output, in the type of x_t: an estimate of the target, and the logit of r if there is one.

        Args:
            log_snr: one number, or one per row of x_t, (B,).

        Raises:
            ValueError: a condition that the network cannot take, or would ignore.
        """
        traced = torch.compiler.is_compiling()  # values cannot be looked at
        if condition is not None and hasattr(self.network, "check_condition") and not traced:
            self.network.check_condition(condition, x_t.shape[0])  # type: ignore[operator]
        alpha, sigma = (broadcast(c, x_t) for c in self.process.alpha_sigma(log_snr))
        scaled = x_t * (alpha**2 * self.data_std**2 + sigma**2).rsqrt()
        rows, number, dtype = x_t.shape[0], at_least_single(x_t.dtype), weights_of(self.network, x_t.dtype)
        inputs = {"scale": 1.0 if self.scale is None else self.scale} if self.guided else {}
        inputs |= {} if self.end is None else {"end": self.end}
        numbers = {k: to_device(torch.as_tensor(v), x_t.device, number).expand(rows) for k, v in inputs.items()}
        level = to_device(log_snr, x_t.device, number).expand(rows)
        with autocast(x_t.device, dtype):
            out = in_even_rows(self.network, scaled.to(dtype), level, condition, **numbers)
        out = out.to(x_t.dtype)
        channels = x_t.shape[1]
        return out[:, :channels], out[:, channels:] if out.shape[1] > channels else None

    def prediction_from_output(
        self, x_t: Tensor, t: Time, network_output: Tensor, logit: Tensor | None = None
    ) -> Prediction:
        """The prediction that an output of the network stands for."""
        return self.prediction_from_output_at(x_t, self.process.log_snr(t), network_output, logit)

    def prediction_from_output_at(
        self, x_t: Tensor, log_snr: Tensor, network_output: Tensor, logit: Tensor | None = None
    ) -> Prediction:
        """`prediction_from_output` at noise levels in place of times: one number, or one per row of x_t, (B,)."""
        alpha, sigma = (broadcast(c, x_t) for c in self.process.alpha_sigma(log_snr))
        x0 = self.parameterization.x0(network_output, x_t, alpha, sigma)
        variance = None if logit is None else logit.sigmoid() * (sigma**2 / (alpha**2 + sigma**2))
        return completed(x_t, x0, alpha, sigma, variance=variance)

    def predict_at(self, x_t: Tensor, log_snr: Tensor, condition: Condition = None) -> Prediction:
        """`predict` at noise levels in place of times: a plain function of tensors, which can be traced."""
        return self.prediction_from_output_at(x_t, log_snr, *self.network_output(x_t, log_snr, condition))

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        return self.predict_at(x_t, self.process.log_snr(t), condition)

    def features(self, x_t: Tensor, t: Time, names: Sequence[str], condition: Condition = None) -> dict[str, Tensor]:
        """What layers of the network say on the way to a prediction, in the type of x_t, (B, ...) each.

        Args:
            names: of layers, as `network.named_modules()` has them: "down.0.1", "middle", "up.1.0", ...

        Raises:
            UnknownName: no such layer. ValueError: a layer that answers with no tensor, or is not asked.
        """
        with capture_outputs(self.network, names) as found:
            self.predict(x_t, t, condition)
        return {name: answer[: len(x_t)].to(x_t.dtype) for name, answer in found.items()}

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.predict(x_t, t, condition).x0

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        if not self.option("variance"):
            return None  # without an evaluation
        return self.predict(x_t, t, condition).variance


def null(condition: Condition) -> Condition:
    """The condition with every row made null."""
    return None if condition is None else drop(condition, torch.ones(condition.shape[0], dtype=torch.bool))
