"""Schedulers of huggingface diffusers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from pedesis.doctor.convergence import Oracle, Walk

PREDICTIONS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
"""Their word for what a network predicts -> ours."""


def chain(scheduler: Any, **options: Any) -> dict[str, Any]:
    """Arguments of `examine` for a scheduler whose step is one of a chain: DDPMScheduler, DDIMScheduler.

    Args:
        options: of its `step`, as `eta=1.0`.
    """
    mine = copy.deepcopy(scheduler)
    mine.set_timesteps(mine.config.num_train_timesteps)

    def step(prediction: Tensor, x_t: Tensor, t: int) -> Tensor:
        return mine.step(prediction, t, x_t, **options).prev_sample  # type: ignore[no-any-return]

    def sample(model: Any, shape: tuple[int, ...]) -> Tensor:
        x = torch.randn(shape)
        for t in mine.timesteps:
            x = mine.step(model(x, t), t, x, **options).prev_sample
        return x

    def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return mine.add_noise(x0, noise, t)  # type: ignore[no-any-return]

    prediction = PREDICTIONS[mine.config.prediction_type]
    return {"alphas_cumprod": mine.alphas_cumprod, "q_sample": q_sample, "step": step, "sample": sample,
            "prediction": prediction, "t_from": 0}  # fmt: skip


def walk(scheduler: Any) -> Walk:
    """The sampler of `convergence` for any scheduler with alphas_cumprod, of one step or of several: DDIM, Euler, Heun,
    DPM-Solver++, UniPC."""

    def sample(oracle: Oracle, noise: Tensor, steps: int) -> Tensor:
        mine = copy.deepcopy(scheduler)
        mine.set_timesteps(steps)
        ask = getattr(oracle, PREDICTIONS[mine.config.prediction_type])
        x: Tensor = noise * mine.init_noise_sigma
        for t in mine.timesteps:
            told = mine.scale_model_input(x, t)
            alpha_bar = level(mine, float(t))
            x = mine.step(ask(told, alpha_bar**0.5, (1 - alpha_bar) ** 0.5), t, x).prev_sample
        return x

    return sample


def level(scheduler: Any, t: float) -> float:
    """alpha_bar at a time that may lie between two steps: sigma = sqrt(1 / alpha_bar - 1) is linear there."""
    sigmas = (1 / scheduler.alphas_cumprod.double() - 1).sqrt()
    low = int(t)
    high = min(low + 1, len(sigmas) - 1)
    sigma = float(sigmas[low] + (t - low) * (sigmas[high] - sigmas[low]))
    return 1 / (1 + sigma**2)
