r"""Image to image (SDEdit): noise a picture part of the way and draw from there.

x_t ~ q(x_t | picture), then sample from t down
"""

from __future__ import annotations

from torch import Tensor

from pedesis.gaussian import Noise
from pedesis.process import Process


def noise_to_start(
    process: Process, picture: Tensor, times: Tensor, strength: float, noise: Noise
) -> tuple[Tensor, Tensor]:
    """Image-to-image (Meng et al. 2022, SDEdit): noise a picture part of the way, and the times that remain.

    Args:
        strength: 0 (nothing changes) < strength <= 1 (only noise is left): where on the list of times to start.
    """
    remaining = remaining_timesteps(times, strength)
    return process.marginal(picture, float(remaining[0])).sample(noise), remaining


def remaining_timesteps(times: Tensor, strength: float) -> Tensor:
    """The end of a list of times: `strength` of its steps, at least one. Raises ValueError unless 0 < strength <= 1."""
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie above 0 and at most at 1; got {strength}")
    steps = max(1, round(strength * (len(times) - 1)))
    return times[-(steps + 1) :]
