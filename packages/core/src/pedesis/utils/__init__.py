"""Tools that know nothing of diffusion: names, files, pictures, random numbers, devices and precision.

registry, files, images         choosing by name; writing whole files or none; pixels, grids, PNG and GIF
noise, device, precision        seeded normal numbers; where and in which arithmetic a network runs

Everything may use this room; it uses nothing above `gaussian`.
"""

__all__ = ["device", "files", "images", "noise", "precision", "registry"]
