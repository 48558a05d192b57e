r"""The textbook as data: each formula is a list of lines that can be printed, evaluated, and made wrong one symbol
at a time.

    x_prev = scale (x_t - eps_factor eps) + noise_factor noise          scale = 1/sqrt(alpha), ...

Every formula is affine in the things a function is given (x_t, a prediction, noise), so it is known by its
coefficients,
one per thing and time. A classic mistake is another expression for one symbol: the line that is printed as wrong is the
line that is evaluated. Steps run from index t to index s of a chain, 0 <= s < t <= T, index 0 being clean data.

Rounding is part of the formula. A table of alpha_bar in arithmetic of unit roundoff u has a relative error of up to
t u;
a beta that is computed as 1 - alpha one of 3 u; each is let through the formula, and what comes out is how far a right
implementation may be from the exact coefficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

import torch
from torch import Tensor

from pedesis.process import Chain

Lines = Mapping[str, str]
"""Symbol -> expression, in the order of evaluation."""


class Table:
    """A table of a chain, index 0..T, that answers NaN outside: the textbook says nothing there."""

    def __init__(self, values: Tensor):
        self.values = values

    def __getitem__(self, index: Tensor) -> Tensor:
        inside = (index >= 0) & (index < len(self.values))
        found: Tensor = torch.where(inside, self.values[index.clamp(0, len(self.values) - 1)], torch.nan)
        return found


FUNCTIONS: dict[str, Any] = {
    "sqrt": torch.sqrt,
    "log": torch.log,
    "where": torch.where,
    "nan": torch.nan,
}


@dataclass(frozen=True)
class Formula:
    """One way to write a function.

    Attributes:
        name: as it is spoken of. roles: what the result is affine in.
        lines: symbol -> expression; the last is the result.
    """

    name: str
    roles: tuple[str, ...]
    lines: Lines

    @property
    def result(self) -> str:
        """The symbol of the last line."""
        return list(self.lines)[-1]


@dataclass(frozen=True)
class Coefficients:
    """What a formula comes to: for each role one coefficient per place, (N,), and how far rounding may move it."""

    values: dict[str, Tensor]
    tolerance: dict[str, Tensor]


ROUNDED = {
    "alpha_bar": lambda value, env, u: value * (1 - u * (env["t"] + 2)),
    "alpha_bar_prev": lambda value, env, u: value * (1 - u * torch.where(env["s"] > 0, env["s"] + 2, 0)),
    "alpha": lambda value, env, u: value * (1 - 2 * u),
    "beta": lambda value, env, u: value + 3 * u,
    "sigma": lambda value, env, u: value * (1 + 2 * u),
    "sigma_prev": lambda value, env, u: value * (1 + 2 * u),
}
"""How far a table may be off: symbol -> (value, all symbols, unit roundoff) -> value at the edge of its rounding."""


def evaluate(expression: str, symbols: Mapping[str, Any]) -> Any:
    """The value of one of the textbook's expressions."""
    return eval(_compiled(expression), {"__builtins__": {}, **FUNCTIONS}, dict(symbols))


def names(expression: str) -> set[str]:
    """The symbols that an expression is made of."""
    return set(_compiled(expression).co_names) - set(FUNCTIONS)


@cache
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<textbook>", "eval")


class Evaluation:
    """A formula at some places, ready to be evaluated with one line or another made wrong.

    Args:
        known: symbols that the lines begin with: t and s (N,) int64, tables, scales.
        roundoff: unit roundoff of the arithmetic that the result is to be compared with; 0 for none.
    """

    def __init__(self, formula: Formula, known: Mapping[str, Any], roundoff: float = 0.0):
        self.formula, self.known, self.roundoff = formula, known, roundoff
        self.rounded = [symbol for symbol in formula.lines if symbol in ROUNDED] if roundoff else []
        self.places = next(len(value) for value in known.values() if isinstance(value, Tensor) and value.ndim)
        units = torch.eye(len(formula.roles) + 1, dtype=torch.float64)[:, :-1]  # the last row: nothing at all
        self.inputs = {role: units[None, :, i, None] for i, role in enumerate(formula.roles)}
        self.right: dict[str, Any] = {}
        self.right = self.symbols({})

    def symbols(self, wrong: Lines) -> dict[str, Any]:
        """Every symbol; the lines before the first wrong one are those of the right formula."""
        values: dict[str, Any] = {**self.known, **self.inputs}
        same = True
        for symbol, right in self.formula.lines.items():
            line = wrong.get(symbol, right)
            same = same and line == right and symbol in self.right
            values[symbol] = self.right[symbol] if same else self.rounding(symbol, evaluate(line, values), values)
        return values

    def rounding(self, symbol: str, value: Any, values: Mapping[str, Any]) -> Any:
        """A value, with a row of its own in which it is as far off as rounding may put it."""
        if symbol not in self.rounded:
            return value
        edge = ROUNDED[symbol](value, values, self.roundoff)
        row = torch.arange(len(self.rounded) + 1)[:, None, None] == self.rounded.index(symbol) + 1
        return torch.where(row, edge, value)

    def coefficients(self, wrong: Lines | None = None) -> Coefficients:
        """The coefficient of every role at every place, with some lines in place of the textbook's."""
        roles = self.formula.roles
        result = torch.as_tensor(self.symbols(wrong or {})[self.formula.result], dtype=torch.float64)
        result = result.expand(len(self.rounded) + 1, len(roles) + 1, self.places)
        each = result[:, :-1] - result[:, -1:]
        spread = (each[1:] - each[0]).abs().nan_to_num(0.0).sum(0) + 16 * self.roundoff * each[0].abs().amax(0)
        return Coefficients(dict(zip(roles, each[0], strict=True)), dict(zip(roles, spread, strict=True)))


@dataclass(frozen=True)
class SigmaChain(Chain):
    """A chain as k-diffusion has it, x_t = x_0 + sigma noise: sigma (T + 1,) rises from 0 at index 0."""

    sigma: Tensor


def chain_symbols(chain: Chain, t: Tensor, s: Tensor | None = None) -> dict[str, Any]:
    """The symbols of steps from index t to index s (by default t - 1) of a chain."""
    s = t - 1 if s is None else s
    if isinstance(chain, SigmaChain):
        return {"T": len(chain.beta) - 1, "t": t, "s": s, "sigmas": Table(chain.sigma)}
    return {"T": len(chain.beta) - 1, "t": t, "s": s, "alpha_bars": Table(chain.alpha_bar)}


TIMES = {"t": "t", "s": "s"}
CHAIN = {
    **TIMES,
    "alpha_bar": "alpha_bars[t]",
    "alpha_bar_prev": "alpha_bars[s]",
    "alpha": "alpha_bars[t] / alpha_bars[s]",
    "beta": "1 - alpha_bars[t] / alpha_bars[s]",
}
"""The symbols of a variance-preserving chain; alpha and beta are those of the step from s to t."""

X0_FROM = {
    "eps": "(x_t - sqrt(1 - alpha_bar) * prediction) / sqrt(alpha_bar)",
    "x0": "prediction",
    "v": "sqrt(alpha_bar) * x_t - sqrt(1 - alpha_bar) * prediction",
}
EPS_FROM = {
    "eps": "prediction",
    "x0": "(x_t - sqrt(alpha_bar) * prediction) / sqrt(1 - alpha_bar)",
    "v": "sqrt(alpha_bar) * prediction + sqrt(1 - alpha_bar) * x_t",
}
TARGET = {
    "eps": "noise",
    "x0": "x0",
    "v": "sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * x0",
}
"""What a network is asked for, as `pedesis.parameterizations` has it, in the symbols of a chain."""

VARIANCES = {"beta_tilde": "beta * (1 - alpha_bar_prev) / (1 - alpha_bar)", "beta": "beta"}

Q_SAMPLE = Formula(
    "q(x_t | x_0)",
    ("x0", "noise"),
    {
        "t": "t",
        "s": "t - 1",
        "alpha": "alpha_bars[t] / alpha_bars[s]",
        "alpha_bar": "alpha_bars[t]",
        "x0_factor": "sqrt(alpha_bar)",
        "std": "sqrt(1 - alpha_bar)",
        "x_t": "x0_factor * x0 + std * noise",
    },
)

POSTERIOR = Formula(
    "q(x_(t-1) | x_t, x_0)",
    ("x0", "x_t", "variance"),
    {
        **CHAIN,
        "x0_weight": "sqrt(alpha_bar_prev) * beta / (1 - alpha_bar)",
        "x_t_weight": "sqrt(alpha) * (1 - alpha_bar_prev) / (1 - alpha_bar)",
        "posterior_variance": VARIANCES["beta_tilde"],
        "x_prev": "x0_weight * x0 + x_t_weight * x_t + posterior_variance * variance",
    },
)

STEP_ROLES = ("x_t", "prediction", "noise")


def ddpm_from_eps(prediction: str, variance: str) -> Formula:
    """Algorithm 2 of DDPM (Ho et al. 2020), the mean written in the noise."""
    lines = {
        **CHAIN,
        "eps": EPS_FROM[prediction],
        "mean_scale": "1 / sqrt(alpha)",
        "eps_factor": "beta / sqrt(1 - alpha_bar)",
        "step_variance": VARIANCES[variance],
        "noise_factor": "sqrt(step_variance)",
        "unless_last": "s > 0",
        "x_prev": "mean_scale * (x_t - eps_factor * eps) + unless_last * noise_factor * noise",
    }
    return Formula(f"DDPM, mean from eps, variance {variance}", STEP_ROLES, lines)


def ddpm_from_x0(prediction: str, variance: str) -> Formula:
    """The same step through x0_hat and the posterior q(x_(t-1) | x_t, x_0)."""
    lines = {
        **CHAIN,
        "x0": X0_FROM[prediction],
        "x0_weight": POSTERIOR.lines["x0_weight"],
        "x_t_weight": POSTERIOR.lines["x_t_weight"],
        "step_variance": VARIANCES[variance],
        "noise_factor": "sqrt(step_variance)",
        "unless_last": "s > 0",
        "x_prev": "x0_weight * x0 + x_t_weight * x_t + unless_last * noise_factor * noise",
    }
    return Formula(f"DDPM, mean from x0, variance {variance}", STEP_ROLES, lines)


def ddim(prediction: str) -> Formula:
    """DDIM (Song, Meng, Ermon 2021, equation 12); eta is a known symbol."""
    lines = {
        **CHAIN,
        "x0": X0_FROM[prediction],
        "eps": EPS_FROM[prediction],
        "eta_variance": "eta**2 * beta * (1 - alpha_bar_prev) / (1 - alpha_bar)",
        "x0_factor": "sqrt(alpha_bar_prev)",
        "direction": "sqrt(1 - alpha_bar_prev - eta_variance)",
        "noise_factor": "sqrt(eta_variance)",
        "x_prev": "x0_factor * x0 + direction * eps + noise_factor * noise",
    }
    return Formula("DDIM", STEP_ROLES, lines)


GUIDANCE = Formula(
    "classifier-free guidance",
    ("conditional", "unconditional"),
    {"guided": "unconditional + scale * (conditional - unconditional)"},
)
