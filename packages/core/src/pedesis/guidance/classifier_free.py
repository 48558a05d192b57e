r"""Classifier-free guidance: away from what the model draws without a condition, toward what it draws with one.

classifier-free    x0 = x0_uncond + scale (x0_cond - x0_uncond)
rescaled           the same, with the spread of x0_cond kept
CFG++              the same x0, with the eps of the unconditional branch
projected (APG)    only the part of the push that is not along x0_cond
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction, null
from pedesis.guidance.base import Guided, checked_scale, predict_batched
from pedesis.process import Time, broadcast


def from_w(w: float) -> float:
    """The scale of a paper that writes (1 + w) cond - w uncond (Ho and Salimans 2022): scale = 1 + w."""
    return 1 + w


class ClassifierFreeGuidance(Guided):
    """[N11] Classifier-free guidance (Ho and Salimans 2022).

    Formula: \\nabla\\log p_\\gamma(x_t\\mid y) = \\gamma\\,\\nabla\\log p(x_t\\mid y)
        + (1-\\gamma)\\,\\nabla\\log p(x_t)
    Source: 001, "Classifier-free guidance"

    Both halves are computed as one batch; at scale 0 or 1 only the half that counts.

    Args:
        scale: gamma >= 0, one number or one per row, (B,).
    """

    def __init__(self, inner: Denoiser, scale: float | Tensor):
        super().__init__(inner)
        self.scale = checked_scale(scale)

    def conditional_and_unconditional(
        self, x_t: Tensor, t: Time, condition: Condition
    ) -> tuple[Prediction, Prediction]:
        """(conditional, unconditional) predictions; where only one counts, it is computed once and given twice."""
        if condition is None or bool((self.scale == 0).all()):
            alone: Prediction = self.inner(x_t, t, null(condition))
            return alone, alone
        if bool((self.scale == 1).all()):
            alone = self.inner(x_t, t, condition)
            return alone, alone
        conditional, unconditional = predict_batched(self.inner, x_t, t, [condition, null(condition)])
        return conditional, unconditional

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """The guided estimate of x_0 from the two halves."""
        return unconditional + broadcast(self.scale, conditional) * (conditional - unconditional)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditional, unconditional = self.conditional_and_unconditional(x_t, t, condition)
        x0 = self.combined(conditional.x0, unconditional.x0)
        return self.prediction(x_t, t, x0, variance=conditional.variance)


class RescaledGuidance(ClassifierFreeGuidance):
    """Classifier-free guidance whose estimate keeps the spread of the conditional one (Lin et al. 2024).

    x0 <- x0 ((1 - phi) + phi std(x0_cond) / std(x0)), the standard deviation over each row.
    """

    def __init__(self, inner: Denoiser, scale: float | Tensor, phi: float = 0.7):
        super().__init__(inner, scale)
        self.phi = phi

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        return rescaled(super().combined(conditional, unconditional), conditional, self.phi)


def rescaled(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """A guided estimate with its spread brought towards the conditional one, row by row.

    x0 ((1 - phi) + phi std(x0_cond) / std(x0)), phi in [0, 1]; a row that is the same everywhere stays as it is.
    """
    spread = guided.flatten(1).std(1)
    ratio = torch.where(spread > 0, conditional.flatten(1).std(1) / spread, 1.0)
    return guided * broadcast(1 - phi + phi * ratio, guided)


class CFGPlusPlus(ClassifierFreeGuidance):
    """CFG++ (Chung et al. 2024): the guided x0 with the unconditional eps.

    Under DDIM it equals classifier-free guidance with scale / (1 - exp((log_snr_t - log_snr_s)/2)), so its own
    scale lies in [0, 1].
    """

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditional, unconditional = self.conditional_and_unconditional(x_t, t, condition)
        x0 = self.combined(conditional.x0, unconditional.x0)
        return self.prediction(x_t, t, x0, unconditional.eps, conditional.variance)


class AdaptiveProjectedGuidance(ClassifierFreeGuidance):
    """Adaptive projected guidance (Sadat et al. 2024), without its momentum: less of the push that only brightens.

    The push x0_cond - x0_uncond is first made at most `limit` long (r in the paper; its norm over all elements). Its
    part along x0_cond saturates colors; it is kept `parallel` times (eta), the part across it in full. The paper also
    carries a share of the push from step to step; a denoiser has no memory of steps.
    """

    def __init__(self, inner: Denoiser, scale: float | Tensor, parallel: float = 0.0, limit: float = math.inf):
        super().__init__(inner, scale)
        if not limit > 0:
            raise ValueError(f"the push is limited to a positive length; got {limit}")
        self.parallel, self.limit = parallel, limit

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        push = conditional - unconditional
        length = push.flatten(1).norm(dim=1).clamp(min=1e-12)
        push = broadcast((self.limit / length).clamp(max=1), push) * push
        flat, direction = push.flatten(1), conditional.flatten(1)
        share = (flat * direction).sum(1) / direction.square().sum(1).clamp(min=1e-12)
        along = broadcast(share, push) * conditional
        return conditional + broadcast(self.scale - 1, push) * (push - (1 - self.parallel) * along)
