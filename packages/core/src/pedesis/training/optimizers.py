r"""What changes the weights: AdamW for all of them, or Muon for those that are matrices and AdamW for the rest.

    AdamW    theta <- theta - lr (m / (sqrt(v) + eps) + decay theta),    m, v: averages of the gradient and its square
    Muon     B <- mu B + G,    W <- W - lr (0.2 sqrt(max(rows, columns)) orthogonal(G + mu B) + decay W),    mu = 0.95

orthogonal(U S V^T) is about U V^T, by five steps of Newton and Schulz: all directions of a matrix learn at one pace
(Jordan et al. 2024). The factor makes a step as large as AdamW's, so that learning rates carry over (Liu et al. 2025).
A kernel (O, I, h, w) of a convolution is the matrix (O, I h w). Both are torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pedesis.training.config import TrainConfig

LEAST = 16
"""Rows and columns that a matrix has at least: the first and last layers of small data have fewer."""


def optimizer_of(model: nn.Module, parameters: list[Tensor], config: TrainConfig) -> torch.optim.Optimizer | Together:
    """The optimizer that a plan names, for the parameters of a model that are trained.

    Raises:
        ValueError: Muon, and this torch is older than 2.9.
    """
    settings: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    adamw = {**settings, "betas": (0.9, 0.99), "fused": True}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **adamw)
    if not hasattr(torch.optim, "Muon"):
        raise ValueError(f"torch {torch.__version__} has no Muon: install torch 2.9 or newer, or train with adamw")
    kernels = [weight for weight in matrices(model) if weight.requires_grad]
    known = {id(kernel) for kernel in kernels}
    others = [parameter for parameter in parameters if id(parameter) not in known]
    flat = [nn.Parameter(as_matrix(kernel.detach(), kernel)) for kernel in kernels]
    muon = [torch.optim.Muon(flat, adjust_lr_fn="match_rms_adamw", **settings)] if flat else []
    return Together([*muon, *([torch.optim.AdamW(others, **adamw)] if others else [])], kernels, flat)


def matrices(model: nn.Module) -> list[Tensor]:
    """The weights of linear layers and convolutions that have `LEAST` rows and columns, each once."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    weights = {id(layer.weight): layer.weight for layer in layers}
    return [weight for weight in weights.values() if min(len(weight), weight[0].numel()) >= LEAST]


def as_matrix(values: Tensor, kernel: Tensor) -> Tensor:
    """(O, I, h, w) -> (O, I h w) or, if the channels of `kernel` come last in memory, (O, h w I): there, no copy."""
    last = kernel.ndim > 2 and not kernel.is_contiguous()
    return (values.movedim(1, -1) if last else values).flatten(1)


class Together:
    """Several optimizers as one. `state` is what they keep, by parameter of the model.

    Args:
        parts: each with parameters of its own.
        kernels, flat: parameters of the model, and the matrices in the same memory that a part knows instead of them.
    """

    def __init__(self, parts: list[torch.optim.Optimizer], kernels: list[Tensor], flat: list[nn.Parameter]):
        self.parts, self.kernels, self.flat = parts, kernels, flat
        self.param_groups: list[dict[str, Any]] = [group for part in parts for group in part.param_groups]
        self.state: dict[Tensor, dict[str, Any]] = {}
        owners = dict(zip(map(id, flat), kernels, strict=True))
        for part in parts:
            for parameter in part.param_groups[0]["params"]:
                part.state[parameter] = self.state[owners.get(id(parameter), parameter)] = {}  # one dict, filled later

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients."""
        for parameter in self.state:
            parameter.grad = None

    def step(self) -> None:
        """Change all weights that have a gradient."""
        for kernel, flat in zip(self.kernels, self.flat, strict=True):
            flat.grad = None if kernel.grad is None else as_matrix(kernel.grad, kernel).contiguous()
        for part in self.parts:
            part.step()
