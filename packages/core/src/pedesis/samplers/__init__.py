"""Samplers: from noise to data in a list of steps. See `base` for the contract and `SAMPLERS` for the names."""

from pedesis.samplers.ancestral import DDIM, Ancestral
from pedesis.samplers.base import SAMPLERS, GaussianSampler, Level, Sampler, Step
from pedesis.samplers.langevin import AnnealedLangevin, EulerMaruyama, PredictorCorrector
from pedesis.samplers.ode import DPMSolver2M, Heun

__all__ = [
    "DDIM",
    "SAMPLERS",
    "Ancestral",
    "AnnealedLangevin",
    "DPMSolver2M",
    "EulerMaruyama",
    "GaussianSampler",
    "Heun",
    "Level",
    "PredictorCorrector",
    "Sampler",
    "Step",
]
