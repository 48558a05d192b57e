"""posterior(x0, x_t, t) -> mean, variance (or its logarithm): q(x_(t-1) | x_t, x_0).

Mean and variance are read together, as mean + variance * width with a width of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import Examined, Subject, examine
from pedesis.doctor.formulas import POSTERIOR, Formula, chain_symbols
from pedesis.doctor.sandbox import Failed, tensors
from pedesis.doctor.signatures import Call, Clock
from pedesis.process import Chain

WANTED = ("x0", "x_t", "t")

LOG_POSTERIOR = Formula(
    "q(x_(t-1) | x_t, x_0), with the logarithm of the variance",
    POSTERIOR.roles,
    {
        **{symbol: line for symbol, line in POSTERIOR.lines.items() if symbol != "x_prev"},
        "log_variance": "where(s > 0, log(posterior_variance), nan)",  # clipped in many ways at the last step
        "x_prev": "x0_weight * x0 + x_t_weight * x_t + log_variance * variance",
    },
)
MEAN = Formula(
    "the mean of q(x_(t-1) | x_t, x_0)",
    ("x0", "x_t"),
    {
        **{
            symbol: POSTERIOR.lines[symbol]
            for symbol in POSTERIOR.lines
            if symbol not in ("posterior_variance", "x_prev")
        },
        "x_prev": "x0_weight * x0 + x_t_weight * x_t",
    },
)


@dataclass(frozen=True)
class Widened(Call):
    """A posterior whose result is mean + variance * width."""

    def __call__(self, values: Mapping[str, Any]) -> Tensor:
        outputs = tensors(super().__call__(values))
        if not outputs:
            raise Failed("gave back nothing that is a tensor; a posterior gives a mean and a variance")
        mean = outputs[0]
        if len(outputs) == 1 or "variance" not in values:
            return mean
        width, variance = values["variance"], outputs[1].to(mean)
        if 0 < variance.ndim < mean.ndim:
            variance = variance.reshape(*variance.shape, *[1] * (mean.ndim - variance.ndim))
        return mean + torch.where(width == 0, 0.0, variance.expand_as(mean) * width)


def examine_posterior(ways: Sequence[Call], clocks: Sequence[Clock], chain: Chain, shape: tuple[int, ...]) -> Examined:
    """Findings about a posterior; without a variance among its results, about its mean."""
    ways = [Widened(way.function, way.positional, way.keywords) for way in ways]

    def subject(formulas: Sequence[Formula]) -> Subject:
        return Subject(
            "posterior",
            ways,
            clocks,
            len(chain.beta) - 1,
            formulas[0].roles,
            shape,
            formulas=lambda values, t: [(formula, {}) for formula in formulas],
            known=lambda t: chain_symbols(chain, t),
            size=lambda t: torch.full(t.shape, 2.0**-6, dtype=torch.float64),
            rows=True,
            spoken=lambda role, t: (
                f"the variance at t = {t}" if role == "variance" else f"the factor of {role} at t = {t}"
            ),
        )

    examined = examine(subject((POSTERIOR, LOG_POSTERIOR)))
    if examined.reading is not None and not bool(examined.reading.values["variance"].any()):
        return examine(subject((MEAN,)))
    return examined
