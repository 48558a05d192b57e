"""`GaussianDiffusion` of lucidrains/denoising-diffusion-pytorch."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

PREDICTIONS = {"pred_noise": "eps", "pred_x0": "x0", "pred_v": "v"}
"""Their word for what a network predicts -> ours."""


def chain(diffusion: Any, loop: str = "p_sample_loop") -> dict[str, Any]:
    """Arguments of `examine` for a GaussianDiffusion; its network is not asked.

    Args:
        loop: its method that is examined as `sample`; the other is "ddim_sample".
    """
    mine = copy.copy(diffusion)
    mine._modules = dict(diffusion._modules)

    def asking(model: Any) -> Any:
        mine._modules["model"] = Told(model)
        return mine

    def loss(model: Any, x0: Tensor) -> Any:
        told = asking(model)
        return told.p_losses(x0, told.random_times(len(x0)))

    return {
        "betas": diffusion.betas,
        "alphas_cumprod": diffusion.alphas_cumprod,
        "q_sample": diffusion.q_sample,
        "posterior": diffusion.q_posterior,
        "step": lambda model, x, t: asking(model).p_sample(x, int(t[0]) if isinstance(t, Tensor) else t)[0],
        "sample": lambda model, shape: getattr(asking(model), loop)(tuple(shape)),
        "loss": loss,
        "prediction": PREDICTIONS[diffusion.objective],
        "shape": (diffusion.channels, *diffusion.image_size),
        "t_from": 0,
    }


class Told(nn.Module):
    """A model that is told x and t and not the estimate of before."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, t: Tensor, before: Tensor | None = None) -> Any:
        """The prediction."""
        return self.model(x, t)
