"""Guidance: a denoiser made out of others. No sampler knows of it.

    classifier         x0 = x0_uncond + scale (sigma^2/alpha) grad log p(y | x_t)
    classifier-free    x0 = x0_uncond + scale (x0_cond - x0_uncond)
    autoguidance       x0 = x0_weak + scale (x0_strong - x0_weak)
    composition        x0 = x0_uncond + sum_i weight_i (x0_cond_i - x0_uncond)      negative weights negate

One convention for `scale`, the notes' gamma, everywhere: 0 is unconditional, 1 plain conditional, more than 1
stronger. Some papers write w = scale - 1: see `from_w`. Because score, eps and x0 are linear in each other at
fixed x_t, the same combination holds for all three. `classifiers` holds p(y | x_t), and p(y | x_0) that judges what
came out. This room knows the heart up to `denoiser`, and no sampler.
"""

from pedesis.guidance.autoguidance import AutoGuidance
from pedesis.guidance.base import Guided, checked_scale
from pedesis.guidance.classifier_free import (
    AdaptiveProjectedGuidance,
    CFGPlusPlus,
    ClassifierFreeGuidance,
    RescaledGuidance,
    from_w,
)
from pedesis.guidance.classifier_guidance import ClassifierGuidance, class_gradient, shifted_mean
from pedesis.guidance.composition import Composition
from pedesis.guidance.interval import GuidanceInterval
from pedesis.guidance.thresholding import DynamicThresholding, StaticThresholding

__all__ = [
    "AdaptiveProjectedGuidance",
    "AutoGuidance",
    "CFGPlusPlus",
    "ClassifierFreeGuidance",
    "ClassifierGuidance",
    "Composition",
    "DynamicThresholding",
    "GuidanceInterval",
    "Guided",
    "RescaledGuidance",
    "StaticThresholding",
    "checked_scale",
    "class_gradient",
    "from_w",
    "shifted_mean",
]
