r"""Composition, a product of experts: several conditions at once, each with its weight.

x0 = x0_uncond + sum_i weight_i (x0_cond_i - x0_uncond)      negative weights negate
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction, null
from pedesis.guidance.base import Guided, predict_batched
from pedesis.guidance.classifier_free import rescaled
from pedesis.process import Time, broadcast


class Composition(Guided):
    """Several conditions at once (Liu et al. 2022): the score of q(x) prod_i (q(x | y_i)/q(x))^weight_i.

    Args:
        terms: (condition, weight) pairs, a weight being one number or one per row; positive weights are AND, negative
            weights NOT. The condition of the call itself is ignored.
        share: how far the spread of the first condition's estimate is kept, as in `RescaledGuidance`.
    """

    def __init__(self, inner: Denoiser, terms: Sequence[tuple[Tensor, float | Tensor]], share: float = 0.0):
        super().__init__(inner)
        if not terms:
            raise ValueError("a composition needs at least one (condition, weight)")
        self.terms, self.share = list(terms), share

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditions = [term for term, _ in self.terms]
        *each, unconditional = predict_batched(self.inner, x_t, t, [*conditions, null(conditions[0])])
        weights = [torch.as_tensor(weight, dtype=torch.float64) for _, weight in self.terms]
        pushes = [broadcast(w, x_t) * (one.x0 - unconditional.x0) for one, w in zip(each, weights, strict=True)]
        x0 = unconditional.x0 + sum(pushes)
        x0 = rescaled(x0, each[0].x0, self.share) if self.share else x0
        return self.prediction(x_t, t, x0, variance=each[0].variance)
