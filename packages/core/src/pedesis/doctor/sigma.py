r"""Code that speaks of sigma, as k-diffusion and EDM do: data that only get noisier, and steps along the derivative.

    x_t = x_0 + sigma noise,    d = (x_t - x0_hat) / sigma = eps_hat
    x_prev = x_t + (sigma_down - sigma) d + sigma_up noise,    sigma_down^2 + sigma_up^2 = sigma_prev^2

Source: Karras et al. 2022, algorithm 1; sigma_up^2 = eta^2 sigma_prev^2 (sigma^2 - sigma_prev^2) / sigma^2 is that of
ancestral steps (eta = 1), which k-diffusion calls `euler_ancestral`; eta = 0 is Euler. Index 0 is clean data, as in
`pedesis.doctor.formulas`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.affine import behavior
from pedesis.doctor.formulas import STEP_ROLES, Formula, SigmaChain
from pedesis.doctor.report import Finding
from pedesis.doctor.schedule import BITS, half, is_half, table
from pedesis.doctor.signatures import Clock

SIGMAS = {"t": "t", "s": "s", "sigma": "sigmas[t]", "sigma_prev": "sigmas[s]"}

X0_FROM = {"x0": "prediction", "eps": "x_t - sigma * prediction"}
EPS_FROM = {"x0": "(x_t - prediction) / sigma", "eps": "prediction"}
"""What a network may be asked for, in the symbols of such a chain."""

Q_SAMPLE = Formula(
    "q(x_t | x_0), x_t = x_0 + sigma noise",
    ("x0", "noise"),
    {
        "t": "t",
        "s": "t - 1",
        "sigma": "sigmas[t]",
        "x0_factor": "1",
        "std": "sigma",
        "x_t": "x0_factor * x0 + std * noise",
    },
)


def euler_ancestral(prediction: str) -> Formula:
    """Euler's step with eta times the noise of an ancestral one; eta is a known symbol, 0 for Euler."""
    lines = {
        **SIGMAS,
        "derivative": EPS_FROM[prediction],
        "eta_variance": "eta**2 * sigma_prev**2 * (sigma**2 - sigma_prev**2) / sigma**2",
        "noise_factor": "sqrt(eta_variance)",
        "sigma_down": "sqrt(sigma_prev**2 - eta_variance)",
        "change": "sigma_down - sigma",
        "x_prev": "x_t + change * derivative + noise_factor * noise",
    }
    return Formula("Euler in sigma", STEP_ROLES, lines)


def reverse_sde(prediction: str) -> Formula:
    """A step of the reverse SDE (Song et al. 2021), whose noise has the variance that sigma loses."""
    lines = {
        **SIGMAS,
        "derivative": EPS_FROM[prediction],
        "step_variance": "sigma**2 - sigma_prev**2",
        "noise_factor": "sqrt(step_variance)",
        "unless_last": "s > 0",
        "change": "-step_variance / sigma",
        "x_prev": "x_t + change * derivative + unless_last * noise_factor * noise",
    }
    return Formula("the reverse SDE in sigma", STEP_ROLES, lines)


@dataclass(frozen=True)
class SigmaClock(Clock):
    """A time that is sigma itself ("rows", "tensor", "float") or its place in the list that was given ("position ...").

    Attributes:
        sigmas: (T + 1,), rising from 0. positions: (T + 1,), where each is in the person's own list.
    """

    sigmas: Tensor
    positions: Tensor

    @property
    def per_row(self) -> bool:
        return self.kind in ("rows", "position rows")

    def number(self, index: Tensor) -> int:
        return int(self.positions[index[0]])

    def time(self, index: Tensor, steps: int) -> Any:
        values = (self.positions if "position" in self.kind else self.sigmas)[index]
        if "rows" in self.kind:
            return values
        return values[0] if "tensor" in self.kind else values[0].item()

    def __str__(self) -> str:
        return "t is read as a position in sigmas" if "position" in self.kind else "t is read as sigma"


def sigma_clocks(chain: SigmaChain, positions: Tensor) -> list[Clock]:
    """What code may mean by the time of a step."""
    kinds = ("rows", "tensor", "float", "position", "position rows", "position tensor")
    return [SigmaClock(kind, 1, chain.sigma, positions) for kind in kinds]


def examine_sigmas(sigmas: Any) -> tuple[SigmaChain | None, list[Finding], Tensor]:
    """The chain of a list of sigmas, rising or falling, with or without the 0 of clean data; findings about it; and
    where each index of the chain is in the list."""
    given = table(sigmas, "sigmas")
    found = [half("sigmas", sigmas)] if is_half(sigmas) else []
    falling = len(given) > 1 and float(given[0]) > float(given[-1])
    rising = given.flip(0) if falling else given
    clean = float(rising[0]) == 0
    steps = rising if clean else torch.cat([torch.zeros(1, dtype=torch.float64), rising])
    place = torch.arange(len(steps)) - (0 if clean else 1)
    positions = len(given) - 1 - place if falling else place
    wrong = torch.nonzero(~((steps.diff() > 0) & steps[1:].isfinite())).flatten()
    if len(wrong) or len(steps) < 2:
        bad = int(positions[int(wrong[0]) + 1]) if len(wrong) else 0
        sentence = f"sigmas neither rise nor fall from one to the next at position {bad}, where it is {given[bad]:g}"
        return None, [*found, behavior("schedule", "schedule-not-monotone", sentence)], positions
    bits = math.log2(1 + float(steps[-1]) ** -2) / 2
    if bits > BITS:
        sentence = f"the largest sigma is {float(steps[-1]):.3g} ({bits:.2g} bits per dimension from pure noise)"
        found.append(behavior("schedule", "noise-too-weak", sentence))
    bars = 1 / (1 + steps**2)
    alpha = torch.cat([torch.ones(1, dtype=torch.float64), bars[1:] / bars[:-1]])
    tilde = torch.where(
        steps > 0, (1 - alpha) * (1 - torch.cat([bars[:1], bars[:-1]])) / (1 - bars).clamp(min=1e-300), 0
    )
    return SigmaChain(1 - alpha, alpha, bars, tilde, steps), found, positions
