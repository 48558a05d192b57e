"""Editing with a trained model: inpainting, image to image, interpolation, inverse problems (super-resolution).

Every tool is a denoiser, a sampler or a start made from others. This room knows the heart, the guidance that its
denoisers are made of, the samplers and the reverse conditional; it knows no network and no training.
"""

from pedesis.editing.image_to_image import noise_to_start, remaining_timesteps
from pedesis.editing.inpainting import InpaintingDenoiser, RePaint, repaint
from pedesis.editing.interpolation import slerp
from pedesis.editing.inverse_problems import DDNM, MMPS, PiGDM
from pedesis.editing.operators import Blur, Mask, Operator, Pooling

__all__ = [
    "DDNM",
    "MMPS",
    "Blur",
    "InpaintingDenoiser",
    "Mask",
    "Operator",
    "PiGDM",
    "Pooling",
    "RePaint",
    "noise_to_start",
    "remaining_timesteps",
    "repaint",
    "slerp",
]
