r"""Classifier guidance: the gradient of any log p(y | x_t) steers a denoiser that knows no condition.

x0 = x0_uncond + scale (sigma^2/alpha) grad log p(y | x_t)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction, null
from pedesis.gaussian import Gaussian
from pedesis.guidance.base import Guided, checked_scale
from pedesis.process import Time, broadcast


class ClassifierGuidance(Guided):
    """[N10] Classifier guidance (Dhariwal and Nichol 2021): any differentiable log p(y | x_t) steers a denoiser.

    Formula: \\nabla\\log p_\\gamma(x_t\\mid y) = \\nabla\\log p(x_t) + \\gamma\\,\\nabla\\log p(y\\mid x_t)
    Source: 001, "Classifier guidance"

    The inner denoiser is asked without condition. The score, eps and x0 forms are the same thing; the form that
    shifts the mean of a step is `shifted_mean`, and differs by O(step^2).

    Args:
        log_prob: (x_t, t, label (B,)) -> log p(label | x_t), (B,), differentiable in x_t.
        scale: gamma >= 0, one number or one per row. Rows with a negative label are not guided.
    """

    def __init__(self, inner: Denoiser, log_prob: Callable[[Tensor, Time, Tensor], Tensor], scale: float | Tensor):
        super().__init__(inner)
        self.log_prob, self.scale = log_prob, checked_scale(scale)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        plain: Prediction = self.inner(x_t, t, null(condition))
        if condition is None or bool((self.scale == 0).all()):
            return plain
        gradient = class_gradient(self.log_prob, x_t, t, condition)
        push = broadcast(self.scale, x_t) * (plain.sigma**2 / plain.alpha) * gradient
        return self.prediction(x_t, t, plain.x0 + push, variance=plain.variance)


def class_gradient(log_prob: Callable[[Tensor, Time, Tensor], Tensor], x_t: Tensor, t: Time, label: Tensor) -> Tensor:
    """grad log p(label | x_t) with respect to x_t; zero for rows whose label is negative."""
    with torch.enable_grad():
        x = x_t.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(log_prob(x, t, label.clamp(min=0)).sum(), x)
    return gradient * broadcast((label >= 0).to(x_t.dtype), x_t)


def shifted_mean(kernel: Gaussian, gradient: Tensor, scale: float) -> Gaussian:
    """The mean form of classifier guidance: N(mu + scale var grad log p(y | x = mu), var).

    Not the same as `ClassifierGuidance`: for a step from t to s it shifts by the variance of the step, and the two
    differ by O(step^2) (001, "Classifier guidance"; Dhariwal and Nichol 2021, algorithm 1).
    """
    return Gaussian(kernel.mean + scale * kernel.var * gradient, kernel.var)
