"""Samplers: from noise to data in a list of steps. See `base` for the contract and `SAMPLERS` for the names.

ancestral, langevin             stochastic: Algorithm 2 of DDPM, DDIM with eta, Langevin steps, the SDE
ode, multistep                  deterministic, of first to third order
timesteps                       where the steps are

This room knows the heart up to `denoiser`, and the reverse conditional; it knows nothing of guidance.
"""

from pedesis.samplers.ancestral import DDIM, Ancestral
from pedesis.samplers.base import SAMPLERS, GaussianSampler, Level, Sampler, Step
from pedesis.samplers.langevin import AnnealedLangevin, EulerMaruyama, PredictorCorrector
from pedesis.samplers.multistep import DPMSolver2M, DPMSolver2MSDE, DPMSolver3M, UniPC
from pedesis.samplers.ode import Adaptive, Heun

__all__ = [
    "DDIM",
    "SAMPLERS",
    "Adaptive",
    "Ancestral",
    "AnnealedLangevin",
    "DPMSolver2M",
    "DPMSolver2MSDE",
    "DPMSolver3M",
    "EulerMaruyama",
    "GaussianSampler",
    "Heun",
    "Level",
    "PredictorCorrector",
    "Sampler",
    "Step",
    "UniPC",
]
