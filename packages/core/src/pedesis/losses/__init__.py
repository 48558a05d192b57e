r"""What a network is trained for: (denoiser, x0, condition, noise) -> the loss of each row (B,), and its time (B,).

denoising                       one weighted squared error: `Loss`, and the weights
flow_map                        a jump from x_t to x_s, which the others learn, and what they share
shortcut, mean_flow             a big jump is two small ones; the mean velocity obeys a differential equation
moment_matching, drifting       the law that jumps lead to, or the law of what is drawn, is that of the data

This room knows the heart up to `denoiser`; it knows no sampler and no optimizer.
"""

from pedesis.losses.denoising import (
    WEIGHTS,
    Loss,
    MinSNR,
    NoisyBatch,
    Simple,
    Variational,
    VelocityError,
    Weight,
    X0Error,
    checked_probability,
    eps_error,
    noisy_batch,
)
from pedesis.losses.drifting import Drifting
from pedesis.losses.flow_map import jump
from pedesis.losses.mean_flow import MeanFlow
from pedesis.losses.moment_matching import InductiveMomentMatching
from pedesis.losses.shortcut import Shortcut

__all__ = [
    "WEIGHTS",
    "Drifting",
    "InductiveMomentMatching",
    "Loss",
    "MeanFlow",
    "MinSNR",
    "NoisyBatch",
    "Shortcut",
    "Simple",
    "Variational",
    "VelocityError",
    "Weight",
    "X0Error",
    "checked_probability",
    "eps_error",
    "jump",
    "noisy_batch",
]
