r"""Guidance makes a new denoiser out of others; no sampler knows of it.

    classifier         x0 = x0_uncond + scale (sigma^2/alpha) grad log p(y | x_t)
    classifier-free    x0 = x0_uncond + scale (x0_cond - x0_uncond)
    autoguidance       x0 = x0_weak + scale (x0_strong - x0_weak)
    composition        x0 = x0_uncond + sum_i weight_i (x0_cond_i - x0_uncond)      negative weights negate

One convention for `scale`, the notes' gamma, everywhere: 0 is unconditional, 1 plain conditional, more than 1
stronger. Some papers write w = scale - 1: see `from_w`. Because score, eps and x0 are linear in each other at
fixed x_t, the same combination holds for all three.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser, Prediction, null
from pedesis.gaussian import Gaussian
from pedesis.process import Time, broadcast


def from_w(w: float) -> float:
    """The scale of a paper that writes (1 + w) cond - w uncond (Ho and Salimans 2022): scale = 1 + w."""
    return 1 + w


class Guided(Denoiser):
    """A denoiser made from another, `inner`, under the same process. Write `predict`, or only `x0`."""

    def __init__(self, inner: Denoiser):
        super().__init__(inner.process)
        self.inner = inner

    def x0(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor:
        return self.predict(x_t, t, condition).x0

    def variance(self, x_t: Tensor, t: Time, condition: Condition = None) -> Tensor | None:
        return self.inner.variance(x_t, t, condition)


class ClassifierFree(Guided):
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

    def halves(self, x_t: Tensor, t: Time, condition: Condition) -> tuple[Prediction, Prediction]:
        """(conditional, unconditional) predictions; where only one counts, it is computed once and given twice."""
        if condition is None or bool((self.scale == 0).all()):
            alone: Prediction = self.inner(x_t, t, null(condition))
            return alone, alone
        if bool((self.scale == 1).all()):
            alone = self.inner(x_t, t, condition)
            return alone, alone
        conditional, unconditional = together(self.inner, x_t, t, [condition, null(condition)])
        return conditional, unconditional

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """The guided estimate of x_0 from the two halves."""
        return unconditional + broadcast(self.scale, conditional) * (conditional - unconditional)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditional, unconditional = self.halves(x_t, t, condition)
        x0 = self.combined(conditional.x0, unconditional.x0)
        return self.prediction(x_t, t, x0, variance=conditional.variance)


def checked_scale(scale: float | Tensor) -> Tensor:
    """A guidance scale as float64. Raises ValueError unless it is finite and at least 0."""
    checked = torch.as_tensor(scale, dtype=torch.float64)
    if not bool(torch.isfinite(checked).all()) or bool((checked < 0).any()):
        raise ValueError(f"the guidance scale must be a finite number, at least 0; got {scale}")
    return checked


def together(inner: Denoiser, x_t: Tensor, t: Time, conditions: Sequence[Condition]) -> list[Prediction]:
    """The predictions under several conditions, computed as one batch."""
    count = len(conditions)
    rows = x_t.repeat(count, *[1] * (x_t.ndim - 1))
    times = t.repeat(count) if isinstance(t, Tensor) and t.ndim == 1 else t
    said: Prediction = inner(rows, times, torch.cat([c for c in conditions if c is not None]))
    return said.chunk(count)


class Rescaled(ClassifierFree):
    """Classifier-free guidance whose estimate keeps the spread of the conditional one (Lin et al. 2024).

    x0 <- x0 ((1 - share) + share std(x0_cond) / std(x0)), the standard deviation over each row.
    """

    def __init__(self, inner: Denoiser, scale: float | Tensor, share: float = 0.7):
        super().__init__(inner, scale)
        self.share = share

    def combined(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        return rescaled(super().combined(conditional, unconditional), conditional, self.share)


def rescaled(guided: Tensor, conditional: Tensor, share: float) -> Tensor:
    """A guided estimate brought `share` of the way to the spread of the conditional one, row by row."""
    ratio = conditional.flatten(1).std(1) / guided.flatten(1).std(1)
    return guided * broadcast(1 - share + share * ratio, guided)


class ClassifierFreePlusPlus(ClassifierFree):
    """CFG++ (Chung et al. 2024): the guided x0 with the unconditional eps.

    Under DDIM it equals classifier-free guidance with scale / (1 - exp((log_snr_t - log_snr_s)/2)), so its own
    scale lies in [0, 1].
    """

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditional, unconditional = self.halves(x_t, t, condition)
        x0 = self.combined(conditional.x0, unconditional.x0)
        return self.prediction(x_t, t, x0, unconditional.eps, conditional.variance)


class Projected(ClassifierFree):
    """Adaptive projected guidance (Sadat et al. 2024), without its momentum: less of the push that only brightens.

    The push x0_cond - x0_uncond is first made at most `limit` long (its norm over all elements). Its part along x0_cond
    saturates colours; it is kept `parallel` times, the part across it in full. The paper also carries a share of the
    push from step to step; a denoiser has no memory of steps.
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


class ClassifierGuided(Guided):
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

    Not the same as `ClassifierGuided`: for a step from t to s it shifts by the variance of the step, and the two
    differ by O(step^2) (001, "Classifier guidance"; Dhariwal and Nichol 2021, algorithm 1).
    """
    return Gaussian(kernel.mean + scale * kernel.var * gradient, kernel.var)


class AutoGuided(Guided):
    """Autoguidance (Karras et al. 2024): away from a weaker model of the same data.

    x0 = x0_weak + scale (x0_strong - x0_weak): scale 1 is the strong model alone.
    """

    def __init__(self, inner: Denoiser, weak: Denoiser, scale: float | Tensor):
        super().__init__(inner)
        self.weak, self.scale = weak, checked_scale(scale)

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        strong: Prediction = self.inner(x_t, t, condition)
        if bool((self.scale == 1).all()):
            return strong
        weak = self.weak.x0(x_t, t, condition)
        x0 = weak + broadcast(self.scale, x_t) * (strong.x0 - weak)
        return self.prediction(x_t, t, x0, variance=strong.variance)


class Composed(Guided):
    """Several conditions at once (Liu et al. 2022): the score of q(x) prod_i (q(x | y_i)/q(x))^weight_i.

    Args:
        terms: (condition, weight) pairs, a weight being one number or one per row; positive weights are AND, negative
            weights NOT. The condition of the call itself is ignored.
        share: how far the spread of the first condition's estimate is kept, as in `Rescaled`.
    """

    def __init__(self, inner: Denoiser, terms: Sequence[tuple[Tensor, float | Tensor]], share: float = 0.0):
        super().__init__(inner)
        if not terms:
            raise ValueError("a composition needs at least one (condition, weight)")
        self.terms, self.share = list(terms), share

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        conditions = [term for term, _ in self.terms]
        *each, unconditional = together(self.inner, x_t, t, [*conditions, null(conditions[0])])
        weights = [torch.as_tensor(weight, dtype=torch.float64) for _, weight in self.terms]
        pushes = [broadcast(w, x_t) * (one.x0 - unconditional.x0) for one, w in zip(each, weights, strict=True)]
        x0 = unconditional.x0 + sum(pushes)
        x0 = rescaled(x0, each[0].x0, self.share) if self.share else x0
        return self.prediction(x_t, t, x0, variance=each[0].variance)


class WithinInterval(Guided):
    """Guidance only where it helps (Kynkaanniemi et al. 2024): `guided` while low < log_snr <= high, else `inner`.

    Args:
        inner: the plain conditional denoiser. guided: the one to use inside the interval.
    """

    def __init__(self, inner: Denoiser, guided: Denoiser, low: float, high: float):
        super().__init__(inner)
        if not low < high:
            raise ValueError(f"the interval of log_snr needs low < high; got {low} and {high}")
        self.guided, self.low, self.high = guided, low, high

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        log_snr = self.process.log_snr(t)
        inside = (log_snr > self.low) & (log_snr <= self.high)
        if bool(inside.all()):
            return self.guided(x_t, t, condition)  # type: ignore[no-any-return]
        if not bool(inside.any()):
            return self.inner(x_t, t, condition)  # type: ignore[no-any-return]
        plain: Prediction = self.inner(x_t, t, condition)
        chosen = torch.where(broadcast(inside, x_t) > 0, self.guided(x_t, t, condition).x0, plain.x0)
        return self.prediction(x_t, t, chosen, variance=plain.variance)
