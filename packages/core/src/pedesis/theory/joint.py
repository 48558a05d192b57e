r"""Whole paths: the joint laws of forward and generative chains, and the bound that their ratio gives.

    q(x_1..x_n | x_0) = prod q(x_t | x_s)          up in time, from data to noise
    p(x_0..x_n)       = p(x_n) prod p_theta(x_s | x_t)    down in time
    -log p(x_0) <= E_q[ log q(x_1..x_n | x_0) - log p(x_0..x_n) ]

A path is a list of states at the times 0 = t_0 < t_1 < ... < t_n = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from pedesis.denoiser import Condition, Denoiser
from pedesis.gaussian import Noise
from pedesis.process import Process, Time
from pedesis.theory.reverse import VarianceRule, reverse_kernel


def forward_path(process: Process, x0: Tensor, times: Tensor, noise: Noise) -> list[Tensor]:
    """Walk the chain step by step: [x_0, x_t1, ..., x_tn], one transition at a time."""
    path = [x0]
    for s, t in itertools.pairwise(times):
        path.append(process.transition(path[-1], s, t).sample(noise))
    return path


def forward_log_prob(process: Process, path: Sequence[Tensor], times: Tensor) -> Tensor:
    """[F4] log q(x_1..x_n | x_0), nats (B,).

    Formula: q(x_{1:T}\\mid x_0) = \\prod_{t=1}^T q(x_t\\mid x_{t-1})
    Source: 001, "VDM: important remarks"; 003 (2)
    """
    steps = zip(path[:-1], path[1:], times[:-1], times[1:], strict=True)
    return torch.stack([process.transition(x_s, s, t).log_prob(x_t) for x_s, x_t, s, t in steps]).sum(0)


def generative_log_prob(
    denoiser: Denoiser, path: Sequence[Tensor], times: Tensor, rule: VarianceRule, condition: Condition = None
) -> Tensor:
    """[O1] log p(x_1..x_n), the generative joint above the data, nats (B,); add the decoder's log p(x_0 | x_1).

    Formula: p(x_{0:T}) = p(x_T)\\prod_{t=1}^T p_\\theta(x_{t-1}\\mid x_t)
    Source: 001, "VDM: important remarks"; 003 (4); 004
    """
    process = denoiser.process
    total = process.prior(path[-1]).log_prob(path[-1])
    for x_s, x_t, s, t in zip(path[1:-1], path[2:], times[1:-1], times[2:], strict=True):
        total = total + reverse_kernel(process, denoiser(x_t, t, condition), s, t, rule).log_prob(x_s)
    return total


def path_bound(
    denoiser: Denoiser,
    path: Sequence[Tensor],
    times: Tensor,
    rule: VarianceRule,
    log_decoder: Tensor,
    condition: Condition = None,
) -> Tensor:
    """[O5] [L4] The bound on -log p(x_0) from one path, nats (B,): its mean over q is the bound.

    Formula: L = \\mathbb E_q\\Big[-\\log p(x_T)
        -\\sum_{t}\\log\\frac{p_\\theta(x_{t-1}\\mid x_t)}{q(x_t\\mid x_{t-1})}\\Big]
    Source: 003 (5); 001, "Markovian hierarchical VAE", footnote 4; 004

    Args:
        log_decoder: log p(x_0 | x_1) of the decoder in use, (B,).
    """
    generative = generative_log_prob(denoiser, path, times, rule, condition) + log_decoder
    return forward_log_prob(denoiser.process, path, times) - generative


def transition_by_bayes(process: Process, x_s: Tensor, x_t: Tensor, x0: Tensor, s: Time, t: Time) -> Tensor:
    """[R6] log q(x_t | x_s) with the order of time swapped by Bayes' rule, nats (B,); the same for every x_0.

    Formula: q(x_t\\mid x_{t-1}) = \\frac{q(x_{t-1}\\mid x_t,x_0)\\,q(x_t\\mid x_0)}{q(x_{t-1}\\mid x_0)}
    Source: 001, "VDM: ELBO (1)"; 003 (10)
    """
    backward = process.posterior(x_t, x0, s, t).log_prob(x_s) + process.marginal(x0, t).log_prob(x_t)
    return backward - process.marginal(x0, s).log_prob(x_s)


def moments_after(process: Process, mean: Tensor, cov: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """[F3] Mean (D,) and covariance (D, D) of x at the last of `times`, carried step by step from the first.

    Formula: \\mu_t = \\sqrt{1-\\beta_t}\\,\\mu_{t-1},\\qquad
        \\Sigma_t = (1-\\beta_t)\\Sigma_{t-1}+\\beta_t I\\ \\longrightarrow\\ (0, I)
    Source: 002, "Noise Schedule"
    """
    for s, t in itertools.pairwise(times):
        step = process.transition(torch.ones(1, 1, dtype=mean.dtype), s, t)
        gain = step.mean[0, 0]
        mean, cov = gain * mean, gain**2 * cov + step.var.reshape(()) * torch.eye(len(mean), dtype=cov.dtype)
    return mean, cov
