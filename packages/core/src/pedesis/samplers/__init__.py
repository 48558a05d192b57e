"""Samplers: from noise to data in a list of steps. See `base` for the contract and `SAMPLERS` for the names."""

from pedesis.samplers.ancestral import DDIM, Ancestral
from pedesis.samplers.base import SAMPLERS, GaussianSampler, Level, Sampler, Step
from pedesis.samplers.ode import DPMSolver2M, Heun

__all__ = ["DDIM", "SAMPLERS", "Ancestral", "DPMSolver2M", "GaussianSampler", "Heun", "Level", "Sampler", "Step"]
