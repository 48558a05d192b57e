"""How long the doctor looks: schedule, q_sample, posterior, step, a whole loop and a loss of a chain of 1000 steps.

OMP_NUM_THREADS=1 python benchmarks/doctor.py
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from pedesis import doctor
from pedesis.doctor.formulas import POSTERIOR, Q_SAMPLE, ddpm_from_eps
from pedesis.doctor.mutants import implement
from pedesis.process import Process

STEPS = 1000
CHAIN = Process("linear").chain(STEPS)
q_sample, posterior = implement(Q_SAMPLE, CHAIN), implement(POSTERIOR, CHAIN)
one_step = implement(ddpm_from_eps("eps", "beta"), CHAIN)


def sample(model: Any, shape: tuple[int, ...]) -> Tensor:
    """The loop of Algorithm 2."""
    x = torch.randn(shape, dtype=torch.float64)
    for i in reversed(range(STEPS)):
        t = torch.full((shape[0],), i)
        x = one_step(model(x, t), x, t, torch.randn_like(x))
    return x


def loss(model: Any, x0: Tensor) -> Tensor:
    """Algorithm 1."""
    t, noise = torch.randint(0, STEPS, (len(x0),)), torch.randn_like(x0)
    return (model(q_sample(x0, t, noise), t) - noise).square().mean()


if __name__ == "__main__":
    given = {"q_sample": q_sample, "posterior": posterior, "step": one_step, "sample": sample, "loss": loss}
    for name in (*given, "all"):
        functions = given if name == "all" else {name: given[name]}
        start = time.perf_counter()
        report = doctor.examine(betas=CHAIN.beta[1:], **functions)
        print(f"{name:10} {time.perf_counter() - start:6.2f} s, {len(report.findings)} findings")
