"""guidance(conditional, unconditional, scale): unconditional + scale (conditional - unconditional).

Read as a chain of scales: place i is one of `SCALES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pedesis.doctor.affine import Examined, Subject, examine
from pedesis.doctor.formulas import GUIDANCE, Formula
from pedesis.doctor.signatures import Call, Clock

SCALES = (0.0, 0.5, 1.0, 2.0, 3.0, 7.5)
WANTED = ("conditional", "unconditional", "scale")
PAPER = Formula(
    "classifier-free guidance, with w = scale - 1",
    GUIDANCE.roles,
    {"guided": "(1 + scale) * conditional - scale * unconditional"},
)


@dataclass(frozen=True)
class Scaled(Call):
    """A guidance rule whose scale is the one at a place in `SCALES`."""

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return super().__call__({**values, "scale": SCALES[values["t"] - 1]})


@dataclass(frozen=True)
class Scales(Clock):
    """Places in `SCALES` in place of steps."""

    def __str__(self) -> str:
        return "scale 0 is unconditional, scale 1 conditional"


class Extra(Scales):
    """The same, of w = scale - 1."""

    def __str__(self) -> str:
        return "w = 0 is conditional"


def spread(places: Sequence[int], total: int) -> str:
    """The scales at which a weight is off."""
    return "every scale" if len(places) == total else "scale " + ", ".join(f"{SCALES[i - 1]:g}" for i in places)


def examine_guidance(ways: Sequence[Call], shape: tuple[int, ...], w: bool) -> Examined:
    """Findings about a guidance rule.

    Args:
        w: whether its argument is the w of Ho and Salimans, w = scale - 1, by its own name, w or guide_w.
    """
    formula = PAPER if w else GUIDANCE
    subject = Subject(
        "guidance",
        [Scaled(way.function, way.positional, way.keywords) for way in ways],
        [Extra("int", 1) if w else Scales("int", 1)],
        len(SCALES),
        formula.roles,
        shape,
        formulas=lambda values, t: [(formula, {})],
        known=lambda t: {"scale": torch.tensor(SCALES, dtype=torch.float64)[t - 1]},
        size=lambda t: torch.full(t.shape, 2.0**-6, dtype=torch.float64),
        spoken=lambda role, t: f"the weight of the {role} half at scale {SCALES[t - 1]:g}",
        span=spread,
    )
    return examine(subject)
