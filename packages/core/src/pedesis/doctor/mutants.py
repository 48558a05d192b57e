"""Plain functions made of the textbook's lines, right or with one fault: what the doctor is tried on, and what shows
a fault at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor import sigma
from pedesis.doctor.catalogue import CATALOGUE
from pedesis.doctor.formulas import (
    GUIDANCE,
    POSTERIOR,
    Q_SAMPLE,
    VARIANCES,
    X0_FROM,
    Coefficients,
    Evaluation,
    Formula,
    Lines,
    SigmaChain,
    chain_symbols,
    ddim,
    ddpm_from_eps,
    ddpm_from_x0,
    evaluate,
)
from pedesis.doctor.match import Fault, agrees, faults
from pedesis.process import Chain


@dataclass(frozen=True)
class Mutant:
    """One way in which one function can be wrong.

    Attributes:
        subject: of which function. fault: with what. known: what the formula knows besides the chain.
    """

    subject: str
    formula: Formula
    fault: Fault
    known: Mapping[str, Any]

    def __str__(self) -> str:
        lines = ", ".join(f"{s}={line}" for s, line in self.fault.lines.items() if s in self.formula.lines)
        return f"{self.subject}: {self.fault.entry.name} in {self.formula.name}: {lines}"

    def function(self, chain: Chain, base: int = 0, dtype: torch.dtype = torch.float64) -> Callable[..., Any]:
        """The wrong function."""
        return implement(self.formula, chain, self.fault.lines, self.known, base, dtype)


def right_formulas(prediction: str, sigmas: bool = False) -> list[tuple[str, Formula, dict[str, Any]]]:
    """(function, formula, what it knows) for everything in the textbook that takes a prediction of this type."""
    if sigmas:
        euler = sigma.euler_ancestral(prediction)
        steps = [("step", euler, {"eta": eta}) for eta in (0.0, 0.5, 1.0)]
        return [("q_sample", sigma.Q_SAMPLE, {}), *steps, ("step", sigma.reverse_sde(prediction), {})]
    forms = [form(prediction, variance) for variance in VARIANCES for form in (ddpm_from_eps, ddpm_from_x0)]
    return [
        ("q_sample", Q_SAMPLE, {}),
        ("posterior", POSTERIOR, {}),
        *(("step", form, {}) for form in forms),
        *(("step", ddim(prediction), {"eta": eta}) for eta in (0.0, 0.5, 1.0)),
    ]


def mutants(chain: Chain, prediction: str) -> list[Mutant]:
    """Every fault in every formula of a chain, but for those that nothing can tell apart.

    Their numbers are those of a right formula, or of an earlier fault of another name in the same one.
    """
    t = torch.arange(1, len(chain.beta))
    ready = [
        (subject, Evaluation(formula, {**chain_symbols(chain, t), **known}, 2.0**-24), known)
        for subject, formula, known in right_formulas(prediction, isinstance(chain, SigmaChain))
    ]
    found = []
    for subject, evaluation, known in ready:
        formula, symbols = evaluation.formula, evaluation.known
        same = [other.coefficients() for name, other, _ in ready if name == subject]
        names: list[str] = [""] * len(same)
        entries = [entry for entry in CATALOGUE.values() if subject in entry.where]
        for fault in faults(entries, formula, symbols):
            wrong = evaluation.coefficients(fault.lines)
            if all(name == fault.entry.name or differs(wrong, c) for c, name in zip(same, names, strict=True)):
                found.append(Mutant(subject, formula, fault, known))
                same.append(wrong)
                names.append(fault.entry.name)
    return found


def differs(wrong: Coefficients, right: Coefficients) -> bool:
    """Whether a coefficient is further off than rounding explains."""
    return any(
        not bool(agrees(wrong.values[role], value, right.tolerance[role]).all()) for role, value in right.values.items()
    )


def implement(
    formula: Formula,
    chain: Chain,
    wrong: Lines | None = None,
    known: Mapping[str, Any] | None = None,
    base: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Callable[..., Any]:
    """A function as people write it: tables in `dtype`, looked up at t (B,), which counts from `base`."""
    lines = {**formula.lines, **{k: v for k, v in (wrong or {}).items() if k in formula.lines}}
    tables = {"alpha_bars": torch.cat([torch.ones(1, dtype=dtype), (1 - chain.beta[1:].to(dtype)).cumprod(0)])}
    if isinstance(chain, SigmaChain):
        tables = {"sigmas": chain.sigma.to(dtype)}

    def looked_up(t: Tensor, like: Tensor) -> dict[str, Any]:
        index = (t + 1 - base).reshape(-1, *[1] * (like.ndim - 1))
        return {
            "T": len(chain.beta) - 1,
            "t": index,
            "s": index - 1,
            **{name: Clamped(values) for name, values in tables.items()},
            **(known or {}),
        }

    def result(symbols: dict[str, Any]) -> dict[str, Any]:
        for symbol, line in lines.items():
            symbols[symbol] = evaluate(line, symbols)
        return symbols

    def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return result({**looked_up(t, x0), "x0": x0, "noise": noise})["x_t"]  # type: ignore[no-any-return]

    def posterior(x0: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        symbols = result({**looked_up(t, x0), "x0": x0, "x_t": x_t, "variance": 0.0})
        return symbols["x_prev"], symbols["posterior_variance"]

    def step(prediction: Tensor, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        symbols = result({**looked_up(t, x_t), "prediction": prediction, "x_t": x_t, "noise": noise})
        return symbols["x_prev"]  # type: ignore[no-any-return]

    def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
        symbols = result({"conditional": conditional, "unconditional": unconditional, "scale": scale})
        return symbols["guided"]  # type: ignore[no-any-return]

    functions: dict[str, Callable[..., Any]] = {
        Q_SAMPLE.name: q_sample,
        sigma.Q_SAMPLE.name: q_sample,
        POSTERIOR.name: posterior,
    }
    return guided if formula.name == GUIDANCE.name else functions.get(formula.name, step)


class Clamped:
    """A table as code has it: an index outside is its nearest entry."""

    def __init__(self, values: Tensor):
        self.values = values

    def __getitem__(self, index: Tensor) -> Tensor:
        return self.values[index.clamp(0, len(self.values) - 1)]


PREDICTIONS = tuple(X0_FROM)
