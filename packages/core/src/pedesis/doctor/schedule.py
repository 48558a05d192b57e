"""betas, alphas_cumprod or sigmas, as a person has them: the chain that everything else is held against."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pedesis.doctor.affine import behavior
from pedesis.doctor.report import Finding
from pedesis.doctor.signatures import Question
from pedesis.process import Chain, Process
from pedesis.schedules import FromBetas

BITS = 0.01
"""The prior-matching KL, in bits per dimension, above which a chain ends too early (`Process` warns there too)."""

CLASSIC: dict[str, Callable[[int], Tensor]] = {
    "linear": lambda steps: torch.linspace(1e-4, 0.02, steps, dtype=torch.float64),
    "scaled linear": lambda steps: torch.linspace(0.00085**0.5, 0.012**0.5, steps, dtype=torch.float64) ** 2,
}
"""Chains that are made for 1000 steps."""


def table(values: Any, what: str) -> Tensor:
    """A list of numbers as float64, (T,). Raises Question for anything else."""
    try:
        numbers = values.detach().cpu() if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
        flat = numbers.double().flatten()
    except (TypeError, ValueError, RuntimeError):
        raise Question(f"{what} is a {type(values).__name__}; give a list of numbers, one per step") from None
    if len(flat) == 0:
        raise Question(f"{what} is empty; give one number per step")
    return flat


def examine_schedule(betas: Any = None, alphas_cumprod: Any = None) -> tuple[Chain | None, list[Finding], int | None]:
    """The chain, findings about it, and the number of step 1 if the table says so (an entry for clean data: 1)."""
    given = [("betas", betas)] if betas is not None else []
    given += [("alphas_cumprod", alphas_cumprod)] if alphas_cumprod is not None else []
    found = [half(what, values) for what, values in given if is_half(values)]
    base = None
    if alphas_cumprod is not None:
        bars = table(alphas_cumprod, "alphas_cumprod")
        base, bars = (1, bars[1:]) if len(bars) > 1 and bars[0] == 1 else (None, bars)
        steps = torch.cat([torch.ones(1, dtype=torch.float64), bars])
        numbers = -torch.expm1(steps.log().diff()) if bool((bars > 0).all()) else 1 - steps[1:] / steps[:-1]
    if betas is not None:
        own = table(betas, "betas")
        base, own = (1, own[1:]) if len(own) > 1 and own[0] == 0 else (base, own)
        if alphas_cumprod is not None:
            apart = disagreement(own, bars)
            found += apart
            numbers = own if apart else torch.where(own < 0.5, own, numbers)  # each where it has more digits
        else:
            numbers = own
    if float(numbers[-1]) == 1 and len(numbers) > 1 and bool(((numbers > 0) & (numbers < 1))[:-1].all()):
        sentence = "beta is 1 at the last step: it ends in pure noise (zero terminal SNR), which is right"
        return to_zero(numbers), [*found, Finding("schedule", sentence, level="note")], base
    outside = torch.nonzero(~((numbers > 0) & (numbers < 1))).flatten()
    if len(outside):
        place, value = int(outside[0]), float(numbers[outside[0]])
        if alphas_cumprod is not None and value <= 0:
            sentence = f"alphas_cumprod does not fall from t = {place} to t = {place + 1}"
            return None, [*found, behavior("schedule", "schedule-not-monotone", sentence)], base
        return None, [*found, behavior("schedule", "beta-out-of-range", f"beta at t = {place + 1} is {value:g}")], base
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the prior mismatch is a finding here
        process = Process(FromBetas(numbers))
    return process.chain(len(numbers)), [*found, *weak(process, numbers)], base


def to_zero(betas: Tensor) -> Chain:
    """The chain of betas whose last is 1, so that alpha_bar ends at 0; index 0 is clean data."""
    beta = torch.cat([torch.zeros(1, dtype=torch.float64), betas])
    bars = (1 - beta).cumprod(0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), bars[:-1]])
    tilde = torch.where(bars < 1, beta * (1 - before) / (1 - bars), 0.0)
    return Chain(beta=beta, alpha=1 - beta, alpha_bar=bars, beta_tilde=tilde)


def weak(process: Process, betas: Tensor) -> list[Finding]:
    """A finding if the chain ends too far from pure noise."""
    bits, steps = process.prior_kl(), len(betas)
    if steps > 2 and float(betas[0]) > 0.5:
        sentence = (
            f"beta at t = 1 is {float(betas[0]):.4g}: the first step leaves little of the picture; are these alphas?"
        )
        return [Finding("schedule", sentence, t=1, got=float(betas[0]))]
    if bits <= BITS:
        return []
    end = float(process.chain(steps).alpha_bar[-1])
    sentence = f"alpha_bar at the last of {steps} steps is {end:.3g} ({bits:.2g} bits per dimension from pure noise)"
    for name, chain in CLASSIC.items():
        if steps != 1000 and torch.allclose(betas, chain(steps), rtol=1e-3):
            return [
                behavior("schedule", "steps-changed-betas-not", f"{sentence}; these are the {name} betas of 1000 steps")
            ]
    return [behavior("schedule", "noise-too-weak", sentence)]


def disagreement(betas: Tensor, bars: Tensor) -> list[Finding]:
    """A finding if alphas_cumprod is not the running product of 1 - betas."""
    if len(betas) != len(bars):
        return [Finding("schedule", f"there are {len(betas)} betas and {len(bars)} alphas_cumprod")]
    expected = torch.log1p(-betas).cumsum(0).exp()
    steps = torch.arange(len(bars)) + 4 + (betas / (1 - betas)).cumsum(0)  # a beta near 1 leaves 1 - beta few digits
    off = (bars / expected - 1).abs() > 2.0**-24 * steps
    if not bool(off.any()):
        return []
    place = int(torch.nonzero(off)[0])
    got, right = float(bars[place]), float(expected[place])
    sentence = f"alphas_cumprod at t = {place + 1} is {got:.4g}; the product of 1 - betas there is {right:.4g}"
    return [Finding("schedule", sentence, None, "error", place + 1, None, got, right)]


def is_half(values: Any) -> bool:
    """Whether a table is kept in 16 bits."""
    return getattr(values, "dtype", None) in (torch.float16, torch.bfloat16, np.dtype("float16"))


def half(what: str, values: Any) -> Finding:
    """The finding about a table in half precision."""
    return behavior("schedule", "half-precision-table", f"{what} is {values.dtype}")


__all__: Sequence[str] = ["examine_schedule", "table"]
