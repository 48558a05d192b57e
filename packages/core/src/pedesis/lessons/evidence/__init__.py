r"""Pictures of the numeric errata: a quantity as printed, as corrected, and as it really is.

"really" is reached in another way than "corrected": by simulation, from a Gaussian of the library, or in closed form.
The notes' chain is that of DDPM, T = 1000 steps with beta from 1e-4 to 0.02, unless a picture needs bigger steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from pedesis.lessons.evidence import diffusion, physics
from pedesis.lessons.evidence.base import Evidence

__all__ = ["EVIDENCE", "Evidence", "evidence"]

EVIDENCE: dict[str, Callable[[], Evidence]] = {
    "E1": diffusion.classifier_sign,
    "E2": diffusion.kernel_mean,
    "E4": diffusion.mean_prefactor,
    "E5": diffusion.eps_weight,
    "E6": diffusion.two_steps,
    "E7": diffusion.tweedie_mean,
    "E9": diffusion.outer_bins,
    "E11": physics.smaller_jumps,
    "E12": physics.half_of_d,
    "E13": physics.inverse_transform,
    "E14": physics.rest,
    "E15": lambda: diffusion.log_posterior(True),
    "E16": lambda: diffusion.log_posterior(False),
    "E17": diffusion.no_score,
    "E19": diffusion.wrong_way,
    "E21": diffusion.variance_kept,
}


@lru_cache
def evidence(name: str) -> Evidence | None:
    """The picture of an erratum by its number, such as "E4"; None where it is a matter of words."""
    return EVIDENCE[name]() if name in EVIDENCE else None
