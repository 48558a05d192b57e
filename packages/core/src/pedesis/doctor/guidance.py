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


def examine_guidance(ways: Sequence[Call], shape: tuple[int, ...], w: bool) -> Examined:
    """Findings about a guidance rule.

    Args:
        w: whether its argument is the w of Ho and Salimans, w = scale - 1, by its own name.
    """
    formula = PAPER if w else GUIDANCE
    subject = Subject(
        "guidance",
        [Scaled(way.function, way.positional, way.keywords) for way in ways],
        [Clock("int", 1)],
        len(SCALES),
        formula.roles,
        shape,
        formulas=lambda values, t: [(formula, {})],
        known=lambda t: {"scale": torch.tensor(SCALES, dtype=torch.float64)[t - 1]},
        size=lambda t: torch.full(t.shape, 2.0**-6, dtype=torch.float64),
        spoken=lambda role, t: f"the weight of the {role} half at scale {SCALES[t - 1]:g}",
    )
    return examine(subject)
