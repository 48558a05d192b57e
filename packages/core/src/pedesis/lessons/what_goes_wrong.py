"""What goes wrong: a classic mistake at work on points of the plane and on pictures, and what the doctor says of it.

In the plane the denoiser is exact, so that everything wrong in the samples comes from the one line that is; pictures
come from a network, and are right but for that line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from pedesis import doctor
from pedesis.denoiser import Condition, Denoiser
from pedesis.doctor.formulas import Evaluation, chain_symbols
from pedesis.doctor.mutants import Mutant, implement, mutants
from pedesis.guidance import StaticThresholding
from pedesis.lessons.mixtures import denoiser
from pedesis.lessons.schedules import Values, process
from pedesis.process import Chain
from pedesis.utils.noise import gaussian_noise

STEPS, POINTS = 100, 600
FORMULA = "DDPM, mean from eps, variance beta_tilde"
SCHEDULE = "cosine"
PICTURE_STEPS = 20


def chain() -> Chain:
    """The chain of all walks here."""
    return process(SCHEDULE).chain(STEPS)


@cache
def wrongs() -> dict[str, Mutant]:
    """One wrong step for every mistake of the catalogue that can be made in this one, by its name."""
    found: dict[str, Mutant] = {}
    for mutant in mutants(chain(), "eps"):
        if mutant.formula.name == FORMULA:
            found.setdefault(mutant.fault.entry.name, mutant)
    return found


@dataclass(frozen=True)
class Wrong:
    """A mistake at work.

    Attributes:
        symbol, line, right_line: the symbol that is written wrong, and both expressions.
        samples: its points (POINTS, 2); right_samples: those of right code from the same noise. Points that are not
            finite are left out.
        role: the input whose factor gives it away; t: (STEPS,); factor, right_factor: of that input at every t.
        said: what the doctor says.
    """

    symbol: str
    line: str
    right_line: str
    samples: Values
    right_samples: Values
    role: str
    t: Values
    factor: Values
    right_factor: Values
    said: str


def wrong(name: str, data: str, seed: int) -> Wrong:
    """The mistake `name` of `wrongs()`, on toy data of the plane."""
    mutant = wrongs()[name]
    step = mutant.function(chain())
    right = implement(mutant.formula, chain())
    symbol, line = next((s, way) for s, way in mutant.fault.lines.items() if s in mutant.formula.lines)
    report = doctor.examine(betas=chain().beta[1:], step=step, t_from=0)
    t = torch.arange(1, STEPS + 1)
    evaluation = Evaluation(mutant.formula, {**chain_symbols(chain(), t), **mutant.known})
    got, expected = evaluation.coefficients(mutant.fault.lines).values, evaluation.coefficients().values
    role = max(expected, key=lambda role: float((got[role] - expected[role]).abs().nan_to_num(0.0).max()))
    return Wrong(
        symbol,
        line,
        mutant.formula.lines[symbol],
        samples(step, data, seed),
        samples(right, data, seed),
        role,
        t.numpy(),
        got[role].numpy(),
        expected[role].numpy(),
        "\n".join(line for entry in report.entries for line in entry.lines()),
    )


def samples(step: Callable[..., Any], data: str, seed: int) -> Values:
    """Points that a step walks to from noise, with the exact denoiser; (POINTS, 2) or fewer."""
    exact, noise = denoiser(data, SCHEDULE), gaussian_noise(seed)
    x: Tensor = noise(torch.empty(POINTS, 2, dtype=torch.float64))
    for i in range(STEPS, 0, -1):
        eps = exact(x, i / STEPS).eps.nan_to_num(0.0, 0.0, 0.0)
        x = step(eps, x, torch.full((POINTS,), i - 1), noise(x)).clamp(-1e6, 1e6)
    points: Values = x[x.isfinite().all(1)].numpy()
    return points


def pictures(name: str | None, model: Denoiser, like: Tensor, condition: Condition, seed: int) -> Tensor:
    """What the same step draws with a model of pictures, right (no name) or with the mistake, in `PICTURE_STEPS`.

    Args:
        model: whose process is variance preserving; its estimates of x_0 are kept in [-1, 1].
        like: (B, C, H, W), the pictures' shape and type. condition: what the model is asked for, or None.

    Returns:
        x_0 like `like`; 0 where it is not finite.
    """
    steps = model.process.chain(PICTURE_STEPS)
    mutant = next(iter(wrongs().values())) if name is None else wrongs()[name]
    step = implement(mutant.formula, steps) if name is None else mutant.function(steps)
    bounded, noise = StaticThresholding(model), gaussian_noise(seed)
    x = noise(like)
    with torch.no_grad():
        for i in range(PICTURE_STEPS, 0, -1):
            eps = bounded(x, i / PICTURE_STEPS, condition).eps
            x = step(eps, x, torch.full((len(x),), i - 1), noise(x)).to(like).nan_to_num(0, 0, 0).clamp(-1e4, 1e4)
    return x
