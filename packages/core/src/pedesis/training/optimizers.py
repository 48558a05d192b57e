r"""What changes the weights: AdamW for all of them, or Muon for those that are matrices and AdamW for the rest.

    AdamW    theta <- theta - lr (m / (sqrt(v) + eps) + decay theta),      m, v: averages of the gradient and its square
    Muon     W <- W - lr (0.2 sqrt(max(rows, columns)) U V^T + decay W),    U S V^T = (1 - mu) G + mu B,   mu = 0.95

with B the average of the gradients G. All directions of a matrix learn at one pace (Jordan et al. 2024, "Muon"); the
factor makes a step as large as AdamW's, so that learning rates carry over (Liu et al. 2025, section 2.2). U V^T is
found by five steps of an iteration that a matrix product is enough for, which leaves the singular values in 0.6 to 1.3:

    X <- a X + b (X X^T) X + c (X X^T)^2 X,    from X = G / |G|,    (a, b, c) = (3.4445, -4.775, 2.0315)

A kernel (O, I, h, w) of a convolution is the matrix (O, I h w). `torch.optim.Muon` does the same to matrices, always in
bfloat16, which takes many times as long on a machine without it; here it is in what the network runs in (`precision`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.training.config import TrainConfig
from pedesis.utils.precision import autocast

A, B, C = 3.4445, -4.775, 2.0315
STEPS = 5
LEAST = 16
"""Rows and columns that a matrix has at least: the first and last layers of small data have fewer."""


def optimizer_of(model: nn.Module, parameters: list[Tensor], config: TrainConfig) -> torch.optim.Optimizer | Together:
    """The optimizer that a plan names, for the parameters of a model that are trained."""
    settings: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    adamw = {**settings, "betas": (0.9, 0.99), "fused": True}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **adamw)
    known = {id(weight) for weight in matrices(model)}
    found = [parameter for parameter in parameters if id(parameter) in known]
    others = [parameter for parameter in parameters if id(parameter) not in known]
    parts: list[torch.optim.Optimizer] = [Muon(found, **settings)] if found else []
    return Together([*parts, torch.optim.AdamW(others, **adamw)] if others else parts)


def matrices(model: nn.Module) -> list[Tensor]:
    """The weights of linear layers and convolutions that have `LEAST` rows and columns, each once."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    weights = {id(layer.weight): layer.weight for layer in layers}
    return [weight for weight in weights.values() if min(len(weight), weight[0].numel()) >= LEAST]


class Muon(torch.optim.Optimizer):
    """Muon, for parameters of two or more dimensions."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float = 0.0, momentum: float = 0.95):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "average" not in state:
                    state["average"] = torch.zeros_like(weight)
                average = state["average"].lerp_(weight.grad, 1 - momentum)
                matrix = weight.grad.lerp(average, momentum).flatten(1)
                length = 0.2 * max(matrix.shape) ** 0.5
                weight.mul_(1 - rate * group["weight_decay"])
                weight.add_(orthogonal(matrix).view(weight.shape), alpha=-rate * length)


def orthogonal(matrix: Tensor) -> Tensor:
    """About U V^T of U S V^T."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x: Tensor = wide / wide.norm().clamp(min=1e-7)
    with autocast(matrix.device, matrix.dtype):
        for _ in range(STEPS):
            gram = x @ x.T
            x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    back: Tensor = x if wide is matrix else x.T
    return back.to(matrix.dtype).contiguous()


class Together:
    """Several optimizers as one, each with parameters of its own. `state` is what they keep, by parameter."""

    def __init__(self, parts: list[torch.optim.Optimizer]):
        self.parts = parts
        self.param_groups: list[dict[str, Any]] = [group for part in parts for group in part.param_groups]
        self.state: dict[Tensor, dict[str, Any]] = {}
        for part in parts:
            for parameter in part.param_groups[0]["params"]:
                self.state[parameter] = part.state[parameter]  # a dict, still empty, that the part will fill

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """Change all weights that have a gradient."""
        for part in self.parts:
            part.step()
