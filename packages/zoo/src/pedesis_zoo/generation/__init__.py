"""Generation and editing with models: pictures and points out of noise, and out of other pictures.

sampling, pipeline, batches         `generate` and `sample`; what is settled before the first step; many pictures
points                              points in the plane
palette                             the colors that pixel art keeps to
classifier                          classifier guidance by a classifier of noisy pictures
editing, inversion                  inpainting, image to image, super-resolution, interpolation; DDIM inversion

This room knows the core, the data and the models; it measures nothing and trains nothing.
"""

__all__ = ["batches", "classifier", "editing", "inversion", "palette", "pipeline", "points", "sampling"]
