"""Models of others here, ours elsewhere: what is a denoiser there becomes one here, and the other way round.

diffusers       a pipeline in a folder becomes a denoiser with its process; a denoiser becomes a `unet` of theirs
k_diffusion     a function (x, sigma) -> x0 becomes a denoiser, and the other way round
hub             save_pretrained, from_pretrained, push_to_hub

Their libraries are imported when they are first needed (`pip install 'pedesis-zoo[interop]'`). This room knows the core
and the models, and no way to draw.
"""

__all__ = ["diffusers", "hub", "k_diffusion"]
