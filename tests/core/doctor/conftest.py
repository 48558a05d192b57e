"""Diffusion code as people write it: the patients of the doctor's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis.process import Process
from pedesis.schedules import FromBetas, Linear

D = torch.float64


def betas_of(name: str, steps: int) -> Tensor:
    """The betas of a chain that ends in noise, float64."""
    if name == "linear":
        return Linear().betas if steps == 1000 else torch.linspace(0.1 / steps, min(20 / steps, 0.9), steps, dtype=D)
    if name == "scaled linear":
        return torch.linspace((1 / steps) ** 0.5, min(16 / steps, 0.9) ** 0.5, steps, dtype=D) ** 2
    return Process("cosine").chain(steps).beta[1:]


class Textbook:
    """DDPM and DDIM from the papers: tables in one type, t from 0 or from 1.

    Args:
        betas: float64, converted first, as a program would have them.
    """

    def __init__(self, betas: Tensor, dtype: torch.dtype = D, base: int = 0):
        self.base, self.steps = base, len(betas)
        self.betas = betas.to(dtype)
        self.alphas = 1 - self.betas
        self.bars = self.alphas.cumprod(0)
        self.before = torch.cat([torch.ones(1, dtype=dtype), self.bars[:-1]])
        self.variance = self.betas * (1 - self.before) / (1 - self.bars)

    def at(self, table: Tensor, t: Tensor) -> Tensor:
        return table[t - self.base].view(-1, 1, 1, 1)

    def q_sample(self, x_start: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
        noise = torch.randn_like(x_start) if noise is None else noise
        return self.at(self.bars.sqrt(), t) * x_start + self.at((1 - self.bars).sqrt(), t) * noise

    def q_posterior(self, x_start: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = self.at(self.betas * self.before.sqrt() / (1 - self.bars), t) * x_start
        mean = mean + self.at((1 - self.before) * self.alphas.sqrt() / (1 - self.bars), t) * x_t
        return mean, self.at(self.variance, t), self.at(self.variance.clamp(min=1e-20).log(), t)

    def x0(self, prediction: str, out: Tensor, x: Tensor, t: Tensor) -> Tensor:
        if prediction == "x0":
            return out
        if prediction == "v":
            return self.at(self.bars.sqrt(), t) * x - self.at((1 - self.bars).sqrt(), t) * out
        return self.at((1 / self.bars).sqrt(), t) * x - self.at((1 / self.bars - 1).sqrt(), t) * out

    def p_sample(self, prediction: str = "eps", clip: bool = True) -> Callable[..., Tensor]:
        def p_sample(model: Any, x: Tensor, t: Tensor) -> Tensor:
            x0 = self.x0(prediction, model(x, t), x, t)
            mean, _, log_variance = self.q_posterior(x0.clamp(-1, 1) if clip else x0, x, t)
            keep = (t > self.base).to(x).view(-1, 1, 1, 1)
            return mean + keep * (0.5 * log_variance).exp() * torch.randn_like(x)

        return p_sample

    def p_sample_eps(self, model: Any, x: Tensor, t: Tensor, t_index: int) -> Tensor:
        mean = self.at((1 / self.alphas).sqrt(), t) * (
            x - self.at(self.betas, t) * model(x, t) / self.at((1 - self.bars).sqrt(), t)
        )
        return mean if t_index == self.base else mean + self.at(self.betas.sqrt(), t) * torch.randn_like(x)

    def ddim(self, prediction: str, eta: float) -> Callable[..., Tensor]:
        def ddim(out: Tensor, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
            x0 = self.x0(prediction, out, x_t, t)
            eps = (x_t - self.at(self.bars.sqrt(), t) * x0) / self.at((1 - self.bars).sqrt(), t)
            sigma = eta * self.at(self.variance.sqrt(), t)
            before = self.at(self.before, t)
            return before.sqrt() * x0 + (1 - before - sigma**2).clamp(min=0).sqrt() * eps + sigma * noise

        return ddim

    def loss(self, prediction: str = "eps") -> Callable[..., Tensor]:
        def loss(model: Any, x0: Tensor) -> Tensor:
            t = torch.randint(self.base, self.base + self.steps, (len(x0),))
            noise = torch.randn_like(x0)
            v = self.at(self.bars.sqrt(), t) * noise - self.at((1 - self.bars).sqrt(), t) * x0
            target = {"eps": noise, "x0": x0, "v": v}[prediction]
            return torch.nn.functional.mse_loss(model(self.q_sample(x0, t, noise), t), target)

        return loss

    def sample(self, prediction: str = "eps") -> Callable[..., Tensor]:
        def sample(model: Any, shape: tuple[int, ...]) -> Tensor:
            x = torch.randn(shape)
            for i in reversed(range(self.base, self.base + self.steps)):
                x = self.p_sample(prediction)(model, x, torch.full((shape[0],), i))
            return x.clamp(-1, 1)

        return sample

    @staticmethod
    def guidance(cond: Tensor, uncond: Tensor, guidance_scale: float) -> Tensor:
        return uncond + guidance_scale * (cond - uncond)


@pytest.fixture
def textbook() -> Textbook:
    """A cosine chain of 40 steps in float32, t from 0."""
    return Textbook(betas_of("cosine", 40), torch.float32)


@pytest.fixture
def textbooks() -> type[Textbook]:
    return Textbook


@pytest.fixture
def chains() -> Callable[[str, int], Tensor]:
    return betas_of


def chain(betas: Tensor) -> Any:
    return Process(FromBetas(betas)).chain(len(betas))
