"""Functions are called as their authors meant it, whatever they call their arguments."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pedesis import doctor

SIGNATURES = [
    "x_start, t, noise",
    "x0, noise, t",
    "original_samples, noise, timesteps",
    "x, t, eps",
    "t, x_0, noise",
    "x, time, z",
    "a, b, c",
    "x0, t, noise, offset_noise_strength=0.0",
    "x0, *, t, noise",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_arguments_of_q_sample(textbook: Any, signature: str) -> None:
    names = [name.split("=")[0].strip() for name in signature.split(",") if "*" not in name][:3]
    roles = {"t": next((n for n in names if n in ("t", "time", "timesteps", "b")), "b")}
    roles["noise"] = next((n for n in names if n in ("noise", "eps", "z", "c")), "c")
    roles["x0"] = next(n for n in names if n not in roles.values())
    space = {"q_sample": textbook.q_sample}
    exec(f"def f({signature}): return q_sample({roles['x0']}, {roles['t']}, {roles['noise']})", space)
    report = doctor.examine(betas=textbook.betas, q_sample=space["f"])
    assert report.ok, report


STEPS = {
    "prediction first": lambda b: lambda noise_pred, x, t, noise: b(noise_pred, x, t, noise),
    "x first": lambda b: lambda x, t, eps_theta, z: b(eps_theta, x, t, z),
    "diffusers": lambda b: lambda model_output, timestep, sample, noise: b(model_output, sample, timestep, noise),
    "eps and noise": lambda b: lambda eps, x_t, t, noise: b(eps, x_t, t, noise),
    "eps and z": lambda b: lambda x, eps, t, z: b(eps, x, t, z),
    "one letter": lambda b: lambda p, q, r, u: b(p, q, r, u),
    "own noise": lambda b: lambda eps, x, t: b(eps, x, t, torch.randn_like(x)),
    "own noise 2": lambda b: lambda eps, x, t: b(eps, x, t, torch.empty_like(x).normal_()),
    "own noise 3": lambda b: lambda eps, x, t: b(eps, x, t, torch.normal(torch.zeros_like(x), torch.ones_like(x))),
    "own noise 4": lambda b: lambda eps, x, t: b(eps, x, t, torch.distributions.Normal(0.0, 1.0).sample(x.shape).to(x)),
    "whole number": lambda b: lambda model, x, i: b(model(x, i), x, torch.full((len(x),), int(i)), torch.randn_like(x)),
    "one tensor": lambda b: lambda net, x, t: b(net(x, t), x, t.reshape(()).expand(len(x)), torch.randn_like(x)),
    "keywords": lambda b: lambda *, x, model, t: b(model(x, timestep=t), x, t, torch.randn_like(x)),
}


@pytest.mark.parametrize("kind", STEPS)
def test_arguments_of_a_step(textbook: Any, kind: str) -> None:
    inner = textbook.ddim("eps", 1.0)
    function = STEPS[kind](inner)
    report = doctor.examine(betas=textbook.betas, step=function)
    assert report.ok, report


def test_a_method_is_examined_as_it_is_bound(textbook: Any) -> None:
    class Diffusion(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("alphas_cumprod", textbook.bars)

        def q_sample(self, x_start: Tensor, t: Tensor, noise: Tensor | None = None) -> Tensor:
            return textbook.q_sample(x_start, t, noise)

    diffusion = Diffusion()
    assert doctor.examine(alphas_cumprod=diffusion.alphas_cumprod, q_sample=diffusion.q_sample).ok


def test_what_the_names_do_not_say_can_be_said(textbook: Any) -> None:
    report = doctor.examine(
        betas=textbook.betas,
        step=lambda *given: textbook.ddim("eps", 0.0)(given[2], given[0], given[1], given[3]),
        arguments={"step": ("x_t", "t", "prediction", "noise")},
    )
    assert report.ok, report


def test_tables_of_every_kind_are_read(textbook: Any) -> None:
    for betas in (textbook.betas.tolist(), textbook.betas.numpy(), torch.cat([torch.zeros(1), textbook.betas])):
        assert doctor.examine(betas=betas).ok
    bars = torch.cat([torch.ones(1), textbook.bars])
    report = doctor.examine(alphas_cumprod=bars, q_sample=lambda x0, t, noise: textbook.q_sample(x0, t - 1, noise))
    assert report.ok and "counting from 1" in str(report)


def test_points_of_the_plane(textbook: Any) -> None:
    def q_sample(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return textbook.bars.sqrt()[t][:, None] * x0 + (1 - textbook.bars).sqrt()[t][:, None] * noise

    assert doctor.examine(betas=textbook.betas, q_sample=q_sample, shape=(2,)).ok


def test_a_step_that_counts_otherwise_than_training_is_found(textbook: Any, textbooks: Any) -> None:
    """Each alone is right; together they are not."""
    other = textbooks(textbook.betas.double(), base=1)
    alone = [doctor.examine(betas=textbook.betas, q_sample=textbook.q_sample)]
    alone.append(doctor.examine(betas=textbook.betas, step=other.ddim("eps", 0.0)))
    assert all(report.ok for report in alone)

    def step(prediction: Tensor, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return other.ddim("eps", 0.0)(prediction, x_t, t.clamp(min=1), noise)

    report = doctor.examine(betas=textbook.betas, q_sample=textbook.q_sample, step=step)
    assert report.names[:1] == ("t-off-by-one",), report
